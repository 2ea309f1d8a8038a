"""The API fuzzed over its own document: never a 5xx, and every answer is one that the document tells of.

``FUZZ_EXAMPLES=2000 make test`` asks longer.
"""

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from pipetriage.entrypoints.web.api.documents import PREFIX
from pipetriage.entrypoints.web.service import service
from tests.entrypoints.web.asking import Service
from tests.entrypoints.web.pages.seeded import fill

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def served() -> Service:
    folder = Path(mkdtemp(prefix="pipetriage-fuzz-"))
    fill(folder / "incidents.db", count=12)
    config = folder / "pipetriage.toml"
    config.write_text("[serve]\nper_minute = 10000000\n")
    return Service(folder, config=config)


@schemathesis.serializer("application/gzip")
def as_it_is(ctx: Any, value: Any) -> Any:
    """Send what was generated: hardly ever a bundle, and never an error of ours."""
    return value if isinstance(value, bytes) else str(value).encode()


SERVED = served()
APP = service(SERVED.program, None)
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*HealthCheck],
    database=None,
)
def test_nothing_that_is_asked_breaks_it(case: Any) -> None:
    headers = {"authorization": f"Bearer {SERVED.secret}", "host": "localhost"}
    case.call_and_validate(checks=CHECKS, headers=headers)


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x", "words=%00", "words=%ff%fe", "since=0000-00-00", "since=9999-99-99", "category=%27%22%3E",
        "days=-1", "days=999999999999999999999", "standing=%0a", "unsafe=maybe", "words=" + "x" * 5000,
        "cursor=" + "A" * 600, "words=%F0%9F%92%A9+%22%2A", "fingerprint=%25", "until=2026-11-22T00:00:00Z",
        "kept=%3Cscript%3E", "table=nope",
    ],
)  # fmt: skip
def test_no_address_breaks_a_page(query: str) -> None:
    for path in ("/", "/incidents.csv", "/incidents.json", "/trends", "/trends.csv", "/quality", "/quality.csv"):
        client = TestClient(APP, base_url="http://localhost", follow_redirects=False)
        client.cookies.set("pipetriage_session", _cookie())
        answer = client.get(f"{path}?{query}")
        assert answer.status_code < 500, (path, answer.text[:300])
        assert "<script>" not in answer.text.replace('<script src="/static', "")


def _cookie() -> str:
    from pipetriage.entrypoints.web.visitors import Door

    begun = Door(SERVED.program, None).log_in(SERVED.secret)
    assert begun is not None
    return begun[0]


def test_the_document_holds_by_its_own_standard() -> None:
    from openapi_spec_validator import validate

    document = APP.openapi()
    validate(document)
    documented = {path for path in document["paths"] if path.startswith(PREFIX)}
    assert len(documented) >= 12
