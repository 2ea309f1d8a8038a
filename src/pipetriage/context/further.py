"""Further evidence that a model may ask for: five kinds of reads, each about a piece of evidence that it was shown.

A request holds no words of the model's own but an id, which is looked up among those it was shown: nothing of it goes
into a path, a query or a call. What is found is redacted here, as ``context/build.py`` does, and bounded.
"""

from collections.abc import Callable

from pipetriage.context.build import kept_values
from pipetriage.context.deployment_changes import deployment_diff
from pipetriage.context.excerpts import Found, shown
from pipetriage.context.executor_logs import executor_lines, is_executor
from pipetriage.context.good_run import log_compared, runs_compared
from pipetriage.context.log_text import place_of
from pipetriage.context.log_windows import window_around
from pipetriage.context.partition_history import has_history, partition_history
from pipetriage.context.redact import Redactor
from pipetriage.errors import PipetriageError, SourceError
from pipetriage.model.context import Context, LogError
from pipetriage.model.evidence import Collected, Evidence, Gap, LogEvent, Observation, Signal, observations_of
from pipetriage.model.proposal import EvidenceRequest, RequestKind

ReadLog = Callable[[str], Observation | Gap]
"""Reads the log of another run of the job, by its id."""

_CHARACTERS_PER_TOKEN = 4
_LOGS = Signal.LOGS.value
_RUN_ERROR = "run-error"
# Glue's commands that run on Spark, and so have executors (API reference, JobCommand).
_SPARK = frozenset({None, "glueetl", "gluestreaming"})
# Evidence of which a good run has the like in its own record.
_OF_RUNS = frozenset(
    signal.value
    for signal in (
        *(Signal.JOB_RUN, Signal.JOB_RUNS, Signal.JOB, Signal.BOOKMARK, Signal.HISTORY, Signal.METRICS),
        *(Signal.SOURCE_LISTING, Signal.PREVIOUS_SOURCE_LISTING, Signal.CONTROL, Signal.SPARK_EVENTS),
    )
)


def offers(context: Context) -> frozenset[RequestKind]:
    """Say which kinds could find anything about this run at all."""
    facts = context.facts
    has_log = facts.log.lines > 0 or facts.log.bytes > 0
    spark = (facts.job.command if facts.job is not None else None) in _SPARK
    possible = {
        RequestKind.LOG_WINDOW: any(error.evidence != _RUN_ERROR for error in context.errors),
        RequestKind.EXECUTOR_LOGS: has_log and spark,
        RequestKind.PREVIOUS_GOOD_RUN: facts.last_good is not None,
        RequestKind.PARTITION_HISTORY: any(has_history(table) for table in facts.tables),
        RequestKind.DEPLOYMENT_DIFF: bool(facts.deployments),
    }
    return frozenset(kind for kind, can in possible.items() if can)


def further_evidence(
    request: EvidenceRequest,
    context: Context,
    collected: Collected,
    read_log: ReadLog | None,
    *,
    evidence_id: str,
    token_budget: int = 400,
) -> Evidence | Gap:
    """Answer one request; a gap says why there is nothing.

    Args:
        request: what is asked for.
        context: what the model was shown.
        collected: what that was made of; its log is read once more.
        read_log: reads another run's log, where the source of this run can.
        evidence_id: under which the answer is cited.
        token_budget: size of the excerpt at most, a token taken as four characters.
    """
    redactor = Redactor(keep=kept_values(collected))
    try:
        found = _Question(request, context, collected, read_log, redactor).answer()
    except PipetriageError as error:
        found = Gap(source=_LOGS, reason=str(error))
    if isinstance(found, Gap):
        return Gap(
            source=redactor.text(found.source)[:100],
            reason=redactor.text(found.reason)[:500],
            fix=redactor.text(found.fix)[:300],
        )
    return shown(found, redactor, evidence_id=evidence_id, limit=max(0, token_budget) * _CHARACTERS_PER_TOKEN)


