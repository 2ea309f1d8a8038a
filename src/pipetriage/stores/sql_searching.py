"""The conditions of a list, and the search by words: SQLite's FTS5 and PostgreSQL's tsvector by the same words."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pipetriage.model.archive import Wanted
from pipetriage.stores.comparing import text_of
from pipetriage.stores.tables import incidents, words
from pipetriage.stores.words import split

_WORDS_AT_MOST = 12
_SHORTEST_ID = 4
_NEAR = 10_000
"""So many of the latest incidents are looked through before the index of words is. Ours: some ten milliseconds."""
_INDEX = sa.table("pipetriage_words_index", sa.column("rowid"), sa.column("pipetriage_words_index"))


def conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Give what an incident's row has to fulfil, its words aside."""
    of = incidents.c
    named = {
        of.pipeline_name: wanted.pipeline,
        of.category: wanted.category.value if wanted.category is not None else None,
        of.owner: wanted.owner,
        of.queue: wanted.queue,
        of.fingerprint: wanted.fingerprint,
        of.standing: wanted.standing.value if wanted.standing is not None else None,
    }
    asked = [column == value for column, value in named.items() if value is not None]
    if wanted.unsafe_only:
        asked.append(of.safe_to_retry.is_(False))
    if wanted.reviewed is not None:
        asked.append(of.review_number.is_not(None) if wanted.reviewed else of.review_number.is_(None))
    if wanted.since is not None:
        asked.append(of.first_seen >= text_of(wanted.since))
    if wanted.until is not None:
        asked.append(of.first_seen < text_of(wanted.until))
    return asked


def starts_with(connection: sa.Connection, text: str) -> sa.ColumnElement[bool] | None:
    """Give the condition that an id begins with a text; None: none does, so it is no beginning of an id."""
    if len(text) < _SHORTEST_ID or any(one.isspace() for one in text):
        return None
    for column in (incidents.c.job_run_id, incidents.c.incident_id, incidents.c.batch_id):
        condition = _begins(connection, column, text)
        if connection.scalar(sa.select(sa.exists().where(condition))):
            return condition
    return None


def found_by_words(connection: sa.Connection, wanted: Wanted, before: int | None, most: int) -> Sequence[Any]:
    """Give rows of the incidents that have all words, the latest to come in first.

    A filter's own words narrow the search as well: every incident that it lets through has them.
    """
    filters = (wanted.pipeline, wanted.category, wanted.owner, wanted.queue)
    asked = split(" ".join([wanted.words, *(str(one) for one in filters if one)]))[:_WORDS_AT_MOST]
    if not split(wanted.words):
        return []
    if connection.dialect.name == "postgresql":
        return _near_or_rare(connection, wanted, asked, before, most)
    # SQLite walks its index from the latest on only if that is what the order names.
    query = _with_heads(wanted, words).where(_INDEX.c.rowid == words.c.number, _match(asked))
    if before is not None:
        query = query.where(_INDEX.c.rowid < before)
    return connection.execute(query.order_by(_INDEX.c.rowid.desc()).limit(most)).all()


def _near_or_rare(
    connection: sa.Connection, wanted: Wanted, asked: list[str], before: int | None, most: int
) -> Sequence[Any]:
    """Look among the latest first; what is not found there often enough is rare, and looked up in the index of words.

    PostgreSQL takes words for independent of each other, and would walk through all rows for some that are rare, or
    sort all that are common: which of both ways is short is seen by going the first for a bounded while.
    """
    end = before if before is not None else (connection.scalar(sa.select(sa.func.max(words.c.number))) or 0) + 1
    matches = _vector(asked)
    near = _with_heads(wanted, words).where(words.c.number < end, words.c.number >= end - _NEAR, matches)
    found = connection.execute(near.order_by(words.c.number.desc()).limit(most)).all()
    if len(found) == most or end <= _NEAR:
        return found
    rare = sa.select(words.c.number, words.c.incident_id).where(matches, words.c.number < end)
    # Apart from the order, so that the planner may not look for the words row by row after all.
    few = rare.cte("few").prefix_with("MATERIALIZED")
    return connection.execute(_with_heads(wanted, few).order_by(few.c.number.desc()).limit(most)).all()


def _with_heads(wanted: Wanted, of: sa.FromClause) -> "sa.Select[Any]":
    query = sa.select(incidents, of.c.number).join(of, of.c.incident_id == incidents.c.incident_id)
    return query.where(*conditions(wanted))


def _vector(asked: list[str]) -> sa.ColumnElement[bool]:
    # Letters and digits alone: nothing of a word is an operator.
    terms = [f"'{one}'" for one in dict.fromkeys(asked)]
    # Written into the statement, escaped: only then does PostgreSQL look how frequent the words are when it plans.
    text = sa.bindparam(None, " & ".join(terms), type_=sa.String(), literal_execute=True)
    return sa.column("vector").bool_op("@@")(sa.cast(text, _TSQuery()))


def _match(asked: list[str]) -> sa.ColumnElement[bool]:
    terms = [f'"{one}"' for one in dict.fromkeys(asked)]
    return _INDEX.c.pipetriage_words_index.bool_op("MATCH")(" AND ".join(terms))


def _begins(connection: sa.Connection, column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    # Not by LIKE, which neither database answers from an index where the text is a parameter.
    first, beyond = sa.literal(text), sa.literal(text + "\U0010ffff")
    if connection.dialect.name == "postgresql":  # byte by byte, whatever the database's language: text_pattern_ops
        return sa.and_(column.op("~>=~")(first), column.op("~<~")(beyond))
    return sa.and_(column >= first, column < beyond)


class _TSQuery(sa.types.UserDefinedType[str]):
    """PostgreSQL's type of a search's words."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """See SQLAlchemy."""
        return "tsquery"
