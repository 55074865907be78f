"""Seats: within the limit, each held by one living connection or waiting for its player, none by a ghost, none leaked.

The table of tokens holds those of seated and waiting players and no others; at the end it is empty, as are rooms,
players and addresses. What is kept as sums of rooms that sleep is what those rooms counted.
"""

from game_server.core.metrics import total
from game_server.core.room import Room
from game_server.core.session import State
from game_server.web.hub import Hub

from . import Check


class Seats(Check):
    """See above."""

    name = "seats"

    def after_tick(self, room: Room) -> None:
        if len(room.sessions) > room.seats_max:
            self.fail(f"{room.room_id} has {len(room.sessions)} of {room.seats_max} seats taken")
        for spectator in room.spectators:
            if spectator.link is None or spectator.link.session is not spectator:
                self.fail(f"{room.room_id} has a spectator without a connection")
        for number, session in room.sessions.items():
            link, is_seated = session.link, session.state is State.SEATED
            if number != session.seat.number or not 0 <= number < room.seats_max or session.room is not room:
                self.fail(f"{room.room_id} seat {number} holds the session of seat {session.seat.number}")
            if not is_seated and session.state is not State.DROPPED:
                self.fail(f"{room.room_id} seat {number} is held by a session that is {session.state.value}")
            if is_seated != (link is not None) or is_seated != session.seat.connected:
                self.fail(f"{room.room_id} seat {number} is {session.state.value}, its connection {link}")
            if link is not None and (link.session is not session or link not in link.hub.players):
                self.fail(f"{room.room_id} seat {number} is held by a connection that has another or is gone")
        if room.tick % 40 == 0:
            self._check_tokens()

    def _check_tokens(self) -> None:
        lobby = self.court.process.hub.lobby
        for session in lobby._by_token.values():
            room = session.room
            if session.state is State.ENDED or room.sessions.get(session.seat.number) is not session:
                self.fail(f"a token of {room.room_id} seat {session.seat.number} outlives its seat")
        seats = lobby.players
        if not seats <= len(lobby._by_token) <= 2 * seats:
            self.fail(f"{len(lobby._by_token)} tokens for {seats} seats")
        if seats != sum(len(room.sessions) for room in lobby.rooms.values()):
            self.fail(f"{seats} seats are counted, and there are others")
        tallies = (lobby.ended_counts, *(room.counts for room in lobby.rooms.values()))
        if total(tallies).values() != lobby.counts().values():
            self.fail("what rooms counted that sleep is not what is kept of it")

    def at_rest(self) -> None:
        living = {id(client.wire): client for client in self.court.clients if client.wire is not None}
        process = self.court.process
        for room in process.hub.lobby.rooms.values():
            for spectator in room.spectators:
                if id(spectator.link.wire) not in living:
                    self.fail(f"{room.room_id} is watched by a ghost")
            for session in room.sessions.values():
                where = f"{room.room_id} seat {session.seat.number}"
                if session.state is State.SEATED and id(session.link.wire) not in living:
                    self.fail(f"{where} is held by a ghost")
                away_s = process.loop.time() - session.dropped_at_s
                if session.state is State.DROPPED and away_s > room.limits.seat_hold_s + 2:
                    self.fail(f"{where} waits for its player since {away_s:.1f} s")

    def at_end(self) -> None:
        hub = self.court.process.hub
        if hub.lobby.is_draining:
            left = {"players": len(hub.players), "outside tasks": len(hub._outside_tasks)}  # the process ends now
        else:
            left = self._left(hub)
        for what, number in left.items():
            if number:
                self.fail(f"{number} {what} are left at the end")

    def _left(self, hub: Hub) -> dict[str, int]:
        return {
            "rooms": len(hub.lobby.rooms),
            "players": len(hub.players),
            "tokens": len(hub.lobby._by_token),
            "sessions with tokens": len(hub.lobby._digests),
            "codes": len(hub.lobby._by_code),
            "addresses": len(hub.admission.joined_by_group),
            "connections that join": hub.admission.openings,
            "users": len(hub.lobby.one_seats),
            "outside tasks": len(hub._outside_tasks),
            "scheduled rooms": len(hub.ticker._scheduled),
            "room timings": len(hub.ticker.room_timings),
        }
