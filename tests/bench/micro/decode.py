"""What a delta of 500 changed entities costs the client, in Node and in Chromium: `python -m tests.bench.micro.decode`.

Prints the mean of 1,000 frames, decoded and applied to the replica; "cold" is the first thousand, while the engine
still compiles.
"""

import base64
import functools
import http.server
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import ujson

from game_server.core import codec, snapshot
from tests.e2e.chromium import find_chromium
from tests.server_process import ROOT

from .worlds import Movers

COUNT = 500
FRAMES = 50
ROUNDS = 1000
#: how many entities there are in the end, and where the last of them is then
EXPECTED = (COUNT, FRAMES * 3)
SCRIPT = Path(__file__).with_suffix(".mjs")


def make_task(modules: str) -> dict[str, Any]:
    """Return what the script wants: the schema, a full state and deltas in which all entities moved."""
    movers = Movers(COUNT, columnar=True)
    everything = snapshot.full_diff(movers.snapshot, {})
    full = codec.full_header(0, 0, 0) + codec.encode_public(movers.types, movers.snapshot, everything)
    frames = [full, *(movers.delta() for _ in range(FRAMES))]
    fixed = {"game": "movers", "input": {"name": "Nothing", "fields": []}}
    return {
        "modules": modules,
        "schema": {**fixed, **movers.schema()},
        "frames": [base64.b64encode(frame).decode() for frame in frames],
        "rounds": ROUNDS,
    }


def in_node() -> dict[str, float] | None:
    """Time it in Node; None where there is none."""
    node = shutil.which("node")
    if not node:
        return None
    task = ujson.dumps(make_task((ROOT / "static" / "client").as_uri()))
    done = subprocess.run([node, str(SCRIPT), "-"], input=task, capture_output=True, text=True, check=True, timeout=60)
    result: dict[str, float] = ujson.loads(done.stdout)
    return result


def in_chromium() -> dict[str, float] | None:
    """Time it in a page of Chromium; None where there is none."""
    executable = find_chromium()
    if not executable:
        return None
    from playwright.sync_api import sync_playwright  # here, because not everybody has it

    handler = functools.partial(_Quiet, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(f"{base}/static/shared/icon.svg")
            result: dict[str, float] = page.evaluate(
                "async ([script, task]) => (await import(script)).timeDecoding("
                "task.modules, task.schema, task.frames, task.rounds)",
                [f"{base}/{SCRIPT.relative_to(ROOT)}", make_task(f"{base}/static/client")],
            )
            browser.close()
        server.shutdown()
    return result


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Print a line for each engine."""
    print(f"decode and apply a delta of {COUNT} changed entities, ms, mean of {ROUNDS}:")
    for name, measure in (("Node", in_node), ("Chromium", in_chromium)):
        result = measure()
        if result is None:
            print(f"  {name:9} not there")
        else:
            assert (result["entities"], result["x"]) == EXPECTED
            print(f"  {name:9} {result['warm_ms']:.3f}, cold {result['cold_ms']:.3f}")


if __name__ == "__main__":
    main()
