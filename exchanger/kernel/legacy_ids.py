"""The id that a row of the old platform gets here, where its old key was an integer: the same one in Python and in SQL.

An RFC 9562 UUID of version 3 over the old table's name and key, so that whoever knows these two (a reference, a session
that names a user, an auditor with any language's library) finds the row without a table of pairs. They can be worked
out by anybody: an id opens nothing here, every read asks whose the row is.
"""

from typing import Final
from uuid import UUID, uuid3

NAMESPACE: Final = UUID("5f0c1a52-6f0f-4c64-9d0b-3c1f4f6e8a11")


def uuid_of(old_table: str, old_key: int | str) -> UUID:
    """The id here of the row that had ``old_key`` in ``old_table``: ``uuid_of("auth_user", 17)``."""
    return uuid3(NAMESPACE, f"{old_table}:{old_key}")


def uuid_of_sql(name: str) -> str:
    """The same for PostgreSQL: an expression of type uuid. ``name`` is SQL for the text ``old_table:old_key``."""
    digest = f"md5(decode('{NAMESPACE.hex}', 'hex') || convert_to({name}, 'UTF8'))"
    variant = f"translate(substr({digest}, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab')"
    return f"overlay(overlay({digest} PLACING '3' FROM 13) PLACING {variant} FROM 17)::uuid"
