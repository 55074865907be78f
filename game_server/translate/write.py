"""Write checked rules as a JavaScript module: imports, types, constants, functions, in the order of the source.

    translate("game_server.games.arena.movement", Path("static/games/arena/movement.js"))

Knows where the twins of other modules lie: a module of the same package beside this one, `game_server.core.exact` in
the SDK. Whatever it is asked for has been checked; it refuses only names that would clash.
"""

import ast
import os
import re
from collections.abc import Collection
from pathlib import Path

from .check import Checked, Rules
from .lines import comment, folded, kind_text, literal, table
from .names import javascript_name
from .refusal import Untranslatable
from .source import EXACT, Constant, Source
from .statements import Statements
from .values import Record, Tuple, Value, row_of

STATIC = Path(__file__).parents[2] / "static"
#: a longer constant is typed as a row of its items
TUPLE_TYPE_MAX = 4

COMMAND = "python -m game_server.translate"

_EXTREMES = {
    "min": "const min = (a, b) => (b < a ? b : a);",
    "max": "const max = (a, b) => (b > a ? b : a);",
}


def translate(module: str, out: Path, only: Collection[str] = ()) -> str:
    """Return the JavaScript twin of a module of rules.

    Args:
        module: dotted name; it is imported.
        out: where the twin will lie, from which it finds its imports.
        only: functions to translate, with what they need; none: all public functions and constants.

    Raises:
        Untranslatable: the first thing that does not mean the same in both languages.
    """
    return _Writer(Rules(Source(module)), out, only).write()


