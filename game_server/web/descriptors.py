"""File descriptors: raise their limit at start, and answer when they run out.

A listener whose process has no descriptor left can neither accept a connection nor get rid of it, and the event loop
would call it again and again. So one descriptor is kept in reserve: it is given up to accept the connection, to say
503, and to close it. Knows nothing of what the connections are for.
"""

import contextlib
import errno
import os
import resource
import socket

#: connections accepted before the event loop turns again. Tornado would take all that wait, 128 at most, and then shake
#: hands with all of them before a room may tick: 60 ms when a thousand clients come back at once.
ACCEPTS_A_TURN_MAX = 4

_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def raise_descriptor_limit(wanted: int) -> int:
    """Raise this process' limit of open descriptors towards `wanted`, as far as that is allowed; give the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):
            return soft  # macOS refuses more than its own limit, which it does not tell
        return most
    return soft


class PatientListener(socket.socket):
    """A listening socket that answers even when descriptors run out; `turned_away` counts how often.

    listener: a bound, listening socket, as `tornado.netutil.bind_sockets` gives; it is this object from here on.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(fileno=listener.detach())
        self.setblocking(False)
        self.turned_away = 0
        self._accepted = 0
        #: -1: somebody else has got it
        self._reserve = -1
        self._take_reserve()

    def _take_reserve(self) -> None:
        with contextlib.suppress(OSError):
            self._reserve = os.open(os.devnull, os.O_RDONLY)

    def accept(self) -> tuple[socket.socket, object]:
        """Accept a connection, or turn it away: then ConnectionAbortedError is raised, and Tornado tries the next.

        Raises BlockingIOError as if nobody waited after ACCEPTS_A_TURN_MAX in a row; the event loop comes back.
        """
        if self._accepted >= ACCEPTS_A_TURN_MAX:
            self._accepted = 0
            raise BlockingIOError(errno.EAGAIN, "enough for this turn")
        try:
            accepted = super().accept()
            self._accepted += 1
            if self._reserve < 0:
                self._take_reserve()
            return accepted
        except BlockingIOError:
            self._accepted = 0
            raise
        except OSError as error:
            if error.errno not in _OUT_OF_DESCRIPTORS:
                raise
        self._turn_away()
        raise ConnectionAbortedError(errno.ECONNABORTED, "out of file descriptors")

    def _turn_away(self) -> None:
        """Answer the next connection with the reserve; raise BlockingIOError where a thread has got that first."""
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        try:
            connection, _ = super().accept()
            self.turned_away += 1
            with connection:
                connection.setblocking(False)
                with contextlib.suppress(OSError):  # it may be gone already
                    connection.send(_ANSWER)
                    connection.recv(65_536)  # else closing would reset, and the answer be lost
        except OSError as error:
            if error.errno in _OUT_OF_DESCRIPTORS:
                raise BlockingIOError(errno.EAGAIN, "out of file descriptors") from None
            raise
        finally:
            self._take_reserve()

    def close(self) -> None:
        """Close the socket and the reserve."""
        if self._reserve >= 0:
            os.close(self._reserve)
            self._reserve = -1
        super().close()
