"""The JSON Schema of a type of authorization details, and what a client is told about a detail that breaks it.

A bank gives the schema itself (`schema`), or its short form (`required`, `fields`, `actions`), which is written out
here as a schema. What every type has in common (RFC 9396 2.2) is added. A schema refers to nothing outside itself.

Spec: RFC 9396 2, 2.2, 5
Role: AS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from fapikit import strict_json
from fapikit.errors import ConfigurationError

_COMMON: Final = ("actions", "datatypes", "privileges")
_JSON_TYPES: Final = ("string", "number", "boolean", "array", "object")
WORDS: Final[Mapping[str, str]] = {
    "type": "must be of the JSON type {}",
    "enum": "must be one of those that this type allows",
    "const": "has another value than this type demands",
    "not": "has a value that this type forbids",
    "pattern": "must match {}",
    "format": "must have the format {}",
    "falseSchema": "is not a field of this type",
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must have {} or more characters",
    "maxLength": "must have {} or fewer characters",
    "minItems": "must have {} or more items",
    "maxItems": "must have {} or fewer items",
    "uniqueItems": "must not have the same item twice",
    "minProperties": "must have {} or more members",
    "maxProperties": "must have {} or fewer members",
}
"""By keyword; any other keyword is named as it is. Of `not`, a `description` in it says the rule instead."""


class BrokenDetail(Exception):
    """`path`: the field, with dots. `what`: the rest of the sentence about it. Neither has a value of the detail."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} {what}")
        self.path = path
        self.what = what


def read_schema(schema: str | Mapping[str, Any] | None, base: Path, setting: str) -> Mapping[str, Any] | None:
    """A schema from the settings: a table, or the name of a JSON file in `base`. Raises ConfigurationError."""
    if not isinstance(schema, str):
        return schema
    try:
        value = strict_json.parse_value((base / schema).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{setting}: {schema} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{setting}: {schema} must contain a JSON object")
    return value


def short_schema(
    *, required: Iterable[str], fields: Mapping[str, Any], actions: Iterable[str], setting: str
) -> dict[str, Any]:
    """The short form, written out. With `required` or `fields`, the type has no other fields."""
    properties = {name: {} for name in required} | _properties(fields, f"{setting}.fields")
    schema: dict[str, Any] = {"required": list(required), "properties": properties}
    if properties:
        known = ("type", "locations", "identifier", *_COMMON)
        schema["properties"] = {name: {} for name in known} | properties
        schema["additionalProperties"] = False
    if names := list(actions):
        schema["properties"] = {**schema["properties"], "actions": {"items": {"enum": names}}}
    return schema


def _properties(fields: Mapping[str, Any], setting: str) -> dict[str, Any]:
    return {name: _property(expected, f"{setting}.{name}") for name, expected in fields.items()}


def _property(expected: Any, setting: str) -> dict[str, Any]:
    if isinstance(expected, dict):
        return {
            "type": "object",
            "properties": _properties(expected, setting),
            "required": list(expected),
            "additionalProperties": False,
        }
    if expected not in _JSON_TYPES:
        raise ConfigurationError(f"{setting} must be one of {', '.join(_JSON_TYPES)}, or a table of fields")
    return {"type": expected}


def compiled(
    schema: Mapping[str, Any],
    *,
    type_: str,
    resources: Iterable[str],
    given_here: Iterable[str],
    setting: str,
) -> Callable[[Mapping[str, Any]], None]:
    """The check of a detail, which raises BrokenDetail. `given_here`: members that no client may send.

    Raises ConfigurationError for what is no JSON Schema, or one that refers to another document.
    """
    texts = {"type": "array", "items": {"type": "string"}}
    common = {
        "properties": {
            "type": {"const": type_},
            "locations": {"type": "array", "items": {"enum": list(resources)}},
            "identifier": {"type": "string"},
            **dict.fromkeys(_COMMON, texts),
            **dict.fromkeys(given_here, False),
        }
    }
    return _check_of((common, schema), setting)


def compiled_body(schema: Mapping[str, Any], setting: str) -> Callable[[Mapping[str, Any]], None]:
    """The check of a body that a client lodges, which raises BrokenDetail. Raises ConfigurationError as `compiled`."""
    return _check_of((schema,), setting)


def _check_of(schemas: Iterable[Mapping[str, Any]], setting: str) -> Callable[[Mapping[str, Any]], None]:
    validators = [validator_of(schema, setting) for schema in schemas]

    def check(detail: Mapping[str, Any]) -> None:
        for validator in validators:
            for error in validator.iter_errors(detail):
                raise fault_of(error)

    return check


def validator_of(schema: Mapping[str, Any], setting: str) -> Any:
    """A compiled JSON Schema, which refers to nothing outside itself. Raises ConfigurationError."""

    def refuse(uri: str) -> Any:
        raise ValueError(f"it refers to {uri}: a schema must contain all that it refers to")

    try:
        # Its default engine for patterns looks back, and may take long for a value that a client has chosen.
        return jsonschema_rs.validator_for(
            dict(schema),
            retriever=refuse,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise ConfigurationError(
            f"{setting} is not a JSON Schema that can be used: {why}", facts={"setting": setting}
        ) from error


def fault_of(error: Any, words: Mapping[str, str] = WORDS) -> BrokenDetail:
    """What a validator found, as a path and a sentence. `words`: by keyword; any other keyword is named as it is."""
    path = [str(part) for part in error.instance_path]
    kind = error.kind
    if kind.name == "required":
        return BrokenDetail(".".join([*path, kind.property]), "is missing")
    if kind.name in ("additionalProperties", "unevaluatedProperties"):
        return BrokenDetail(".".join([*path, kind.unexpected[0]]), words["falseSchema"])
    wanted = " or ".join(sorted(kind.types)) if kind.name == "type" else getattr(kind, "value", "")
    told = words.get(kind.name, "does not meet " + kind.name + " in the schema of this type")
    if kind.name == "not" and isinstance(kind.schema, dict) and "description" in kind.schema:
        return BrokenDetail(".".join(path) or "it", str(kind.schema["description"]))
    return BrokenDetail(".".join(path) or "it", told.format(wanted))
