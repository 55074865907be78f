"""What an operation on two values is, and where it would not mean the same in both languages.

Each function returns the kind of the result; whole numbers with the interval that follows from the operands'. Raises
`ValueError` saying what was wrong and what would be right; whoever calls it knows the line.
"""

import ast
from math import inf

from .values import EXACT_MAX, INT32_MAX, Real, Truth, Value, Whole, join, shown

_REFUSED = {
    ast.Mod: "% differs for negative numbers: use `a - b * floor(a / b)` on floats, or & with a mask",
    ast.FloorDiv: "// differs from division and floor in the last bit: use floor(a / b)",
    ast.Pow: "** differs in the last bit: write x * x, or sqrt(x)",
    ast.MatMult: "@ is for matrices",
}
_BITS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)


def binary(operator: ast.operator, left: Value, right: Value, is_strict: bool = True) -> Value:
    """Return what `left operator right` is; whole numbers past 2^53 are refused only when strict."""
    if type(operator) in _REFUSED:
        raise ValueError(_REFUSED[type(operator)])
    for side in (left, right):
        if not isinstance(side, Whole | Real):
            hint = ": write `1 if flag else 0`" if isinstance(side, Truth) else ""
            raise ValueError(f"{shown(side)} cannot be calculated with{hint}")
    if isinstance(operator, _BITS):
        return _bits(operator, left, right)
    if isinstance(left, Real) or isinstance(right, Real) or isinstance(operator, ast.Div):
        return Real()
    assert isinstance(left, Whole)
    assert isinstance(right, Whole)
    result = _interval(operator, left, right)
    return _exact(result) if is_strict else result


