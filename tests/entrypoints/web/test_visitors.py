"""Who may ask what: tokens and their scopes, browsers and their sessions, and nobody by another site's page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.web.bounds import HEADERS
from pipetriage.entrypoints.web.service import service
from pipetriage.entrypoints.web.visitors import COOKIE
from pipetriage.model.access import Scope
from pipetriage.stores import IncidentStore, open_store
from tests.entrypoints.web.asking import make_token
from tests.entrypoints.web.pages.seeded import fill

ANYBODY = {"/healthz", "/readyz"}
NEEDS = {
    ("POST", "/gate"): Scope.SUBMIT,
    ("POST", "/api/v1/triages"): Scope.SUBMIT,
    ("POST", "/api/v1/bundles"): Scope.SUBMIT,
    ("GET", "/api/v1/triages/{key}"): Scope.SUBMIT,
    ("POST", "/api/v1/incidents/{reference}/reviews"): Scope.REVIEW,
    ("GET", "/api/v1/audit"): Scope.ADMIN,
}
"""What is not answered to whoever may read."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> IncidentStore:
    folder = tmp_path_factory.mktemp("asked")
    fill(folder / "incidents.db", count=3)
    return open_store(str(folder / "incidents.db"))


@pytest.fixture(scope="module")
def asked(store: IncidentStore) -> Iterator[TestClient]:
    make_token(store, Scope.READ, name="so that one is needed")
    with client_of(store) as client:
        yield client


def client_of(store: IncidentStore, token: str | None = None, host: str = "localhost") -> TestClient:
    app = service(open_app(store_url=str(store.place)), token)  # type: ignore[attr-defined]
    return TestClient(app, base_url=f"http://{host}", follow_redirects=False)


def routes() -> list[tuple[str, str]]:
    from tempfile import mkdtemp

    app = service(open_app(store_url=f"{mkdtemp()}/i.db"), None)
    return [(method.upper(), path) for path, of in app.openapi()["paths"].items() for method in of]


def ask(client: TestClient, method: str, path: str, secret: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    filled = re.sub(r"\{\w+\}", "inc_nothing", path)
    body = {"target": "jr_nothing", "table": "a.b"} if method == "POST" and "gate" not in path else None
    return client.request(method, filled, headers=headers, json=body)


@pytest.mark.parametrize(
    ("method", "path"), [one for one in routes() if one[1] not in ANYBODY and "slack" not in one[1]]
)
def test_a_scope_allows_what_it_names_and_nothing_else(
    asked: TestClient, store: IncidentStore, method: str, path: str
) -> None:
    needed = NEEDS.get((method, path), Scope.READ)
    for scope in Scope:
        status = ask(asked, method, path, make_token(store, scope)).status_code
        assert (status == 403) is (scope is not needed), (scope, status)
        assert status < 500


@pytest.mark.parametrize(("method", "path"), routes())
def test_without_a_token_nothing_is_told(asked: TestClient, method: str, path: str) -> None:
    status = ask(asked, method, path).status_code

    assert (status == 401) is (path not in ANYBODY), (path, status)


@pytest.mark.parametrize(
    "more", [{"expires_at": datetime.now(UTC) - timedelta(seconds=1)}, {"revoked_at": datetime.now(UTC)}]
)
def test_what_is_over_is_over(asked: TestClient, store: IncidentStore, more: dict[str, Any]) -> None:
    answer = ask(asked, "GET", "/api/v1/incidents", make_token(store, *Scope, name="over", **more))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_environments_token_reads_and_submits(store: IncidentStore) -> None:
    client = client_of(store, "of the environment")

    assert ask(client, "GET", "/api/v1/incidents", "of the environment").status_code == 200
    assert ask(client, "GET", "/api/v1/audit", "of the environment").status_code == 403
    assert ask(client, "POST", "/api/v1/incidents/x/reviews", "of the environment").status_code == 403
    assert ask(client, "GET", "/api/v1/incidents", "of the environment ").status_code in (200, 401)
    assert ask(client, "GET", "/api/v1/incidents", "another").status_code == 401


def test_without_any_token_this_machine_alone_may_ask(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "alone.db"))
    here, elsewhere = client_of(store), client_of(store, host="rebound.example")

    assert ask(here, "GET", "/api/v1/incidents").status_code == 200
    assert here.get("/").status_code == 200
    assert ask(here, "GET", "/api/v1/audit").status_code == 403, "what an administrator sees needs a token"
    assert ask(elsewhere, "GET", "/api/v1/incidents").status_code == 421
    assert elsewhere.get("/").status_code == 421
    for header in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert here.get("/api/v1/incidents", headers=header).status_code == 403, header
        assert here.post("/gate/read", json={"table": "a.b"}, headers=header).status_code == 403, header


