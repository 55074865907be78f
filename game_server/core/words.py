"""Text that players write and others read, such as names and chat, cleaned of what only does harm.

Removed are control characters, format characters (bidirectional overrides, zero-width ones, tags) and private ones;
characters that show as nothing count as spaces; a heap of combining marks on one letter is cut, since it covers the
lines around it. Lengths are in code points. Knows nothing of who wrote the text.
"""

import unicodedata

#: combining marks on one letter: written languages need three or four, the heaps that cover other lines need dozens
MARKS_MAX = 4

#: show as nothing, though Unicode counts them as letters or symbols: Hangul fillers and the empty Braille cell
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
#: join letters of Persian and Indian scripts, and emoji; a name made different by one would look the same
_JOINERS = "\u200c\u200d"
_REMOVED = frozenset(("Cc", "Cf", "Cs", "Co"))
_MARKS = frozenset(("Mn", "Me"))


def clean_name(name: str, len_max: int) -> str:
    """Return a player's name in NFC, cleaned and cut to `len_max` code points; it may be empty then."""
    return _clean(name, keeps_joiners=False)[:len_max].strip()


def clean_chat(text: str) -> str:
    """Return what somebody said in NFC, cleaned; empty when nothing of it would show."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return _clean(text, keeps_joiners=True).strip(" " + _JOINERS)


def _clean(text: str, keeps_joiners: bool) -> str:
    shown = []
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "Z" or character.isspace() or character in _BLANKS:
            shown.append(" ")
        elif category not in _REMOVED or (keeps_joiners and character in _JOINERS):
            shown.append(character)
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", "".join(shown)):
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        has_letter = bool(kept) and kept[-1] != " "
        if not marks or (marks <= MARKS_MAX and has_letter):
            kept.append(character)
    return " ".join("".join(kept).split())
