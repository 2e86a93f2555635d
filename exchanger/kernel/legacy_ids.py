"""The id that a row of the old platform gets here, where its old key was an integer: the same one in Python and in SQL.

An RFC 9562 UUID of version 3 over the old table's name and key, so that whoever knows these two (a reference, a session
that names a user, an auditor with any language's library) finds the row without a table of pairs. They can be worked
out by anybody: an id opens nothing here, every read asks whose the row is.
"""

from typing import Final
from uuid import UUID, uuid3

NAMESPACE: Final = UUID("5f0c1a52-6f0f-4c64-9d0b-3c1f4f6e8a11")

UUID_OF: Final = f"""
CREATE OR REPLACE FUNCTION {{schema}}.uuid_of(old_table text, old_key text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog
    AS $$
        SELECT overlay(overlay(h PLACING '3' FROM 13)
            PLACING translate(substr(h, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') FROM 17)::uuid
        FROM md5(decode('{NAMESPACE.hex}', 'hex') || convert_to(old_table || ':' || old_key, 'UTF8')) h
    $$
"""
"""The same function for PostgreSQL; ``format(schema=…)`` says where it is made."""


def uuid_of(old_table: str, old_key: int | str) -> UUID:
    """The id here of the row that had ``old_key`` in ``old_table``: ``uuid_of("auth_user", 17)``."""
    return uuid3(NAMESPACE, f"{old_table}:{old_key}")
