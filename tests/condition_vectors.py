"""Make tests/vectors/conditions.json: what Python's network conditions do, for JavaScript to repeat.

    python -m tests.condition_vectors        writes the file

A case is a text of the grammar, a seed, and what was sent when: each direction's arrivals and the cuts must be the same
to the last bit. Texts that are refused stand beside them.
"""

import json
import math
from pathlib import Path
from typing import Any

from game_server.core.conditions import Conditions, Dice, Link

FILE = Path(__file__).parent / "vectors" / "conditions.json"
SENT = 120

TEXTS = (
    "",
    "none",
    "delay:100",
    "delay:100,jitter:30,stall:300/10000",
    " jitter:12.5 , up.delay:40, down.delay:80,seed:7",
    "rate:20000,down.rate:5000",
    "delay:40,jitter:200,rate:1500,up.stall:250/900,seed:4294967295",
    "drop:800/2500,delay:20",
    "stall:0/50,drop:0/333.25",
)
REFUSED = (
    "delay", "delay:", "delay:-1", "delay:1e3", "delay:60001", "delay:nan", "latency:5", "up:5",
    "up.drop:1/2", "side.delay:5", "stall:300", "stall:300/", "stall:300/300", "stall:300/200", "rate:0",
    "rate:99", "seed:1.5", "seed:4294967296", "delay:1,", "delay:1 2", "__proto__:1", "up.constructor:1",
    "delay:1_0", "a.b.delay:1",
)  # fmt: skip


def case(text: str, seed: int) -> dict[str, Any]:
    """Return what happens to messages of chance size, sent at chance times."""
    link: Link[int] = Link(Conditions.parse(text), 1000.0, seed)
    dice = Dice(seed + 1)
    now_ms, sent, cuts = 1000.0, [], []
    for number in range(SENT):
        now_ms += dice.uint32() % 4096 / 32
        size_bytes = dice.uint32() % 400
        line = link.up if number % 3 == 0 else link.down
        arrives_ms = line.put(now_ms, number, size_bytes)
        sent.append([now_ms, size_bytes, arrives_ms, line.unsent_bytes(now_ms), line.take(now_ms)])
        cut_ms = link.next_cut_ms(now_ms)
        cuts.append([None if math.isinf(cut_ms) else cut_ms, link.is_out(now_ms)])
    return {"text": text, "link_seed": seed, "start_ms": 1000.0, "sent": sent, "cuts": cuts}


def vectors() -> dict[str, Any]:
    """Return the content of the file."""
    return {"cases": [case(text, 11 + index) for index, text in enumerate(TEXTS)], "refused": list(REFUSED)}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n")
