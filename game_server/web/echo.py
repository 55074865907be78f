"""A route that sends every message back, for conformance suites of others. Mounted only with `--echo`.

Uses the very connection code of the game route, with larger limits. Over TLS in this process it is refused, since
that connection would be Tornado's own.
"""

import attrs
from tornado.web import HTTPError

from .connection import LeanConnection
from .takeover import TakeoverHandler
from .transport import ConnectionOptions


@attrs.frozen
class Echo:
    """The receiver that sends every message back."""

    connection: LeanConnection

    def on_message(self, data: bytes | str) -> None:
        """Send it back as it came."""
        if isinstance(data, str):
            self.connection.send_text(data)
        else:
            self.connection.send_binary(data)

    def on_close(self, code: int, reason: str) -> None:
        """Nothing is left to do."""


class EchoHandler(TakeoverHandler):
    """The route: text and binary, messages up to 16 MiB."""

    connection_options = ConnectionOptions(
        message_bytes_max=16 * 1024 * 1024,
        read_bytes_max=64 * 1024,
        pause_unsent_bytes=1024 * 1024,
        control_frames_per_s_max=1000,
        send_buffer_bytes=0,
        notsent_lowat_bytes=0,
    )

    def prepare(self) -> None:
        """Refuse TLS."""
        if not self.takes_over:
            raise HTTPError(501, "the echo route needs a plain socket")

    def check_origin(self, origin: str) -> bool:
        """Allow pages of any origin: nothing here is worth protecting."""
        return True

    def connected(self, connection: LeanConnection) -> None:
        """Echo from here on."""
        connection.receiver = Echo(connection)
        connection.watch(True)
