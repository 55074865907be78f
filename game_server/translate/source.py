"""A module of rules as it stands in its file: functions, constants, and the classes that its annotations name.

The module is imported once, by Python's ordinary means, so that a constant is what Python made of it, however it was
computed. Everything else comes from the syntax tree. Knows annotations; knows nothing of what is inside functions.
"""

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from .refusal import Untranslatable
from .values import Nothing, Real, Record, Row, Truth, Tuple, Value, Whole, fits, of_constant

#: the one module with a twin in the SDK
EXACT = "game_server.core.exact"

_SCALARS: dict[str, Value] = {"float": Real(), "int": Whole(), "bool": Truth()}


@attrs.define(eq=False)
class Function:
    """A function at the top of a module, with what its annotations say."""

    module: "Source"
    name: str
    node: ast.FunctionDef
    parameters: dict[str, Value]
    #: of the last parameters
    defaults: dict[str, ast.expr]
    returns: Value

    @property
    def is_public(self) -> bool:
        return not self.name.startswith("_")


@attrs.define(eq=False)
class Constant:
    """A number, a flag, or a tuple of such at the top of a module."""

    name: str
    value: Any
    kind: Value
    #: how the module wrote it, where that says more than the value
    expression: str


class Source:
    """One module, read but not checked.

    Args:
        name: dotted, as Python imports it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.module: ModuleType = importlib.import_module(name)
        self.path = Path(inspect.getsourcefile(self.module) or name)
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        self.doc = ast.get_docstring(self.tree) or ""
        self.functions: dict[str, ast.FunctionDef] = {}
        self.constants: dict[str, Constant] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._aliases: dict[str, ast.expr] = {}
        #: name here -> (module, name there)
        self.imports: dict[str, tuple[str, str]] = {}
        for statement in self.tree.body:
            self._read(statement)
        self._sources: dict[str, Source] = {name: self}

    @property
    def label(self) -> str:
        """The file's path as the module's name gives it, which is the same on every machine."""
        stem = self.name.replace(".", "/")
        return f"{stem}/__init__.py" if self.path.name == "__init__.py" else f"{stem}.py"

    def refuse(self, node: ast.AST, message: str) -> Untranslatable:
        """Return the exception that says no to a place in this module."""
        return Untranslatable(self.label, getattr(node, "lineno", 1), message)

    def _read(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.FunctionDef):
            self.functions[statement.name] = statement
        elif isinstance(statement, ast.ClassDef):
            self._classes[statement.name] = statement
        elif isinstance(statement, ast.ImportFrom):
            module = self._absolute(statement)
            for alias in statement.names:
                self.imports[alias.asname or alias.name] = (module, alias.name)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                self.imports[alias.asname or alias.name.split(".")[0]] = (alias.name, "")
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                self._note_constant(target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            self._note_constant(statement.target, statement.value)

    def _note_constant(self, target: ast.expr, value: ast.expr) -> None:
        for name in (node.id for node in ast.walk(target) if isinstance(node, ast.Name)):
            kind = of_constant(getattr(self.module, name, None))
            if kind is not None:
                is_plain = isinstance(target, ast.Tuple) or all(
                    isinstance(node, ast.Constant | ast.Tuple | ast.UnaryOp | ast.unaryop | ast.expr_context)
                    for node in ast.walk(value)
                )
                expression = "" if is_plain else ast.unparse(value)
                self.constants[name] = Constant(name, getattr(self.module, name), kind, expression)
            elif isinstance(target, ast.Name):
                self._aliases[name] = value

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.module.__package__ or ""
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])

    def source_of(self, module: str) -> "Source":
        """Return another module, read at most once."""
        if module not in self._sources:
            made = self._sources[module] = Source(module)
            made._sources = self._sources
        return self._sources[module]

    # ---- annotations -------------------------------------------------------------------------------------------

    def function(self, name: str) -> Function:
        """Return a function with its parameters' kinds; refuse what they cannot be."""
        node = self.functions[name]
        arguments = node.args
        if node.decorator_list:
            raise self.refuse(
                node.decorator_list[0], f"{name} has a decorator, which the browser does not know: drop it"
            )
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
            raise self.refuse(node, f"{name} needs plain parameters: no *, no ** and no /")
        parameters = {}
        for argument in arguments.args:
            if argument.annotation is None:
                raise self.refuse(argument, f"{name}({argument.arg}) needs an annotation: float, int, bool or a class")
            parameters[argument.arg] = self.kind_of(argument.annotation)
        if node.returns is None:
            raise self.refuse(node, f"{name} needs `-> float`, `-> None` or what else it returns")
        names = list(parameters)
        defaults = dict(zip(names[len(names) - len(arguments.defaults) :], arguments.defaults, strict=True))
        for parameter, default in defaults.items():
            constant = of_constant(default.value) if isinstance(default, ast.Constant) else None
            if constant is None or not fits(constant, parameters[parameter]):
                raise self.refuse(default, f"the default of {parameter} must be a constant of its kind")
        return Function(self, name, node, parameters, defaults, self.kind_of(node.returns))

    def kind_of(self, annotation: ast.expr) -> Value:
        """Return what an annotation means."""
        if isinstance(annotation, ast.Constant):
            if annotation.value is None:
                return Nothing()
            if isinstance(annotation.value, str):
                return self.kind_of(ast.copy_location(ast.parse(annotation.value, mode="eval").body, annotation))
        if isinstance(annotation, ast.Name):
            if annotation.id in _SCALARS:
                return _SCALARS[annotation.id]
            if annotation.id in self._aliases:
                return self.kind_of(self._aliases[annotation.id])
            record = self.record(annotation.id)
            if record is not None:
                return record
        if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
            if annotation.value.id in ("tuple", "Tuple"):
                return self._tuple_kind(annotation.slice)
        raise self.refuse(
            annotation,
            f"`{ast.unparse(annotation)}` is no kind of value that a rule can have: float, int, bool, "
            "tuple[float, float], tuple[float, ...] or a class whose fields are such",
        )

    def _tuple_kind(self, inside: ast.expr) -> Value:
        items = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        if len(items) == 2 and isinstance(items[1], ast.Constant) and items[1].value is Ellipsis:
            return Row(self.kind_of(items[0]))
        return Tuple(tuple(self.kind_of(item) for item in items))

    def record(self, name: str) -> Record | None:
        """Return the class of this name, here or where it is imported from, as named fields; None for anything else."""
        if name in self.imports:
            module, there = self.imports[name]
            return None if module == "typing" or not there else self.source_of(self._home(module, there)).record(there)
        node = self._classes.get(name)
        if node is None:
            return None
        fields: dict[str, Value] = {}
        for base in node.bases:
            above = self.record(base.id) if isinstance(base, ast.Name) else None
            fields.update(above.fields if above is not None else {})
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                if isinstance(statement.annotation, ast.Name) and statement.annotation.id in _SCALARS:
                    fields[statement.target.id] = _SCALARS[statement.annotation.id]
        return Record(name, ast.get_docstring(node) or "", fields)

    def _home(self, module: str, name: str) -> str:
        """Return the module that a class or function was written in, which may have come here by another."""
        thing = getattr(importlib.import_module(module), name, None)
        home = getattr(thing, "__module__", module)
        return home if isinstance(home, str) and getattr(thing, "__name__", None) == name else module

    def imported(self, name: str, node: ast.AST | None = None) -> tuple["Source", str]:
        """Return where a name that is imported here was written, and its name there; refuse a module without a twin."""
        module, there = self.imports[name]
        source = self.source_of(self._home(module, there))
        if source.name != EXACT and source.path.parent != self.path.parent:
            raise self.refuse(
                node or self.tree.body[0],
                f"{name} is of {source.name}, which has no twin: rules may use functions and tables of modules in the "
                f"same folder, and of {EXACT}",
            )
        return source, there
