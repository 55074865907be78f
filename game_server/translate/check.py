"""Check that a function means the same in both languages, statement by statement.

A function is gone through until what its variables can hold no longer changes; a whole number that still grows after a
few rounds has no bound. Then once more, strictly: only now is a whole number without a bound refused where it is
calculated with. On the way it is seen to that each variable is assigned before it is read, keeps one kind, and that
each way through the function returns. Expressions are the business of `expressions`.
"""

import ast
from math import inf

import attrs

from .arithmetic import binary
from .blocks import Scopes, names_bound, scopes_of
from .expressions import Expressions
from .refusal import refused_syntax
from .source import Constant, Function, Source
from .values import EXACT_MAX, Nothing, Record, Row, Tuple, Value, Whole, fits, in_words, join, row_of, shown

#: rounds in which intervals may grow before they count as boundless
ROUNDS = 4
#: the name of what nobody reads
UNREAD = "_"


@attrs.define(eq=False)
class Checked:
    """A function that means the same in both languages, with what is known of each expression in it."""

    function: Function
    scopes: Scopes
    kinds: dict[ast.expr, Value]
    variables: dict[str, Value]
    returns: Value


class Rules:
    """One module of rules, checked as far as it was asked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.checked: dict[str, Checked] = {}
        #: constants of this module or another that functions use, by their name here
        self.constants: dict[str, Constant] = {}
        #: functions of other modules that functions use: name here -> (module, name there)
        self.borrowed: dict[str, tuple[Source, str]] = {}
        self.builtins: set[str] = set()
        self._under_way: list[str] = []
        self._others: dict[str, Rules] = {source.name: self}

    def check(self, name: str, asker: ast.AST | None = None) -> Checked:
        """Return a function of this module, checked."""
        if name in self.checked:
            return self.checked[name]
        if name in self._under_way:
            raise self.source.refuse(
                asker or self.source.functions[name], f"{name} calls itself, perhaps through others"
            )
        self._under_way.append(name)
        made = self.checked[name] = FunctionCheck(self, self.source.function(name)).run()
        self._under_way.remove(name)
        return made

    def other(self, source: Source) -> "Rules":
        """Return another module's rules."""
        if source.name not in self._others:
            made = self._others[source.name] = Rules(source)
            made._others = self._others
        return self._others[source.name]


