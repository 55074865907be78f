"""What the translator does not know, it refuses with file, line and what would be right; it fails in no other way."""

import ast
import importlib
import inspect
import itertools
import sys
from pathlib import Path

import pytest

from game_server.translate import Untranslatable, translate

HEAD = """\
from math import floor, sqrt, sin, pi
import math

SPEED = 4.0
STEPS = 8
ROWS = ((1.0, 2), (3.0, 4))
MIXED = (1, 2.0)
NAME = "arena"

class State:
    x: float
    n: int
    on: bool
    name: str

def other(a: float, n: int) -> float:
    return a

"""
RULE = "def rule(state: State, a: float, n: int, on: bool) -> None:\n"
_numbers = itertools.count()


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that translates a source and gives the refusal's line and message."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(source: str) -> tuple[int, str]:
        name = f"refused_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        with pytest.raises(Untranslatable) as caught:
            translate(name, tmp_path / f"{name}.js")
        del sys.modules[name]
        assert str(caught.value).startswith(f"{name}.py:{caught.value.line}: ")
        return caught.value.line, caught.value.message

    return run


#: the lines of a body, the last of them the one to be refused, and a piece of what is said about it
STATEMENTS = {
    "x = a % 2.0": "floor(a / b)",
    "x = n // 2": "floor(a / b)",
    "x = a ** 2": "x * x",
    "x = round(a)": "floor(x + 0.5)",
    "x = sin(a)": "sin_cos",
    "x = math.atan2(a, a)": "its last bit differs",
    "x = math.cos(a)": "sin_cos",
    "x = math.hypot(a, a)": "sqrt(x * x + y * y)",
    "x = divmod(n, 3)": "floor(a / b)",
    "x = len(ROWS)": "the length of a tuple is known",
    "x = sum(ROWS)": "use a for",
    "x = open('file')": "a rule calls other rules",
    "x = state.move(1)": "a rule calls functions by their names",
    "x = eval('1')": "a rule calls other rules",
    "x = __import__('os')": "a rule calls other rules",
    "x = sqrt(a, a)": "takes one number",
    "x = min(a, n)": "write 0.0 for 0",
    "x = min(a)": "two numbers or more",
    "x = abs(on)": "takes numbers",
    "x = other(a=a, n=n)": "by position",
    "x = other(a)": "takes 2 arguments, not 1",
    "x = other(n, n)": "float(x)",
    "x = other(a, n * 9)": "past 2^32",
    "x = n * n * n": "2^53",
    "x = n & 0xFFFFFFFF": "2^31 - 1",
    "x = n | 1": "bound the left side first",
    "x = (n & 255) << 24": "31 bits",
    "x = (n & 255) << n": "a constant from 0 to 31",
    "x = ~n": "mask it first",
    "x = a & 1": "whole numbers",
    "x = on + 1": "1 if flag else 0",
    "x = not n": "x == 0",
    "x = a or 1.0": "a condition is a flag",
    "x = 1 if n else 2": "x != 0",
    "x = 1 if on else 2.0": "write both alike",
    "x = a is None": "no finite number",
    "x = a in ROWS": "a for over the tuple",
    "x = ROWS == ROWS": "compare numbers with numbers",
    "x = on < on": "compare numbers with numbers",
    "x = 0.0 < other(a, n) < 1.0": "give it a name first",
    "x = ROWS[a]": "by a whole number",
    "x = ROWS[2]": "no item 2 of 2",
    "x = MIXED[n]": "take it apart into names",
    "x = ROWS[0:1]": "a slice",
    "x = 'text'": "no finite number",
    "x = f'{a}'": "text",
    "x = NAME": "no numeric constant",
    "x = unknown": "no parameter, no variable",
    "x = 1e999": "no finite number",
    "x = 99999999999999999999": "2^53",
    "x = [1, 2]": "use a tuple",
    "x = {1: 2}": "use fields of the state",
    "x = {1, 2}": "use a tuple",
    "x = [i for i in ROWS]": "use a for over a tuple",
    "x = (lambda: 1)()": "a rule calls functions by their names",
    "x = lambda: 1": "write a function",
    "x = (y := 1)": "a line of its own",
    "x = state": "a variable holds numbers",
    "x = state.name": "it has x, n, on",
    "x = state.missing": "it has x, n, on",
    "x = ROWS.count": "only fields of a parameter",
    "x = y = 1": "one name a line",
    "x, y = a": "cannot be taken apart",
    "x, y = 1, 2, 3": "into 2 names",
    "x, state.n = 1, 2": "names first",
    "ROWS[0] = 1": "changes no tuple",
    "other = 1": "choose another",
    "state.x = 1": "write 0.0 for 0",
    "state.n = a": "is int, and this is float",
    "state.on = 1": "is bool",
    "state.n = n * 9": "wider than the 32 bits",
    "x = 1\nx = 2.0": "elsewhere",
    "x = 0.0\nx = n": "float(x)",
    "x: float = 1": "and not float",
    "x = 0\nfor _ in range(9):\n    x = x + 1": "2^53",
    "x = 0\nfor _ in range(9):\n    x += n": "2^53",
    "if on:\n    x = 1\nstate.n = x": "on every way",
    "for i in range(3):\n    pass\nstate.n = i": "on every way",
    "for a in ROWS:\n    pass": "a name of its own",
    "for i in range(3):\n    for i in range(3):\n        pass": "another name",
    "for i in MIXED:\n    pass": "whose items are alike",
    "for i in range(a):\n    pass": "whole numbers",
    "for i in range(0, 9, n):\n    pass": "a constant other than 0",
    "for i in range(3):\n    pass\nelse:\n    x = 1": "use a flag",
    "while on:\n    pass": "for _ in range(n)",
    "return a": "returns None, and this is float",
    "return\nx = 1": "always returns",
    "global SPEED": "state's fields",
    "try:\n    pass\nfinally:\n    pass": "does not raise",
    "with a:\n    pass": "opens nothing",
    "raise a": "returns for every input",
    "assert on": "would not raise",
    "del a": "names stay",
    "import os": "at the top of the module",
    "def inner() -> None: ...": "at the top of the module",
    "class Inner: ...": "at the top of the module",
    "match n:\n    case 1: pass": "if and elif",
    "yield": "return a value",
    "rule(state, a, n, on)": "calls itself",
    "n": "keeps it nowhere",
}  # fmt: skip


@pytest.mark.parametrize("body", STATEMENTS)
def test_refuses_what_differs(refuse, body: str) -> None:
    """A line outside the accepted subset is refused with its number and what would be right."""
    lines = body.split("\n")
    culprits = [number for number, line in enumerate(lines, start=1) if not line.strip().startswith("pass")]
    line, message = refuse(HEAD + RULE + "".join(f"    {line}\n" for line in lines))

    assert STATEMENTS[body] in message
    first = HEAD.count("\n") + 2
    assert first <= line <= first + culprits[-1] - 1
    if len(lines) == 1:
        assert first == line


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("def f(a): return a", 1, "needs an annotation"),
        ("def f(a: float):\n    return a", 1, "needs `-> float`"),
        ("def f(a: str) -> None: ...", 1, "no kind of value"),
        ("def f(a: list[float]) -> None: ...", 1, "no kind of value"),
        ("def f(*a: float) -> None: ...", 1, "plain parameters"),
        ("def f(a: float, *, b: float) -> None: ...", 1, "plain parameters"),
        ("\ndef f(a: float = 1) -> None: ...", 2, "the default of a"),
        ("from functools import cache\n@cache\ndef f(a: float) -> float:\n    return a", 2, "decorator"),
        ("async def f() -> None: ...\ndef g() -> None:\n    f()", 3, "is not known"),
        ("def f(a: float) -> float:\n    if a > 0.0:\n        return a", 1, "can end without returning"),
        ("def f(a: float) -> float:\n    return g(a)\ndef g(a: float) -> float:\n    return f(a)", 4, "calls itself"),
        ("def f(new_x: float, newX: float) -> None: ...", 1, "rename one"),
        ("from statistics import mean\ndef f(a: float) -> float:\n    return mean(a)", 3, "has no twin"),
        ("def f(a: float) -> float:\n    return sqrt(a)", 2, "from math import sqrt"),
        ("from math import sqrt as root\ndef f(a: float) -> float:\n    return root(a)", 3, "under its own name"),
        ("N = float('inf')\ndef f() -> float:\n    return N", 3, "no numeric constant"),
        ("TABLE = (1.0, 'a')\ndef f() -> float:\n    return TABLE[0]", 3, "no numeric constant"),
    ],
)
def test_refuses_functions_that_it_does_not_know(refuse, source: str, line: int, said: str) -> None:
    """Signatures, decorators, recursion, missing returns and unknown imports are refused where they stand."""
    found, message = refuse(source + "\n")

    assert (line, True) == (found, said in message)


def test_everything_of_the_library_is_translated_or_refused(tmp_path: Path) -> None:
    """Functions written for other ends are refused with a line of their file, and never make the translator fail."""
    refused = []
    for name in "bisect calendar colorsys copy fnmatch functools heapq keyword random stat statistics string".split():
        module = importlib.import_module(name)
        tree = ast.parse(Path(inspect.getsourcefile(module) or "").read_text())
        for function in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)][:6]:
            try:
                translate(name, tmp_path / "out.js", [function])
            except Untranslatable as refusal:
                refused.append(refusal.line)
    assert len(refused) > 30
    assert 1 <= min(refused)


@pytest.mark.parametrize(
    "body",
    [
        "state.x = floor(a + 0.5) * 0.25",
        "state.n = max(0, min(120, n + state.n))",
        "state.n = (n * 1664525 + 1013904223) & 0x7fffffff",
        "x = 0\nfor _ in range(9):\n    x = min(x + 1, 99)\nstate.n = x",
        "for x, k in ROWS:\n    state.x = state.x + x * k * pi",
        "state.on = 0 < n <= 9 and not on",
        "if on:\n    x = 1\nelse:\n    x = 2\nstate.n = x",
        "state.x = other(math.sqrt(a), STEPS) if on else SPEED",
    ],
)
def test_accepts_what_it_says_would_be_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """What the refusals recommend is accepted."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"accepted_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(HEAD + RULE + "".join(f"    {line}\n" for line in body.split("\n")))
    importlib.invalidate_caches()
    assert "export function rule(state, a, n, on) {" in translate(name, tmp_path / "out.js")
    del sys.modules[name]
