"""A lean connection over a real socket pair, with the client's end in the test's hands."""

import asyncio
import select
import socket

from game_server.core.frames import CLOSE
from game_server.web.connection import LeanConnection
from game_server.web.transport import ConnectionOptions, prepare_socket
from tests.client_frames import frame, xor
from tests.web.raw_client import RawClient, Recorder, until

CLOSE_1000 = frame(CLOSE, (1000).to_bytes(2, "big"))


class Pair:
    """A connection, its receiver, and the client's end."""

    def __init__(self, **options: float) -> None:
        self.options = ConnectionOptions(**options)  # type: ignore[arg-type]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        self.client = RawClient(near)
        far.setblocking(False)
        prepare_socket(far, self.options)
        self.loop = asyncio.get_running_loop()
        self.receiver = Recorder()
        self.own(LeanConnection(far, self.loop, xor, self.options, remote_address="127.0.0.1", subprotocol="game"))

    def own(self, connection: LeanConnection) -> None:
        """Serve this one from here on."""
        self.connection = connection
        connection.receiver = self.receiver

    def arrived(self) -> None:
        """Wait until the kernel has something for the connection."""
        assert select.select([self.connection._socket], [], [], 10)[0]

    async def until_closed(self) -> None:
        """Let the client go, and wait until the server's socket is closed too."""
        self.client.close()
        self.connection.watch(True)
        await until(lambda: self.connection.is_closed)
