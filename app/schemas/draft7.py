"""Models to JSON Schema draft-07, which is what editors read.

What a field is comes from its model. What a validator asks for that no type says (one condition of
several, a key that needs another) is added from ``Notes``, and so are the sentences that an editor
shows beside a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core import core_schema

from citypatrol.secret import MASK
from citypatrol.units import format_duration

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notes:
    """Of one model: ``keys`` says what each key is for, ``asks`` is what its validators ask for."""

    keys: Mapping[str, str] = field(default_factory=dict)
    asks: Sequence[Schema] = ()


def draft7(model: type[BaseModel], *, title: str, notes: Mapping[type, Notes]) -> Schema:
    """The schema of one file. Any JSON number, string or list in it is one of YAML 1.2's core."""

    class Generate(_Draft7):
        known = notes

    made = model.model_json_schema(ref_template="#/definitions/{model}", schema_generator=Generate)
    body = _plain(made)
    body.pop("title", None)
    return {"$schema": DIALECT, "title": title, **body}


class _Draft7(GenerateJsonSchema):
    schema_dialect = DIALECT
    known: ClassVar[Mapping[type, Notes]] = {}

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> Schema:
        made = super().generate(schema, mode)
        made["definitions"] = made.pop("$defs", {})
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        made = super().model_schema(schema)
        notes = self.known.get(schema["cls"], Notes())
        for key, part in made.get("properties", {}).items():
            if key in notes.keys:
                part["description"] = notes.keys[key]
        if notes.asks:
            made["allOf"] = list(notes.asks)
        return made


def has(key: str) -> Schema:
    """There is such a key, and more behind it than nothing."""
    present = {key: {"not": {"type": "null"}}}
    return {"type": "object", "required": [key], "properties": present}


def one_of(*keys: str) -> Schema:
    return {"oneOf": [has(key) for key in keys]}


def at_most_one_of(*keys: str) -> Schema:
    return {"oneOf": [*(has(key) for key in keys), {"not": {"anyOf": [has(key) for key in keys]}}]}


def none_of(*keys: str) -> Schema:
    return {"not": {"anyOf": [has(key) for key in keys]}}


def where(condition: Schema, then: Schema) -> Schema:
    return {"if": condition, "then": then}


def _plain(schema: Schema) -> Schema:
    """Draft-07 for what pydantic writes in 2020-12, without what helps nobody in an editor."""
    made: Schema = {}
    for key, value in schema.items():
        if key in _NAMED:
            made[key] = {name: _plain(one) for name, one in value.items()}
        elif key in _LISTS:
            made[key] = [_plain(one) for one in value]
        elif key in _ONE and isinstance(value, dict):
            made[key] = _plain(value)
        elif key == "prefixItems":
            made |= {"items": [_plain(one) for one in value], "additionalItems": False}
        elif key == "default":
            made |= _default(value, schema)
        elif key not in _LEFT_OUT:
            made[key] = value
    if "patternProperties" in made and "properties" not in made:  # a map whose keys have a form
        made.setdefault("additionalProperties", False)
    if "$ref" in made and len(made) > 1:  # draft-07 reads nothing beside it
        made["allOf"] = [{"$ref": made.pop("$ref")}, *made.get("allOf", ())]
    return made


def _default(value: Any, schema: Schema) -> Schema:
    """As it is written in a file; nothing where it has no such form."""
    pattern = schema.get("pattern", "")
    if isinstance(value, bool | float) or (isinstance(value, str) and value != MASK):
        return {"default": value}
    if not isinstance(value, int):
        return {}
    if pattern.endswith("(ms|s|m|h|d)$"):
        return {"default": format_duration(value)}
    if pattern.endswith("(B|kB|KB|MB|GB|TB)$"):
        return {"default": f"{value // 10**9}GB"} if value % 10**9 == 0 else {}
    return {"default": value} if schema.get("type") in ("integer", "number") else {}


_NAMED: Final = ("properties", "definitions", "patternProperties")
_LISTS: Final = ("anyOf", "oneOf", "allOf")
_ONE: Final = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else")
_LEFT_OUT: Final = ("title", "discriminator")
