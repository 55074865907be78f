"""The core is sans-I/O: given the time, a random source and bytes, it returns values. Its imports show it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ROOT

CORE = ROOT / "game_server" / "core"

# Sockets, files, processes, clocks, threads, logs, entropy: whatever makes a run depend on more than its arguments.
REFUSED_MODULES = frozenset(
    """
    aiohttp asyncio concurrent contextvars ctypes datetime fcntl gc http importlib io locale logging mmap
    multiprocessing os pickle platform prometheus_client queue requests resource rich sched secrets select
    selectors shelve
    shutil signal socket socketserver sqlite3 ssl structlog subprocess tempfile threading time tornado typed_settings
    urllib uuid uvloop zoneinfo
    """.split()
)
# Of these modules, only these names.
ALLOWED_NAMES = {"random": {"Random"}, "sys": {"byteorder", "float_info", "intern", "maxsize"}}
# These names of otherwise harmless modules reach a global random source.
REFUSED_NAMES = {"numpy.random"}
# The core knows neither the shell around it nor any game.
REFUSED_PACKAGES = ("game_server.web", "game_server.games", "game_server.__main__", "loadtest", "tests")
# A Path may pass through as a value; what it names is not looked at.
REFUSED_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "mkdir", "unlink"}
REFUSED_BUILTINS = {"open", "print", "input", "__import__", "breakpoint"}


def faults(source: str, package: str = "game_server.core") -> list[str]:
    """Return what in this source the core may not do, as `line: what`."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}  # the name here -> the module, or name of a module, that it stands for
    found = [*_imports(tree, package, modules), *_uses(tree, modules, _own_names(tree))]
    return [f"{line}: {what}" for line, what in found]


def _imports(tree: ast.AST, package: str, modules: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the refused imports, and note in `modules` what each imported name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
                if _refused_module(alias.name):
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            for alias in node.names:
                full = f"{module}.{alias.name}"
                modules[alias.asname or alias.name] = full
                if _refused_module(full) or _refused_name(module, alias.name):
                    yield node.lineno, f"from {module} import {alias.name}"


def _uses(tree: ast.AST, modules: dict[str, str], own: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the uses of refused names of allowed modules, and of refused builtins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in REFUSED_METHODS:
            yield node.lineno, f".{node.attr}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id, "")
            if _refused_name(module, node.attr):
                yield node.lineno, f"{module}.{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in REFUSED_BUILTINS - own - modules.keys():
                yield node.lineno, f"{node.func.id}()"


def _own_names(tree: ast.AST) -> set[str]:
    """Return the names that this source itself defines or assigns, which hide a builtin."""
    nodes = list(ast.walk(tree))
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return own | {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _absolute(node: ast.ImportFrom, package: str) -> str:
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def _refused_module(module: str) -> bool:
    inside = any(module == outer or module.startswith(outer + ".") for outer in {*REFUSED_PACKAGES, *REFUSED_NAMES})
    return inside or module.split(".")[0] in REFUSED_MODULES


def _refused_name(module: str, name: str) -> bool:
    allowed = ALLOWED_NAMES.get(module)
    return (allowed is not None and name not in allowed) or f"{module}.{name}" in REFUSED_NAMES


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_no_io_no_clock_no_global_randomness(path: Path) -> None:
    """Each module of the core depends on nothing but its arguments, and knows neither web nor games."""
    package = ".".join(path.parent.relative_to(ROOT).parts)

    assert [] == faults(path.read_text(encoding="utf-8"), package)


@pytest.mark.parametrize(
    "source",
    [
        "import tornado.web",
        "import asyncio as a",
        "from time import monotonic",
        "def f():\n    import os.path",
        "import random\nrandom.random()",
        "import random as r\nr.Random(1)\nr.shuffle([])",
        "from random import choice",
        "from random import *",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy.random",
        "from numpy import random",
        "from ..web import app",
        "from game_server import web",
        "import game_server.games.arena",
        "open('x')",
        "print('x')",
        "from pathlib import Path\nPath('x').read_text()",
    ],
)
def test_the_rule_finds_what_it_is_meant_to_find(source: str) -> None:
    """Every way of importing what is refused is seen, also inside a function and under another name."""
    assert 1 == len(faults(source))


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.Random(1).shuffle([])",
        "from random import Random",
        "import struct, math, enum, attrs, ujson",
        "import numpy as np\nnp.zeros(3)",
        "from .fields import Field",
        "from game_server.errors import ProtocolError",
        "def f(self):\n    return self.random.random()",
        "def input(cls): ...\n@input\nclass Steer: ...\ninput(Steer)",
    ],
)
def test_the_rule_lets_the_rest_pass(source: str) -> None:
    """Values, types and a seeded Random that was handed in are the core's own."""
    assert [] == faults(source)
