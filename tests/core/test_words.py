"""Names and chat are cleaned of what only does harm, and of nothing else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from game_server.core.words import MARKS_MAX, clean_chat, clean_name

ZALGO = "Z" + "\u0335\u0328\u0317\u0322" * 10 + "o"


PERSIAN = "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # with a zero-width non-joiner
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f"  # emoji joined by zero-width joiners
POINTED = unicodedata.normalize("NFC", "\u0e17\u0e35\u0e48 \u05e9\u05bc\u05b8\u05c1")  # Thai, Hebrew: up to three marks


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("hello there", "hello there"),
        ("  two\t\nlines\u2028of \u00a0 space ", "two lines of space"),
        ("bell\x07 and \x1b[31mcolour", "bell and [31mcolour"),
        ("\u202egnirts desrever\u202c", "gnirts desrever"),
        ("\u2066isolated\u2069 \u200emarked\u200f", "isolated marked"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u3164\u115f\u2800", ""),
        ("\u200d\u200c", ""),
        ("\u0301\u0302", ""),
        ("e\u0301", "\u00e9"),
        (PERSIAN, PERSIAN),
        (FAMILY, FAMILY),
        (POINTED, POINTED),
        ("\U0001fae8", "\U0001fae8"),
    ],
)
def test_chat_keeps_what_people_write(text: str, cleaned: str) -> None:
    """Languages and emoji come through; what controls, overrides or hides does not."""
    assert cleaned == clean_chat(text)


def test_a_heap_of_marks_is_cut() -> None:
    """A letter keeps a few combining marks, so that no line grows over others."""
    assert MARKS_MAX == len([character for character in clean_chat(ZALGO) if unicodedata.combining(character)])


def test_a_name_is_not_another_one_in_disguise() -> None:
    """A joiner, which nobody sees, makes no second Ann."""
    assert "Ann" == clean_name("A\u200cn\u200dn", 16)


def test_a_name_is_cut_by_code_points() -> None:
    """Lengths count characters, not bytes or halves of them."""
    assert "\U0001f600" * 16 == clean_name("\U0001f600" * 20, 16)


@given(st.text(max_size=60))
def test_cleaning_once_is_enough(text: str) -> None:
    """What is clean stays as it is."""
    assert clean_chat(clean_chat(text)) == clean_chat(text)
    assert clean_name(clean_name(text, 16), 16) == clean_name(text, 16)


@given(st.text(alphabet=st.characters(categories=["Mn", "Me", "Lo", "Cf", "Cc", "Zs", "Zl"]), max_size=60))
def test_nothing_harmful_is_left(text: str) -> None:
    """No clean text has controls, direction overrides, double spaces, or more marks on a letter than languages need."""
    for cleaned in (clean_chat(text), clean_name(text, 16)):
        categories = [unicodedata.category(character) for character in cleaned]
        assert not {"Cc", "Cs", "Co"} & set(categories)
        assert not [c for c in cleaned if unicodedata.category(c) == "Cf" and c not in "\u200c\u200d"]
        assert " ".join(cleaned.split()) == cleaned
        marks = "".join("m" if category in ("Mn", "Me") else "." for category in categories)
        assert "m" * (MARKS_MAX + 1) not in marks
