"""Faults for `bench.mutants`: what cosmic-ray makes of one file."""

import ast
import difflib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Fault(NamedTuple):
    name: str
    code: str
    lines: tuple[int, ...]
    """Of the sound file, counted from 1."""
    told: str
    """What was changed, as a diff has it."""


class File(NamedTuple):
    name: str
    places: int
    """How many faults cosmic-ray sees in it."""
    faults: Iterator[Fault]


def faults(folder: Path, name: str, *, chance: random.Random) -> File:
    """All of a file of this folder, in a random order."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast_from_path(folder / f"{name}.py")))
    operators = [get_operator(one) for one in operator_names()]
    made = [
        (operator, at)
        for operator in (one() for one in operators if not one.arguments())
        for at in range(sum(len(list(operator.mutation_positions(node))) for node in nodes))
    ]
    chance.shuffle(made)
    return File(name, len(made), _made(folder, name, made))


def _made(folder: Path, name: str, made: list[tuple[Any, int]]) -> Iterator[Fault]:
    from cosmic_ray.mutating import mutate_code

    code = (folder / f"{name}.py").read_text()
    meant = _meaning(code)
    before = code.splitlines()
    for operator, at in made:
        changed = mutate_code(code, operator, at)
        try:
            if changed is None or _meaning(changed) == meant:
                continue
        except SyntaxError:
            continue  # a list in more than one line: no Python comes of it
        after = changed.splitlines()
        lines = tuple(
            line + 1
            for kind, first, last, _, _ in difflib.SequenceMatcher(a=before, b=after).get_opcodes()
            if kind != "equal"
            for line in range(first, max(last, first + 1))
        )
        diff = difflib.unified_diff(before, after, n=0, lineterm="")
        parts = [line for line in diff if line[:2] not in ("--", "++")]
        yield Fault(name, changed, lines, "  ".join(part.strip() for part in parts))


def _meaning(code: str) -> str:
    """Without annotations, and without the ``*`` that stands alone in a signature: cosmic-ray takes
    it for a product and divides."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.arguments):
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.defaults += [one for one in node.kw_defaults if one is not None]
            node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)
