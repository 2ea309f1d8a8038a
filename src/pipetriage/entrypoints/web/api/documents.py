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

PREFIX = "/api/v1"
"""How every address of the API begins. Each router has it as its own: a route's path is then what is counted."""
JSON = "application/json"
PROBLEM = "application/problem+json"
_NOUNS = (Incident, Heading, Similar, Evidence, Review, Trends, Quality, Entry)
_REF = "#/components/schemas/{name}"
_EVERY = {
    "400": "no request that can be read",
    "401": "no token, or one that is unknown, expired or revoked",
    "403": "the token may not do that",
    "408": "it does not arrive in time",
    "413": "it is too long",
    "421": "without a token, only this machine may ask",
    "422": "it is malformed; wrong says where",
    "429": "too often; Retry-After says when",
    "503": "the store, or we, cannot answer now",
}
"""Problems that every request can have."""
_PROBLEM_CONTENT = {"content": {PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}}}}


def json_answer(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with a noun, or with documents made of some."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


def answers(schema: dict[str, Any], *, status: int = 200, **more: str) -> dict[int | str, dict[str, Any]]:
    """Describe what a route gives; ``more``: its problems beside those that every request can have."""
    found: dict[int | str, dict[str, Any]] = {
        int(one.removeprefix("of_")): {"description": why, **_PROBLEM_CONTENT} for one, why in more.items()
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
        for operation in (one for of in document["paths"].values() for one in of.values()):
            _add_problems(operation["responses"])
        # As it is sent: defaults of ours are tuples here and there, which no standard knows.
        app.openapi_schema = msgspec.json.decode(msgspec.json.encode(document))
    return app.openapi_schema


def _add_problems(responses: dict[str, Any]) -> None:
    """Tell of the problems that every request can have; the framework's own of a 422 is not what we send."""
    for status, why in _EVERY.items():
        known = responses.get(status)
        if known is None or status == "422":
            said = known["description"] if known is not None else why
            responses[status] = {"description": said, **_PROBLEM_CONTENT}


def _anything(kind: type) -> dict[str, Any]:
    """Give the schema of what may be any JSON.

    Raises:
        NotImplementedError: msgspec's way to say that a type is not ours to describe.
    """
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError
