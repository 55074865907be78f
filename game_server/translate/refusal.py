"""How the translator says no: file, line, what it found, and what would be right."""

import ast
from pathlib import Path


class Untranslatable(Exception):
    """Something in a rule that does not mean the same in both languages, or that the translator does not know."""

    def __init__(self, path: Path | str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


#: what is refused for its kind of syntax -> what would be right
SYNTAX = {
    "Assert": "an assert: the browser would not raise it",
    "AsyncFor": "async: a rule computes at once",
    "AsyncFunctionDef": "async: a rule computes at once",
    "AsyncWith": "async: a rule computes at once",
    "Await": "await: a rule computes at once",
    "ClassDef": "a class inside a function: put it at the top of the module",
    "Delete": "del: a rule's names stay",
    "Dict": "a dict: use fields of the state, or a tuple",
    "DictComp": "a comprehension: use a for over a tuple",
    "FormattedValue": "text: a rule knows numbers and flags only",
    "FunctionDef": "a function inside a function: put it at the top of the module",
    "GeneratorExp": "a generator: use a for over a tuple",
    "Global": "global: keep what changes in the state's fields",
    "Import": "an import inside a function: put it at the top of the module",
    "ImportFrom": "an import inside a function: put it at the top of the module",
    "JoinedStr": "text: a rule knows numbers and flags only",
    "Lambda": "a lambda: write a function",
    "List": "a list: use a tuple, which does not change",
    "ListComp": "a comprehension: use a for over a tuple",
    "Match": "match: use if and elif",
    "NamedExpr": ":= inside an expression: assign it in a line of its own",
    "Nonlocal": "nonlocal: keep what changes in the state's fields",
    "Raise": "raise: a rule returns for every input",
    "Set": "a set: use a tuple",
    "SetComp": "a comprehension: use a for over a tuple",
    "Slice": "a slice: name the items, as in `a, b, c = row`",
    "Try": "try: a rule does not raise",
    "TryStar": "try: a rule does not raise",
    "While": "while: use `for _ in range(n)`, which ends for sure, and break",
    "With": "with: a rule opens nothing",
    "Yield": "yield: return a value",
    "YieldFrom": "yield: return a value",
}


def refused_syntax(node: ast.AST) -> str:
    """Return why a kind of syntax is refused."""
    name = type(node).__name__
    return f"no rule can have {SYNTAX[name]}" if name in SYNTAX else f"{name} is not known to the translator"
