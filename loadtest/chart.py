"""Line charts over time as inline SVG: text in, text out.

Why not a library: the page must be one file that asks nobody for anything, and what there is on PyPI either loads its
script from elsewhere, weighs megabytes, or brings a scientific stack. A few lines over seconds need axes with round
numbers, gaps where nothing was measured, and a shade over the warm-up.

Knows SVG; knows nothing of what is drawn.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import attrs
import ujson

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 8, 24
LINES_Y, LINES_X = 4, 7


@attrs.frozen
class Series:
    """One line: its name, and a value for each time; None: a gap."""

    name: str
    values: Sequence[float | None]


@attrs.frozen
class Chart:
    """Lines over the same times."""

    title: str
    unit: str
    times_s: Sequence[float]
    series: Sequence[Series]
    #: shaded until here
    warm_up_s: float = 0.0
    #: last moment of the axis, so that all charts of a page show the same time
    end_s: float = 0.0

    @property
    def has_data(self) -> bool:
        return any(value is not None for line in self.series for value in line.values)


def render(chart: Chart) -> str:
    """Return a chart as an HTML figure with its legend; what is there for the page's script stands in `data-` keys."""
    end_s = max(chart.end_s, *chart.times_s, 1.0)
    top = _ceiling([value for line in chart.series for value in line.values if value is not None])
    legend = "".join(
        f'<li class="line{place}"><span>{escape(line.name)}</span> <output>{_shown(_last(line.values))}</output></li>'
        for place, line in enumerate(chart.series)
    )
    data: dict[str, list[Any]] = {
        "x": [round(_x(seconds, end_s), 1) for seconds in chart.times_s],
        "seconds": list(chart.times_s),
    }
    data["values"] = [[_shown(value) for value in line.values] for line in chart.series]
    # The first line last, so that it lies on top.
    lines = "".join(
        _line(line, place, chart.times_s, end_s, top) for place, line in reversed(list(enumerate(chart.series)))
    )
    label = f"{chart.title}: {'; '.join(_in_words(line, chart.unit) for line in chart.series)}"
    return (
        f'<figure class="chart" data-chart="{escape(ujson.dumps(data))}">'
        f"<figcaption><h3>{escape(chart.title)} <small>{escape(chart.unit)}</small></h3><ul>{legend}</ul></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{_warm_up(chart.warm_up_s, end_s)}{_grid(top, end_s)}"
        f"{lines}"
        f'<line class="cross" y1="{TOP}" y2="{HEIGHT - BOTTOM}" x1="-9" x2="-9"/></svg></figure>'
    )


def _x(seconds: float, end_s: float) -> float:
    return LEFT + seconds / end_s * (WIDTH - LEFT - RIGHT)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - min(max(value, 0.0) / top, 1.0) * (HEIGHT - TOP - BOTTOM)


def _line(line: Series, place: int, times_s: Sequence[float], end_s: float, top: float) -> str:
    """Return one line's path; a value between two gaps is a dot."""
    steps, pen = [], "M"
    for seconds, value in zip(times_s, line.values, strict=True):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{_x(seconds, end_s):.1f} {_y(value, top):.1f}")
        if pen == "M":
            steps.append("h0.1")
        pen = "L"
    return f'<path class="line{place}" d="{"".join(steps)}"/>'


def _grid(top: float, end_s: float) -> str:
    parts = []
    for value in _ticks(top, LINES_Y):
        y = _y(value, top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_shown(value)}</text>')
    for seconds in _ticks(end_s, LINES_X):
        x = _x(seconds, end_s)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{seconds:g} s</text>')
    return "".join(parts)


def _warm_up(seconds: float, end_s: float) -> str:
    if seconds <= 0:
        return ""
    width, height = _x(seconds, end_s) - LEFT, HEIGHT - TOP - BOTTOM
    return (
        f'<rect class="warm-up" x="{LEFT}" y="{TOP}" width="{width:.1f}" height="{height}"><title>warm-up, not part of '
        "the totals</title></rect>"
    )


def _step(top: float, count: int) -> float:
    """Return the round step (1, 2 or 5 times a power of ten) that cuts 0 to `top` into at most `count` parts."""
    raw = top / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def _ceiling(values: Sequence[float]) -> float:
    """Return the upper end of an axis for these values: a round number."""
    top = max(values, default=0.0)
    if top <= 0:
        return 1.0
    step = _step(top, LINES_Y)
    return math.ceil(top / step - 1e-9) * step


def _ticks(top: float, count: int) -> list[float]:
    step = _step(top, count)
    return [step * number for number in range(int(top / step + 1e-9) + 1)]


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _last(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _in_words(line: Series, unit: str) -> str:
    values = [value for value in line.values if value is not None]
    if not values:
        return f"{line.name} not measured"
    return f"{line.name} {_shown(min(values))} to {_shown(max(values))} {unit}"