class FunctionCheck:
    """The check of one function."""

    def __init__(self, rules: Rules, function: Function) -> None:
        self.rules, self.function, self.source = rules, function, function.module
        self.scopes = scopes_of(function.node)
        self.variables: dict[str, Value] = dict(function.parameters)
        #: the same from this pass alone
        self.found: dict[str, Value] = {}
        self.assigned: set[str] = set(function.parameters)
        self.returns: Value | None = None
        self.is_strict = False
        self.loops: list[set[str]] = []
        self.expressions = Expressions(self)

    def run(self) -> Checked:
        """Check to the end."""
        self._check_names()
        for rounds in range(2 * ROUNDS):
            before = dict(self.variables)
            self._pass()
            if before == self.variables:
                break
            if rounds >= ROUNDS:
                self._widen(before)
        for _ in range(2):  # what a min() or a mask bounds is narrower than the widest guess
            self._pass()
            self.variables = self.found
        self.is_strict = True
        ends = self._pass()
        returns = self.function.returns
        if not ends and not isinstance(returns, Nothing):
            raise self.source.refuse(
                self.function.node, f"{self.function.name} can end without returning {shown(returns)}"
            )
        kind = returns if self.returns is None else self.returns
        return Checked(self.function, self.scopes, self.expressions.kinds, self.variables, kind)

    def _pass(self) -> bool:
        self.assigned, self.returns = set(self.function.parameters), None
        self.found = dict(self.function.parameters)
        return self._body(self.function.node.body)

    def _widen(self, before: dict[str, Value]) -> None:
        for name, value in self.variables.items():
            old = before.get(name)
            if isinstance(value, Whole) and isinstance(old, Whole) and value != old:
                low = value.low if value.low >= old.low else -inf
                high = value.high if value.high <= old.high else inf
                self.variables[name] = Whole(low, high)

    def _check_names(self) -> None:
        loops = self.scopes.loop_names
        for name, statements in loops.items():
            if name in self.function.parameters or any(
                isinstance(node, ast.Name)
                and node.id == name
                and isinstance(node.ctx, ast.Store)
                and node not in targets
                for targets in [[node for loop in statements for node in ast.walk(loop.target)]]
                for node in ast.walk(self.function.node)
            ):
                raise self.source.refuse(
                    statements[0], f"the loop's `{name}` is assigned elsewhere: give it a name of its own"
                )

    # ---- statements --------------------------------------------------------------------------------------------

    def _body(self, body: list[ast.stmt]) -> bool:
        """Check statements in a row; return whether they surely return (or leave the loop)."""
        ends = False
        for statement in body:
            if ends:
                raise self.source.refuse(statement, "nothing comes to this line: the one above always returns")
            ends = self._statement(statement)
        return ends

    def _statement(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Return):
            self._return(statement)
            return True
        if isinstance(statement, ast.If):
            return self._if(statement)
        if isinstance(statement, ast.For):
            self._for(statement)
        elif isinstance(statement, ast.Assign):
            self._assign(statement)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            wanted, value = self.source.kind_of(statement.annotation), self.expressions.kind(statement.value)
            if not fits(value, wanted):
                raise self.source.refuse(statement, f"this is {shown(value)} and not {shown(wanted)}")
            self._bind(statement.target, value, statement)
        elif isinstance(statement, ast.AugAssign):
            self._augment(statement)
        elif isinstance(statement, ast.Expr) and not _is_docstring(statement):
            self.expressions.kind(statement.value)
            if not isinstance(statement.value, ast.Call):
                raise self.source.refuse(statement, "this line computes something and keeps it nowhere")
        elif isinstance(statement, ast.Break | ast.Continue):
            return True
        elif not (isinstance(statement, ast.Pass) or _is_docstring(statement)):
            raise self.source.refuse(statement, refused_syntax(statement))
        return False

    def _return(self, statement: ast.Return) -> None:
        wanted = self.function.returns
        value = Nothing() if statement.value is None else self.expressions.kind(statement.value)
        if not fits(value, wanted):
            hint = _float_hint(value, wanted)
            raise self.source.refuse(
                statement, f"{self.function.name} returns {shown(wanted)}, and this is {shown(value)}{hint}"
            )
        joined = value if self.returns is None else join(self.returns, value)
        self.returns = joined if joined is not None else wanted

    def _if(self, statement: ast.If) -> bool:
        self.expressions.truth(statement.test)
        before = set(self.assigned)
        body_ends = self._body(statement.body)
        after_body = self.assigned
        self.assigned = before
        else_ends = self._body(statement.orelse) if statement.orelse else False
        if body_ends:
            after_body = self.assigned
        elif else_ends:
            self.assigned = after_body
        self.assigned = self.assigned & after_body
        return body_ends and else_ends

    def _for(self, statement: ast.For) -> None:
        if statement.orelse:
            raise self.source.refuse(statement.orelse[0], "no for of a rule has an else: use a flag")
        item = self._range(statement.iter)
        if item is None:
            rows = self.expressions.kind(statement.iter)
            row = row_of(rows) if isinstance(rows, Row | Tuple) else None
            if row is None:
                raise self.source.refuse(
                    statement.iter, "a for goes over a tuple whose items are alike, or over range()"
                )
            item = row.item
        names = names_bound(statement.target)
        clashing = [name for name in names if any(name in loop for loop in self.loops)]
        if clashing:
            raise self.source.refuse(
                statement, f"the loop around this one uses `{clashing[0]}` too: give it another name"
            )
        before = set(self.assigned)
        if item is not None:
            self._bind(statement.target, item, statement)
            self.loops.append(set(names) - {UNREAD})
            self._body(statement.body)
            self.loops.pop()
        self.assigned = before

    def _range(self, node: ast.expr) -> Value | None:
        """Return what a range() counts, or None for anything else."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"):
            return None
        bounds = [self.expressions.kind(argument) for argument in node.args]
        wholes = [bound for bound in bounds if isinstance(bound, Whole)]
        if node.keywords or len(wholes) != len(bounds) or not 1 <= len(wholes) <= 3:
            raise self.source.refuse(node, "range() takes one to three whole numbers")
        start, stop = (Whole(0, 0), wholes[0]) if len(wholes) == 1 else wholes[:2]
        step = wholes[2] if len(wholes) == 3 else Whole(1, 1)
        if step.low != step.high or not step.low:
            raise self.source.refuse(node, "the step of a range() is a constant other than 0")
        last = (
            Whole(start.low, max(start.low, stop.high - 1))
            if step.low > 0
            else Whole(min(start.high, stop.low + 1), start.high)
        )
        if self.is_strict and not (last.low >= -EXACT_MAX and last.high <= EXACT_MAX):
            raise self.source.refuse(node, "the bounds of a range() must be known: bound them with max and min")
        return last

    def _assign(self, statement: ast.Assign) -> None:
        if len(statement.targets) > 1:
            raise self.source.refuse(statement, "one name a line: `a = b = 0` is two assignments")
        self._bind(statement.targets[0], self.expressions.kind(statement.value), statement)

    def _augment(self, statement: ast.AugAssign) -> None:
        target = statement.target
        reading = ast.copy_location(_as_read(target), target)
        left, right = self.expressions.kind(reading), self.expressions.kind(statement.value)
        self.expressions.kinds[target] = left
        try:
            result = binary(statement.op, left, right, self.is_strict)
        except ValueError as error:
            raise self.source.refuse(statement, str(error)) from None
        self._bind(target, result, statement)

    def _bind(self, target: ast.expr, value: Value, statement: ast.stmt) -> None:
        """Give a value to a name, to several names, or to a field."""
        if isinstance(target, ast.Tuple):
            if any(isinstance(each, ast.Attribute | ast.Starred) for each in target.elts):
                raise self.source.refuse(target, "take a tuple apart into names first, then assign the fields")
            if not isinstance(value, Tuple) or len(value.items) != len(target.elts):
                raise self.source.refuse(
                    statement, f"{shown(value)} cannot be taken apart into {len(target.elts)} names"
                )
            for each, item in zip(target.elts, value.items, strict=True):
                self._bind(each, item, statement)
        elif isinstance(target, ast.Name):
            self._bind_name(target, value, statement)
        elif isinstance(target, ast.Attribute):
            self._bind_field(target, value, statement)
        else:
            raise self.source.refuse(target, "a rule assigns to names and to fields of the state, and changes no tuple")

    def _bind_name(self, target: ast.Name, value: Value, statement: ast.stmt) -> None:
        if isinstance(value, Record | Nothing):
            raise self.source.refuse(
                statement, f"`{target.id}` would be {shown(value)}: a variable holds numbers, flags and tuples"
            )
        if target.id in self.rules.source.functions or target.id in self.rules.source.imports:
            raise self.source.refuse(target, f"`{target.id}` is the name of a function here: choose another")
        known = self.variables.get(target.id)
        if target.id in self.scopes.loop_names and target.id not in self.assigned:
            known = None if known is None or not fits(value, known) else known
        joined = value if known is None else join(known, value)
        if joined is None:
            assert known is not None
            hint = _float_hint(value, known)
            raise self.source.refuse(
                statement, f"`{target.id}` is {shown(known)} elsewhere, and here {shown(value)}{hint}"
            )
        self.variables[target.id] = joined
        before = self.found.get(target.id)
        self.found[target.id] = (join(before, value) if before is not None else None) or value
        if target.id != UNREAD:
            self.assigned.add(target.id)

    def _bind_field(self, target: ast.Attribute, value: Value, statement: ast.stmt) -> None:
        field = self.expressions.kind(target)
        if not fits(value, field):
            hint = _float_hint(value, field)
            raise self.source.refuse(
                statement, f"{ast.unparse(target)} is {shown(field)}, and this is {shown(value)}{hint}"
            )
        if self.is_strict and not in_words(value):
            raise self.source.refuse(
                statement,
                f"{ast.unparse(target)} may get a whole number wider than the 32 bits of the wire: "
                "bound it with max(low, min(high, ...))",
            )


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _as_read(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    return target


def _float_hint(value: Value, wanted: Value) -> str:
    if isinstance(value, Whole) and not isinstance(wanted, Whole | Row | Tuple):
        return ": write 0.0 for 0, or float(x)"
    return ""
