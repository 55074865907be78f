"""The files of docs/deploy: they parse, and ask for nothing that the server does not have."""

import configparser
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import attrs
import promql_parser
import pytest
import yaml

from game_server.__main__ import _read_settings
from game_server.settings import Settings
from game_server.web.metrics import COUNTERS, make_registry
from tests.server_process import ROOT
from tests.web.admin_site import Site, receive

DEPLOY = ROOT / "docs" / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboard.json"
#: what Prometheus itself adds to each target
OF_PROMETHEUS = {"up"}
OF_TARGETS = {"instance", "job"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> list[str]:
    """Return the queries of the dashboard, with Grafana's own variables put in."""
    targets = [target for panel in panels() for target in panel.get("targets", [])]
    return [target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*") for target in targets]


def selectors(expression: Any) -> Iterator[Any]:
    """Yield the parts of a parsed query that name a metric."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        part = getattr(expression, name, None)
        if part is not None:
            yield from selectors(part)
    for part in getattr(expression, "args", None) or []:
        yield from selectors(part)


async def exported_by(site: Site) -> dict[str, set[str]]:
    """Return the names of all samples that a server may export once somebody played, with the labels of each."""
    player, _ = await site.play("Ann")
    await receive(player, "delta")
    found: dict[str, set[str]] = {}
    for family in make_registry(site.hub).collect():
        labels = set(getattr(family, "_labelnames", ())) | {
            label for sample in family.samples for label in sample.labels
        }
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        found |= {family.name + ending: labels | {"le"} if ending == "_bucket" else labels for ending in endings}
    return found


@pytest.mark.gen_test
async def test_dashboard_and_alerts_ask_for_what_there_is(site: Site) -> None:
    """Every query parses, and names metrics and labels that the server exports."""
    exported = await exported_by(site)
    asked = [*queries(), *(rule["expr"] for rule in rules())]
    parts = [part for text in asked for part in selectors(promql_parser.parse(text))]
    unknown = {part.name for part in parts} - exported.keys() - OF_PROMETHEUS
    labels = {
        (part.name, matcher.name)
        for part in parts
        for matcher in part.matchers.matchers
        if matcher.name not in exported.get(part.name, set()) | OF_TARGETS
    }

    assert len(parts) >= len(asked) > 40
    assert set() == unknown
    assert set() == labels


def test_the_finder_of_names_finds_them() -> None:
    """A metric that does not exist would be found out, wherever it stands in a query."""
    text = "sum by (a) (rate(one[5m])) / on (a) group_left () histogram_quantile(0.9, two) > (three or -four{b='c'})"

    assert ["one", "two", "three", "four"] == [part.name for part in selectors(promql_parser.parse(text))]


def test_grouped_labels_exist_too() -> None:
    """What queries group by are labels of Prometheus or of ours."""
    known = {"le", "game", "phase", "reason", "limit", "outcome"} | OF_TARGETS
    grouped = re.findall(
        r"(?:by|on|ignoring) \(([^)]*)\)", "\n".join([*queries(), *(rule["expr"] for rule in rules())])
    )

    assert {label.strip() for group in grouped for label in group.split(",")} <= known


def test_alerts_are_whole() -> None:
    """Each has a name of its own, a severity, and says what it means and what to do."""
    names = [rule["alert"] for rule in rules()]

    assert len(names) == len(set(names)) >= 10
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert {"summary", "description"} == rule["annotations"].keys(), rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s")), rule["alert"]


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    """Panels have ids of their own, places that do not overlap, and targets with a data source chosen on the page."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    places: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & places, panel["title"]
        assert grid["x"] + grid["w"] <= 24, panel["title"]
        places |= cells
        targets = panel.get("targets", [])
        assert len(targets) == len({target["refId"] for target in targets}), panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in targets), panel["title"]

    assert len(dashboard["panels"]) == len({panel["id"] for panel in dashboard["panels"]})
    assert ["datasource", "instance"] == [variable["name"] for variable in dashboard["templating"]["list"]]
    assert dashboard["schemaVersion"] >= 36
    assert dashboard["uid"]


def test_units_and_names_follow_the_conventions() -> None:
    """No counter's name ends in what Prometheus adds, and every metric of ours bears the prefix and a base unit."""
    names = [metric for metric, _ in COUNTERS.values()]

    assert [] == [name for name in names if name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_kb"))]


@pytest.mark.parametrize("name", ["game-server.service", "Dockerfile", "compose.yml", "compose-machines.yml"])
def test_settings_in_the_files_are_accepted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The server takes every setting that a file makes, with the value that it gives."""
    found = re.findall(
        r"^[^#\n]*?\b(GAME_SERVER_[A-Z_]+)[=:] ?(.*?)(?: \\)?$", (DEPLOY / name).read_text(), re.MULTILINE
    )
    pairs = [pair for line in found for pair in split_pairs(*line)]
    for variable, value in pairs:
        monkeypatch.setenv(variable, "chosen" if value.startswith("${") else value.strip("\"'"))
    monkeypatch.setattr(sys, "argv", ["game_server"])
    known = {f"GAME_SERVER_{attribute.name.upper()}" for attribute in attrs.fields(Settings)}  # type: ignore[arg-type]

    assert pairs
    assert {variable for variable, _ in pairs} <= known
    assert isinstance(_read_settings(), Settings)


def split_pairs(variable: str, value: str) -> list[tuple[str, str]]:
    """Return the settings of a line, of which systemd and Docker put several behind each other."""
    first, *others = re.split(r" (?=GAME_SERVER_)", value)
    return [(variable, first), *((name, text) for name, _, text in (other.partition("=") for other in others))]


@pytest.mark.parametrize("name", ["compose.yml", "compose-machines.yml"])
def test_compose_mounts_files_that_exist(name: str) -> None:
    """All that a service mounts from here, and what it is built from, is there; all images name a version."""
    compose = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), volume
        if "image" in service:
            assert re.search(r":v?\d", service["image"]), service["image"]
    builds = [service["build"] for service in compose["services"].values() if "build" in service]

    assert builds
    assert {ROOT} == {(DEPLOY / build["context"]).resolve() for build in builds}
    assert all((ROOT / build["dockerfile"]).is_file() for build in builds)


def test_each_machine_is_announced_where_nginx_leads_to_it() -> None:
    """Every node of the compose file has an address of its own, and nginx passes that on to this node and no other."""
    compose = yaml.safe_load((DEPLOY / "compose-machines.yml").read_text(encoding="utf-8"))
    nginx = (DEPLOY / "nginx-machines.conf").read_text(encoding="utf-8")
    announced = {
        name: service["environment"]["GAME_SERVER_ANNOUNCE_URL"]
        for name, service in compose["services"].items()
        if "build" in service
    }
    passed = dict(re.findall(r"location (/n\d/) \{\s+proxy_pass http://(\w+):8888/;", nginx))

    assert len(announced) == len(set(announced.values())) == 2
    for name, url in announced.items():
        path = re.fullmatch(r"ws://\$\{SITE:-localhost:8080\}(/n\d/)ws", url)
        assert path, url
        assert name == passed[path[1]]
        assert f"server {name}:8888" in nginx


def test_the_image_holds_what_the_server_needs() -> None:
    """What the Dockerfile copies exists, and includes program, pages and requirements; it runs as no root."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = [source for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for source in line.split()]

    assert {"requirements.txt", "game_server/native", "game_server", "static"} == set(copied)
    assert all((ROOT / source).exists() for source in copied)
    assert "\nUSER game\n" in text


def test_the_unit_drains_before_it_kills() -> None:
    """systemd parses it, starts the server as a user of its own and waits longer than a drain."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "game-server.service", encoding="utf-8")
    service = unit["Service"]

    assert service["ExecStart"].endswith(" -m game_server")
    assert int(service["TimeoutStopSec"]) > 120
    assert "yes" == service["DynamicUser"]


@pytest.mark.parametrize("name", ["nginx.conf", "nginx-machines.conf", "Caddyfile"])
def test_proxies_are_balanced_and_forward_what_is_needed(name: str) -> None:
    """Braces match; WebSockets, host and the client's address get through."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    bare = re.sub(r"#.*", "", text)

    assert bare.count("{") == bare.count("}") > 0
    if name.endswith(".conf"):
        for header in ("Upgrade", "Connection", "Host", "X-Forwarded-For", "X-Forwarded-Proto"):
            assert re.search(rf"proxy_set_header {header}\s+\S+;", text), header
        assert float(re.findall(r"proxy_read_timeout (\d+)s", text)[0]) > 10
    else:
        assert "reverse_proxy" in text
