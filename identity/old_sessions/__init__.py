"""Sessions of an older platform go on here: read from where it kept them, and opened by the cookies that it set."""
