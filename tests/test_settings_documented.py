"""Every setting is in docs/operations.md with its default, in the words of `--help`; every limit has a counter."""

import re
from pathlib import Path
from typing import Any

import attrs

from game_server.settings import Settings
from game_server.web.limits_reached import COUNTED_LIMITS, LIMIT_COUNTS

OPERATIONS = (Path(__file__).parents[1] / "docs/operations.md").read_text(encoding="utf-8")


def shown(value: Any) -> str:
    """Return a default as the table has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return str(value or "") or "none"


def rows() -> list[str]:
    """Return the rows of the table of settings."""
    settings, made = Settings(), []
    for attribute in attrs.fields(type(settings)):  # type: ignore[arg-type]
        words = attribute.metadata["typed-settings"]["help"]
        made.append(f"| `{attribute.name}` | {shown(getattr(settings, attribute.name))} | {words} |")
    return made


def test_every_setting_is_documented_with_its_default() -> None:
    """The table says of each what `--help` says, in the same order, and of nothing else."""
    section = OPERATIONS.partition("### All settings")[2].partition("\n## ")[0]

    assert rows() == re.findall(r"^\| `.*", section, flags=re.MULTILINE)


def test_every_limit_says_where_it_is_counted() -> None:
    """What is counted by name is a setting, and stands in the table of limits."""
    names = {attribute.name for attribute in attrs.fields(Settings)}  # type: ignore[arg-type]
    section = OPERATIONS.partition("## Limits")[2].partition("\n## ")[0]
    counted = {*COUNTED_LIMITS, *LIMIT_COUNTS}

    assert set() == counted - names
    assert set() == {name for name in counted if f"`{name}`" not in section}
    limits = {name for name in names if re.search(r"_(max|per_s|burst)$", name)}
    assert set() == {name for name in limits if f"`{name}`" not in section}
