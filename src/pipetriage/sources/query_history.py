"""Who asked Athena since the batch's first attempt, as ``athena/queries.json`` has it: BatchGetQueryExecution's answer.

Statements are only read about, never run: StartQueryExecution is not on the list of what may be called.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError
from pipetriage.model.times import parse_time
from pipetriage.sources.documents import plain
from pipetriage.sources.local_files import Answer

AT_ONCE = 50
"""Ids in one answer of ListQueryExecutions, and in one request of BatchGetQueryExecution (API reference of both)."""
MAX_PAGES = 40
"""Pages of one workgroup: two thousand queries. What is older, or more, is told as left out."""
KEPT = timedelta(days=45)
"""So long Athena keeps a query's history (Athena user guide, "View recent queries")."""
MAX_SQL = 100_000
"""Characters of a statement; Athena takes 262,144 bytes (service quotas, "Maximum query string length")."""

_TOLD = ("QueryExecutionId", "Query", "StatementType", "QueryExecutionContext", "Status", "WorkGroup")
_OF_STATUS = ("State", "SubmissionDateTime", "CompletionDateTime")


def query_history(aws: AwsSession, workgroups: Sequence[str], since: datetime, now: datetime) -> Answer:
    """Give the queries of some workgroups that were submitted since then, or had not ended by then.

    A workgroup that may not be asked makes the answer incomplete; the others are told all the same.

    Raises:
        SourceError: none of them could be asked.
        CredentialsError: AWS does not know us.
    """
    found: list[dict[str, Any]] = []
    refused: list[SourceError] = []
    complete = now - since <= KEPT
    for name in workgroups:
        try:
            whole = False
            for page, last, untold in _pages(aws, name):
                complete = complete and not untold
                recent = [one for one in page if _matters(one, since)]
                found += recent
                # The newest come first: a page of nothing but older ones is the end of what is looked for.
                if last or (page and not recent):
                    whole = True
                    break
            complete = complete and whole
        except SourceError as error:
            refused.append(error)
    if refused and len(refused) == len(workgroups):
        raise refused[0]
    locator = f"athena:BatchGetQueryExecution {', '.join(workgroups)}"
    return Answer({"QueryExecutions": found}, locator, complete=complete and not refused)


def _pages(aws: AwsSession, workgroup: str) -> Iterator[tuple[list[dict[str, Any]], bool, bool]]:
    """Yield the queries of a workgroup page by page, whether that was the last one, and whether some are not told."""
    athena = aws.client("athena")
    token: str | None = None
    for _ in range(MAX_PAGES):
        more = {"NextToken": token} if token else {}
        with aws.calling(f"athena:ListQueryExecutions {workgroup}"):
            page = athena.list_query_executions(WorkGroup=workgroup, MaxResults=AT_ONCE, **more)
        ids, token = page.get("QueryExecutionIds") or [], page.get("NextToken")
        told = _looked_up(aws, ids)
        yield told, token is None, len(told) < len(ids)
        if token is None:
            return


def _looked_up(aws: AwsSession, ids: Sequence[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    with aws.calling("athena:BatchGetQueryExecution"):
        answer = plain(aws.client("athena").batch_get_query_execution(QueryExecutionIds=list(ids)))
    return [_told(one) for one in answer.get("QueryExecutions") or []]


def _told(query: dict[str, Any]) -> dict[str, Any]:
    """Keep what tells who read what when; a statement may be as long as a book."""
    kept = {name: query[name] for name in _TOLD if name in query}
    status = query.get("Status") or {}
    kept["Status"] = {name: status[name] for name in _OF_STATUS if name in status}
    return {**kept, "Query": str(query.get("Query") or "")[:MAX_SQL]}


def _matters(query: dict[str, Any], since: datetime) -> bool:
    """Whether a query ran since then; one whose times are not told may have."""
    submitted = parse_time(query["Status"].get("SubmissionDateTime"))
    ended = parse_time(query["Status"].get("CompletionDateTime"))
    running = query["Status"].get("State") in ("QUEUED", "RUNNING")
    return submitted is None or submitted >= since or running or (ended is not None and ended >= since)
