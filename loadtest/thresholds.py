"""Thresholds: `ack_p99<100` says that a figure of the run must be so, or the exit code is 99.

Knows the names of the figures; knows nothing of how they come about.
"""

import operator
import re
from collections.abc import Callable

import attrs

from .server_watch import SERVER_FIGURES
from .stats import FIGURES, Figures

#: what a threshold may be on
NAMES = (*FIGURES, *SERVER_FIGURES)

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FORM = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*([0-9.]+)\s*")


@attrs.frozen
class Threshold:
    """What a figure must be."""

    name: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """Return what a text such as `ack_p99<100` says; raise ValueError that tells what would be right."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"threshold {text!r} is not of the form ack_p99<100, with <, <=, > or >=")
        name, comparison, bound = found.groups()
        if name not in NAMES:
            raise ValueError(f"threshold on {name!r}, which is none of {', '.join(NAMES)}")
        try:
            return cls(name, comparison, float(bound))
        except ValueError:
            raise ValueError(f"threshold {text!r}: {bound} is not a number") from None

    def is_met(self, figures: Figures) -> bool:
        """Return whether the figure is as it must be; one that was not measured is not."""
        return self.name in figures and _OPERATORS[self.comparison](figures[self.name], self.bound)

    def __str__(self) -> str:
        return f"{self.name} {self.comparison} {self.bound:g}"
