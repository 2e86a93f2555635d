"""Random codes that people read, copy and type."""

import secrets

# Crockford's: no letter that reads as a digit, or as another letter.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUP = 4


def readable_code(letters: int) -> str:
    """That many random letters, of five bits each, in groups: ``7K3M-9Q2P-X4TB``."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(letters))
    return "-".join(code[start : start + GROUP] for start in range(0, letters, GROUP))
