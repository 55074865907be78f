"""Who may look at the admin page and who may act: secrets, log-ins, sessions of admins, and where requests come from.

A secret is shown once and exchanged for a random token, which travels in a cookie; the server keeps the token's hash
only. There are two roles: OPERATOR may act, VIEWER may only look. Secrets are compared in constant time. Failed
log-ins are limited for each address and over all; a right one never counts. Whoever has a session is not concerned.

Knows nothing of Tornado, rooms or players; `now_s` is given, in Unix time.
"""

import enum
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ..core.limits import TokenBucket
from .addresses import group_of, is_page_of
from .logs import log

if TYPE_CHECKING:
    from .admin_signature import Signature

SESSION_LIFETIME_S = 12 * 3600.0
SESSIONS_MAX = 64
#: failed log-ins of one address: so many at once, then one in ten seconds
FAILURES_BURST = 5
FAILURES_PER_S = 0.1
#: and of all addresses together: a secret chosen by a person must not be guessed by many machines either
ALL_FAILURES_BURST = 100
ALL_FAILURES_PER_S = 1.0
ADDRESSES_MAX = 1024


class Role(enum.StrEnum):
    """What an admin may do."""

    OPERATOR = "operator"
    VIEWER = "viewer"


class LogIn(enum.Enum):
    """How a log-in can fail."""

    WRONG = "wrong"
    TOO_MANY = "too_many"


@attrs.frozen
class Admin:
    """One log-in that holds. `name` tells it apart in logs and is no secret; it ends in Unix time, for all machines."""

    name: str
    role: Role
    address: str
    expires_s: float


class Gate:
    """Exchanges secrets for tokens and tokens for admins.

    Args:
        secret_by_role: an empty secret opens nothing.
        shared_key: of several processes behind one port: each takes the others' tokens, which are signed with it.
        ended: where the processes of one machine keep the tokens that were logged out, for those that start later.
    """

    def __init__(
        self, secret_by_role: Mapping[Role, str], shared_key: bytes | None = None, ended: "EndedTokens | None" = None
    ) -> None:
        self._signature, self._ended = _load_signature(shared_key), ended
        self._secrets = [(role, _digest(secret)) for role, secret in secret_by_role.items() if secret]
        self._admins: OrderedDict[bytes, Admin] = OrderedDict()
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()
        self._all_failures = TokenBucket(ALL_FAILURES_PER_S, ALL_FAILURES_BURST)
        #: log-ins that succeeded, failed, and were refused unseen
        self.accepted = self.failed = self.limited = 0

    def log_in(self, secret: str, address: str, now_s: float) -> tuple[str, Admin] | LogIn:
        """Return a new token and whom it stands for, or how the log-in failed."""
        network = group_of(address)
        bucket = self._failures.get(network) or TokenBucket(FAILURES_PER_S, FAILURES_BURST)
        if not (bucket.spend(now_s) and self._all_failures.spend(now_s)):
            self.limited += 1
            return LogIn.TOO_MANY
        shown = _digest(secret)
        # Every role is compared, whichever fits, so that the time taken says nothing.
        roles = [role for role, expected in self._secrets if hmac.compare_digest(shown, expected)]
        if not roles:
            self.failed += 1
            self._failures[network] = bucket
            self._failures.move_to_end(network)
            if len(self._failures) > ADDRESSES_MAX:
                self._failures.popitem(last=False)
            return LogIn.WRONG
        self._failures.pop(network, None)
        self.accepted += 1
        admin = Admin(secrets.token_hex(3), roles[0], address, now_s + SESSION_LIFETIME_S)
        token = secrets.token_urlsafe(32) if self._signature is None else self._signature.sign(admin)
        self._remember(token, admin)
        return token, admin

    def _remember(self, token: str, admin: Admin) -> None:
        self._admins[_digest(token)] = admin
        if len(self._admins) > SESSIONS_MAX:
            self._admins.popitem(last=False)

    def admin_of(self, token: str | None, now_s: float) -> Admin | None:
        """Return whom a token stands for, or None."""
        if not token:
            return None
        # Found by its hash: what a timing would tell about a hash is of no use to find the token.
        admin = self._admins.get(_digest(token)) or self._take_in(token, now_s)
        if admin is not None and now_s >= admin.expires_s:
            del self._admins[_digest(token)]
            return None
        return admin

    def log_out(self, token: str, now_s: float) -> str:
        """Make a token worthless; return what to tell other processes, for their `end`: its digest."""
        digest = _digest(token)
        self.end(digest.hex(), now_s)
        return digest.hex()

    def end(self, digest: str, now_s: float) -> None:
        """Make the token worthless that was logged out in another process."""
        self._admins.pop(bytes.fromhex(digest), None)
        if self._ended is not None:
            self._ended.add(digest, now_s)

    def _take_in(self, token: str, now_s: float) -> Admin | None:
        """Return whom another process's token stands for."""
        if self._signature is None:
            return None
        admin = self._signature.verify(token)
        if admin is None or now_s >= admin.expires_s:
            return None
        if self._ended is not None and self._ended.has(_digest(token).hex()):
            return None
        self._remember(token, admin)
        return admin


class EndedTokens:
    """Tokens that were logged out before their time, lest a signature open a process that was not there then.

    A file of digests, one a line, that all processes of a machine append to and ask when a token is new to them. It
    begins anew once its newest line is older than any session may be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        #: for where nothing can be written
        self._here: OrderedDict[str, None] = OrderedDict()

    def add(self, digest: str, now_unix_s: float) -> None:
        """Remember a token by its digest."""
        if self.has(digest):
            return
        self._here[digest] = None
        if len(self._here) > SESSIONS_MAX:
            self._here.popitem(last=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            is_past = self._path.exists() and now_unix_s - self._path.stat().st_mtime > SESSION_LIFETIME_S
            with self._path.open("w" if is_past else "a") as file:
                file.write(f"{digest}\n")
        except OSError as error:
            log.error("log_out_not_kept", path=str(self._path), error=error.strerror)

    def has(self, digest: str) -> bool:
        """Return whether a token was logged out."""
        try:
            return digest in self._here or digest in self._path.read_text().split()
        except (OSError, UnicodeDecodeError):
            return False


def is_own_page(origin: str | None, host: str) -> bool:
    """Return whether a request comes from a page of this very server; one without an origin does not."""
    return origin is not None and bool(host) and is_page_of(origin, host)


def key_of(secret: str) -> bytes:
    """Return what processes that know the same secret sign with; it says nothing about the secret."""
    return hmac.digest(secret.encode("utf-8", "replace"), b"sessions of admins", "sha256")


def _load_signature(key: bytes | None) -> "Signature | None":
    """Return what signs for several processes; None for a process on its own, which spares its memory."""
    if key is None:
        return None
    from .admin_signature import Signature

    return Signature(key)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