def log_in(client: TestClient, secret: str) -> Any:
    return client.post("/login", data={"token": secret, "then": "/trends"})


def form_key(client: TestClient) -> str:
    found = re.search(r'name="form_key" value="([0-9a-f]{64})"', client.get("/readiness").text)
    assert found is not None
    return found[1]


def test_a_browser_logs_in_and_out(store: IncidentStore, asked: TestClient) -> None:
    client = client_of(store)
    sent = client.get("/trends?days=7")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?then=%2Ftrends%3Fdays%3D7")
    answer = log_in(client, make_token(store, Scope.READ, name="carla"))

    assert (answer.status_code, answer.headers["location"]) == (303, "/trends")
    cookie = answer.headers["set-cookie"].lower()
    assert all(one in cookie for one in (COOKIE, "httponly", "samesite=lax", "max-age=43200", "path=/"))
    assert client.get("/trends").status_code == 200
    assert client.post("/logout", data={"form_key": "0" * 64}).status_code == 403
    assert client.get("/trends").status_code == 200
    assert client.post("/logout", data={"form_key": form_key(client)}).headers["location"] == "/login"
    assert client.get("/trends").status_code == 303
    said = [(entry.who[:5], entry.what) for _, entry in store.access().entries(limit=2)]
    assert said == [("carla", "logout"), ("carla", "login")]


def test_a_stolen_name_of_a_session_opens_nothing(store: IncidentStore, asked: TestClient) -> None:
    client = client_of(store)
    client.cookies.set(COOKIE, "guessed")
    assert client.get("/").status_code == 303


def test_over_https_the_cookie_is_never_sent_in_the_clear(store: IncidentStore) -> None:
    app = service(open_app(store_url=str(store.place)), None)  # type: ignore[attr-defined]
    client = TestClient(app, base_url="https://triage.example", follow_redirects=False)

    assert "secure" in log_in(client, make_token(store, Scope.READ)).headers["set-cookie"].lower()


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(store: IncidentStore, asked: TestClient, then: str) -> None:
    client = client_of(store)
    answer = client.post("/login", data={"token": make_token(store, Scope.READ), "then": then})

    assert answer.headers["location"] == "/"


def test_a_form_of_another_page_is_refused(store: IncidentStore, asked: TestClient) -> None:
    client = client_of(store)
    log_in(client, make_token(store, *Scope, name="eve's target"))
    (one, *_) = store.list()
    form = {"answer": "agree", "category": one.failure_category.value, "safe": "no", "judged": "x"}
    path = f"/incidents/{one.incident_id}/review"
    before = store.reviews(one.incident_id)

    for keys in ({}, {"form_key": ""}, {"form_key": "f" * 64}, {"form_key": "ö"}):
        assert client.post(path, data={**form, **keys}).status_code == 403
    mine = {**form, "form_key": form_key(client)}
    assert client.post(path, data=mine, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post(path, data=mine, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    other = client_of(store)
    log_in(other, make_token(store, *Scope, name="eve"))
    assert client.post(path, data={**form, "form_key": form_key(other)}).status_code == 403
    assert store.reviews(one.incident_id) == before


def test_guessing_tokens_is_slow_and_on_record(store: IncidentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipetriage.entrypoints.web.pages.login.REFUSED_SECONDS", 0.0)
    client = client_of(store)
    statuses = [log_in(client, f"ptk_guess{number}").status_code for number in range(14)]

    assert statuses == [403] * 10 + [429] * 4
    refused = [entry for _, entry in store.access().entries(limit=10) if entry.what == "login refused"]
    assert len(refused) == 10
    assert "guess" not in "".join(entry.who + entry.about for entry in refused)
    assert [ask(client, "GET", "/api/v1/incidents", f"ptk_{n}").status_code for n in range(125)][-1] == 429


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/nothing", 404),
        ("/api/v1/incidents", 401),
        ("/", 303),
        ("/login", 200),
        ("/openapi.json", 200),
    ],
)
def test_every_answer_has_strict_headers(asked: TestClient, path: str, status: int) -> None:
    answer = asked.get(path)

    assert answer.status_code == status
    for name in HEADERS:
        assert name in answer.headers, name
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_our_own_files_are_kept_by_browsers_and_nothing_else_is_given_out(asked: TestClient) -> None:
    (sheet,) = re.findall(r'href="(/static/[0-9a-f]+/pipetriage\.css)"', asked.get("/login").text)
    answer = asked.get(sheet)

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/css")
    assert "immutable" in answer.headers["cache-control"]
    for other in ("/static/x/pipetriage.css", sheet.replace("pipetriage.css", "static.py"), "/static/../static.py"):
        assert asked.get(other).status_code == 404
