"""Plain ids that name rows elsewhere: no foreign key can hold them across databases, so they are looked up."""
