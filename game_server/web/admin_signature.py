"""Tokens of admins that several processes behind one port take from each other: signed with a key that all know.

Apart from `admin_auth`, because PyJWT brings cryptography, 9 MiB and 30 ms, and a process on its own signs nothing.
"""

import attrs
import jwt

from .admin_auth import Admin, Role


class Signature:
    """Makes and checks tokens.

    Args:
        key: what the processes know and nobody else.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, admin: Admin) -> str:
        """Return a token that says who this is."""
        return jwt.encode(attrs.asdict(admin), self._key, algorithm="HS256")

    def verify(self, token: str) -> Admin | None:
        """Return whom a token stands for, or None when it was signed with another key."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return None
        # Signed by one of us: it is as `sign` made it.
        return Admin(**{**claims, "role": Role(claims["role"])})
