"""The schemas of an OpenAPI 3.0 document as JSON Schema, and what a value gets wrong."""

from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Document = dict[str, Any]


def plain(document: Document, schema: Document) -> Document:
    """Return a schema without references, and with ``nullable`` as JSON Schema says it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return plain(document, document["components"]["schemas"][name])
    if len(schema.get("allOf", [])) == 1:
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        return plain(document, plain(document, schema["allOf"][0]) | rest)
    whole = {key: _part(document, key, value) for key, value in schema.items()}
    if not whole.pop("nullable", False):
        return whole
    shape = {key: whole[key] for key in ("properties", "items") if key in whole}
    return {"anyOf": [{"type": "null"}, whole], **shape}


def _part(document: Document, key: str, value: Any) -> Any:
    if key in {"items", "additionalProperties"} and isinstance(value, dict):
        return plain(document, value)
    if key in {"anyOf", "oneOf", "allOf"}:
        return [plain(document, one) for one in value]
    if key == "properties":
        return {name: plain(document, one) for name, one in value.items()}
    return value


def faults(document: Document, schema: Document, value: Any) -> list[str]:
    """Return what is wrong with ``value``; formats such as date-time are looked at too."""
    checker = Draft202012Validator(plain(document, schema), format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]


def answer_faults(document: Document, operation: Document, response: Any) -> list[str]:
    """Return how an HTTP answer differs from what ``operation`` says of it."""
    described = operation["responses"].get(str(response.status_code))
    if described is None:
        return [f"{response.status_code} is not described: {response.text[:300]}"]
    kind = response.headers.get("Content-Type", "").split(";")[0]
    if "content" not in described:
        return [f"a body: {response.text[:300]}"] if response.content else []
    if kind not in described["content"]:
        return [f"{kind} is not described: {response.text[:300]}"]
    missing = {"ETag", "Retry-After"} & set(described.get("headers", {})) - set(response.headers)
    wrong = faults(document, described["content"][kind]["schema"], response.json())
    return wrong + [f"no header {name}" for name in sorted(missing)]
