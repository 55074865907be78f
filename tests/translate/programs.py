"""Draw small programs of the accepted subset: typed expressions, branches, loops, fields, calls of each other."""

from random import Random
from typing import Any

import attrs

HEAD = '''
"""A drawn program."""

from math import ceil, floor, sqrt

from game_server.core.exact import on_grid, sin_cos, turn_on_grid

SHARE = 0.1
COUNT = 12
ROWS = ((1.5, -2.0, 3), (0.25, 1e9, -7), (1e-9, 0.0, 11))
WEIGHTS = (0.5, -3.25, 1e6, 7.0)


class State:
    x: float
    y: float
    count: int
    on: bool


def helper(a: float, n: int, b: bool = True) -> tuple[float, int]:
    """Help."""
    if b and a > 0.0:
        return a * SHARE, n & 255
    return a + float(COUNT), max(-50, min(50, n))

'''

_REALS = (0.0, 0.5, 1.0, -1.0, 2.5, 12.0, 1e-300, 1e300, -1e17)
_WHOLES = (0, 1, -1, 2, 3, 12, 100, 255, -7, 2**31, -(2**31), 2**32)


def draw_real(random: Random) -> float:
    """Return a real number: plain ones, that meet each other, as often as any."""
    return random.choice((random.choice(_REALS), random.randint(-1000, 1000) / 8, random.uniform(-1e6, 1e6)))


def draw_whole(random: Random) -> int:
    """Return a whole number as wide as the wire's at most."""
    return random.choice((random.choice(_WHOLES), random.randint(-20, 20), random.randint(-(2**32), 2**32)))


def draw_arguments(random: Random) -> list[Any]:
    """Return arguments for `rule`."""
    state = {"x": draw_real(random), "y": draw_real(random), "count": draw_whole(random), "on": random.random() < 0.5}
    return [state, draw_real(random), draw_whole(random), random.random() < 0.5]


@attrs.define
class Scope:
    """The names that may be read here, by their first letter: r real, w whole, t truth."""

    names: list[str] = attrs.Factory(lambda: ["r0", "w0", "t0"])

    def of(self, letter: str) -> list[str]:
        return [name for name in self.names if name[0] == letter]

    def inner(self) -> "Scope":
        return Scope(list(self.names))


