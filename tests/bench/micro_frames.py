"""What parsing and writing a frame costs: `python -m tests.bench.micro_frames`. Prints microseconds, best of 7."""

import timeit
from collections.abc import Callable

from game_server.core.frames import BINARY, TEXT, FrameParser, serialise_header
from game_server.web.takeover import unmask
from tests.client_frames import MASK, frame

INPUT = bytes(range(13))  # a binary input: type, seq, ack, lag, two fields
TEXT_INPUT = b'{"type":"input","seq":7,"dx":1,"dy":0}'


def best_us(call: Callable[[], object], number: int = 50_000) -> float:
    """Time one call."""
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


def main() -> None:
    """Print the table."""
    receive_data = FrameParser(unmask, 1 << 20).receive_data
    print(f"unmask call alone, 13 bytes           {best_us(lambda: unmask(MASK, INPUT)):8.3f}")
    for count in (1, 2, 8):
        chunk = frame(BINARY, INPUT) * count
        each = best_us(lambda chunk=chunk: receive_data(chunk)) / count  # type: ignore[misc]
        print(f"parse 13 bytes binary, {count} a chunk      {each:8.3f} a frame")
    chunk = frame(TEXT, TEXT_INPUT)
    print(f"parse 38 bytes text, 1 a chunk        {best_us(lambda: receive_data(chunk)):8.3f}")
    for size in (200, 4000, 65_536):
        chunk = frame(BINARY, bytes(size))
        each = best_us(lambda chunk=chunk: receive_data(chunk), 2000)  # type: ignore[misc]
        print(f"parse {size:6} bytes binary            {each:8.3f}")
    halves = frame(BINARY, INPUT)[:9], frame(BINARY, INPUT)[9:]
    print(f"parse 13 bytes cut in two             {best_us(lambda: [receive_data(half) for half in halves]):8.3f}")
    print(f"header of 300 bytes                   {best_us(lambda: serialise_header(BINARY, 300)):8.3f}")


if __name__ == "__main__":
    main()
