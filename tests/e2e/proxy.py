"""A bad network between a browser and a server: delays bytes each way, cuts connections, refuses new ones.

Chromium's own throttling reaches WebSockets inaccurately, and its "offline" leaves open ones alone. TCP loses nothing,
so neither does this: a byte is late, or its connection is gone. Runs in a thread with a loop of its own; its methods
may be called from any other.
"""

import asyncio
import threading
from concurrent.futures import Future

CHUNK_BYTES = 65_536


class Proxy:
    """Listens on `port` and passes on to `target_port`, both on 127.0.0.1; `delay_ms` may be changed at any time."""

    def __init__(self, target_port: int, delay_ms: float = 0) -> None:
        self.target_port = target_port
        self.delay_ms = delay_ms
        self.refusing = False
        self._cuts = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="proxy", daemon=True)
        self._thread.start()
        self.port = self._started.result()

    @property
    def url(self) -> str:
        """What the browser opens in place of the server's own URL."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset every open connection, as a network does that goes away. New ones are accepted, unless `refusing`."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def close(self) -> None:
        """Cut everything and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _abort_all(self) -> None:
        self._cuts += 1
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._started.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        self._abort_all()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        cuts = self._cuts
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:  # the server is down
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        if cuts != self._cuts:  # cut while the far side was being called
            writer.transport.abort()
            far_writer.transport.abort()
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write what is read `delay_ms` later, in order, while reading goes on."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sending = asyncio.create_task(self._write_when_due(late, writer))
        data = b"more"
        while data:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError:
                data = b""
            late.put_nowait((self._loop.time() + self.delay_ms / 1000, data))
        await sending

    async def _write_when_due(self, late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        data = b"more"
        try:
            while data:
                due, data = await late.get()
                await asyncio.sleep(due - self._loop.time())
                writer.write(data)
                await writer.drain()
        except OSError:  # the other side has gone
            pass
        finally:
            writer.close()
