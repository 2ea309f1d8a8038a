"""``pipetriage token``: who may ask the service what."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import json_option, open_program, print_json, store_of, store_options
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import UsageError

if TYPE_CHECKING:
    from pipetriage.model.access import Access, Token

_SCOPES = ("read", "submit", "review", "admin")


@click.group(
    short_help="Make and revoke the service's tokens.",
    epilog="""\b
Examples:
  pipetriage token create airflow --scope read --scope submit
  pipetriage token create ada --scope read --scope review --days 90
  pipetriage token list
  pipetriage token revoke 3f9c01ab""",
)
def token() -> None:
    """Make, list and revoke the tokens of ``pipetriage serve``. The store keeps them, of each secret a hash."""


@token.command(short_help="Make a token.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(_SCOPES),
    multiple=True,
    help="What it allows; repeatable.  [default: read]",
)
@click.option("--days", type=click.IntRange(1, 3660), help="How long it is valid.  [default: until it is revoked]")
@json_option
@store_options
def create(
    name: str, scopes: tuple[str, ...], days: int | None, as_json: bool, config: Path | None, store: str | None
) -> None:
    """Make a token for NAME, a person or a program, and print it. It is shown this once.

    read: see incidents, ask whether a table may be read. submit: have runs triaged, ask whether one may be retried.
    review: say what really happened. admin: see the audit log. None of them allows anything on a pipeline.
    """
    from pipetriage.model.access import Scope, Token, digest_of, new_secret

    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise UsageError("a token's name is 1 to 100 printable characters: a person, or a program")
    access, secret, at = _access(config, store), new_secret(), datetime.now(UTC)
    made = Token(
        token_id=secrets.token_hex(4),
        name=name.strip(),
        scopes=frozenset(Scope(one) for one in scopes or ("read",)),
        digest=digest_of(secret),
        created_at=at,
        expires_at=at + timedelta(days=days) if days else None,
    )
    access.add_token(made)
    _record(access, "token created", made.token_id)
    if as_json:
        print_json({**_shown(made), "token": secret})
        return
    complain(f"{made.token_id}: {', '.join(sorted(made.scopes))}, {_until(made)}. This is shown once:")
    click.echo(secret)


@token.command("list", short_help="List tokens.")
@json_option
@store_options
def list_tokens(as_json: bool, config: Path | None, store: str | None) -> None:
    """List all tokens, the newest first; no secret is kept, so none is shown."""
    found = _access(config, store).tokens()
    if as_json:
        print_json([_shown(one) for one in found])
        return
    if not found:
        complain("There are no tokens: only this machine may ask. See pipetriage token create --help.")
    for one in found:
        click.echo(f"{one.token_id}  {plain(one.name)}  {','.join(sorted(one.scopes))}  {_until(one)}")


@token.command(short_help="Revoke a token.")
@click.argument("token_id", metavar="ID")
@store_options
def revoke(token_id: str, config: Path | None, store: str | None) -> None:
    """Have a token, and every browser that logged in with it, allow nothing from now on."""
    access = _access(config, store)
    if not access.revoke(token_id, datetime.now(UTC)):
        raise UsageError(f"there is no token {token_id!r}: see pipetriage token list")
    _record(access, "token revoked", token_id)
    click.echo(f"{token_id}: revoked")


def _access(config: Path | None, store: str | None) -> Access:
    return store_of(open_program(config, store)).access()


def _record(access: Access, what: str, token_id: str) -> None:
    import getpass

    from pipetriage.model.access import Entry

    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "unknown"
    access.record(Entry(at=datetime.now(UTC), who=f"{who} (command line)", what=what, about=token_id))


def _shown(one: Token) -> dict[str, object]:
    import msgspec

    return {name: value for name, value in msgspec.structs.asdict(one).items() if name != "digest"}


def _until(one: Token) -> str:
    if one.revoked_at is not None:
        return f"revoked {one.revoked_at:%Y-%m-%d %H:%M} UTC"
    return f"valid until {one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else "valid until revoked"
