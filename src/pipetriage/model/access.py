"""Who may ask the service what: tokens, the sessions of people's browsers, and the log of what was done."""

import hashlib
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

PREFIX = "ptk_"
"""How a token begins, so that a scanner of leaked secrets knows it."""


def new_secret() -> str:
    """Make a token's secret: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Give the hash by which a secret is found."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Scope(StrEnum):
    """What a token allows. None of them allows anything on a pipeline, a run or a table."""

    READ = "read"
    """See incidents, trends and measures; ask whether a table may be read."""
    SUBMIT = "submit"
    """Have runs and bundles triaged; ask whether a run may be retried."""
    REVIEW = "review"
    """Say what really happened."""
    ADMIN = "admin"
    """See the audit log. Tokens are made on the command line only."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, but for its secret: only the hash of that is kept."""

    token_id: str
    """Its public part, by which it is revoked and named in the audit log."""
    name: str
    """Whose it is, for people."""
    scopes: frozenset[Scope]
    digest: str
    """SHA-256 of the secret, which has 256 random bits: no slower hash is needed."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it still allows anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's browser, after it has shown a token."""

    digest: str
    """SHA-256 of the cookie."""
    token_id: str
    created_at: datetime
    expires_at: datetime


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log."""

    at: datetime
    who: str
    """The token's name and id."""
    what: str
    """``login``, ``login refused``, ``logout``, ``review``, ``submit``, ``token created``, ``token revoked``."""
    about: str
    """The incident, token or run; nothing secret."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be triaged, by its idempotency key."""

    key: str
    digest: str
    """Of what was submitted: the same key with something else is a mistake."""
    at: datetime
    incident_id: str | None = None
    """None while it is being triaged, and where that failed."""
    problem: str | None = None
    """Why there is no incident; None while it is being triaged."""


class Access(Protocol):
    """Tokens, sessions, audit log and submissions of one store. Every method raises ``StoreError``."""

    def add_token(self, token: Token) -> None:
        """Keep a token."""
        ...

    def tokens(self) -> list[Token]:
        """List all tokens, the newest first."""
        ...

    def token(self, digest: str) -> Token | None:
        """Find a token by the hash of its secret."""
        ...

    def revoke(self, token_id: str, at: datetime) -> bool:
        """Have a token, and the sessions begun with it, allow nothing from now on; False: there is no such token."""
        ...

    def begin_session(self, session: Session) -> None:
        """Keep a session, and forget those that have expired."""
        ...

    def session(self, digest: str) -> tuple[Session, Token] | None:
        """Find a session and its token by the hash of the cookie."""
        ...

    def end_session(self, digest: str) -> None:
        """Forget a session."""
        ...

    def record(self, entry: Entry) -> None:
        """Add a line to the audit log; none is ever changed."""
        ...

    def entries(self, *, limit: int = 100, before: int | None = None) -> list[tuple[int, Entry]]:
        """List the audit log, newest first, each line with its number; ``before``: lines with lower numbers only."""
        ...

    def submit(self, submission: Submission, *, again_after: datetime) -> Submission | None:
        """Begin a submission; None: it is begun. Else what is known under the key.

        One that was begun before ``again_after`` and has no outcome is begun again: who did it is gone.
        """
        ...

    def submission(self, key: str) -> Submission | None:
        """Find a submission."""
        ...

    def settle(self, submission: Submission) -> None:
        """Keep a submission's outcome."""
        ...
