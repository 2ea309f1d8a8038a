"""Tokens, sessions, audit log and submissions in a SQL store."""

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from pipetriage.model.access import Entry, Session, Submission, Token
from pipetriage.stores.comparing import text_of
from pipetriage.stores.headings import storable, text_of_struct
from pipetriage.stores.sql_engine import our_errors, write_again, writing
from pipetriage.stores.tables import audit, sessions, submissions, tokens


class SqlAccess:
    """See ``Access``."""

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        self._place = place

    def add_token(self, token: Token) -> None:
        """See ``Access.add_token``."""
        row = {"token_id": token.token_id, "digest": token.digest, "created_at": text_of(token.created_at)}
        self._write(tokens.insert().values({**row, "document": text_of_struct(token)}))

    def tokens(self) -> list[Token]:
        """See ``Access.tokens``."""
        query = sa.select(tokens.c.document).order_by(tokens.c.created_at.desc(), tokens.c.token_id)
        with our_errors(self._place), self._engine.begin() as connection:
            return [msgspec.json.decode(document, type=Token) for document in connection.scalars(query)]

    def token(self, digest: str) -> Token | None:
        """See ``Access.token``."""
        query = sa.select(tokens.c.document).where(tokens.c.digest == digest)
        with our_errors(self._place), self._engine.begin() as connection:
            document = connection.scalar(query)
        return msgspec.json.decode(document, type=Token) if document is not None else None

    def revoke(self, token_id: str, at: datetime) -> bool:
        """See ``Access.revoke``."""
        mine = tokens.c.token_id == token_id

        def write(connection: sa.Connection) -> bool:
            document = connection.scalar(sa.select(tokens.c.document).where(mine).with_for_update())
            if document is None:
                return False
            token = msgspec.json.decode(document, type=Token)
            revoked = msgspec.structs.replace(token, revoked_at=token.revoked_at or at)
            connection.execute(tokens.update().where(mine).values(document=text_of_struct(revoked)))
            connection.execute(sessions.delete().where(sessions.c.token_id == token_id))
            return True

        return write_again(self._engine, self._place, write, f"revoke {token_id}")

    def begin_session(self, session: Session) -> None:
        """See ``Access.begin_session``."""
        row = {
            "digest": session.digest,
            "token_id": session.token_id,
            "created_at": text_of(session.created_at),
            "expires_at": text_of(session.expires_at),
        }
        self._write(sessions.delete().where(sessions.c.expires_at <= row["created_at"]), sessions.insert().values(row))

    def session(self, digest: str) -> tuple[Session, Token] | None:
        """See ``Access.session``."""
        query = sa.select(sessions, tokens.c.document).join(tokens, tokens.c.token_id == sessions.c.token_id)
        with our_errors(self._place), self._engine.begin() as connection:
            row = connection.execute(query.where(sessions.c.digest == digest)).one_or_none()
        if row is None:
            return None
        session = Session(
            digest=row.digest,
            token_id=row.token_id,
            created_at=datetime.fromisoformat(row.created_at),
            expires_at=datetime.fromisoformat(row.expires_at),
        )
        return session, msgspec.json.decode(row.document, type=Token)

    def end_session(self, digest: str) -> None:
        """See ``Access.end_session``."""
        self._write(sessions.delete().where(sessions.c.digest == digest))

    def record(self, entry: Entry) -> None:
        """See ``Access.record``."""
        row = {"at": text_of(entry.at), "what": entry.what[:64]}
        self._write(audit.insert().values({**row, "who": storable(entry.who), "about": storable(entry.about)}))

    def entries(self, *, limit: int = 100, before: int | None = None) -> list[tuple[int, Entry]]:
        """See ``Access.entries``."""
        query = sa.select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        with our_errors(self._place), self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return [
            (row.number, Entry(at=datetime.fromisoformat(row.at), who=row.who, what=row.what, about=row.about))
            for row in rows
        ]

    def submit(self, submission: Submission, *, again_after: datetime) -> Submission | None:
        """See ``Access.submit``."""
        mine = submissions.c.submission_key == submission.key
        row = {"submission_key": submission.key, "digest": submission.digest, "at": text_of(submission.at)}

        def write(connection: sa.Connection) -> Submission | None:
            known = connection.execute(sa.select(submissions).where(mine).with_for_update()).one_or_none()
            if known is None:
                connection.execute(submissions.insert().values(row))
                return None
            left = known.incident_id is None and known.problem is None and known.at < text_of(again_after)
            if left and known.digest == submission.digest:
                connection.execute(submissions.update().where(mine).values(row))
                return None
            return _submission(known)

        return write_again(self._engine, self._place, write, "take the submission")

    def submission(self, key: str) -> Submission | None:
        """See ``Access.submission``."""
        query = sa.select(submissions).where(submissions.c.submission_key == storable(key))
        with our_errors(self._place), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        return _submission(row) if row is not None else None

    def settle(self, submission: Submission) -> None:
        """See ``Access.settle``."""
        problem = storable(submission.problem) if submission.problem is not None else None
        outcome = {"incident_id": submission.incident_id, "problem": problem}
        self._write(submissions.update().where(submissions.c.submission_key == submission.key).values(outcome))

    def _write(self, *statements: sa.Executable) -> None:
        with our_errors(self._place), writing(self._engine) as connection:
            for statement in statements:
                connection.execute(statement)


def _submission(row: Any) -> Submission:
    return Submission(
        key=row.submission_key,
        digest=row.digest,
        at=datetime.fromisoformat(row.at),
        incident_id=row.incident_id,
        problem=row.problem,
    )
