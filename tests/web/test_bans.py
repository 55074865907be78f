"""The list of bans, without a server: whom it keeps out, for how long, and what is left after a restart."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.web.bans import BadBans, Ban, BanBy, Bans, TooManyBans


def ban(who: str, until_s: float = 100.0, by: BanBy = BanBy.ADDRESS) -> Ban:
    return Ban(by, who, "Ann", "cheating", "abc", until_s)


def test_a_ban_ends_by_itself() -> None:
    """It holds until its time and no longer."""
    bans = Bans(None, 10)
    bans.add(ban("192.0.2.1"), 0.0)

    assert bans.find("192.0.2.1", None, 99.0)
    assert not bans.find("192.0.2.1", None, 100.0)
    assert not bans.find("192.0.2.2", None, 50.0)


def test_a_user_is_known_from_everywhere() -> None:
    """A ban by user id goes by that alone, and an address that reads like it is nobody."""
    bans = Bans(None, 10)
    bans.add(ban("u1", by=BanBy.USER), 0.0)

    assert bans.find("192.0.2.1", "u1", 1.0)
    assert not bans.find("u1", None, 1.0)
    assert not bans.find("192.0.2.1", "u2", 1.0)


def test_an_ipv6_subscriber_is_one_address() -> None:
    """Who has a whole /64 cannot walk round a ban."""
    bans = Bans(None, 10)
    bans.add(ban("2001:db8::/64"), 0.0)

    assert bans.find("2001:db8::7", None, 1.0)
    assert not bans.find("2001:db8:0:1::7", None, 1.0)


def test_the_list_is_bounded_and_past_bans_make_room() -> None:
    """A full list refuses, saying so, until one has ended; the same who again is no further one."""
    bans = Bans(None, 2)
    bans.add(ban("192.0.2.1", 10.0), 0.0)
    bans.add(ban("192.0.2.2"), 0.0)
    bans.add(ban("192.0.2.2", 200.0), 0.0)
    with pytest.raises(TooManyBans, match="2 bans hold already"):
        bans.add(ban("192.0.2.3"), 0.0)
    bans.add(ban("192.0.2.3"), 11.0)

    assert ["192.0.2.2", "192.0.2.3"] == [row["who"] for row in bans.rows(11.0)]


@given(held=st.dictionaries(st.ip_addresses(v=4).map(str), st.floats(1, 1e6), max_size=8), lifted=st.integers(0, 7))
def test_a_restart_lets_nobody_back_in(
    tmp_path_factory: pytest.TempPathFactory, held: dict[str, float], lifted: int
) -> None:
    """What holds before a restart holds after it; what was lifted or has ended does not."""
    path = tmp_path_factory.mktemp("bans") / "data" / "bans.json"
    before = Bans(path, 10)
    for who, until_s in held.items():
        before.add(ban(who, until_s), 0.0)
    for who in list(held)[lifted : lifted + 1]:
        before.lift(ban(who).key, 0.0)
        del held[who]
    after = Bans(path, 10)
    after.load(500.0)

    assert {who for who, until_s in held.items() if until_s > 500.0} == {row["who"] for row in after.rows(500.0)}


def test_processes_share_their_bans(tmp_path: Path) -> None:
    """What one process bans or lifts, another one knows once it has looked; it never forgets what it has not seen."""
    path = tmp_path / "bans.json"
    one, other = Bans(path, 10), Bans(path, 10)
    one.add(ban("192.0.2.1"), 0.0)
    other.add(ban("192.0.2.2"), 0.0)
    one.refresh(0.0)
    both = [row["who"] for row in one.rows(0.0)]
    one.lift(ban("192.0.2.1").key, 0.0)
    other.refresh(0.0)

    assert {"192.0.2.1", "192.0.2.2"} == set(both)
    assert ["192.0.2.2"] == [row["who"] for row in other.rows(0.0)]


@given(deeds=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"), st.sampled_from(["ban", "lift", "meet"]))))
def test_lists_that_meet_agree(deeds: list[tuple[int, str, str]]) -> None:
    """Whatever three lists decide apart, and whichever have met before: all that meet hold what was decided last."""
    lists = [Bans(None, 10) for _ in range(3)]
    decided: dict[str, bool] = {}
    now_s = 1.0
    for number, who, deed in deeds:
        now_s += 1.0
        if deed == "ban":
            lists[number].add(ban(who, 1e6), now_s)
            decided[who] = True
        elif deed == "lift" and lists[number].lift(ban(who).key, now_s):
            decided[who] = False
        elif deed == "meet":
            meet(lists[number], lists[(number + 1) % 3])
    for one, other in ((0, 1), (1, 2), (2, 0), (0, 1)):
        meet(lists[one], lists[other])

    for each in lists:
        assert {who for who, holds in decided.items() if holds} == {row["who"] for row in each.rows(now_s)}


def meet(one: Bans, other: Bans) -> None:
    """Let two lists learn what each has decided."""
    one.absorb(other.all_rows(1.0), 1.0)
    other.absorb(one.all_rows(1.0), 1.0)


def test_who_is_newly_banned_is_told_once(tmp_path: Path) -> None:
    """A list says which bans it has just learned of, from the file or another list, so that they can be applied."""
    one, other, third = Bans(tmp_path / "b", 10), Bans(tmp_path / "b", 10), Bans(None, 10)
    one.add(ban("192.0.2.1"), 0.0)

    assert ["192.0.2.1"] == [found.who for found in other.refresh(0.0)]
    assert ["192.0.2.1"] == [found.who for found in third.absorb(one.all_rows(0.0), 0.0)]
    assert [[], []] == [other.refresh(0.0), third.absorb(one.all_rows(0.0), 0.0)]


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"by":"moon"}]', '{"a":1}'])
def test_a_file_that_is_no_list_is_named(tmp_path: Path, text: str) -> None:
    """Nothing is guessed: the server says which file is wrong and does not start without its bans."""
    path = tmp_path / "bans.json"
    path.write_text(text)

    with pytest.raises(BadBans, match="is no list of bans"):
        Bans(path, 10).load(0.0)


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is the list that is at fault, and nothing else that the server opens."""
    path = tmp_path / "bans.json"
    path.mkdir()
    with pytest.raises(BadBans, match=r"bans\.json cannot be read: Is a directory"):
        Bans(path, 10).load(0.0)


def test_what_cannot_be_kept_is_not_decided(tmp_path: Path) -> None:
    """Without a place to write to, a ban does not hold and a lifted one does: an admin is told that it failed."""
    folder = tmp_path / "data"
    bans = Bans(folder / "bans.json", 10)
    bans.add(ban("192.0.2.1"), 0.0)
    shutil.rmtree(folder)
    folder.touch()
    with pytest.raises(OSError, match="data"):
        bans.add(ban("192.0.2.2"), 1.0)
    with pytest.raises(OSError, match="data"):
        bans.lift("address 192.0.2.1", 1.0)

    assert ["192.0.2.1"] == [row["who"] for row in bans.rows(1.0)]
    assert bans.find("192.0.2.2", None, 1.0) is None


def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    """A list that does not get to its place is not left beside it, once more each time."""
    path = tmp_path / "bans.json"
    bans = Bans(path, 10)
    (path / "in the way").mkdir(parents=True)
    other = Bans(None, 10)
    other.add(ban("192.0.2.1"), 0.0)
    with pytest.raises(OSError, match="bans"):
        bans.absorb(other.all_rows(0.0), 0.0)

    assert [path] == list(tmp_path.iterdir())
