"""The part of JSON Schema (2020-12) that ours is written in; whatever else it uses fails."""

import re
from collections.abc import Mapping
from typing import Any

_KNOWN = {
    "$schema", "$id", "title", "description", "type", "properties", "required", "items", "const",
    "additionalProperties", "enum", "pattern", "maxLength", "minItems", "maxItems", "uniqueItems",
    "oneOf", "not",
}  # fmt: skip
_TYPES: Mapping[str, type] = {"object": dict, "array": list, "string": str}


def conforms(value: Any, schema: Any) -> bool:  # noqa: ANN401 -- JSON
    """Say whether a value is of a schema's form."""
    if isinstance(schema, bool):
        return schema
    assert schema.keys() <= _KNOWN, schema.keys() - _KNOWN
    return bool(
        ("const" not in schema or value == schema["const"])
        and ("enum" not in schema or value in schema["enum"])
        and ("type" not in schema or type(value) is _TYPES[schema["type"]])
        and ("oneOf" not in schema or sum(conforms(value, o) for o in schema["oneOf"]) == 1)
        and ("not" not in schema or not conforms(value, schema["not"]))
        and _holds(value, schema)
    )


def _holds(value: Any, schema: dict[str, Any]) -> bool:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        return _is_object(value, schema)
    if isinstance(value, list):
        return _is_array(value, schema)
    return not isinstance(value, str) or _is_text(value, schema)


def _is_object(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    properties = schema.get("properties", {})
    if not set(schema.get("required", ())) <= value.keys():
        return False
    if schema.get("additionalProperties", True) is False and not value.keys() <= properties.keys():
        return False
    return all(conforms(value[n], properties[n]) for n in value.keys() & properties.keys())


def _is_array(value: list[Any], schema: dict[str, Any]) -> bool:
    low, high = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not low <= len(value) <= high:
        return False
    if schema.get("uniqueItems") and any(value.count(item) > 1 for item in value):
        return False
    return all(conforms(item, schema.get("items", True)) for item in value)


def _is_text(value: str, schema: dict[str, Any]) -> bool:
    pattern = schema.get("pattern")
    if pattern is not None and not re.search(pattern.replace("$", r"\Z"), value):
        return False
    return len(value) <= int(schema.get("maxLength", len(value)))
