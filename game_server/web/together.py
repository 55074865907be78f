"""One answer for all processes behind a port: health, rooms and metrics of each, put together.

A process that did not answer in time stands as
None: it may be stuck, so the service as a whole is not well, and its rooms are not listed meanwhile.

Knows plain values and Prometheus text; knows nothing of where answers come from.
"""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


def health_of(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the health of the service: well only while every process is."""
    known = [answer for answer in answers.values() if answer is not None]
    return {
        "ok": len(known) == len(answers) and all(answer["ok"] for answer in known),
        "draining": any(answer["draining"] for answer in known),
        "lateness_ms": max((answer["lateness_ms"] for answer in known), default=0.0),
        "rooms": sum(answer["rooms"] for answer in known),
        "players": sum(answer["players"] for answer in known),
        "uptime_s": max((answer["uptime_s"] for answer in known), default=0.0),
        "workers": {node: answer or {"ok": False} for node, answer in sorted(answers.items())},
    }


def rooms_of(answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the public rooms of all processes, fullest first."""
    rooms = [room for answer in answers.values() if answer is not None for room in answer]
    return sorted(rooms, key=lambda room: -int(room["seats_taken"]))


def metrics_of(answers: Mapping[str, Any], is_service: bool) -> bytes:
    """Return the metrics of all processes as one text; of a service of several, each sample with a label `worker`."""
    texts = {node: answer for node, answer in answers.items() if answer is not None}
    if not is_service:
        return "".join(texts.values()).encode()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(texts))
    return generate_latest(registry)


class _Merged(Collector):
    """The metric families of several texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def collect(self) -> list[Metric]:
        families: dict[str, Metric] = {}
        for node, text in sorted(self._texts.items()):
            for family in text_string_to_metric_families(text):
                mine = families.get(family.name)
                if mine is None:
                    mine = families[family.name] = Metric(family.name, family.documentation, family.type)
                for sample in family.samples:
                    mine.add_sample(sample.name, {**sample.labels, "worker": node}, sample.value)
        return list(families.values())
