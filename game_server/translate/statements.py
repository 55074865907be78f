"""A checked function's body as lines of JavaScript.

Every expression means in JavaScript what the check says it is; brackets are those that JavaScript's precedence asks
for. Knows nothing of modules.
"""

import ast
from typing import TYPE_CHECKING

from .arithmetic import CALLS
from .blocks import Variable, names_bound
from .lines import kind_text, literal
from .names import javascript_name
from .values import Row, Tuple, Value, Whole, row_of

if TYPE_CHECKING:
    from .check import Checked, Rules

#: JavaScript's precedence, higher binds tighter
_TERNARY, _OR, _AND, _BIT_OR, _BIT_XOR, _BIT_AND, _EQUAL, _LESS, _SHIFT, _SUM, _PRODUCT, _UNARY, _CALL = range(13)
_BINARY: dict[type, tuple[str, int]] = {
    ast.Add: ("+", _SUM), ast.Sub: ("-", _SUM), ast.Mult: ("*", _PRODUCT), ast.Div: ("/", _PRODUCT),
    ast.BitAnd: ("&", _BIT_AND), ast.BitOr: ("|", _BIT_OR), ast.BitXor: ("^", _BIT_XOR), ast.LShift: ("<<", _SHIFT),
    ast.RShift: (">>", _SHIFT),
}  # fmt: skip
_COMPARED: dict[type, tuple[str, int]] = {
    ast.Eq: ("===", _EQUAL), ast.NotEq: ("!==", _EQUAL), ast.Lt: ("<", _LESS), ast.LtE: ("<=", _LESS),
    ast.Gt: (">", _LESS), ast.GtE: (">=", _LESS),
}  # fmt: skip


