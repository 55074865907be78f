"""Saved scores: kept in a file, best first, readable while rooms write."""

import asyncio
from pathlib import Path

from game_server.game import OutsideContext
from game_server.games.arena.scores import BEST_COUNT, lobby, save_scores


def test_lobby_of_a_fresh_server_is_empty(tmp_path: Path) -> None:
    """Before the first round there is no file and no score."""
    assert {"best": []} == asyncio.run(lobby(OutsideContext(tmp_path)))
    assert [] == list(tmp_path.iterdir())


def test_best_first(tmp_path: Path) -> None:
    """The lobby shows the best scores in order; equal ones oldest first; saving tells each name its place."""
    context = OutsideContext(tmp_path / "new")
    assert {"saved": 2, "ranks": {"Ann": 1, "Bob": 2}} == asyncio.run(
        save_scores(context, [["Ann", 500, 5, 1], ["Bob", 300, 3, 2]])
    )
    assert {"saved": 1, "ranks": {"Cy": 2}} == asyncio.run(save_scores(context, [["Cy", 300, 1, 0]]))
    best = asyncio.run(lobby(context))["best"]
    assert [("Ann", 500), ("Bob", 300), ("Cy", 300)] == [(row["name"], row["score"]) for row in best]


def test_rooms_save_at_the_same_time(tmp_path: Path) -> None:
    """Twenty rooms that end their round together lose no score, and the lobby shows at most BEST_COUNT."""
    context = OutsideContext(tmp_path)

    async def save_all() -> list[dict[str, object]]:
        return await asyncio.gather(*(save_scores(context, [[f"P{n}", n, n, 0]]) for n in range(20)))

    assert [1] * 20 == [answer["saved"] for answer in asyncio.run(save_all())]
    best = asyncio.run(lobby(context))["best"]
    assert list(range(19, 19 - BEST_COUNT, -1)) == [row["score"] for row in best]
