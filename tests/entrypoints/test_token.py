"""``pipetriage token``: a secret is shown once and kept nowhere."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipetriage.entrypoints.cli import main
from pipetriage.model.access import Scope, digest_of
from pipetriage.stores import open_store
from tests.emulated.account import EmulatedAccount
from tests.emulated.fixtures import account, aws_environment, emulator
from tests.emulated.incident_table import make_table

__all__ = ["account", "aws_environment", "emulator"]

Told = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "incidents.db"


def run(store: Path | str, *arguments: str) -> int:
    return main(["token", *arguments, "--store", str(store)])


def test_a_secret_is_shown_once_and_kept_nowhere(store: Path, capsys: Told) -> None:
    assert run(store, "create", "airflow", "--scope", "read", "--scope", "submit") == 0
    secret = capsys.readouterr().out.strip()
    assert run(store, "list") == 0
    listed = capsys.readouterr().out

    assert secret.startswith("ptk_")
    assert secret not in listed
    assert "airflow  read,submit  valid until revoked" in listed
    access = open_store(str(store)).access()
    (kept,) = access.tokens()
    assert kept.digest == digest_of(secret)
    assert kept.scopes == {Scope.READ, Scope.SUBMIT}
    assert secret.encode() not in b"".join(one.read_bytes() for one in store.parent.iterdir())
    ((_, entry),) = access.entries()
    assert (entry.what, entry.about) == ("token created", kept.token_id)
    assert "(command line)" in entry.who


def test_without_a_scope_it_reads_only_and_may_end(store: Path, capsys: Told) -> None:
    assert run(store, "create", "ada", "--days", "90", "--json") == 0
    made = json.loads(capsys.readouterr().out)

    assert made["scopes"] == ["read"]
    assert "digest" not in made
    ends = datetime.fromisoformat(made["expires_at"])
    assert timedelta(days=89) < ends - datetime.now(UTC) < timedelta(days=91)


def test_a_token_is_revoked_for_good(store: Path, capsys: Told) -> None:
    run(store, "create", "ada", "--json")
    made = json.loads(capsys.readouterr().out)
    assert run(store, "revoke", made["token_id"]) == 0
    assert run(store, "list") == 0

    assert "revoked 20" in capsys.readouterr().out
    found = open_store(str(store)).access().token(digest_of(made["token"]))
    assert found is not None
    assert not found.is_valid(datetime.now(UTC))


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x1b[2Jb", "two\nlines"])
def test_a_name_is_printable(store: Path, capsys: Told, name: str) -> None:
    assert run(store, "create", name) == 2
    assert "1 to 100 printable characters" in capsys.readouterr().err


def test_an_unknown_token_and_an_empty_list_are_said(store: Path, capsys: Told) -> None:
    assert run(store, "revoke", "ffffffff") == 2
    assert "pipetriage token list" in capsys.readouterr().err
    assert run(store, "list") == 0
    assert "only this machine may ask" in capsys.readouterr().err
    assert run(store, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_store_without_tokens_says_which_has_them(account: EmulatedAccount, capsys: Told) -> None:
    assert main(["token", "create", "ada", "--store", make_table(account)]) == 3
    assert "SQLite or PostgreSQL" in capsys.readouterr().err
