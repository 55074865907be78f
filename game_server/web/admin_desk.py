"""Who does what an admin asks for: this process, the one that has the room, or all of them; and the record of it.

A room's id begins with the name of the process that has it, so an act on a room goes there and its answer comes back.
Shutting down goes to the supervisor, which lets all workers drain, or, where there is none, to each of them. The log
level is set in all. Whoever asks must be an operator, but for a ticket to watch; that is decided here, where the page
is, and so is the record kept: the process that an act is brought to trusts what its siblings bring.

    letter   act: what the page asked, admin: who asks        answer   ok, text, and ticket where one was asked for

On another machine the same is done through Redis, if it has the same secret; that machine keeps a record too.

Knows letters and acts; knows nothing of the page, or of how letters travel.
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import attrs

from ..core.directory import node_of
from ..errors import NoAnswer
from .admin_acts import Acts, BadAct, count
from .admin_audit import Audit
from .admin_auth import Admin, Role
from .hub import Hub
from .others import Letter

#: keys of an act that the record keeps
ASKED = "room seat name reason text minutes ban locked level machine".split()

Row = dict[str, Any]


class Desk:
    """Takes acts of the pages that are open at this process, and those that other processes bring."""

    def __init__(self, hub: Hub, acts: Acts, audit: Audit) -> None:
        self._hub, self._acts, self._audit = hub, acts, audit
        hub.others.answerers["act"] = self._answer

    async def perform(self, admin: Admin, message: Row) -> Row:
        """Do what was asked, wherever that is, record it, and return `ok`, `text` and perhaps `ticket`."""
        try:
            answer = await self._done(admin, message)
        except BadAct as refusal:
            answer = {"ok": False, "text": str(refusal)}
        asked = {key: _short(message[key]) for key in ASKED if key in message}
        self._audit.add(admin, str(message.get("act"))[:40], answer["text"], answer["ok"], asked)
        return answer

    async def _done(self, admin: Admin, message: Row) -> Row:
        act = message.get("act")
        if act != "ticket" and admin.role is not Role.OPERATOR:  # to look, everybody may who is here
            raise BadAct("This log-in may look but not act")
        room = message.get("room")
        if act == "drain" and message.get("machine") is not None:
            return await self._drain_machine(str(message["machine"]), admin, message)
        owner = node_of(room) if isinstance(room, str) else ""
        if owner not in ("", self._hub.node):
            return await self._bring(owner, admin, message)
        if self._hub.is_worker and act == "drain":
            return await self._drain_all(admin, message)
        if act == "log_level":
            return await self._set_log_level(admin, message)
        return self._do(admin, message)

    def _do(self, admin: Admin, message: Row) -> Row:
        """Do it in this process."""
        if message.get("act") == "ticket":
            text, ticket = self._acts.watch_unseen(message)
            return {"ok": True, "text": text, "ticket": ticket}
        return {"ok": True, "text": self._acts.perform(admin, message)}

    async def _bring(self, node: str, admin: Admin, message: Row) -> Row:
        """Have another process do it."""
        try:
            return await self._hub.others.ask(node, {"act": message, "admin": attrs.asdict(admin)})
        except NoAnswer as error:
            raise BadAct(str(error)) from error

    async def _bring_to_all(self, admin: Admin, message: Row) -> tuple[list[Row], list[str]]:
        """Have all other processes of this machine do it; return their answers, and who gave none."""
        nodes = self._hub.others.siblings()
        found = await asyncio.gather(*(self._bring(node, admin, message) for node in nodes), return_exceptions=True)
        silent = [node for node, answer in zip(nodes, found, strict=True) if isinstance(answer, BaseException)]
        return [answer for answer in found if not isinstance(answer, BaseException)], silent

    async def _answer(self, letter: Letter, descriptors: Sequence[int]) -> Letter:
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            admin = Admin(**{**letter["admin"], "role": Role(letter["admin"]["role"])})
            if letter.get("is_far"):
                return await self.perform(admin, letter["act"])  # this machine keeps a record of its own
            return self._do(admin, letter["act"])
        except BadAct as refusal:
            return {"ok": False, "text": str(refusal)}

    # ---- acts that are for all -----------------------------------------------------------------------------------

    async def _drain_all(self, admin: Admin, message: Row) -> Row:
        if self._hub.lobby.is_draining:
            raise BadAct("The server is shutting down already")
        health = await self._hub.gather("health")
        players = sum(answer["players"] for answer in health.values() if answer is not None)
        if not self._hub.others.tell_supervisor({"stop": True}):
            # Nobody would start them anew; the next supervisor begins with new ones.
            await self._bring_to_all(admin, message)
            self._acts.perform(admin, message)
        told, left_s = f"{count(players, 'player')} told", self._hub.settings.drain_s
        return {"ok": True, "text": f"Shutting down all {len(health)} processes: {told}, {left_s:g} s left"}

    async def _drain_machine(self, url: str, admin: Admin, message: Row) -> Row:
        """Have all processes of one machine drain: one of them is asked, the next if that does not answer."""
        machines = self._hub.others.machines
        nodes = [facts.node for facts in machines.nodes if facts.url == url] if machines is not None else []
        if self._hub.node in nodes:
            return await self._drain_all(admin, message)
        problem = f"No machine {url} is known" if machines is None or machines.is_up else "Redis does not answer"
        for node in nodes:
            try:
                answer = await self._bring(node, admin, {"act": "drain"})
            except BadAct as error:
                problem = str(error)
            else:
                return {**answer, "text": f"{url}: {answer['text']}"}
        raise BadAct(problem)

    async def _set_log_level(self, admin: Admin, message: Row) -> Row:
        done = self._do(admin, message)
        self._hub.others.tell_supervisor({"log_level": message["level"]})
        answers, silent = await self._bring_to_all(admin, message)
        if answers:
            done["text"] += f", in {len(answers) + 1} processes"
        if silent:
            done["text"] += f"; no answer from {', '.join(silent)}"
        return done


def _short(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else str(value)[:200]
