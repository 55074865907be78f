"""Who may look at the admin page and who may act: secrets, log-ins, sessions of admins, and where requests come from.

A secret is shown once and exchanged for a random token, which travels in a cookie; the server keeps the token's hash
only. There are two roles: OPERATOR may act, VIEWER may only look. Secrets are compared in constant time. Failed
log-ins are limited for each address and over all; a right one never counts. Whoever has a session is not concerned.

Knows nothing of Tornado, rooms or players; `now_s` is given.
"""

import enum
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from urllib.parse import urlsplit

import attrs

from ..core.limits import TokenBucket
from .addresses import group_of

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
    """One log-in that holds. `name` tells it apart in logs and is no secret."""

    name: str
    role: Role
    address: str
    expires_s: float


class Gate:
    """Exchanges secrets for tokens and tokens for admins.

    Args:
        secret_by_role: an empty secret opens nothing.
    """

    def __init__(self, secret_by_role: Mapping[Role, str]) -> None:
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
        token = secrets.token_urlsafe(32)
        admin = Admin(secrets.token_hex(3), roles[0], address, now_s + SESSION_LIFETIME_S)
        self._admins[_digest(token)] = admin
        if len(self._admins) > SESSIONS_MAX:
            self._admins.popitem(last=False)
        return token, admin

    def admin_of(self, token: str | None, now_s: float) -> Admin | None:
        """Return whom a token stands for, or None."""
        if not token:
            return None
        # Found by its hash: what a timing would tell about a hash is of no use to find the token.
        admin = self._admins.get(_digest(token))
        if admin is not None and now_s >= admin.expires_s:
            del self._admins[_digest(token)]
            return None
        return admin

    def log_out(self, token: str) -> None:
        """Make a token worthless."""
        self._admins.pop(_digest(token), None)


def is_own_page(origin: str | None, host: str) -> bool:
    """Return whether a request comes from a page of this very server; one without an origin does not."""
    return origin is not None and bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
