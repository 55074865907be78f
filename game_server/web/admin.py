"""The status page `/admin`: log-in, the page itself and its live feed.

    GET  /admin?secret=...   exchanges the secret for a cookie and redirects to /admin
    GET  /admin              the page; without a valid cookie the log-in form (403)
    POST /admin/login        the form; 429 after too many wrong secrets
    POST /admin/logout       ends the session, and the pages that are open under it
    GET  /admin/feed         the WebSocket; asks for the cookie and for an Origin equal to Host, always

The cookie is HttpOnly, SameSite=Strict and limited to /admin. Every answer says no-referrer and no-store. Knows HTTP;
who may do what is `admin_auth`, what is shown and done is `admin_feed`.
"""

import asyncio
import time
from typing import Any

from tornado import web, websocket

from ..settings import Settings
from .admin_acts import Acts
from .admin_audit import Audit
from .admin_auth import SESSION_LIFETIME_S, Admin, EndedTokens, Gate, LogIn, Role, is_own_page, key_of
from .admin_desk import Desk
from .admin_feed import Feed, Watcher
from .hub import Hub
from .libraries import LIBRARIES
from .logs import log
from .pages import SAME_ORIGIN, STATIC_DIR, Page

FOLDER = STATIC_DIR / "admin"
PATH = "/admin"
SECRET_LEN_MAX = 512
PING_S = 10.0
#: a page that has not taken a message for so long, or has so much to take, misses updates
SLOW_S = 0.5
UNSENT_BYTES_MAX = 1 << 20
#: what other processes are told when an admin logs out: the digest of the token
LOG_OUT = "log_out"
#: the feed's own close codes: the session is over; too many pages are open
CLOSE_LOGGED_OUT = 4401
CLOSE_TOO_MANY = 4429


def admin_routes(hub: Hub, settings: Settings, secret: str) -> list[Any]:
    """Return the routes of the status page. `secret` is the operator's; it must not be empty."""
    if not secret:
        raise ValueError("the admin page needs a secret")
    viewer = str(settings.admin_view_secret)
    audit = Audit(settings.data_dir / "audit.jsonl")
    feed = Feed(hub, audit, Desk(hub, Acts(hub), audit))
    # Any of several processes or machines may get any request, and all know the same secret.
    key = key_of(secret) if settings.is_service else None
    ended = EndedTokens(settings.data_dir / "logged_out.txt") if settings.is_service else None
    gate = Gate({Role.OPERATOR: secret, Role.VIEWER: viewer}, key, ended)
    hub.others.hearers[LOG_OUT] = lambda digest: gate.end(str(digest), time.time())
    parts = {"gate": gate, "feed": feed, "hub": hub}
    return [
        (r"/admin/?", AdminPage, parts),
        (r"/admin/login", LogInForm, parts),
        (r"/admin/logout", LogOut, parts),
        (r"/admin/feed", FeedSocket, parts),
    ]


def cookie_name(host: str) -> str:
    """Return the cookie's name: with the port, because cookies are shared by all servers of a host."""
    port = host.rpartition(":")[2]
    return f"game_server_admin_{port}" if port.isascii() and port.isdigit() else "game_server_admin"


class AdminHandler(Page):
    """What the pages share: headers, and who is asking."""

    def initialize(self, hub: Hub, **parts: Any) -> None:
        super().initialize(hub)
        self.gate: Gate = parts["gate"]
        self.feed: Feed = parts["feed"]

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")

    def log_exception(self, *args: Any) -> None:
        log_failure(self.hub, self.request.path, args[1])

    @property
    def address(self) -> str:
        return self.request.remote_ip or "unknown"

    @property
    def token(self) -> str | None:
        return self.get_cookie(cookie_name(self.request.host))

    def admin(self) -> Admin | None:
        """Return who asks, or None."""
        return self.gate.admin_of(self.token, time.time())

    def log_in(self, secret: str) -> None:
        """Set the cookie and redirect, or show the form with what went wrong."""
        outcome = self.gate.log_in(secret[:SECRET_LEN_MAX], self.address, time.time())
        if outcome is LogIn.TOO_MANY:
            self.hub.rate_limited.warning("admin_login_limited", address=self.address)
            self.set_header("Retry-After", "10")
            self.show_form(429, "Too many wrong secrets. Wait ten seconds, then try again.")
        elif isinstance(outcome, LogIn):
            self.hub.rate_limited.warning("admin_login_failed", address=self.address)
            self.show_form(403, "That is not the secret. It stands in the line that the server printed at start.")
        else:
            token, admin = outcome
            self.feed.audit.add(admin, "log_in", f"Logged in as {admin.role.value} from {self.address}")
            self.set_cookie(
                cookie_name(self.request.host),
                token,
                path=PATH,
                httponly=True,
                samesite="Strict",
                secure=self.is_secure,
                max_age=int(SESSION_LIFETIME_S),
            )
            self.redirect(PATH, status=303)

    @property
    def is_secure(self) -> bool:
        # The header may be anybody's: believing it can only keep a liar from using his own cookie.
        return self.request.protocol == "https" or self.request.headers.get("X-Forwarded-Proto") == "https"

    def show_form(self, status: int, problem: str = "", again: bool = False) -> None:
        self.set_status(status)
        self.render(str(FOLDER / "login.html"), problem=problem, again=again)

    def refuse_other_sites(self) -> None:
        """Raise 403 for a request that some other site's page caused."""
        origin, site = self.request.headers.get("Origin"), self.request.headers.get("Sec-Fetch-Site")
        # A form of a page with no-referrer sends the origin "null"; then Sec-Fetch-Site tells where it is from.
        is_foreign = origin not in (None, "null") and not is_own_page(origin, self.request.host)
        if is_foreign or site in ("cross-site", "same-site"):
            raise web.HTTPError(403, reason="Requests from other sites are refused")


