"""What /healthz answers, by which a load balancer sends traffic or does not."""

import json
from typing import Any

import pytest

from tests.web.game_site import GameSite, NewSite, soon


async def health(site: GameSite) -> tuple[int, Any]:
    """Return status and body."""
    answer = await site.fetch("/healthz")
    return answer.code, json.loads(answer.body)


def look_later(site: GameSite, monkeypatch: pytest.MonkeyPatch, by_s: float) -> None:
    """Let the hub's clock go ahead of the ticker's, as it is when ticks that are due are not run."""
    now_s = site.hub.now_s
    monkeypatch.setattr(site.hub, "now_s", lambda: now_s() + by_s)


@pytest.mark.gen_test
async def test_a_tick_that_is_too_late_is_not_healthy(new_site: NewSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 503 and how late it is, from `healthy_lateness_ms` on; 200 below."""
    site = await new_site(healthy_lateness_ms=60_000.0)
    await site.join()
    code, told = await health(site)
    assert (200, True, 1) == (code, told["ok"], told["rooms"])

    look_later(site, monkeypatch, by_s=100.0)
    code, told = await health(site)

    assert (503, False) == (code, told["ok"])
    assert 60_000 < told["lateness_ms"] < 160_000


@pytest.mark.gen_test
async def test_a_server_where_nobody_plays_is_healthy(new_site: NewSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room, or one that sleeps while its seat is held: nothing is due, however much time goes by."""
    site = await new_site(healthy_lateness_ms=60_000.0, seat_hold_s=10_000.0, empty_room_s=10_000.0)
    look_later(site, monkeypatch, by_s=100.0)
    assert (200, 0) == ((answer := await health(site))[0], answer[1]["rooms"])

    monkeypatch.undo()
    ann = await site.join()
    look_later(site, monkeypatch, by_s=100.0)
    assert 503 == (await health(site))[0]
    ann.raw.close()
    await soon(lambda: site.hub.health()["ok"])

    code, told = await health(site)
    assert (200, 1, 0.0) == (code, told["rooms"], told["lateness_ms"])