class _Question:
    """One request with all that an answer may be made of."""

    def __init__(
        self,
        request: EvidenceRequest,
        context: Context,
        collected: Collected,
        read_log: ReadLog | None,
        redactor: Redactor,
    ) -> None:
        self._request = request
        self._about = request.about
        self._context = context
        self._collected = collected
        self._read_log = read_log
        self._redactor = redactor

    def answer(self) -> Found | Gap:
        """Find it, or say why there is nothing.

        Raises:
            SourceError: the source could not answer.
        """
        if self._about and self._about not in self._context.evidence:
            # The id itself is not repeated: it is anybody's text.
            return Gap(
                source=self._request.kind.value, reason="no evidence of that id was shown", fix="name one by its id"
            )
        match self._request.kind:
            case RequestKind.LOG_WINDOW:
                return self._window()
            case RequestKind.EXECUTOR_LOGS:
                return self._executors()
            case RequestKind.PREVIOUS_GOOD_RUN:
                return self._good_run()
            case RequestKind.PARTITION_HISTORY:
                return partition_history(self._about, self._context)
            case RequestKind.DEPLOYMENT_DIFF:
                return deployment_diff(self._about, self._context)

    def _error(self) -> LogError | None:
        found = (one for one in self._context.errors if one.evidence == self._about)
        return next((one for one in found if one.evidence != _RUN_ERROR), None)

    def _log(self) -> Observation:
        seen = next(iter(observations_of(self._collected, Signal.LOGS)), None)
        if seen is None:
            raise SourceError("the log of this run was not seen")
        return seen

    def _window(self) -> Found | Gap:
        error = self._error()
        if error is None:
            return Gap(source=_LOGS, reason="that evidence is no error of the log", fix="ask about an error (log-1, …)")
        seen = self._log()
        window = window_around(seen.payload, error, self._redactor)
        if window is None:
            return Gap(source=_LOGS, reason="the error no longer stands in the log where it stood: the log changed")
        return Found(
            signal=Signal.LOGS,
            summary=f"the lines around {error.evidence}, where it first stands in {place_of(error)}",
            lines=window.lines,
            locator=f"{seen.locator}, {place_of(error)}",
            observed_at=seen.observed_at,
            anchor=window.at,
        )

    def _executors(self) -> Found | Gap:
        run_id, error = self._collected.run.job_run_id, self._error()
        only = None
        if error is not None:
            group, _, stream = error.stream.rpartition(":")
            only = error.stream if is_executor(LogEvent(None, "", stream, group), run_id) else None
        return executor_lines(self._log(), run_id, only)

    def _good_run(self) -> Found | Gap:
        good = self._context.facts.last_good
        if good is None:
            reason = "no earlier run of the job that succeeded is known"
            return Gap(source=Signal.JOB_RUNS.value, reason=reason, fix="add the run history (GetJobRuns)")
        error = self._error()
        about = self._context.observed(self._about) if self._about else None
        if error is None and about is not None and about.source == _LOGS:
            # The log as a whole.
            return Gap(source=_LOGS, reason="that evidence is no error of the log", fix="ask about an error (log-1, …)")
        if error is None:
            if about is not None and about.source not in _OF_RUNS:
                return Gap(source=about.source, reason="a good run has no counterpart of that evidence")
            return runs_compared(self._context, good)
        if self._read_log is None or not self._context.live:
            reason = (
                "a bundle holds this run's log only" if not self._context.live else "no other run's log can be read"
            )
            fix = f"look at the log of run {good.run_id}, or triage the run where it lies"
            return Gap(source=_LOGS, reason=reason, fix=fix)
        seen = self._read_log(good.run_id)
        return seen if isinstance(seen, Gap) else log_compared(error, self._before(error), good, seen)

    def _before(self, error: LogError) -> tuple[str, ...]:
        """Give the raw lines before an error, by which its place is known in another log."""
        try:
            window = window_around(self._log().payload, error, self._redactor)
        except SourceError:
            return ()
        return () if window is None else window.lines[: window.at]