def origin_of(path: Path) -> tuple[str, list[str]] | None:
    """Return the module that a file was translated from, and the functions if not all; None for any other file."""
    found = re.search(
        rf"^ \* `{COMMAND} ([\w.]+)((?: --only \w+)*)`\.$", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return None if found is None else (found[1], found[2].split(" --only ")[1:])


class _Writer:
    """The text of one module."""

    def __init__(self, rules: Rules, out: Path, only: Collection[str]) -> None:
        self.rules, self.source, self.out, self.only = rules, rules.source, out, only
        self.records: dict[str, Record] = {}

    def write(self) -> str:
        functions = self._functions()
        self._refuse_clashes(functions)
        parts = [self._head(), self._imports(), *self._types(functions), self._constants(), *self._extremes()]
        parts += [self._function(checked) for checked in functions]
        return "\n\n".join("\n".join(part) for part in parts if part) + "\n"

    def _functions(self) -> list[Checked]:
        wanted = self.only or [name for name in self.source.functions if not name.startswith("_")]
        for name in wanted:
            if name not in self.source.functions:
                raise Untranslatable(self.source.label, 1, f"there is no function {name} at the top of this module")
            self.rules.check(name)
        return [self.rules.checked[name] for name in self.source.functions if name in self.rules.checked]

    def _refuse_clashes(self, functions: list[Checked]) -> None:
        """Refuse two names that would be one in JavaScript."""
        outer = [*self.rules.checked, *self.rules.constants, *self.rules.borrowed]
        for checked in functions:
            seen = {javascript_name(name): name for name in outer}
            for name in [*checked.function.parameters, *checked.scopes.variables, *checked.scopes.loop_names]:
                if seen.setdefault(javascript_name(name), name) != name:
                    other = seen[javascript_name(name)]
                    raise self.source.refuse(
                        checked.function.node,
                        f"`{name}` and `{other}` would both be `{javascript_name(name)}`: rename one",
                    )

    def _head(self) -> list[str]:
        doc = self.source.doc.split("\n\n")[0].splitlines()
        command = " ".join([COMMAND, self.source.name, *(f"--only {name}" for name in self.only)])
        made = [f"Made from {self.source.label}: change that, and make this anew with", f"`{command}`."]
        return ["// @ts-check", *comment([*doc, *([""] if doc else []), *made])]

    # ---- what comes from elsewhere -----------------------------------------------------------------------------

    def _imports(self) -> list[str]:
        names: dict[str, set[str]] = {}
        for here, (source, there) in self.rules.borrowed.items():
            spelt, local = javascript_name(there), javascript_name(here)
            names.setdefault(self._address(source), set()).add(spelt if spelt == local else f"{spelt} as {local}")
        for name, constant in self.rules.constants.items():
            if name not in self.source.constants and isinstance(constant.kind, Tuple):
                source, there = self.source.imported(name)
                names.setdefault(self._address(source), set()).add(there if there == name else f"{there} as {name}")
        return [
            f'import {{ {", ".join(sorted(found))} }} from "{address}";' for address, found in sorted(names.items())
        ]

    def _address(self, source: Source) -> str:
        """Return where the twin of another module is, as an import says it."""
        if source.name == EXACT:
            if not self.out.resolve().is_relative_to(STATIC):
                return "/static/client/exact.js"
            address = os.path.relpath(STATIC / "client" / "exact.js", self.out.resolve().parent)
        else:
            address = f"{source.name.rpartition('.')[2]}.js"
        return address if address.startswith(".") else f"./{address}"

    # ---- types and constants -----------------------------------------------------------------------------------

    def _types(self, functions: list[Checked]) -> list[list[str]]:
        records = {
            value.name: value
            for checked in functions
            for value in checked.function.parameters.values()
            if isinstance(value, Record)
        }
        return [
            comment(
                [
                    *record.doc.splitlines(),
                    f"@typedef {{object}} {record.name}",
                    *(f"@property {{{kind_text(kind)}}} {name}" for name, kind in record.fields.items()),
                ]
            )
            for record in records.values()
        ]

    def _constants(self) -> list[str]:
        lines: list[str] = []
        for name, constant in self.rules.constants.items():
            if name not in self.source.constants and not isinstance(constant.kind, Tuple):
                lines.append(f"const {name} = {literal(constant.value)}; // of {self.source.imports[name][0]}")
        for name, constant in self.source.constants.items():
            if name in self.rules.constants or (not self.only and not name.startswith("_")):
                lines += self._constant(constant)
        return lines

    def _constant(self, constant: Constant) -> list[str]:
        start = "const" if constant.name.startswith("_") else "export const"
        if isinstance(constant.kind, Tuple):
            return [
                f"/** @type {{{kind_text(_table_kind(constant.kind))}}} */",
                *table(f"{start} {constant.name} = ", constant.value),
            ]
        line = f"{start} {constant.name} = {literal(constant.value)};"
        return [f"{line} // {constant.expression}" if constant.expression else line]

    def _extremes(self) -> list[list[str]]:
        used = self.rules.builtins - set(self.rules.checked)
        return [
            [*comment([f"Python's {name}().", "@param {number} a", "@param {number} b"]), text]
            for name, text in _EXTREMES.items()
            if name in used
        ]

    # ---- functions ---------------------------------------------------------------------------------------------

    def _function(self, checked: Checked) -> list[str]:
        function = checked.function
        doc = ast.get_docstring(function.node)
        lines = doc.splitlines() if doc else []
        for name, kind in function.parameters.items():
            spelt = javascript_name(name)
            lines.append(f"@param {{{kind_text(kind)}}} {f'[{spelt}]' if name in function.defaults else spelt}")
        lines.append(f"@returns {{{kind_text(function.returns)}}}")
        parameters = ", ".join(
            javascript_name(name)
            + (f" = {literal(ast.literal_eval(function.defaults[name]))}" if name in function.defaults else "")
            for name in function.parameters
        )
        start = "export function" if function.is_public else "function"
        body = Statements(checked, self.rules).body(function.node.body, 1)
        head = folded(f"{start} {javascript_name(function.name)}({parameters}) {{")
        return [*comment(lines), *head, *(part for line in body for part in folded(line)), "}"]


def _table_kind(kind: Tuple) -> Value:
    row = row_of(kind)
    if row is None or len(kind.items) <= TUPLE_TYPE_MAX:
        return kind
    return row
