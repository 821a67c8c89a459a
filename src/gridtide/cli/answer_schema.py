"""
JSON Schemas of the answers, from their types in `gridtide.cli.shapes`.

Within a version keys are only added, so the schemas list what is always there and allow more.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from gridtide.cli.shapes import ANSWERS

__all__ = ["VERSION", "answer_schema"]

VERSION: Final = 1
"""Version in ``gridtide.<name>/<version>``; raised when a key changes its meaning or goes away."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}


def answer_schema(name: str) -> dict[str, Any]:
    """
    Schema of ``gridtide.<name>/1``.

    Raises:
        KeyError: There is no such answer.
    """
    schema_id = f"gridtide.{name}/{VERSION}"
    definitions: dict[str, Any] = {}
    body = _object(ANSWERS[name], definitions)
    body["properties"]["schema"] = {"const": schema_id}
    return {"$schema": _DIALECT, "$id": f"urn:{schema_id}", "title": schema_id, **body, "$defs": definitions}


def _object(shape: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(shape, include_extras=True)
    required = [key for key, hint in hints.items() if get_origin(hint) is not NotRequired]
    properties = {key: _type(hint, definitions) for key, hint in hints.items()}
    return {
        "description": " ".join((shape.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _type(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if is_typeddict(hint):
        name = hint.__name__.removesuffix("Shape")
        if name not in definitions:
            definitions[name] = {}  # holds the place while what refers to it is written
            definitions[name] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{name}"}
    origin, inner = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _type(inner[0], definitions)
    if origin is list:
        return {"type": "array", "items": _type(inner[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(inner[1], definitions)}
    if origin is not None and (origin is Union or origin.__name__ == "UnionType"):
        return {"anyOf": [_type(part, definitions) for part in inner]}
    return dict(_PLAIN[hint])
