"""The text of a row that the audit trail's hash covers, said once: the trigger writes by it, the verifier reads by it.

Every hash that was ever written rests on it, so it is never changed; another form would need a chain of its own.
"""

from collections.abc import Iterable

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""  # whatever the session's settings say
_TEXT = "{}::text"

# The columns of each table that is chained, in the order of the text, each with how it becomes text.
CHAINED: dict[str, dict[str, str]] = {
    "audit_logs": {
        "id": _TEXT,
        "admin_id": _TEXT,
        "action": _TEXT,
        "resource_type": _TEXT,
        "resource_id": _TEXT,
        "old_values": _TEXT,
        "new_values": _TEXT,
        "ip_address": _TEXT,
        "user_agent": _TEXT,
        "created_at": _TIME,
    },
    "audit_outcomes": {
        "id": _TEXT,
        "audit_id": _TEXT,
        "outcome": _TEXT,
        "details": _TEXT,
        "created_at": _TIME,
    },
}
FIRST_PREVIOUS = "0" * 64


def row_text(table: str, row: str) -> str:
    """The SQL that makes the text of ``row``, an alias of a row of ``table``."""
    return _joined(how.format(f"{row}.{column}") for column, how in CHAINED[table].items())


def link_text(seq: str, entry: str, chained_at: str, previous_hash: str, text: str) -> str:
    """The SQL of what a link's hash is the SHA-256 of; each argument is SQL itself, ``text`` the row's."""
    head = _joined([_TEXT.format(seq), _TEXT.format(entry), _TIME.format(chained_at), previous_hash])
    return f"{head} || {text}"


def _joined(texts: Iterable[str]) -> str:
    """Each text behind its length in bytes, ``-`` for NULL: no two lists of values make the same text."""
    return " || ".join(f"coalesce(octet_length({text}) || ':' || {text}, '-') || ';'" for text in texts)
