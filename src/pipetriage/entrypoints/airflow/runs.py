"""Which Glue run a task's failure is of, whatever version of Airflow says so. Knows no Airflow."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from pipetriage.entrypoints.gate_client import Answer, ask

REASON_LENGTH = 500
"""Characters of a retry policy's reason that Airflow keeps."""

_RUN_ID = re.compile(r"\bjr_[0-9a-f]{16,64}(?:_attempt_\d{1,3})?\b")
"""Glue's run ids; GlueJobOperator's exceptions name theirs ("Exiting Job jr_… Run State: FAILED")."""

Target = Callable[[BaseException, Any], str | None]


class UnknownRunError(Exception):
    """A run was started, or may have been, and which one cannot be found out."""


def run_of(error: BaseException, context: Any, task: Any = None) -> str | None:
    """Give the run that a task's failure is of, as the gate takes it; None: no run was started.

    ``task``: the operator that ran, where it is at hand: in some versions the context's is another copy of it.

    The operator's own memory of the run that it started goes before what the exception says, and that before XCom,
    which Airflow 3 clears before each attempt.

    Raises:
        UnknownRunError: a run was started, or may have been, and none of these names it.
    """
    task = task or _get(context, "task")
    named = getattr(task, "_job_run_id", None) or _in_words(error) or _in_xcom(context)
    job = getattr(task, "job_name", None)
    if named is not None:
        return f"glue:{job}/{named}" if job else str(named)
    if task is not None and hasattr(task, "_job_run_id") and _was_refused(error):
        return None  # GlueJobOperator, and StartJobRun itself was refused
    raise UnknownRunError


def decided(
    error: BaseException,
    context: Any,
    target: Target,
    url: str | None,
    *,
    can_wait: bool = False,
    looks: bool = False,
) -> Answer | None:
    """Ask the gate about a task's failure; None: it is of no run, so that it is Airflow's to judge. Never raises."""
    try:
        run = target(error, context)
    except Exception as trouble:  # noqa: BLE001 - whatever it is, the careful answer is the same
        said = f"which run failed cannot be found out ({type(trouble).__name__}), so no retry is allowed"
        return Answer(allowed=False, rule="CANNOT_ANSWER", reason=said)
    if run is None:
        return None
    return ask(run, asker=asker_of(context, run), can_wait=can_wait, looks=looks, url=url)


def tries(context: Any) -> int:
    """Say which attempt of the task this is, from 1; 0 where that is not known."""
    ti = _get(context, "ti") or _get(context, "task_instance")
    number = getattr(ti, "try_number", None)
    return number if isinstance(number, int) else 0


def is_last_try(context: Any) -> bool:
    """Whether Airflow will not retry in any case: then nothing is left to be allowed, and a yes would be used up."""
    ti = _get(context, "ti") or _get(context, "task_instance")
    number, most = getattr(ti, "try_number", None), getattr(ti, "max_tries", None)
    return isinstance(number, int) and isinstance(most, int) and number > most


def said(answer: Answer) -> str:
    """Give an answer as a reason that Airflow keeps whole."""
    wait = f" (not before {answer.retry_after_seconds} s)" if answer.retry_after_seconds else ""
    text = f"pipetriage: {answer.rule}: {answer.reason}{wait}"
    return text if len(text) <= REASON_LENGTH else f"{text[: REASON_LENGTH - 1]}…"


def asker_of(context: Any, run: str) -> str:
    """Name one attempt of one task instance, the same however often it asks."""
    ti = _get(context, "ti") or _get(context, "task_instance")
    parts = (getattr(ti, name, "") for name in ("dag_id", "task_id", "run_id", "map_index", "try_number"))
    return "/".join(["airflow", *map(str, parts), run])[:512]


def _was_refused(error: BaseException) -> bool:
    """Whether AWS said no to StartJobRun, by what boto3 raises, so that there is no run.

    Only a no to the one request that was made proves it. A request that boto3 has repeated may have started a run
    before the no (a lost answer, then "concurrent runs exceeded"), and so may one that ended in a fault of AWS's own.
    """
    refused = [one for one in _chain(error) if getattr(one, "operation_name", None) == "StartJobRun"]
    return bool(refused) and all(map(_proves_no_run, refused))


def _proves_no_run(error: BaseException) -> bool:
    told = _get(getattr(error, "response", None), "ResponseMetadata")
    status, repeated = _get(told, "HTTPStatusCode"), _get(told, "RetryAttempts")
    return isinstance(status, int) and 400 <= status < 500 and repeated == 0


def _in_words(error: BaseException) -> str | None:
    found = {match for one in _chain(error) for match in _RUN_ID.findall(str(one))}
    return found.pop() if len(found) == 1 else None


def _in_xcom(context: Any) -> str | None:
    ti = _get(context, "ti") or _get(context, "task_instance")
    if ti is None:
        return None
    # By its own index: else Airflow 3 gives what another instance of a mapped task pushed, if it is the only one.
    mine = {"task_ids": ti.task_id, "map_indexes": getattr(ti, "map_index", -1)}
    try:
        found = ti.xcom_pull(key="glue_job_run_id", **mine)
        # Providers before this key have pushed it for their link to the console only.
        found = found or _get(ti.xcom_pull(key="glue_job_run_details", **mine), "job_run_id")
    except Exception:  # noqa: BLE001 - an API server that does not answer; the run is then not known
        return None
    return found if isinstance(found, str) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _get(context: Any, name: str) -> Any:
    try:
        return context.get(name)
    except Exception:  # noqa: BLE001 - None, or no mapping
        return None