class Program:
    """Draws the body of one function."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.numbers = 0

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def fresh(self, letter: str) -> str:
        self.numbers += 1
        return f"{letter}_new{self.numbers}"

    # ---- expressions ---------------------------------------------------------------------------------------------

    def real(self, scope: Scope, depth: int) -> str:
        leaves = [*scope.of("r"), "state.x", "state.y", "SHARE", "WEIGHTS[1]", repr(draw_real(self.random))]
        if depth <= 0:
            return self.pick(*leaves)
        a, b = self.real(scope, depth - 1), self.real(scope, depth - 1)
        form = self.pick("+", "-", "*", "/", "call", "negated", "choice", "mixed", "leaf", "row", "grid")
        match form:
            case "+" | "-" | "*":
                return f"({a} {form} {b})"
            case "/":
                return f"{a} / ({b} * {b} + 0.5)"
            case "call":
                return self.pick(f"abs({a})", f"min({a}, {b})", f"max({a}, {b}, 1.5)", f"sqrt(abs({a}))")
            case "negated":
                return f"-({a})"
            case "choice":
                return f"({a} if {self.truth(scope, depth - 1)} else {b})"
            case "mixed":
                whole = self.whole(scope, depth - 1)
                return self.pick(f"{a} * {self.bracketed(whole)}", f"float({whole})", f"{self.bracketed(whole)} / 3")
            case "row":
                return f"WEIGHTS[{self.small(scope, depth - 1)} & 3]"
            case "grid":
                return self.pick(f"on_grid({a}, -64.0, 0.125, 8.0, 1024)", f"turn_on_grid({a}, 0.0245, 40.7, 256)")
        return self.pick(*leaves)

    def bracketed(self, text: str) -> str:
        return f"({text})"

    def small(self, scope: Scope, depth: int) -> str:
        return f"max(-1000, min(1000, {self.whole(scope, depth)}))"

    def whole(self, scope: Scope, depth: int) -> str:
        leaves = [*scope.of("w"), "state.count", "COUNT", repr(self.random.randint(-9, 99))]
        if depth <= 0:
            return self.pick(*leaves)
        a, b = self.small(scope, depth - 1), self.small(scope, depth - 1)
        match self.pick("arithmetic", "bits", "shift", "rounded", "negated", "choice", "leaf"):
            case "arithmetic":
                return f"({a} {self.pick('+', '-', '*')} {b})"
            case "bits":
                return self.pick(
                    f"({a} & 1023 | {b} & 255)", f"({a} ^ {b})", f"~{a}", f"({self.whole(scope, depth - 1)} & 65535)"
                )
            case "shift":
                return self.pick(f"({a} << 7)", f"({a} >> 3)")
            case "rounded":
                real = self.real(scope, depth - 1)
                rounded = self.pick(f"floor({real})", f"ceil({real})", f"int({real})")
                return self.pick(f"max(-5000, min(5000, {rounded}))", f"({rounded} & 127)")
            case "negated":
                return self.pick(f"-({a})", f"abs({a})")
            case "choice":
                return f"({a} if {self.truth(scope, depth - 1)} else {b})"
        return self.pick(*leaves)

    def truth(self, scope: Scope, depth: int) -> str:
        leaves = [*scope.of("t"), "state.on", "True"]
        if depth <= 0:
            return self.pick(*leaves)
        compared = self.pick("<", "<=", ">", ">=", "==", "!=")
        match self.pick("reals", "wholes", "chain", "and", "not", "same", "leaf"):
            case "reals":
                return f"({self.real(scope, depth - 1)} {compared} {self.real(scope, depth - 1)})"
            case "wholes":
                return f"({self.whole(scope, depth - 1)} {compared} {self.real(scope, depth - 1)})"
            case "chain":
                middle = self.pick(*scope.of("r"), "state.y", "2.5")
                return f"({self.real(scope, depth - 1)} < {middle} <= {self.whole(scope, 0)})"
            case "and":
                return f"({self.truth(scope, depth - 1)} {self.pick('and', 'or')} {self.truth(scope, depth - 1)})"
            case "not":
                return f"(not {self.truth(scope, depth - 1)})"
            case "same":
                return f"({self.truth(scope, depth - 1)} {self.pick('==', '!=')} {self.truth(scope, depth - 1)})"
        return self.pick(*leaves)

    def of(self, letter: str, scope: Scope, depth: int = 3) -> str:
        # a variable that changes in a loop must stay in bounds, so whole numbers are always brought into some
        return {"r": self.real, "w": self.small, "t": self.truth}[letter](scope, depth)

    # ---- statements ----------------------------------------------------------------------------------------------

    def body(self, scope: Scope, depth: int, in_loop: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 5)):
            lines += self.statement(scope, depth, in_loop)
        return lines

    def statement(self, scope: Scope, depth: int, in_loop: bool) -> list[str]:
        forms = ["new", "change", "augment", "field", "pair", "swap", "help"]
        forms += ["if", "hoisted", "rows", "count", "return"] if depth > 0 else []
        forms += ["leave"] if in_loop else []
        match self.pick(*forms):
            case "new":
                letter = self.pick("r", "w", "t")
                text, name = self.of(letter, scope), self.fresh(letter)
                scope.names.append(name)
                return [f"{name} = {text}"]
            case "change":
                name = self.pick(*scope.names)
                return [f"{name} = {self.of(name[0], scope)}"]
            case "augment":
                return [f"{self.pick(*scope.of('r'))} {self.pick('+=', '-=', '*=')} {self.real(scope, 1)}"]
            case "field":
                field, letter = self.pick(("x", "r"), ("y", "r"), ("count", "w"), ("on", "t"))
                return [f"state.{field} = {self.of(letter, scope)}"]
            case "pair":
                names = [self.fresh("r"), self.fresh("t"), self.pick(*scope.of("w"))]
                text = f"{self.of('r', scope)}, {self.of('t', scope)}, {self.of('w', scope)}"
                scope.names += names[:2]
                return [f"{', '.join(names)} = {text}"]
            case "swap":
                a, b = self.pick(*scope.of("r")), self.pick(*scope.of("r"))
                return [f"{a}, {b} = {b}, {a}"] if a != b else ["pass"]
            case "help":
                a, n = self.fresh("r"), self.fresh("w")
                text = self.pick(
                    f"helper({self.real(scope, 1)}, {self.small(scope, 1)})",
                    f"helper({self.real(scope, 1)}, {self.small(scope, 1)}, {self.truth(scope, 1)})",
                    f"helper(*helper({self.real(scope, 1)}, {self.small(scope, 1)}))",
                )
                scope.names += [a, n]
                return [f"{a}, {n} = {text}"]
            case "leave":
                return [f"if {self.truth(scope, 1)}:", f"    {self.pick('break', 'continue')}"]
            case "return":
                return [f"if {self.truth(scope, 2)}:", f"    return {self.result(scope)}"]
        return self.block(scope, depth)

    def block(self, scope: Scope, depth: int) -> list[str]:
        match self.pick("if", "hoisted", "rows", "count"):
            case "if":
                lines = [f"if {self.truth(scope, 2)}:", *indented(self.body(scope.inner(), depth - 1, False))]
                if self.random.random() < 0.5:
                    lines += [f"elif {self.truth(scope, 1)}:", *indented(self.body(scope.inner(), depth - 1, False))]
                if self.random.random() < 0.5:
                    lines += ["else:", *indented(self.body(scope.inner(), depth - 1, False))]
                return lines
            case "hoisted":
                letter = self.pick("r", "w", "t")
                one, other, name = self.of(letter, scope), self.of(letter, scope), self.fresh(letter)
                lines = [f"if {self.truth(scope, 1)}:", f"    {name} = {one}", "else:", f"    {name} = {other}"]
                scope.names.append(name)
                return lines
            case "rows":
                a, n = self.fresh("r"), self.fresh("w")
                inner = Scope([*scope.names, a, n])
                changed = [name for name in inner.names if name not in (a, n)]
                return [f"for {a}, _, {n} in ROWS:", *indented(self.loop_body(inner, changed, depth))]
        counter = self.fresh("w")
        inner = Scope([*scope.names, counter])
        counts = self.pick("3", "COUNT", f"{self.small(scope, 1)} & 7", "5, 1, -2", "-2, 2")
        changed = [name for name in inner.names if name != counter]
        return [f"for {counter} in range({counts}):", *indented(self.loop_body(inner, changed, depth))]

    def loop_body(self, inner: Scope, changed: list[str], depth: int) -> list[str]:
        """Return a loop's body, which reads its own names but assigns only the outer ones and new ones."""
        name = self.pick(*changed)
        return [f"{name} = {self.of(name[0], inner)}", *self.body(Scope(changed), depth - 1, True)]

    def result(self, scope: Scope) -> str:
        return f"{self.real(scope, 1)}, {self.small(scope, 1)}, {self.truth(scope, 1)}"


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def draw_program(random: Random) -> str:
    """Return the source of a module with a public function `rule(state, r0, w0, t0)`."""
    program, scope = Program(random), Scope()
    body = ["sine, cosine = sin_cos(r0)", "r_turn = sine * cosine"]
    scope.names.append("r_turn")
    for _ in range(4):
        body += program.body(scope, 2, False)
    body.append(f"return {program.result(scope)}")
    head = "def rule(state: State, r0: float, w0: int, t0: bool) -> tuple[float, int, bool]:"
    return HEAD + "\n".join([head, *indented(body)]) + "\n"
