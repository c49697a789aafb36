"""Configuration files: YAML 1.2 in, pydantic models out, every problem at once with its place.

A model of a file derives from ``Model``. Messages never hold a secret: what ``${NAME}`` or
``${file:PATH}`` filled in may stand only where a field is a ``Secret``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from citypatrol.errors import Problem
from citypatrol.secret import MASK, Secret
from citypatrol.yamlfaults import MOST_FAULTS, Fault, Reading, faults
from citypatrol.yamlscalar import Place
from citypatrol.yamlsyntax import decode, read
from citypatrol.yamltree import Tree, YamlMap, parse, step

_NONE: Mapping[str, str] = MappingProxyType({})
_SHORTEST_MASKED = 4


def _keep_numbers_strict(schema: Any) -> None:
    """Pydantic's lax mode takes true for 1, '5' for 5 and 'on' for true; a file must not."""
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool"):
            schema.setdefault("strict", True)
        for part in schema.values():
            _keep_numbers_strict(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _keep_numbers_strict(part)


class Model(BaseModel):
    """A part of a configuration file. Frozen; an unknown key is an error; numbers are not text.

    ``noun``: what one is called in messages, which then begin with ``rule 'flooded': `` (from its
    ``name`` or ``id``). ``unbuilt``: keys that are documented but not built yet, with the reason;
    ``"payload: senml"`` names a value of a key instead. ``elsewhere``: keys that people write here
    though they belong below the key named.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )
    noun: ClassVar[str] = ""
    unbuilt: ClassVar[Mapping[str, str]] = _NONE
    elsewhere: ClassVar[Mapping[str, str]] = _NONE

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        _keep_numbers_strict(schema)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _remember_which(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, Reading):
            info.context.remember_model(data, cls)
        return data


M = TypeVar("M", bound=BaseModel)


def wrong(message: str, *keys: str | int) -> PydanticCustomError:
    """An error for a validator to raise, placed at the value under ``keys`` of what it validates.

    ``raise wrong("must be above low", "high")`` reads ``...:7:9: high: must be above low``.
    """
    return PydanticCustomError("wrong", "{message}", {"message": message, "keys": keys})


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A file that was read: where its keys and values stand, for checks across files."""

    path: Path
    tree: Tree
    secrets: tuple[Secret, ...] = ()

    def place(self, *keys: str | int) -> Place:
        """Line and column of the value under ``keys``, or of the deepest part of it there is."""
        node, place = self.tree.root, self.tree.place
        for key in keys:
            below = step(node, key)
            if below is None:
                break
            node, place = below
        return place

    def problem(self, message: str, *keys: str | int) -> Problem:
        """A problem at the place of ``keys``, with every secret of the file masked."""
        return Problem(str(self.path), *self.place(*keys), _masked(message, self.secrets))


def load_model(
    path: Path,
    model: type[M],
    *,
    env: Mapping[str, str] = os.environ,
    unbuilt: Mapping[str, str] = _NONE,
) -> tuple[M | None, list[Problem], Document]:
    """The file as a model, every problem of it, and its places.

    Where there are problems the model may still be there (a duplicate or unknown key only), so that
    checks across files can go on; nothing may run on it. ``unbuilt`` adds to the model's own.
    """
    name = str(path)
    try:
        text, problems = decode(read(path), path=name)
    except OSError as error:
        problem = Problem(name, 0, 0, f"cannot be read: {error.strerror}")
        return None, [problem], Document(path, Tree(broken=True))
    if problems:
        return None, problems, Document(path, Tree(broken=True))
    tree = parse(text, path=name, folder=path.parent, env=env)
    if tree.broken:
        return None, sorted(tree.problems), Document(path, tree, tuple(tree.secrets))
    reading = Reading(unbuilt=unbuilt, secrets=tree.secrets)
    found, model_faults = _validate(tree, model, reading)
    document = Document(path, tree, tuple(reading.secrets))
    said = {(problem.line, problem.column) for problem in tree.problems}
    every = set(tree.problems)
    every |= {Problem(name, *f.place, f.message) for f in model_faults if f.place not in said}
    masked = [
        Problem(p.path, p.line, p.column, _masked(p.message, document.secrets)) for p in every
    ]
    return found, sorted(masked), document


def _validate(tree: Tree, model: type[M], reading: Reading) -> tuple[M | None, list[Fault]]:
    root = tree.root
    if not isinstance(root, YamlMap):
        keys = ", ".join(
            field.alias or name for name, field in model.model_fields.items() if field.is_required()
        )
        expected = f"a map with the keys {keys}" if keys else "a map"
        kind = "the file is empty; " if root is None else ""
        return None, [Fault(tree.place, f"{kind}expected {expected}")]
    try:
        return model.model_validate(root, context=reading), []
    except ValidationError as error:
        found = faults(error, root=root, reading=reading)
        if error.error_count() > MOST_FAULTS:
            message = f"{error.error_count()} mistakes in all; the first {MOST_FAULTS} are said"
            return None, [Fault(tree.place, message), *found]
    if not all(fault.unknown_key for fault in found):
        return None, found
    for holder, key in filter(None, (fault.unknown_key for fault in found)):
        holder.pop(key, None)
    try:
        return model.model_validate(root, context=reading), found
    except ValidationError:  # a misspelt key that is mandatory too
        return None, found


def _masked(message: str, secrets: tuple[Secret, ...] | list[Secret]) -> str:
    for secret in secrets:
        text = secret.reveal()
        if len(text) >= _SHORTEST_MASKED:
            message = message.replace(text, MASK)
    return message
