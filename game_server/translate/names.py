"""What Python's names are called in JavaScript: snake_case becomes camelCase, constants and fields stay as they are.

Fields keep their names because those are the wire's. Knows words only.
"""

import re

_RESERVED = frozenset(
    """
    arguments await boolean break case catch class const continue debugger default delete do else enum eval export
    extends false finally for function if implements import in instanceof interface let new null package private
    protected public return static super switch this throw true try typeof undefined var void while with yield
    Array Infinity Math NaN Number Object
    """.split()
)


def javascript_name(name: str) -> str:
    """Return a function's or variable's name in JavaScript."""
    if name.isupper():
        return name
    stem = name.lstrip("_")
    camel = "_" * (len(name) - len(stem)) + re.sub(r"(?<=[^_])_+([a-z0-9])", lambda match: match[1].upper(), stem)
    return camel + "_" if camel in _RESERVED else camel
