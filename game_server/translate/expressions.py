"""What each expression of a function is: a whole number in an interval, a real number, a flag, a tuple, a state.

Refuses, with its line, what is not the same in both languages. Remembers each expression's kind for the writer. Knows
names through the function's check, which knows what is assigned where.
"""

import ast
from typing import TYPE_CHECKING

from .arithmetic import BUILTINS, FROM_MATH, INSTEAD, binary, builtin, compare, unary
from .refusal import Untranslatable, refused_syntax
from .source import Constant
from .values import (
    Nothing,
    Real,
    Record,
    Row,
    Truth,
    Tuple,
    Value,
    Whole,
    fits,
    in_words,
    join,
    of_constant,
    row_of,
    shown,
)

if TYPE_CHECKING:
    from .check import Checked, FunctionCheck

_KNOWN = "a rule calls other rules, and abs, min, max, int, float, floor, ceil, sqrt"


class Expressions:
    """The expressions of one function."""

    def __init__(self, check: "FunctionCheck") -> None:
        self._check, self._rules, self._source = check, check.rules, check.source
        self.kinds: dict[ast.expr, Value] = {}

    def kind(self, node: ast.expr) -> Value:
        """Return what an expression is; refuse what a rule cannot have."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self._refuse(node, refused_syntax(node))
        value: Value = method(node)
        self.kinds[node] = value
        return value

    def truth(self, node: ast.expr) -> None:
        """Refuse a condition that is not a flag: what counts as true differs."""
        value = self.kind(node)
        if not isinstance(value, Truth):
            raise self._refuse(node, f"a condition is a flag, and this is {shown(value)}: compare it, as in `x != 0`")

    def _refuse(self, node: ast.AST, message: str) -> Untranslatable:
        return self._source.refuse(node, message)

    # ---- leaves ------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Value:
        value = of_constant(node.value)
        if value is None:
            raise self._refuse(node, f"{node.value!r} is no finite number within 2^53 and no flag")
        return value

    def _name(self, node: ast.Name) -> Value:
        check = self._check
        if (
            node.id in check.function.parameters
            or node.id in check.scopes.variables
            or node.id in check.scopes.loop_names
        ):
            if node.id not in check.assigned:
                raise self._refuse(node, f"`{node.id}` may have no value here: assign it on every way to this line")
            return check.variables[node.id]
        constant = self._constant_named(node.id)
        if constant is None:
            raise self._refuse(node, f"`{node.id}` is no parameter, no variable and no numeric constant of the module")
        return constant.kind

    def _constant_named(self, name: str) -> Constant | None:
        source = self._source
        found = source.constants.get(name)
        if found is None and name in source.imports:
            value = getattr(source.module, name, None)
            kind = of_constant(value)
            found = None if kind is None else Constant(name, value, kind, "")
        if found is not None:
            self._rules.constants[name] = found
        return found

    def _attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name) and node.value.id not in self._check.function.parameters:
            raise self._refuse(
                node, f"{ast.unparse(node)}: only fields of a parameter can be read; give what else is needed a name"
            )
        record = self.kind(node.value)
        if not isinstance(record, Record):
            raise self._refuse(node, f"{ast.unparse(node.value)} is {shown(record)} and has no fields")
        if node.attr not in record.fields:
            names = ", ".join(record.fields) or "none"
            raise self._refuse(node, f"{record.name} has no number or flag `{node.attr}`; it has {names}")
        return record.fields[node.attr]

    def _tuple(self, node: ast.Tuple) -> Value:
        items = []
        for item in node.elts:
            value = self.kind(item)
            if isinstance(value, Record | Nothing):
                raise self._refuse(item, f"a tuple holds numbers, flags and tuples, not {shown(value)}")
            items.append(value)
        return Tuple(tuple(items))

    def _subscript(self, node: ast.Subscript) -> Value:
        rows, index = self.kind(node.value), self.kind(node.slice)
        if not isinstance(rows, Tuple | Row) or not isinstance(index, Whole):
            raise self._refuse(node, "[] takes an item out of a tuple, by a whole number")
        if isinstance(rows, Tuple) and index.low == index.high and 0 <= index.low < len(rows.items):
            return rows.items[int(index.low)]
        if isinstance(rows, Tuple) and index.low == index.high and not -len(rows.items) <= index.low < 0:
            raise self._refuse(node, f"there is no item {int(index.low)} of {len(rows.items)}")
        row = row_of(rows)
        if row is None or row.item is None:
            raise self._refuse(node, "the items of this tuple are not alike: take it apart into names")
        return row.item

    # ---- operations --------------------------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp) -> Value:
        left, right = self.kind(node.left), self.kind(node.right)
        try:
            return binary(node.op, left, right, self._check.is_strict)
        except ValueError as error:
            raise self._refuse(node, f"`{_brief(node)}`: {error}") from None

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        value = self.kind(node.operand)
        try:
            return unary(node.op, value)
        except ValueError as error:
            raise self._refuse(node, f"`{_brief(node)}`: {error}") from None

    def _boolop(self, node: ast.BoolOp) -> Value:
        for value in node.values:
            self.truth(value)
        return Truth()

    def _compare(self, node: ast.Compare) -> Value:
        operands = [node.left, *node.comparators]
        kinds = [self.kind(operand) for operand in operands]
        for middle in operands[1:-1]:
            if not isinstance(middle, ast.Name | ast.Constant | ast.Attribute):
                raise self._refuse(
                    middle, "the middle of a chained comparison is worked out once: give it a name first"
                )
        for operator, left, right in zip(node.ops, kinds, kinds[1:], strict=False):
            try:
                compare(operator, left, right)
            except ValueError as error:
                raise self._refuse(node, f"`{_brief(node)}`: {error}") from None
        return Truth()

    def _ifexp(self, node: ast.IfExp) -> Value:
        self.truth(node.test)
        one, other = self.kind(node.body), self.kind(node.orelse)
        joined = join(one, other)
        if joined is None or isinstance(joined, Record | Nothing):
            raise self._refuse(node, f"this is {shown(one)} or {shown(other)}: write both alike, 0.0 for 0")
        return joined

    # ---- calls -------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        name = self._called(node)
        if node.keywords:
            raise self._refuse(node, f"{name}() takes its arguments by position, not by name")
        if name in self._source.functions:
            return self._call_rule(node, self._rules.check(name, node))
        if name in self._source.imports and self._source.imports[name][0] != "math":
            return self._call_borrowed(node, name)
        if name not in BUILTINS and name not in FROM_MATH:
            raise self._refuse(node, f"{name}() is not known: {INSTEAD.get(name, _KNOWN)}")
        self._rules.builtins.add(name)
        try:
            return builtin(name, [self.kind(argument) for argument in node.args])
        except ValueError as error:
            raise self._refuse(node, f"`{_brief(node)}`: {error}") from None

    def _called(self, node: ast.Call) -> str:
        """Return the name of what is called."""
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "math":
            if self._source.imports.get("math") == ("math", ""):
                if function.attr in FROM_MATH:
                    return function.attr
                raise self._refuse(node, f"math.{function.attr}() is not known: {INSTEAD.get(function.attr, _KNOWN)}")
        if not isinstance(function, ast.Name):
            raise self._refuse(
                node, f"{_brief(function)}() is a method or worse: a rule calls functions by their names"
            )
        name = function.id
        if name in self._source.imports:
            module, there = self._source.imports[name]
            if module == "math" and there != name:
                raise self._refuse(node, f"import {there} of math under its own name")
            return name
        if name in FROM_MATH and name not in self._source.functions:
            raise self._refuse(node, f"`{name}` is not imported: `from math import {name}`")
        return name

    def _call_borrowed(self, node: ast.Call, name: str) -> Value:
        source, there = self._source.imported(name, node)
        if there not in source.functions:
            raise self._refuse(
                node,
                f"{name}() is no function written in {source.name}: {INSTEAD.get(there, 'a rule calls other rules')}",
            )
        self._rules.borrowed[name] = source, there
        return self._call_rule(node, self._rules.other(source).check(there))

    def _call_rule(self, node: ast.Call, called: "Checked") -> Value:
        function = called.function
        given: list[tuple[ast.expr, Value]] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                spread = self.kind(argument.value)
                if not isinstance(spread, Tuple):
                    raise self._refuse(argument, "* spreads a tuple whose length is known")
                given.extend((argument, item) for item in spread.items)
            else:
                given.append((argument, self.kind(argument)))
        wanted = list(function.parameters.items())
        if not len(wanted) - len(function.defaults) <= len(given) <= len(wanted):
            raise self._refuse(node, f"{function.name}() takes {len(wanted)} arguments, not {len(given)}")
        for (argument, value), (name, kind) in zip(given, wanted, strict=False):
            if not fits(value, kind):
                hint = ": write 0.0 for 0, or float(x)" if isinstance(value, Whole) and isinstance(kind, Real) else ""
                raise self._refuse(
                    argument, f"{function.name}({name}) is {shown(kind)}, and this is {shown(value)}{hint}"
                )
            if self._check.is_strict and not in_words(value):
                raise self._refuse(
                    argument,
                    f"{function.name}({name}) may get a whole number past 2^32: bound it with max(low, min(high, ...))",
                )
        return called.returns


def _brief(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."
