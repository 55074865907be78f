"""The report as one page with charts over time: a file to send to somebody, which asks nobody for anything.

Made from the report's JSON alone. Style and script are those in `page.css` and `page.js` beside this file, written into
the page; a policy in its head forbids any request. Knows HTML; knows nothing of how things were measured.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .chart import Chart, Series, render
from .report import Report, bytes_words, hint, sides, times, totals, warning

FOLDER = Path(__file__).resolve().parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

VERDICTS = {
    0: ("good", "passed"),
    1: ("bad", "error"),
    99: ("bad", "thresholds failed"),
    105: ("warn", "aborted"),
}


def make_page(report: Report) -> str:
    """Return the page."""
    asked = report["options"]
    title = f"Load test: {asked['game']}"
    css = (FOLDER / "page.css").read_text(encoding="utf-8")
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    body = "".join(
        part(report) for part in (_head, _tiles, _search, _thresholds, _charts, _latencies, _counts, _details)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    kind, words = VERDICTS[report["exit_code"]]
    asked = report["options"]
    what = f"new clients a second: {asked['stages']}" if asked["arrivals"] else f"clients: {asked['stages']}"
    scenario = f", scenario <b>{escape(asked['scenario'])}</b>" if asked["scenario"] else ""
    return (
        f'<header><h1>Load test of <b>{escape(asked["game"])}</b></h1><p class="verdict {kind}">{words}</p>'
        f"<p>{escape(asked['url'])}{scenario} · {what} · measured for {report['measured_s']:.1f} s</p></header>"
    )


def _tiles(report: Report) -> str:
    named = report["figures"]
    tiles = [
        ("players at most", f"{named['connected']:.0f}", f"of {named['clients']:.0f} wanted"),
        ("input to ack, p99", f"{named['ack_p99']:.0f} ms", f"p50 {named['ack_p50']:.0f} ms"),
        ("frames in time", f"{named['frames_share']:.1%}", f"{named['frames_per_s']:.1f} a second a client"),
        ("traffic to clients", f"{bytes_words(named['bytes_in_per_s'])}/s", f"{named['bytes_per_frame']:.0f} a frame"),
        ("errors and closes", f"{named['errors'] + named['closes']:.0f}", "from the first moment on"),
    ]
    if "server_cpu" in named:
        tick = f"tick p99 {named['server_tick_p99']:.1f} ms" if "server_tick_p99" in named else ""
        tiles.append(("server CPU", f"{named['server_cpu']:.0%}", tick))
    words = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(more)}</dd></div>"
        for name, value, more in tiles
    )
    alert = warning(report)
    return f'<dl class="tiles">{words}</dl>' + (f'<p class="alert">{escape(alert)}</p>' if alert else "")


def _search(report: Report) -> str:
    """Return the table of a search for the limit."""
    if "search" not in report:
        return ""
    rows = [
        [f"{step['clients']}", "held" if step["held"] else "broke", "; ".join(step["failed"]) or "–"]
        for step in report["search"]["steps"]
    ]
    words = escape(report["search"]["words"])
    return f"<section><h2>The limit</h2><p>{words}</p>{_table(['clients', '', 'what failed'], rows, 'words')}</section>"


def _thresholds(report: Report) -> str:
    if not report["thresholds"]:
        return ""
    items = "".join(_threshold(item) for item in report["thresholds"])
    return f'<section><h2>Thresholds</h2><ul class="thresholds">{items}</ul></section>'


def _threshold(item: Mapping[str, Any]) -> str:
    kind, verdict = ("good", "pass") if item["passed"] else ("bad", "FAIL")
    measured = "not measured" if item["measured"] is None else f"measured {item['measured']:.4g}"
    return f'<li class="{kind}"><b>{verdict}</b> <code>{escape(item["threshold"])}</code> {measured}</li>'


def _charts(report: Report) -> str:
    points, server = report["timeline"], report["server_timeline"]
    times_s = [point["end_s"] for point in points]
    server_s = [point["at_s"] for point in server]
    end_s = max((*times_s, *server_s), default=1.0)
    warm_up_s = 0.0 if "search" in report else report["options"]["measured_from_s"]

    def chart(title: str, unit: str, rows: Sequence[Any], seconds: list[float], *lines: tuple[str, _Read]) -> str:
        series = [Series(name, [read(row) for row in rows]) for name, read in lines]
        drawn = Chart(title, unit, seconds, series, warm_up_s, end_s)
        return render(drawn) if drawn.has_data else ""

    def percentiles(name: str, *percents: int) -> list[tuple[str, _Read]]:
        return [(f"p{percent}", _reader(f"{name}_p{percent}")) for percent in percents]

    drawn = [
        chart("Players", "", points, times_s, ("there", _reader("players")), ("wanted", _reader("wanted"))),
        chart("Input to ack", "ms", points, times_s, *percentiles("ack", 50, 95, 99)),
        chart("Snapshot age", "ms", points, times_s, *percentiles("age", 50, 95, 99)),
        chart("Frames", "a second, all clients", points, times_s, ("received", _reader("frames_total_per_s"))),
        chart(
            "Traffic", "kB/s", points, times_s,
            ("to clients", _reader("bytes_in_per_s", 1e-3)), ("to the server", _reader("bytes_out_per_s", 1e-3)),
        ),
        chart("Errors", "a second", points, times_s, ("errors", _reader("errors")), ("closes", _reader("closes"))),
        chart(
            "Server: time of a tick", "ms", server, server_s,
            ("mean", _reader("tick_mean_ms")), ("p99", _reader("tick_p99_ms")), ("late", _reader("lateness_p99_ms")),
        ),
        chart("Server: CPU", "% of a core", server, server_s, ("server", _reader("cpu", 100))),
        chart("Server: memory", "MB", server, server_s, ("resident", _reader("memory_bytes", 1e-6))),
        chart("Generator: CPU", "% of a core", points, times_s, ("each process", _reader("generator_cpu", 100))),
        chart("Generator: late timers", "ms", points, times_s, *percentiles("lag", 50, 99)),
    ]  # fmt: skip
    return f'<section><h2>Over time</h2><div class="charts">{"".join(drawn)}</div></section>'


_Read = Callable[[Any], float | None]


def _reader(name: str, factor: float = 1.0) -> _Read:
    def read(row: Any) -> float | None:
        value: float | None = row[name]
        return None if value is None else value * factor

    return read


def _latencies(report: Report) -> str:
    rows = [[words, *(f"{value:.1f}" for value in values)] for words, values in times(report["figures"])]
    return f"<section><h2>Latencies</h2>{_table(['ms', 'mean', 'p50', 'p95', 'p99', 'max'], rows)}</section>"


def _counts(report: Report) -> str:
    rows = [[kind, f"{number}"] for counts in ("errors", "closes") for kind, number in report[counts].items()]
    if not rows:
        return ""
    words = hint(report)
    more = f'<p class="alert">{escape(words)}</p>' if words else ""
    return f"<section><h2>Errors and closes by kind</h2>{_table(['kind', 'number'], rows)}{more}</section>"


def _details(report: Report) -> str:
    rows = [[name, words] for name, words in totals(report)]
    lines = "".join(f"<p>{escape(line)}</p>" for line in sides(report))
    return f"<section><h2>In words</h2>{_table(None, rows, 'words')}{lines}</section>"


def _table(headings: list[str] | None, rows: Sequence[Sequence[str]], kind: str = "numbers") -> str:
    cells = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings or ())
    head = f"<tr>{cells}</tr>" if headings else ""
    body = "".join(_row(row) for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _row(row: Sequence[str]) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>'