class AdminPage(AdminHandler):
    """`/admin`. A room is watched in a frame of the game's own page."""

    frames = SAME_ORIGIN

    def get(self) -> None:
        secret = self.get_query_argument("secret", None)
        if secret is not None and self.admin() is None:
            self.log_in(secret)
        elif secret is not None or self.request.path != PATH:
            self.redirect(PATH, status=303)
        elif self.admin() is None:
            # Whoever follows a link from another site brings no strict cookie; the form's page asks again by itself.
            self.show_form(403, again=self.request.headers.get("Sec-Fetch-Site") == "cross-site")
        else:
            integrity_of = {name: library.integrity for name, library in LIBRARIES.items()}
            self.render(str(FOLDER / "index.html"), integrity_of=integrity_of)

    def head(self) -> None:
        """Tell whether the cookie still holds; the page asks when its feed was refused."""
        self.set_status(200 if self.admin() is not None else 403)


class LogInForm(AdminHandler):
    """`/admin/login`."""

    def get(self) -> None:
        self.redirect(PATH, status=303)

    def post(self) -> None:
        self.refuse_other_sites()
        self.log_in(self.get_body_argument("secret", ""))


class LogOut(AdminHandler):
    """`/admin/logout`: asked for by script, so that the origin is always there to be checked."""

    def post(self) -> None:
        if not is_own_page(self.request.headers.get("Origin"), self.request.host):
            raise web.HTTPError(403, reason="Only the page itself may log out")
        admin = self.admin()
        if admin is not None:
            digest = self.gate.log_out(self.token or "", time.time())
            self.hub.others.announce({LOG_OUT: digest})
            self.feed.audit.add(admin, "log_out", "Logged out")
            self.feed.end_session(admin)
        self.clear_cookie(cookie_name(self.request.host), path=PATH)
        self.set_status(204)
        self.finish()


class FeedSocket(websocket.WebSocketHandler):
    """`/admin/feed`."""

    def initialize(self, hub: Hub, gate: Gate, feed: Feed) -> None:
        self.hub, self.gate, self.feed = hub, gate, feed
        self.watcher: Watcher | None = None
        self._unsent_bytes = 0
        self._unsent_since_s = 0.0

    def prepare(self) -> None:
        token = self.get_cookie(cookie_name(self.request.host))
        admin = self.gate.admin_of(token, time.time())
        # Tornado calls check_origin only for what looks cross-origin; this is asked of every request.
        if admin is None or not is_own_page(self.request.headers.get("Origin"), self.request.host):
            self.hub.rate_limited.warning("admin_feed_refused", address=self.request.remote_ip, logged_in=bool(admin))
            raise web.HTTPError(403, reason="Log in at /admin first, and connect from that page")
        self.watcher = Watcher(
            admin=admin, screen=self, is_admitted=lambda: self.gate.admin_of(token, time.time()) is admin
        )

    def check_origin(self, origin: str) -> bool:
        return True  # prepare() has decided

    @property
    def ping_interval(self) -> float:
        return PING_S

    def open(self, *args: str, **kwargs: str) -> None:
        assert self.watcher is not None
        if not self.feed.open(self.watcher):
            self.close(CLOSE_TOO_MANY, "too many status pages are open")

    def on_message(self, message: str | bytes) -> None:
        assert self.watcher is not None
        self.feed.receive(self.watcher, message)

    def on_close(self) -> None:
        if self.watcher is not None:
            self.feed.close(self.watcher)

    def show(self, text: str) -> bool:
        """Send a message, unless what was sent before does not get through."""
        now_s = self.hub.now_s()
        if self._unsent_bytes and (now_s - self._unsent_since_s > SLOW_S or self._unsent_bytes > UNSENT_BYTES_MAX):
            return False
        try:
            written = self.write_message(text)
        except websocket.WebSocketClosedError:
            return False
        if not self._unsent_bytes:
            self._unsent_since_s = now_s
        self._unsent_bytes += len(text)

        def sent(future: "asyncio.Future[None]") -> None:
            self._unsent_bytes -= len(text)
            future.exception()  # that the other side is gone, on_close will say

        written.add_done_callback(sent)
        return True

    def end(self) -> None:
        """Close: the session is over."""
        self.close(CLOSE_LOGGED_OUT, "log in again")

    def log_exception(self, *args: Any) -> None:
        log_failure(self.hub, self.request.path, args[1])


def log_failure(hub: Hub, path: str, error: BaseException | None) -> None:
    """Log what Tornado would, but never the query: a secret may stand in it."""
    if isinstance(error, web.HTTPError):
        hub.rate_limited.warning("admin_refused", path=path, status=error.status_code, why=error.reason)
    else:
        log.error("admin_request_failed", path=path, exc_info=error)
