"""Draw the results as one self-contained HTML page of SVG bars: no script, no font, no picture from elsewhere.

Bars start at zero. The thin line on a bar spans the lowest and highest run. A pale bar belongs to a server that
did not keep up.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from attrs import field, frozen

from tests.bench.comparison import OURS, Summary
from tests.bench.search import held_text

LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, ROW_HEIGHT, BAR_HEIGHT = 240, 400, 190, 26, 16

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #67717f; --page: #fbfbfa; --other: #a9b4c2; --ours: #d9480f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #98a2b0; --page: #15181d; --other: #4d5866; --ours: #ff8a4c; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); }
body { max-width: 820px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .2rem; }
p, li { color: var(--soft); margin: .2rem 0; }
svg { width: 100%; height: auto; }
text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.other { fill: var(--other); }
.ours { fill: var(--ours); }
.spread { stroke: var(--ink); stroke-width: 1.5; }
.behind { opacity: .45; }
"""


@frozen
class Bar:
    """One bar: label, value, what stands behind it, and the spread of the runs."""

    label: str
    value: float
    text: str
    ours: bool = False
    behind: bool = False  # did not keep up
    spread: tuple[float, float] | None = None


@frozen
class Panel:
    """One set of bars over one scale."""

    title: str
    note: str
    bars: list[Bar] = field(factory=list)


def draw_panel(panel: Panel) -> str:
    """Return a panel as HTML."""
    width, height = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, ROW_HEIGHT * len(panel.bars) + 4
    largest = max([bar.value for bar in panel.bars] + [bar.spread[1] for bar in panel.bars if bar.spread] + [1e-9])
    parts = []
    for index, bar in enumerate(panel.bars):
        top = index * ROW_HEIGHT + 4
        middle, length = top + BAR_HEIGHT / 2, bar.value / largest * BAR_WIDTH
        kind = ("ours" if bar.ours else "other") + (" behind" if bar.behind else "")
        parts.append(f'<text x="{LABEL_WIDTH - 8}" y="{middle + 4.5:.1f}" text-anchor="end">{escape(bar.label)}</text>')
        parts.append(
            f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{top}" width="{length:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        )
        end = length
        if bar.spread and bar.spread[1] > bar.spread[0]:
            low, high = (LABEL_WIDTH + edge / largest * BAR_WIDTH for edge in bar.spread)
            parts.append(f'<line class="spread" x1="{low:.1f}" y1="{middle:.1f}" x2="{high:.1f}" y2="{middle:.1f}"/>')
            end = max(end, high - LABEL_WIDTH)
        parts.append(f'<text x="{LABEL_WIDTH + end + 8:.1f}" y="{middle + 4.5:.1f}">{escape(bar.text)}</text>')
    picture = (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(panel.title)}">{"".join(parts)}</svg>'
    )
    return f"<h2>{escape(panel.title)}</h2><p>{escape(panel.note)}</p>{picture}"


def summary_panel(
    title: str, note: str, summaries: Sequence[Summary], titles: dict[str, str], measure: str, unit: float = 1
) -> Panel:
    """Make a panel of one measure of one workload, smallest first, those that did not keep up last."""
    bars = []
    for summary in sorted(summaries, key=lambda each: (not each.keeps_up, each.medians.get(measure, 0))):
        if not summary.medians:
            continue
        value, ratio = summary.medians[measure] / unit, summary.ratios.get(measure)
        text = f"{value:,.1f}" + (f" · {ratio:.2f} x" if ratio and summary.peer != OURS else "")
        bars.append(
            Bar(
                titles.get(summary.peer, summary.peer),
                value,
                text + ("" if summary.keeps_up else " · behind"),
                ours=summary.peer.startswith(OURS),
                behind=not summary.keeps_up,
                spread=(summary.lowest[measure] / unit, summary.highest[measure] / unit),
            )
        )
    return Panel(title, note, bars)


def held_panel(held: dict[str, dict[str, Any]], titles: dict[str, str]) -> Panel:
    """Make the panel of the most clients held, largest first."""
    bars = [
        Bar(titles.get(peer, peer), outcome["clients"], held_text(outcome), ours=peer.startswith(OURS))
        for peer, outcome in sorted(held.items(), key=lambda item: -item[1]["clients"])
    ]
    return Panel(
        "Most clients held on one core", "Rooms of 10; 99 of 100 clients get 19 of 20 frames. Longer is better.", bars
    )


def sizes_panel(sizes: dict[str, dict[int, int]], players: int) -> Panel:
    """Make the panel of message sizes at one number of players."""
    rows = sorted(((row[players], name) for name, row in sizes.items() if players in row))
    bars = [Bar(name, size, f"{size:,}", ours=name.startswith(OURS)) for size, name in rows]
    return Panel(f"Bytes of a state message, {players} players", "Everyone moved. Shorter is better.", bars)


def encode_panel(encode: dict[str, dict[str, Any]]) -> Panel:
    """Make the panel of the time from mutation to bytes."""
    rows = sorted((value["us"], side, name) for side, variants in encode.items() for name, value in variants.items())
    bars = [Bar(f"{side}: {name}", us, f"{us:,.0f}", ours=side == OURS) for us, side, name in rows]
    return Panel(
        "From mutation to bytes, 5,000 entities", "Microseconds; 3 fields of each changed. Shorter is better.", bars
    )


def draw_page(panels: Sequence[Panel], facts: Sequence[str]) -> str:
    """Return the whole page."""
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    drawn = "".join(draw_panel(panel) for panel in panels if panel.bars)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Side by side</title><style>{STYLE}</style><h1>Side by side</h1>"
        f"<p>One run, one machine, each server alone on one core. A thin line spans the lowest and the highest run; "
        f"a pale bar belongs to a server that did not keep up.</p>{drawn}<h2>Measured</h2><ul>{listed}</ul></html>\n"
    )
