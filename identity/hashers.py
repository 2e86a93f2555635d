"""Password hashes of an older platform that Django does not read by itself."""

import bcrypt
from django.contrib.auth.hashers import BCryptPasswordHasher

_READ_BY_BCRYPT = 72
"""Bytes of a password: bcrypt knows no more of it, and the library here refuses a longer one."""


class NodeBCryptPasswordHasher(BCryptPasswordHasher):
    """bcrypt as Node's libraries use it: what is beyond its 72 bytes of a password does not count."""

    def encode(self, password: str, salt: str | bytes) -> str:
        salt = salt.encode("ascii") if isinstance(salt, str) else salt
        data = bcrypt.hashpw(password.encode()[:_READ_BY_BCRYPT], salt)
        return f"{self.algorithm}${data.decode('ascii')}"
