"""What the API answers with: our nouns as JSON, and their schema in the OpenAPI document."""

from typing import Any

import msgspec
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from pipetriage.evaluation.reviewed import Quality
from pipetriage.model.access import Entry
from pipetriage.model.archive import Heading, Similar, Trends
from pipetriage.model.evidence import Evidence
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review

JSON = "application/json"
PROBLEM = "application/problem+json"
_NOUNS = (Incident, Heading, Similar, Evidence, Review, Trends, Quality, Entry)
_REF = "#/components/schemas/{name}"


def json_answer(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a noun, or with documents made of some."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


def answers(schema: dict[str, Any], *, status: int = 200, **more: str) -> dict[int | str, dict[str, Any]]:
    """Describe a route's answers: what it gives, and the problems that every route can have. ``more``: others."""
    problems = {
        "401": "no token, or one that is unknown, expired or revoked",
        "403": "the token may not do that",
        "421": "without a token, only this machine may ask",
        "429": "too often; Retry-After says when",
        "503": "the store, or we, cannot answer now",
        **{one.removeprefix("of_"): why for one, why in more.items()},
    }
    problem = {"content": {PROBLEM: {"schema": named("Problem")}}}
    found: dict[int | str, dict[str, Any]] = {
        int(one): {"description": why, **problem} for one, why in sorted(problems.items())
    }
    return {status: {"description": "the answer", "content": {JSON: {"schema": schema}}}, **found}


def named(name: str) -> dict[str, str]:
    """Refer to a schema of ours."""
    return {"$ref": _REF.format(name=name)}


def listed(**of: dict[str, Any]) -> dict[str, Any]:
    """Describe an object with these fields, all of them there."""
    return {"type": "object", "properties": of, "required": list(of)}


def several(name: str) -> dict[str, Any]:
    """Describe a list of a noun of ours."""
    return {"type": "array", "items": named(name)}


def describe(app: FastAPI) -> dict[str, Any]:
    """Give the OpenAPI document, our nouns among its schemas."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        _, ours = msgspec.json.schema_components(_NOUNS, ref_template=_REF, schema_hook=_anything)
        problem = {
            "type": "object",
            "properties": {"status": {"type": "integer"}, "title": {"type": "string"}, "wrong": {"type": "array"}},
            "required": ["status", "title"],
        }
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        document["components"]["schemas"] = {**schemas, **ours, "Problem": problem}
        app.openapi_schema = document
    return app.openapi_schema


def _anything(kind: type) -> dict[str, Any]:
    """Give the schema of what may be any JSON.

    Raises:
        NotImplementedError: msgspec's way to say that a type is not ours to describe.
    """
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError
