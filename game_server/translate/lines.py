"""JavaScript as text: numbers, tables, comments, and lines of at most 120 columns.

Knows the look of the source, and nothing of what it means.
"""

import re
from collections.abc import Sequence
from typing import Any

from .values import Nothing, Real, Record, Row, Truth, Tuple, Value, Whole

WIDTH = 120


def literal(value: Any) -> str:
    """Return a number, a flag or a tuple as JavaScript; a float keeps every bit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value))
    return f"[{', '.join(literal(item) for item in value)}]"


def table(start: str, items: Sequence[Any]) -> list[str]:
    """Return the lines of a constant that is a tuple, as many items on each as fit."""
    whole = f"{start}{literal(tuple(items))};"
    if len(whole) <= WIDTH:
        return [whole]
    lines, line = [f"{start}["], " "
    for item in items:
        text = f" {literal(item)},"
        if len(line) + len(text) > WIDTH:
            lines.append(line)
            line = " "
        line += text
    return [*lines, line, "];"]


def kind_text(kind: Value) -> str:
    """Return a kind as JSDoc writes it."""
    match kind:
        case Whole() | Real():
            return "number"
        case Truth():
            return "boolean"
        case Nothing():
            return "void"
        case Record():
            return kind.name
        case Row():
            return f"ReadonlyArray<{kind_text(kind.item) if kind.item is not None else 'never'}>"
        case Tuple():
            return f"readonly [{', '.join(kind_text(item) for item in kind.items)}]"


def comment(lines: Sequence[str]) -> list[str]:
    """Return a JSDoc comment of these lines."""
    safe = [line.replace("*/", "* /").rstrip() for line in lines]
    if len(safe) == 1 and len(safe[0]) + 7 <= WIDTH:
        return [f"/** {safe[0]} */"]
    return ["/**", *(f" * {line}".rstrip() for line in safe), " */"]


def folded(line: str) -> list[str]:
    """Return a line of code as several where it is too long: broken behind operators and commas, outermost first."""
    if len(line) <= WIDTH:
        return [line]
    places = _places(line)
    fitting = [(depth, -position) for depth, position in places if position <= WIDTH]
    if not fitting:
        return [line]
    shallowest = min(depth for depth, _ in fitting)
    position = max(-negative for depth, negative in fitting if depth == shallowest)
    indent = " " * (len(line) - len(line.lstrip()))
    return [line[:position].rstrip(), *_continued(indent, line[position:].lstrip())]


def _continued(indent: str, rest: str) -> list[str]:
    """Return what follows a break, two columns in from where the statement began."""
    first, *others = folded(f"{indent}  {rest}")
    return [first, *(f"{indent}  {other.lstrip()}" for other in others)]


def _places(line: str) -> list[tuple[int, int]]:
    """Return (depth in brackets, position) of each space behind an operator or comma, outside comments."""
    depth, found = 0, []
    start = len(line) - len(line.lstrip())
    # no break in or behind a comment: a return would end there
    code = re.sub(r"/\*.*?\*/ ?", lambda match: "_" * len(match[0]), line)
    for position, character in enumerate(code):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == " " and start < position < len(code) - 1 and code[position - 1] in "+-*/,?:&|=":
            found.append((depth, position + 1))
    return found
