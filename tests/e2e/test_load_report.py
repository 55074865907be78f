"""The load test's page, opened as a file in a real browser."""

import json
from pathlib import Path

from playwright.sync_api import Page

from game_server.errors import CloseCode
from loadtest.__main__ import ExitCode
from loadtest.options import parse_options
from loadtest.page import make_page
from loadtest.report import make_report
from loadtest.run import Result
from loadtest.server_watch import Reading, ServerWatch
from loadtest.stats import Samples, Slice, Stats

METRICS = """\
process_cpu_seconds_total {cpu}
process_resident_memory_bytes 5e+07
game_server_tick_duration_seconds_bucket{{game="swarm",le="0.001"}} {ticks}
game_server_tick_duration_seconds_bucket{{game="swarm",le="+Inf"}} {ticks}
game_server_tick_lateness_seconds_bucket{{game="swarm",le="0.001"}} 0
game_server_tick_lateness_seconds_bucket{{game="swarm",le="0.01"}} {ticks}
game_server_tick_lateness_seconds_bucket{{game="swarm",le="+Inf"}} {ticks}
game_server_tick_duration_seconds_count{{game="swarm"}} {ticks}
game_server_tick_duration_seconds_sum{{game="swarm"}} {cpu}
"""


def page_of_a_run(folder: Path) -> Path:
    """Write the page of a made-up run of ten seconds, and of figures that would be markup if they were not escaped."""
    stats, server = Stats(clients=50), ServerWatch(None)
    server.origin_s = 100.0
    for second in range(10):
        part = Slice(second, second + 1.0, is_measured=second > 2, players=5 * second, wanted=50, rooms={"a"})
        part.samples = Samples(frames=100 * second, client_s=5.0 * second, wall_s=1.0, cpu_s=0.2, wire_bytes_in=4000)
        for value in range(1, 100):
            part.samples.ack.record(value / 1000 * (second + 1))
        part.closes[f"{CloseCode.TOO_SLOW} <img src=x onerror=alert(1)>"] += second % 2
        stats.add(part)
        server.readings.append(Reading.parse(100.0 + second, METRICS.format(cpu=second * 0.3, ticks=second * 20)))
    options = parse_options(["--game", "swarm", "--warmup", "3", "--threshold", "ack_p99<1", "--clients", "50"])
    page = folder / "report.html"
    page.write_text(make_page(make_report(Result(options, stats, server), ExitCode.THRESHOLD)), encoding="utf-8")
    return page


def test_the_page_shows_charts_and_asks_nobody(page: Page, tmp_path: Path) -> None:
    """Opened from a disk, every chart has a line with data, nothing is requested, and the console stays silent."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    file = page_of_a_run(tmp_path)

    page.goto(file.as_uri())

    assert [file.as_uri()] == requests
    assert "thresholds failed" == page.locator(".verdict").text_content()
    titles = page.locator("figure h3").all_text_contents()
    for words in ("Players", "Input to ack", "Frames", "Traffic", "Errors", "Server: time of a tick", "Server: CPU"):
        assert any(title.startswith(words) for title in titles), titles
    widths = page.locator("figure path").evaluate_all("(paths) => paths.map((path) => path.getBBox().width)")
    assert all(width > 100 for width in widths)


def test_the_pointer_reads_all_charts_at_one_moment(page: Page, tmp_path: Path) -> None:
    """Over the fifth second of one chart, every legend tells the fifth second's value, and afterwards the last."""
    page.goto(page_of_a_run(tmp_path).as_uri())
    chart = page.locator("figure").filter(has_text="Input to ack")
    data = json.loads(chart.get_attribute("data-chart") or "")
    players = page.locator("figure").filter(has_text="Players").locator("output").first
    assert "45" == players.text_content()
    box = chart.locator("svg").bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + data["x"][4] / 520 * box["width"], box["y"] + box["height"] / 2)

    assert "20" == players.text_content()
    page.mouse.move(0, 0)
    assert "45" == players.text_content()


def test_text_from_the_server_stays_text(page: Page, tmp_path: Path) -> None:
    """A reason that looks like markup is shown as it is."""
    page.goto(page_of_a_run(tmp_path).as_uri())

    assert 0 == page.locator("img").count()
    assert page.get_by_text("<img src=x onerror=alert(1)>").is_visible()


def test_it_fits_a_phone(page: Page, tmp_path: Path) -> None:
    """On a narrow screen nothing sticks out to the side."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(page_of_a_run(tmp_path).as_uri())

    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
