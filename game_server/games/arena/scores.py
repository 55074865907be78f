"""The best scores, kept in a small SQLite file beside the server's other data.

Outside work: it runs on a thread, next to the room, and its reply enters a later tick. Every call opens the file, does
one transaction and closes it, so nothing is shared between rooms, threads or processes except the file, which SQLite
locks.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

FILE_NAME = "arena_scores.sqlite3"
BEST_COUNT = 10
KEPT_COUNT = 1000
LOCK_WAIT_S = 5.0

_CREATE = """
CREATE TABLE IF NOT EXISTS scores (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, score INTEGER NOT NULL, kills INTEGER NOT NULL, deaths INTEGER NOT NULL,
    saved_s INTEGER NOT NULL
)
"""
_BEST = "SELECT name, score, kills, deaths, saved_s FROM scores ORDER BY score DESC, id LIMIT ?"
_TRIM = "DELETE FROM scores WHERE id NOT IN (SELECT id FROM scores ORDER BY score DESC, id LIMIT ?)"

#: name, score, kills, deaths
ScoreRow = Sequence[Any]


async def save_scores(context: Any, rows: Sequence[ScoreRow]) -> dict[str, Any]:
    """Save one round's scores; return {"saved": count, "ranks": {name: place among all kept}}."""
    return await asyncio.to_thread(_save, Path(context.data_dir), list(rows), int(time.time()))


async def lobby(context: Any) -> dict[str, Any]:
    """Return what the lobby shows of this game: {"best": [{name, score, kills, deaths, saved_s}, ...]}."""
    return {"best": await asyncio.to_thread(_best, Path(context.data_dir))}


def _open(data_dir: Path) -> sqlite3.Connection:
    data_dir.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(data_dir / FILE_NAME, timeout=LOCK_WAIT_S)
    connection.row_factory = sqlite3.Row
    connection.execute(_CREATE)
    return connection


def _save(data_dir: Path, rows: list[ScoreRow], now_s: int) -> dict[str, Any]:
    with closing(_open(data_dir)) as connection, connection:
        ranks = {}
        for name, score, kills, deaths in rows:
            (better,) = connection.execute("SELECT count(*) FROM scores WHERE score > ?", (score,)).fetchone()
            ranks[name] = better + 1
            connection.execute(
                "INSERT INTO scores (name, score, kills, deaths, saved_s) VALUES (?, ?, ?, ?, ?)",
                (name, score, kills, deaths, now_s),
            )
        connection.execute(_TRIM, (KEPT_COUNT,))
    return {"saved": len(rows), "ranks": ranks}


def _best(data_dir: Path) -> list[dict[str, Any]]:
    if not (data_dir / FILE_NAME).exists():
        return []
    with closing(_open(data_dir)) as connection:
        return [dict(row) for row in connection.execute(_BEST, (BEST_COUNT,))]
