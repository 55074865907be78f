"""Declarations: what of an entity, a room or an input reaches the wire, and who may see it.

A field is declared once, beside the attribute (`x: float = fixed(0, 4096, step=1/16)`). The declaration is an
ordinary attrs field whose metadata holds a `Wire`: the kind, who sees it, whether its owner predicts it. Ranges and
defaults are checked here, when the class is made, so that a mistake shows at start and not in the middle of a match.

Knows nothing of entities, worlds, messages or sockets.
"""

import builtins
import inspect
import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import attrs

from ..errors import DefinitionError
from .kinds import Angle, Fixed, Flag, Float32, Integer, Json, Kind, List, Map, Text

METADATA_KEY = "game_server.wire"


@attrs.frozen
class Wire:
    """What a declaration says: the kind, who may see it ("all" or "owner"), whether its owner predicts it."""

    kind: Kind
    to: str
    predict: bool


def _declare(kind: Kind, default: Any, to: str, predict: bool) -> Any:
    if to not in ("all", "owner"):
        raise DefinitionError(f"to must be 'all' or 'owner', not {to!r}")
    wire = Wire(kind=kind, to=to, predict=predict)
    if isinstance(default, list | dict):
        return attrs.field(factory=partial(deepcopy, default), metadata={METADATA_KEY: wire})
    return attrs.field(default=default, metadata={METADATA_KEY: wire})


def _integer(name: str, code: str, low: int, high: int, least: int | None, most: int | None) -> Integer:
    least, most = low if least is None else least, high if most is None else most
    if not low <= least <= most <= high:
        raise DefinitionError(f"{name} holds {low} to {high}; a range of {least} to {most} does not fit into it")
    return Integer(default=min(max(0, least), most), name=name, code=code, min=least, max=most)


def _integer_declarer(name: str, code: str, low: int, high: int) -> Callable[..., Any]:
    def declare(
        *,
        min: int | None = None,
        max: int | None = None,
        default: int | None = None,
        to: str = "all",
        predict: bool = False,
    ) -> Any:
        kind = _integer(name, code, low, high, min, max)
        return _finish(kind, default, to, predict)

    declare.__name__ = declare.__qualname__ = name
    declare.__doc__ = f"Declare a whole number from {low} to {high}; `min` and `max` narrow it."
    return declare


def _finish(kind: Kind, default: Any, to: str, predict: bool) -> Any:
    if default is None:
        return _declare(kind, kind.dequantise(kind.default), to, predict)
    return _declare(_with_default(kind, default), default, to, predict)


def _with_default(kind: Kind, default: Any) -> Kind:
    try:
        return attrs.evolve(kind, default=kind.quantise(default))
    except ValueError as error:
        raise DefinitionError(f"the default of a {kind.name} field {error}") from error


uint8 = _integer_declarer("uint8", "B", 0, 2**8 - 1)
uint16 = _integer_declarer("uint16", "H", 0, 2**16 - 1)
uint32 = _integer_declarer("uint32", "I", 0, 2**32 - 1)
int8 = _integer_declarer("int8", "b", -(2**7), 2**7 - 1)
int16 = _integer_declarer("int16", "h", -(2**15), 2**15 - 1)
int32 = _integer_declarer("int32", "i", -(2**31), 2**31 - 1)


def flag(*, default: bool = False, to: str = "all", predict: bool = False) -> Any:
    """Declare true or false."""
    return _declare(Flag(default=int(default)), default, to, predict)


def float32(*, default: float | None = None, to: str = "all", predict: bool = False) -> Any:
    """Declare a number of single precision: 4 bytes, any size."""
    return _finish(Float32(default=0), default, to, predict)


def fixed(
    min: float, max: float, *, step: float, default: float | None = None, to: str = "all", predict: bool = False
) -> Any:
    """Declare a number from `min` to under `max` on a grid of `step`; 1, 2 or 4 bytes as the range needs.

    1 / step must be a whole number or a power of two, so that every language rounds alike.
    """
    if not -math.inf < min < max < math.inf or not 0 < step < math.inf:
        raise DefinitionError(f"fixed({min}, {max}, step={step}) needs finite numbers, min < max and step > 0")
    inverse = 1 / step
    if inverse >= 1:
        inverse = float(round(inverse))
        if abs(inverse * step - 1) > 1e-9:
            raise DefinitionError(f"fixed: 1 / step must be a whole number, not {1 / step}")
    elif math.frexp(step)[0] != 0.5:
        raise DefinitionError(f"fixed: a step over 1 must be a power of two, not {step}")
    count = math.ceil((max - min) * inverse)
    if count > 2**32:
        raise DefinitionError(f"fixed({min}, {max}, step={step}) needs {count} values; at most 2^32 fit")
    if builtins.max(abs(min), abs(max)) * inverse > 2**52:
        raise DefinitionError(f"fixed({min}, {max}, step={step}): so far from 0, a double has no such small steps")
    code = "B" if count <= 2**8 else "H" if count <= 2**16 else "I"
    kind = Fixed(default=0, min=float(min), max=float(max), step=step, inverse=inverse, count=count, code=code)
    if min < 0 < max:
        kind = attrs.evolve(kind, default=kind.clamp(0))
    return _finish(kind, default, to, predict)


def angle(*, bytes: int = 2, default: float | None = None, to: str = "all", predict: bool = False) -> Any:
    """Declare an angle in radians that wraps, in 1 or 2 bytes."""
    if bytes not in (1, 2):
        raise DefinitionError(f"an angle takes 1 or 2 bytes, not {bytes}")
    count = 256**bytes
    kind = Angle(
        default=0, code="B" if bytes == 1 else "H", step=math.tau / count, inverse=count / math.tau, bit_mask=count - 1
    )
    return _finish(kind, default, to, predict)


def text(len_max: int, *, default: str = "", to: str = "all") -> Any:
    """Declare text of at most `len_max` code points."""
    return _finish(Text(default="", len_max=len_max), default, to, False)


def list_of(of: Any, *, len_max: int = 255, to: str = "all") -> Any:
    """Declare a list of at most `len_max` values, e.g. `list_of(uint8(max=51))`."""
    return _declare(List(default=(), of=kind_of(of), len_max=len_max), [], to, False)


def map_of(of: Any, *, len_max: int = 255, to: str = "all") -> Any:
    """Declare text keys to values, e.g. `map_of(uint16())`."""
    return _declare(Map(default=(), of=kind_of(of), len_max=len_max), {}, to, False)


def json_value(*, bytes_max: int = 4096, default: Any = None, to: str = "all") -> Any:
    """Declare any JSON value; dearer than the other kinds."""
    kind = Json(default="null", bytes_max=bytes_max)
    return _declare(_with_default(kind, default), default, to, False)


def kind_of(declaration: Any) -> Kind:
    """Return the kind inside a declaration."""
    wire = declaration.metadata.get(METADATA_KEY) if hasattr(declaration, "metadata") else None
    if wire is None:
        raise DefinitionError(f"expected a field declaration such as uint8(), not {declaration!r}")
    kind: Kind = wire.kind
    return kind


def check_annotated(cls: type) -> None:
    """Refuse a field that is not called, or has no annotation: attrs would then take none of the annotated ones."""
    for name, value in vars(cls).items():
        if inspect.isfunction(value) and value.__module__ == __name__:
            raise DefinitionError(f"{cls.__name__}.{name}: call it, `{value.__name__}(...)`, to declare a field")
        if METADATA_KEY in getattr(value, "metadata", ()) and name not in inspect.get_annotations(cls):
            raise DefinitionError(f"{cls.__name__}.{name} needs an annotation: `{name}: type = ...`")