class Statements:
    """Writes one function."""

    def __init__(self, checked: "Checked", rules: "Rules") -> None:
        self._kinds, self._scopes, self._rules = checked.kinds, checked.scopes, rules
        self._variables = checked.variables
        self._taken = {javascript_name(name) for name in [*checked.variables, *rules.checked, *rules.constants]}
        self._declared: set[str] = set(checked.function.parameters)

    def body(self, statements: list[ast.stmt], depth: int) -> list[str]:
        """Return the lines of a block."""
        block = self._scopes.block_of[id(statements)]
        mine = [variable for variable in self._scopes.variables.values() if variable.block == block]
        lines: list[str] = []
        for statement in statements:
            for variable in mine:
                if variable.first is statement and not _assigns(statement, variable.name):
                    lines += self._bare(variable, depth)
            lines += self._statement(statement, depth)
        return lines

    def _bare(self, variable: Variable, depth: int) -> list[str]:
        """Declare a variable above the inner blocks that assign it."""
        self._declared.add(variable.name)
        indent = "  " * depth
        kind = kind_text(self._variables[variable.name])
        return [f"{indent}/** @type {{{kind}}} */", f"{indent}let {javascript_name(variable.name)};"]

    # ---- statements --------------------------------------------------------------------------------------------

    def _statement(self, statement: ast.stmt, depth: int) -> list[str]:
        indent = "  " * depth
        match statement:
            case ast.Return(value=None):
                return [f"{indent}return;"]
            case ast.Return(value=value) if value is not None:
                return [f"{indent}return {self._text(value)};"]
            case ast.If():
                return self._if(statement, depth)
            case ast.For():
                return self._for(statement, depth)
            case ast.Assign(targets=[target], value=value):
                return [indent + line for line in self._assign(target, value)]
            case ast.AnnAssign(target=target, value=value) if value is not None:
                return [indent + line for line in self._assign(target, value)]
            case ast.AugAssign():
                symbol, level = _BINARY[type(statement.op)]
                changed = self._target(statement.target)
                return [f"{indent}{changed} = {changed} {symbol} {self._text(statement.value, level + 1)};"]
            case ast.Expr(value=ast.Call() as call):
                return [f"{indent}{self._text(call)};"]
            case ast.Break():
                return [f"{indent}break;"]
            case ast.Continue():
                return [f"{indent}continue;"]
        return []  # pass, or a docstring

    def _if(self, statement: ast.If, depth: int) -> list[str]:
        indent = "  " * depth
        lines = [f"{indent}if ({self._text(statement.test)}) {{", *self.body(statement.body, depth + 1)]
        match statement.orelse:
            case []:
                return [*lines, f"{indent}}}"]
            case [ast.If() as inner] if not self._declares_in(statement.orelse):
                first, *rest = self._if(inner, depth)
                return [*lines, f"{indent}}} else {first.lstrip()}", *rest]
        return [*lines, f"{indent}}} else {{", *self.body(statement.orelse, depth + 1), f"{indent}}}"]

    def _declares_in(self, statements: list[ast.stmt]) -> bool:
        block = self._scopes.block_of[id(statements)]
        return any(variable.block == block for variable in self._scopes.variables.values())

    def _for(self, statement: ast.For, depth: int) -> list[str]:
        indent = "  " * depth
        names = names_bound(statement.target)
        if isinstance(statement.iter, ast.Call) and _is_range(statement.iter):
            head = self._counting(javascript_name(names[0]), statement.iter)
        else:
            read = {
                node.id
                for part in statement.body
                for node in ast.walk(part)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            }
            head = f"const {self._pattern(statement.target, read)} of {self._text(statement.iter)}"
        return [f"{indent}for ({head}) {{", *self.body(statement.body, depth + 1), f"{indent}}}"]

    def _counting(self, name: str, call: ast.Call) -> str:
        bounds = [self._text(argument) for argument in call.args]
        start, stop = ("0", bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = self._kinds[call.args[2]] if len(bounds) == 3 else Whole(1, 1)
        assert isinstance(step, Whole)
        upwards = step.low > 0
        stop_node = call.args[min(1, len(call.args) - 1)]
        stop_kind = self._kinds[stop_node]
        if isinstance(stop_kind, Whole) and stop_kind.low == stop_kind.high:
            return f"let {name} = {start}; {name} {'<' if upwards else '>'} {stop}; {name} += {int(step.low)}"
        end = self._fresh(f"{name}End")  # worked out once, as range() does
        return (
            f"let {name} = {start}, {end} = {stop}; {name} {'<' if upwards else '>'} {end}; {name} += {int(step.low)}"
        )

    def _pattern(self, target: ast.expr, read: set[str]) -> str:
        """Return a loop's target as a pattern; items that nobody reads are left out."""
        if isinstance(target, ast.Tuple):
            parts = ["" if _unread(each, read) else self._pattern(each, read) for each in target.elts]
            while parts and not parts[-1]:
                parts.pop()
            return f"[{', '.join(parts)}]"
        assert isinstance(target, ast.Name)
        return javascript_name(target.id)

    def _assign(self, target: ast.expr, value: ast.expr) -> list[str]:
        if not isinstance(target, ast.Tuple):
            return [f"{self._declaration(target)}{self._target(target)} = {self._text(value)};"]
        names = [each.id for each in target.elts if isinstance(each, ast.Name)]
        flat = len(names) == len(target.elts)
        new = [name for name in names if name not in self._declared]
        once = [name for name in new if self._scopes.variables[name].writes == 1]
        if flat and not new:
            return [f"[{', '.join(map(javascript_name, names))}] = {self._text(value)};"]
        if flat and len(new) == len(names) and len(once) in (0, len(new)):
            self._declared.update(new)
            if isinstance(value, ast.Tuple):
                word = "const" if once else "let"
                return [
                    f"{word} {javascript_name(name)} = {self._text(item)};"
                    for name, item in zip(names, value.elts, strict=True)
                ]
            return [f"{'const' if once else 'let'} [{', '.join(map(javascript_name, names))}] = {self._text(value)};"]
        # some old, some new, some that change later: through a name of their own
        whole = self._fresh("items")
        return [f"const {whole} = {self._text(value, tuple_kind=True)};", *self._taken_apart(target, whole)]

    def _taken_apart(self, target: ast.Tuple, whole: str) -> list[str]:
        lines: list[str] = []
        for position, each in enumerate(target.elts):
            item = f"{whole}[{position}]"
            if isinstance(each, ast.Tuple):
                lines += self._taken_apart(each, item)
            else:
                lines.append(f"{self._declaration(each)}{self._target(each)} = {item};")
        return lines

    def _declaration(self, target: ast.expr) -> str:
        """Return the word in front of an assignment, where it is the first of its variable."""
        if not isinstance(target, ast.Name) or target.id in self._declared:
            return ""
        self._declared.add(target.id)
        return "const " if self._scopes.variables[target.id].writes == 1 else "let "

    def _target(self, target: ast.expr) -> str:
        if isinstance(target, ast.Attribute):
            return f"{self._text(target.value)}.{target.attr}"
        assert isinstance(target, ast.Name)
        return javascript_name(target.id)

    def _fresh(self, wish: str) -> str:
        name = wish
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    # ---- expressions -------------------------------------------------------------------------------------------

    def _text(self, node: ast.expr, least: int = _TERNARY, *, tuple_kind: bool = False) -> str:
        """Return an expression, in brackets where it binds less tightly than `least`."""
        text, level = self._expression(node)
        if tuple_kind and isinstance(node, ast.Tuple):
            return f"/** @type {{{kind_text(self._kinds[node])}}} */ ({text})"
        return f"({text})" if level < least else text

    def _expression(self, node: ast.expr) -> tuple[str, int]:
        """Return an expression and how tightly it binds."""
        match node:
            case ast.Subscript():
                return self._item(node)
            case ast.Call():
                return self._call(node)
            case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare() | ast.IfExp():
                return self._operation(node)
            case ast.Constant():
                return literal(node.value), _CALL
            case ast.Name():
                return javascript_name(node.id), _CALL
            case ast.Attribute():
                return f"{self._text(node.value, _CALL)}.{node.attr}", _CALL
            case ast.Tuple():
                return f"[{', '.join(self._text(item) for item in node.elts)}]", _CALL
            case ast.Starred():
                return f"...{self._text(node.value)}", _CALL
        raise AssertionError(f"{type(node).__name__} was checked but cannot be written")

    def _operation(self, node: ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp) -> tuple[str, int]:
        match node:
            case ast.BinOp():
                symbol, level = _BINARY[type(node.op)]
                return f"{self._text(node.left, level)} {symbol} {self._text(node.right, level + 1)}", level
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BoolOp():
                symbol, level = ("&&", _AND) if isinstance(node.op, ast.And) else ("||", _OR)
                return f" {symbol} ".join(self._text(value, level + 1) for value in node.values), level
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                parts = self._text(node.test, _OR), self._text(node.body, _OR), self._text(node.orelse, _OR)
                return f"{parts[0]} ? {parts[1]} : {parts[2]}", _TERNARY

    def _unary(self, node: ast.UnaryOp) -> tuple[str, int]:
        operand = node.operand
        if (
            isinstance(node.op, ast.USub)
            and isinstance(self._kinds[operand], Whole)
            and not isinstance(operand, ast.Constant)
        ):
            return f"0 - {self._text(operand, _PRODUCT)}", _SUM  # -x would be -0 for 0
        symbol = {ast.USub: "-", ast.UAdd: "+", ast.Not: "!", ast.Invert: "~"}[type(node.op)]
        text = self._text(operand, _UNARY)
        return (f"{symbol}({text})" if text.startswith(("-", "+")) else f"{symbol}{text}"), _UNARY

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        operands = [node.left, *node.comparators]
        parts = []
        for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
            symbol, level = _COMPARED[type(operator)]
            parts.append(f"{self._text(left, level + 1)} {symbol} {self._text(right, level + 1)}")
        return " && ".join(parts), _AND if len(parts) > 1 else _COMPARED[type(node.ops[0])][1]

    def _item(self, node: ast.Subscript) -> tuple[str, int]:
        rows, index = self._kinds[node.value], self._kinds[node.slice]
        assert isinstance(index, Whole)
        assert isinstance(rows, Row | Tuple)
        if index.low >= 0:
            return f"{self._text(node.value, _CALL)}[{self._text(node.slice)}]", _CALL
        kind: Value | None = self._kinds[node]
        row = row_of(rows)
        kind = row.item if row is not None else kind
        assert kind is not None
        # a negative index counts from the end, in at() as in Python
        return (
            f"/** @type {{{kind_text(kind)}}} */ ({self._text(node.value, _CALL)}.at({self._text(node.slice)}))",
            _CALL,
        )

    def _call(self, node: ast.Call) -> tuple[str, int]:
        name = (
            node.func.id
            if isinstance(node.func, ast.Name)
            else node.func.attr
            if isinstance(node.func, ast.Attribute)
            else ""
        )
        arguments = [self._text(argument) for argument in node.args]
        if name in self._rules.checked or name in self._rules.borrowed:
            return f"{javascript_name(name)}({', '.join(arguments)})", _CALL
        if name in ("min", "max"):
            text = arguments[0]
            for argument in arguments[1:]:
                text = f"{name}({text}, {argument})"
            return text, _CALL
        if not CALLS[name]:
            return self._expression(node.args[0])
        return f"{CALLS[name]}({arguments[0]})", _CALL


def _assigns(statement: ast.stmt, name: str) -> bool:
    """Return whether a statement itself, outside inner blocks, assigns a name."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return any(name in names_bound(target) for target in targets)


def _is_range(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "range"


def _unread(target: ast.expr, read: set[str]) -> bool:
    return isinstance(target, ast.Name) and target.id not in read
