"""One Node process for all the programs that are translated and run in both languages."""

import importlib
import itertools
import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from game_server.translate import translate
from tests.server_process import ROOT

Call = tuple[str, Sequence[Any]]


class Both:
    """Runs a program in Python and, translated, in Node."""

    def __init__(self, folder: Path, node: "subprocess.Popen[str]") -> None:
        self._folder, self._node = folder, node
        self._numbers = itertools.count()

    def load(self, source: str) -> tuple[Any, Path]:
        """Write a program down; return its module and where its twin lies."""
        name = f"program_{next(self._numbers)}"
        (self._folder / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        out = self._folder / f"{name}.js"
        out.write_text(translate(name, out), encoding="utf-8")
        return sys.modules.pop(name), out

    def run(self, source: str, calls: Sequence[Call]) -> list[tuple[Any, Any]]:
        """Return (Python's, JavaScript's) results of each call that Python gets through, arguments included."""
        module, out = self.load(source)
        mine, kept = [], []
        for name, given in calls:
            arguments = [_Fields(**value) if isinstance(value, dict) else value for value in given]
            try:
                result = getattr(module, name)(*arguments)
            except (ZeroDivisionError, ValueError, OverflowError):
                continue  # Python gave no result to agree with: a division by zero, the floor of an infinity
            mine.append([shown(result), [shown(argument) for argument in arguments]])
            kept.append([name, list(given)])
        return list(zip(mine, self.ask(out, kept), strict=True))

    def ask(self, file: Path, calls: Sequence[Any]) -> list[Any]:
        """Return what JavaScript says to the calls."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"file": str(file), "calls": calls}) + "\n")
        self._node.stdin.flush()
        answer = self._node.stdout.readline()
        assert answer, "Node has gone; what it said stands above"
        return json.loads(answer)


class _Fields:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def shown(value: Any) -> Any:
    """Return a value as evaluate.js shows it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        assert float(value) == value or value != value
        return "nan" if value != value else struct.pack(">d", value + 0.0).hex()
    if isinstance(value, _Fields):
        return {key: shown(item) for key, item in vars(value).items()}
    return [shown(item) for item in value]


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Run programs in both languages; skipped where there is no Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on the path")
    folder = tmp_path_factory.mktemp("programs")
    (folder / "package.json").write_text('{"type": "module"}')
    sys.path.insert(0, str(folder))
    script, urls = ROOT / "tests" / "translate" / "evaluate.js", ROOT / "tests" / "js" / "static_urls.js"
    process = subprocess.Popen(
        [node, "--import", str(urls), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield Both(folder, process)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=30)
    assert process.stdout is not None
    process.stdout.close()
    sys.path.remove(str(folder))
