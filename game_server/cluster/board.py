"""What a directory of several machines answers, apart from how it is kept (redis_directory.py)."""

import attrs


class DirectoryDown(Exception):
    """The directory does not answer; the text says why."""


@attrs.frozen
class SeatFound:
    """Where a quick match goes: a seat that is spoken for until the room's owner redeems the ticket."""

    room: str
    node: str
    url: str
    ticket: str
