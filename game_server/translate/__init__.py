"""Translate a game's predicted rules from Python to a static JavaScript module, so that they are written once.

    python -m game_server.translate MODULE --out FILE

What a browser predicts must end on the same bits as the server's step. So the translator accepts only what means the
same in both languages - numbers, flags, fixed tuples, fields of the state and input, if, for, return, and calls of
other such functions - and refuses all else with file, line and what would be right. Nothing is evaluated at run time:
the result is a module to be read, type-checked and served.

Files in reading order: refusal, values, arithmetic, source, blocks, check, expressions, names, lines,
statements, write, __main__.
"""

from .refusal import Untranslatable
from .write import translate

__all__ = ["Untranslatable", "translate"]
