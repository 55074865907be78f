"""Where each variable of a function lives: Python's are the function's, JavaScript's belong to a block.

A variable is declared in the innermost block that has all its uses: `const` or `let` where it is first assigned when
that is in this very block, else a bare `let` above. Knows statements and names; nothing of kinds.
"""

import ast
from collections.abc import Iterator

import attrs

Block = tuple[int, ...]


@attrs.define(eq=False)
class Variable:
    """One local variable."""

    name: str
    #: the innermost block that has all its uses
    block: Block
    #: the statement of that block with the first use
    first: ast.stmt
    writes: int = 0


@attrs.define(eq=False)
class Scopes:
    """The local variables of one function, and those that loops bind."""

    variables: dict[str, Variable] = attrs.Factory(dict)
    loop_names: dict[str, list[ast.For]] = attrs.Factory(dict)
    #: block -> its statements
    bodies: dict[Block, list[ast.stmt]] = attrs.Factory(dict)
    #: a statement's body -> its block
    block_of: dict[int, Block] = attrs.Factory(dict)


def scopes_of(function: ast.FunctionDef) -> Scopes:
    """Return where the variables of a function live; parameters are variables of the outermost block."""
    scopes = Scopes()
    uses: dict[str, list[tuple[Block, bool]]] = {}
    _walk(function.body, (), scopes, uses)
    parameters = {argument.arg for argument in function.args.args}
    for name, found in uses.items():
        if name not in parameters and name not in scopes.loop_names and any(is_write for _, is_write in found):
            block = _common([block for block, _ in found])
            first = next(statement for statement in scopes.bodies[block] if name in _names(statement))
            scopes.variables[name] = Variable(name, block, first, sum(is_write for _, is_write in found))
    return scopes


def _walk(body: list[ast.stmt], block: Block, scopes: Scopes, uses: dict[str, list[tuple[Block, bool]]]) -> None:
    scopes.bodies[block] = body
    scopes.block_of[id(body)] = block
    for statement in body:
        for node in _own_nodes(statement):
            if isinstance(node, ast.Name):
                uses.setdefault(node.id, []).append((block, isinstance(node.ctx, ast.Store)))
        if isinstance(statement, ast.For):
            for node in ast.walk(statement.target):
                if isinstance(node, ast.Name):
                    scopes.loop_names.setdefault(node.id, []).append(statement)
        for inner in _inner_bodies(statement):
            _walk(inner, (*block, len(scopes.bodies)), scopes, uses)


def _inner_bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, ast.If | ast.For):
        yield statement.body
        if statement.orelse:
            yield statement.orelse


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement outside its inner blocks and loop target."""
    parts: list[ast.AST] = [statement]
    if isinstance(statement, ast.If):
        parts = [statement.test]
    elif isinstance(statement, ast.For):
        parts = [statement.iter]
    for part in parts:
        yield from ast.walk(part)


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _common(blocks: list[Block]) -> Block:
    shortest = min(blocks, key=len)
    length = next((i for i in range(len(shortest)) if any(block[i] != shortest[i] for block in blocks)), len(shortest))
    return shortest[:length]


def names_bound(target: ast.expr) -> list[str]:
    """Return the names that an assignment or loop target binds, in order."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