def _interval(operator: ast.operator, left: Whole, right: Whole) -> Whole:
    if isinstance(operator, ast.Add):
        return Whole(left.low + right.low, left.high + right.high)
    if isinstance(operator, ast.Sub):
        return Whole(left.low - right.high, left.high - right.low)
    corners = [0 if 0 in (a, b) else a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return Whole(min(corners), max(corners))


def _exact(result: Whole) -> Whole:
    """Refuse a whole number that JavaScript might not hold."""
    if result.low >= -EXACT_MAX and result.high <= EXACT_MAX:
        return result
    raise ValueError(
        "this whole number may pass 2^53, where JavaScript holds not all of them: bound it with "
        "max(low, min(high, ...)), mask it with &, or calculate with floats"
    )


def _is_int32(value: Whole) -> bool:
    return value.low >= -INT32_MAX - 1 and value.high <= INT32_MAX


def _bits(operator: ast.operator, left: Value, right: Value) -> Whole:
    if not isinstance(left, Whole) or not isinstance(right, Whole):
        raise ValueError("bits are those of whole numbers: use floor() or int() first")
    if isinstance(operator, ast.BitAnd):
        # ToInt32 keeps the low 32 bits of any whole number, so one operand of at most 31 bits makes both agree
        masks = [side for side in (left, right) if side.low >= 0 and side.high <= INT32_MAX]
        if not masks:
            raise ValueError(
                "& needs a mask from 0 to 2^31 - 1 on one side: JavaScript's bits are 32, one of them the sign"
            )
        return Whole(0, min(mask.high for mask in masks))
    if not _is_int32(left):
        raise ValueError(
            "JavaScript's bits are 32, one of them the sign: bound the left side first, as in x & 0x7fffffff"
        )
    if isinstance(operator, ast.LShift | ast.RShift):
        return _shifted(operator, left, right)
    if not _is_int32(right):
        raise ValueError(
            "JavaScript's bits are 32, one of them the sign: bound the right side first, as in x & 0x7fffffff"
        )
    if left.low >= 0 and right.low >= 0:
        return Whole(0, (1 << max(int(left.high).bit_length(), int(right.high).bit_length())) - 1)
    return Whole(-INT32_MAX - 1, INT32_MAX)


def _shifted(operator: ast.operator, left: Whole, right: Whole) -> Whole:
    if right.low != right.high or not 0 <= right.low <= 31:
        raise ValueError("bits are shifted by a constant from 0 to 31")
    by = int(right.low)
    if isinstance(operator, ast.RShift):
        return Whole(int(left.low) >> by, int(left.high) >> by)
    result = Whole(int(left.low) << by, int(left.high) << by)
    if not _is_int32(result):
        raise ValueError("<< may pass 31 bits, where JavaScript's wrap round: mask the left side first, or multiply")
    return result


def unary(operator: ast.unaryop, value: Value) -> Value:
    """Return what an operator makes of one value."""
    if isinstance(operator, ast.Not):
        if not isinstance(value, Truth):
            raise ValueError(f"not needs a flag, and {shown(value)} is none: compare it, as in `x == 0`")
        return value
    if not isinstance(value, Whole | Real):
        raise ValueError(f"{shown(value)} cannot be calculated with")
    if isinstance(operator, ast.Invert):
        if not isinstance(value, Whole) or not _is_int32(value):
            raise ValueError("~ is for whole numbers of 31 bits: mask it first, as in x & 0x7fffffff")
        return Whole(-value.high - 1, -value.low - 1)
    if isinstance(operator, ast.USub) and isinstance(value, Whole):
        return Whole(-value.high, -value.low)
    return value


def compare(operator: ast.cmpop, left: Value, right: Value) -> None:
    """Refuse a comparison that is not of two numbers, or of two flags for equality."""
    if isinstance(operator, ast.In | ast.NotIn | ast.Is | ast.IsNot):
        raise ValueError("in and is compare objects: use ==, or a for over the tuple")
    both_flags = isinstance(left, Truth) and isinstance(right, Truth) and isinstance(operator, ast.Eq | ast.NotEq)
    both_numbers = isinstance(left, Whole | Real) and isinstance(right, Whole | Real)
    if not both_flags and not both_numbers:
        raise ValueError(f"{shown(left)} and {shown(right)} cannot be compared: compare numbers with numbers")


def builtin(name: str, arguments: list[Value]) -> Value:
    """Return what a call of one of Python's functions gives."""
    numbers = [argument for argument in arguments if isinstance(argument, Whole | Real)]
    if len(numbers) != len(arguments) or not numbers:
        raise ValueError(f"{name}() takes numbers")
    first = numbers[0]
    if name in ("min", "max"):
        return _extreme(name, numbers)
    if len(numbers) != 1:
        raise ValueError(f"{name}() takes one number")
    if name in ("sqrt", "float"):
        return Real()
    if name == "abs":
        if isinstance(first, Real):
            return first
        least = 0 if first.low <= 0 <= first.high else min(abs(first.low), abs(first.high))
        return Whole(least, max(abs(first.low), abs(first.high)))
    # floor, ceil, int: a double's whole part is a double again, so both agree, but how large it is nobody knows
    return first if isinstance(first, Whole) else Whole(-inf, inf)


def _extreme(name: str, numbers: list[Whole | Real]) -> Value:
    if len(numbers) < 2:
        raise ValueError(f"{name}() takes two numbers or more")
    choose = min if name == "min" else max
    kind: Value | None = numbers[0]
    for number in numbers[1:]:
        kind = join(kind, number) if kind is not None else None
    if kind is None:
        raise ValueError(f"{name}() of int and float gives now the one, now the other: write 0.0 for 0, or float(x)")
    if isinstance(kind, Real):
        return kind
    wholes = [number for number in numbers if isinstance(number, Whole)]
    return Whole(choose(number.low for number in wholes), choose(number.high for number in wholes))


#: what Python and its math module offer -> JavaScript
CALLS = {
    "abs": "Math.abs", "ceil": "Math.ceil", "float": "", "floor": "Math.floor", "int": "Math.trunc", "max": "max",
    "min": "min", "sqrt": "Math.sqrt",
}  # fmt: skip
BUILTINS = frozenset(("abs", "float", "int", "max", "min"))
FROM_MATH = frozenset(("ceil", "floor", "sqrt"))
#: what is refused by name -> what would be right
INSTEAD = {
    "acos": "its last bit differs between languages",
    "asin": "its last bit differs between languages",
    "atan": "its last bit differs between languages",
    "atan2": "its last bit differs between languages: keep a direction as (x, y)",
    "bool": "compare: `x != 0`",
    "cos": "its last bit differs between languages: use sin_cos of game_server.game",
    "divmod": "use floor(a / b)",
    "enumerate": "count in a variable of its own",
    "exp": "its last bit differs between languages: multiply by a constant each step",
    "fmod": "use `a - b * floor(a / b)` on floats",
    "hypot": "its last bit differs between languages: use sqrt(x * x + y * y)",
    "isinstance": "annotations say what a value is",
    "len": "the length of a tuple is known: write it",
    "log": "its last bit differs between languages",
    "pow": "write x * x, or sqrt(x)",
    "print": "a rule only computes",
    "round": "Python rounds halves to even: use floor(x + 0.5)",
    "sin": "its last bit differs between languages: use sin_cos of game_server.game",
    "sum": "use a for over the tuple",
    "tan": "its last bit differs between languages: use sin_cos of game_server.game",
    "zip": "put the items into one tuple",
}
