"""The API reference as one plain page, rendered here from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.template.loader import render_to_string

METHODS = ("get", "post", "put", "patch", "delete")


def render_reference(document: Mapping[str, Any]) -> str:
    """HTML for `/api/v1/docs`."""
    return render_to_string("api/reference.html", {"info": document["info"], "groups": _groups(document)})


def _groups(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                tag = (operation.get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append(_operation(document, path, method, operation))
    return groups


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "path": path,
        "method": method.upper(),
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "anchor": operation.get("operationId", ""),
        "parameters": [
            {
                "name": p["name"],
                "where": p["in"],
                "type": _type(document, p["schema"]),
                "required": p.get("required"),
            }
            for p in operation.get("parameters", [])
        ],
        "body": list(_fields(document, body)) if body else [],
        "answers": [
            {"status": status, "fields": list(_fields(document, schema))}
            for status, answer in operation.get("responses", {}).items()
            for schema in [answer.get("content", {}).get("application/json", {}).get("schema")]
        ],
    }


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    return document["components"]["schemas"][reference.rsplit("/", 1)[-1]] if reference else schema


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    if not schema:
        return
    found = _resolve(document, schema)
    if found.get("type") == "array":
        found = _resolve(document, found.get("items", {}))
    required = set(found.get("required", []))
    for name, field in found.get("properties", {}).items():
        yield {"name": name, "type": _type(document, field), "required": name in required}


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(document, one) for one in schema["anyOf"]))
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if schema.get("type") == "array":
        return f"[{_type(document, schema.get('items', {}))}]"
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    return str(schema.get("format") or schema.get("type") or "any")
