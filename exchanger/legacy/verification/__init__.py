"""Whether the new databases hold what the old one did: asked of both sides apart, by SQL of its own.

Nothing here is used by the import, and nothing of the import's SQL is used here: what both get wrong in the same way
would have to be written wrongly twice.
"""
