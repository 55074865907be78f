"""The record of what admins did: one line an act, newest first on the page, over restarts and broken lines."""

import json
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from game_server.web.admin_audit import SHOWN_MAX, Audit
from game_server.web.admin_auth import Admin, Role

ADMIN = Admin("abc123", Role.OPERATOR, "192.0.2.1", 1e9)


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """The page shows the acts of earlier processes too, newest first, at most so many."""
    path = tmp_path / "data" / "audit.jsonl"
    before = Audit(path)
    for number in range(SHOWN_MAX + 5):
        before.add(ADMIN, "kick", f"Removed player {number}", number % 2 == 0, {"seat": number})
    after = Audit(path)

    assert list(before.shown) == list(after.shown)
    assert SHOWN_MAX == len(after.shown)
    assert f"Removed player {SHOWN_MAX + 4}" == after.shown[0]["text"]


def test_processes_read_what_the_others_wrote(tmp_path: Path) -> None:
    """Acts of all processes of a machine stand in one order at each, once, also after the file was moved away."""
    path = tmp_path / "audit.jsonl"
    here, there = Audit(path), Audit(path)
    here.add(ADMIN, "kick", "Removed Ann")
    there.add(ADMIN, "kick", "Removed Bob")
    here.refresh()
    assert ["Removed Bob", "Removed Ann"] == [row["text"] for row in here.shown] == [row["text"] for row in there.shown]
    path.rename(tmp_path / "audit.jsonl.1")
    there.add(ADMIN, "close", "Closed")
    here.refresh()
    here.refresh()

    assert ["Closed", "Removed Bob", "Removed Ann"] == [row["text"] for row in here.shown]


def test_the_file_is_only_appended_to_and_may_be_moved(tmp_path: Path) -> None:
    """A line that stands stands; when the file is taken away (logrotate), a new one begins."""
    path = tmp_path / "audit.jsonl"
    audit = Audit(path)
    audit.add(ADMIN, "lock", "Locked")
    first = path.read_bytes()
    audit.add(ADMIN, "lock", "Unlocked")
    assert path.read_bytes().startswith(first)
    path.rename(tmp_path / "audit.jsonl.1")
    audit.add(ADMIN, "close", "Closed")

    assert ["close"] == [json.loads(line)["act"] for line in path.read_text().splitlines()]


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8))
def test_broken_lines_are_passed_over(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    """Whatever else stands in the file, what was recorded is shown."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    Audit(path).add(ADMIN, "kick", "Removed Ann")
    path.write_bytes(b"\n".join([*lines, path.read_bytes().strip(), *lines, b'{"at":"2026', b""]))

    assert "Removed Ann" in [row["text"] for row in Audit(path).shown]


def test_a_file_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    """The act is not undone and the page shows it; the log says that the record has a gap, and where."""
    path = tmp_path / "a file" / "audit.jsonl"
    (tmp_path / "a file").write_text("not a folder")
    audit = Audit(path)
    with structlog.testing.capture_logs() as lines:
        audit.add(ADMIN, "kick", "Removed Ann")

    assert ["admin_act", "audit_failed"] == [line["event"] for line in lines]
    assert str(path) == lines[1]["path"]
    assert "Removed Ann" == audit.shown[0]["text"]
