"""Fuzzing that coverage guides: taken in only where atheris is installed, which `make fuzz-guided` does."""

from pathlib import Path

from .guided import CORPUS_LINES_MAX, guide
from .targets import TARGETS, load


def test_guided_fuzzing_adds_what_reaches_new_branches(tmp_path: Path) -> None:
    """From next to nothing, a second under atheris finds messages of other kinds, and few of them."""
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("-\n", encoding="ascii")
    (target,) = (target for target in TARGETS if target.name == "binary")

    assert 0 == guide(target, 1, corpus)

    found = load(corpus)
    assert len({data[:1] for data in found}) > 3
    assert len(found) < CORPUS_LINES_MAX
