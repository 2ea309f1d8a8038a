"""Tokens, sessions, the audit log and submissions: the same of SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipetriage.model.access import Access, Entry, Scope, Session, Submission, Token, digest_of, new_secret
from pipetriage.stores import open_store
from tests.stores.conftest import empty_store

AT = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
ODD = "NUL \0, half a pair \ud800, '); DROP TABLE pipetriage_token;-- \u202e"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return empty_store(request, tmp_path)


@pytest.fixture
def access(place: str) -> Access:
    return open_store(place).access()


def token(name: str = "ada", **more: Any) -> Token:
    fields = {
        "token_id": f"t_{name}"[:32],
        "name": name,
        "scopes": frozenset({Scope.READ}),
        "digest": digest_of(name),
        "created_at": AT,
        "expires_at": None,
    }
    return Token(**{**fields, **more})


def session(of: str = "t_ada", cookie: str = "c", *, begun: datetime = AT) -> Session:
    ends = begun + timedelta(hours=12)
    return Session(digest=digest_of(cookie), token_id=of, created_at=begun, expires_at=ends)


def test_a_token_is_found_by_its_hash_alone_and_listed_newest_first(access: Access) -> None:
    access.add_token(token())
    access.add_token(token("bob", created_at=AT + timedelta(minutes=1), scopes=frozenset(Scope)))

    found = access.token(digest_of("ada"))
    assert found == token()
    assert access.token("ada") is None
    assert [one.name for one in access.tokens()] == ["bob", "ada"]
    assert access.tokens()[0].scopes == frozenset(Scope)


def test_secrets_are_long_different_and_known_to_scanners() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith("ptk_") and len(one) >= 40 for one in made)


def test_what_is_revoked_or_expired_allows_nothing(access: Access) -> None:
    access.add_token(token(expires_at=AT + timedelta(days=1)))
    access.begin_session(session())
    assert access.session(digest_of("c")) is not None

    assert access.revoke("t_ada", AT)
    found = access.token(digest_of("ada"))
    assert found is not None
    assert not found.is_valid(AT)
    assert access.session(digest_of("c")) is None, "a browser that logged in with it is out, too"
    assert not access.revoke("t_nobody", AT)
    access.revoke("t_ada", AT + timedelta(days=1))
    assert access.tokens()[0].revoked_at == AT, "it stays revoked since the first time"
    other = token(expires_at=AT + timedelta(days=1))
    assert other.is_valid(AT + timedelta(hours=23))
    assert not other.is_valid(AT + timedelta(days=1))


def test_sessions_end_and_old_ones_are_swept(access: Access) -> None:
    access.add_token(token())
    access.begin_session(session(cookie="old", begun=AT - timedelta(days=2)))
    access.begin_session(session(cookie="a"))
    access.begin_session(session(cookie="b"))
    access.end_session(digest_of("a"))

    assert access.session(digest_of("a")) is None
    assert access.session(digest_of("old")) is None
    found = access.session(digest_of("b"))
    assert found is not None
    assert found == (session(cookie="b"), token())


def test_the_audit_log_is_read_backwards_in_pages(access: Access) -> None:
    for number in range(7):
        access.record(Entry(at=AT + timedelta(minutes=number), who="ada", what="login", about=str(number)))

    first = access.entries(limit=3)
    rest = access.entries(limit=10, before=first[-1][0])
    assert [entry.about for _, entry in first] == ["6", "5", "4"]
    assert [entry.about for _, entry in rest] == ["3", "2", "1", "0"]
    assert first[0][1].at == AT + timedelta(minutes=6)


def test_odd_text_is_kept_or_made_storable_and_never_an_error(access: Access) -> None:
    access.add_token(token("x" * 10_000, token_id="t_long", digest=digest_of("long")))
    access.add_token(token(ODD.replace("\ud800", ""), token_id="t_odd"))
    access.record(Entry(at=AT, who=ODD, what="login refused", about="y" * 10_000))
    mine = Submission(key="t:k", digest="d", at=AT)
    assert access.submit(mine, again_after=AT) is None
    access.settle(replace(mine, problem=ODD))

    assert "DROP TABLE" in access.entries()[0][1].who
    settled = access.submission("t:k")
    assert settled is not None
    assert settled.problem is not None
    assert "DROP TABLE" in settled.problem
    assert access.submission("t:\0\ud800") is None
    assert len(access.tokens()) == 2


def test_a_key_is_taken_once_and_its_outcome_is_told(access: Access) -> None:
    mine = Submission(key="t:night", digest="d", at=AT)
    early = AT - timedelta(minutes=15)

    assert access.submit(mine, again_after=early) is None
    assert access.submit(mine, again_after=early) == mine
    assert access.submit(replace(mine, digest="other"), again_after=early) == mine, "what was given first is told"
    access.settle(replace(mine, incident_id="inc_1"))
    known = access.submit(mine, again_after=AT + timedelta(days=1))
    assert known is not None
    assert known.incident_id == "inc_1", "what has an outcome is never begun again"


def test_what_nobody_works_on_any_more_is_begun_again(access: Access) -> None:
    mine = Submission(key="t:night", digest="d", at=AT)
    later = replace(mine, at=AT + timedelta(minutes=20))
    access.submit(mine, again_after=AT - timedelta(minutes=15))

    assert access.submit(later, again_after=AT + timedelta(minutes=5)) is None
    known = access.submission("t:night")
    assert known is not None
    assert known.at == later.at
    other = replace(later, digest="other", at=AT + timedelta(hours=1))
    assert access.submit(other, again_after=AT + timedelta(minutes=50)) == known, "another thing under its key is not"


def test_of_many_at_once_one_begins(place: str) -> None:
    stores = [open_store(place).access() for _ in range(4)]
    mine = Submission(key="t:storm", digest="d", at=AT)
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda n: stores[n % 4].submit(mine, again_after=AT - timedelta(hours=1)), range(24)))

    assert told.count(None) == 1
    assert {one for one in told if one is not None} == {mine}
