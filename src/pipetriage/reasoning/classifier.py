"""Asking the models of a chain about one run, within time, budget and memory. Whatever goes wrong is an outcome."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from pipetriage.errors import PipetriageError
from pipetriage.model.context import Context
from pipetriage.model.evidence import Evidence, Gap
from pipetriage.model.finding import Finding
from pipetriage.model.identity import Place, incident_id
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.proposal import (
    Answer,
    Asked,
    EvidenceRequest,
    Failure,
    Further,
    Grounding,
    ModelFault,
    Proposal,
    RequestKind,
    Use,
)
from pipetriage.reasoning.audit import Audit, AuditRecord
from pipetriage.reasoning.beside import beside
from pipetriage.reasoning.breaker import Breaker, is_providers
from pipetriage.reasoning.consultation import Consultation
from pipetriage.reasoning.grounding import ground, plain
from pipetriage.reasoning.interface import Check, Endpoint, Limits, ModelError, Reply
from pipetriage.reasoning.prompts import prompt
from pipetriage.reasoning.request import Request, build_request
from pipetriage.reasoning.said_before import SaidBefore
from pipetriage.reasoning.spending import Spending
from pipetriage.settings import ReasoningSettings

_WHY = 300
_TO_TELL = 0.1
"""Seconds that a model's failing takes to be told."""
_UNSUPPORTED = (
    "None of your claims is supported: each must repeat, letter for letter, an error class, name or number that stands "
    "in the evidence whose id it cites, and state no other. Give the whole answer again."
)


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What conversations share: budgets, answers given before, models to leave alone, the audit's folder."""

    memory: ModelMemory
    breaker: Breaker
    redact: Callable[[str], str]
    """A model's text and a provider's errors may hold anything."""
    audit: Audit
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class ModelClassifier:
    """Proposes a cause with a language model. See ``verdict/classifier.py`` for what a proposal may do."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        settings: ReasoningSettings,
        desk: Desk,
        *,
        absent: Sequence[Failure] = (),
    ) -> None:
        """Ask these in turn. ``absent``: why models that the settings name are not among them."""
        self._endpoints = endpoints
        self._settings = settings
        self._desk = desk
        self._absent = tuple(absent)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the chain, in order."""
        return tuple(one.name for one in self._endpoints)

    def propose(self, context: Context, findings: Sequence[Finding], further: Further | None = None) -> Proposal:
        """Ask, and wait until the answer is there or due. An answer that is late is not waited for: see ``consult``."""
        consultation = self.consult(context, findings, further, late_seconds=0.0)
        try:
            proposal = consultation.wait(self._settings.deadline_seconds)
        except BaseException:
            consultation.cancel()
            raise
        if proposal is None:
            proposal = consultation.overdue()
            consultation.cancel()
        return proposal

    def consult(
        self,
        context: Context,
        findings: Sequence[Finding],
        further: Further | None = None,
        *,
        late_seconds: float | None = None,
    ) -> Consultation:
        """Begin to ask. ``late_seconds`` after the deadline it gives up; None: as the settings say."""
        late = self._settings.late_seconds if late_seconds is None else late_seconds
        subject = _Subject(context, findings, further)
        conversation = _Conversation(self._endpoints, self._settings, self._desk, subject, late, self._absent)

        def failed(error: BaseException) -> Proposal:
            if isinstance(error, asyncio.CancelledError):
                failure = Failure(model="", fault=ModelFault.CANCELLED, why="the question was withdrawn")
            else:
                said = f"{type(error).__name__}: {error}".split("\n", 1)[0]
                failure = Failure(model="", fault=ModelFault.UNEXPECTED, why=self._desk.redact(said)[:_WHY])
            return conversation.without_answer(failure)

        def overdue() -> Proposal:
            why = f"no answer within {self._settings.deadline_seconds:g} s ([reasoning] deadline_seconds)"
            return conversation.without_answer(Failure(model="", fault=ModelFault.DEADLINE, why=why))

        return Consultation(conversation.hold, failed, overdue)


class _Subject(NamedTuple):
    """What is asked about."""

    context: Context
    findings: Sequence[Finding]
    further: Further | None


class _Conversation:
    """All that is asked about one run: models in turn, and again with further evidence."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        settings: ReasoningSettings,
        desk: Desk,
        subject: _Subject,
        late_seconds: float,
        failures: Sequence[Failure],
    ) -> None:
        self._endpoints = list(endpoints)
        self._settings = settings
        self._desk = desk
        self._context = subject.context
        self._findings = subject.findings
        self._further = subject.further if settings.further_evidence > 0 else None
        self._began = time.monotonic()
        self._due = self._began + settings.deadline_seconds
        self._last = self._due + late_seconds
        self._failures = list(failures)
        self._asked: list[Asked] = []
        self._found: list[Evidence] = []
        self._spending = Spending(settings, desk.memory)

    async def hold(self) -> Proposal:
        """Ask until there is an answer that asks for nothing more, or nobody is left to ask."""
        request = self._request()
        before = SaidBefore(
            self._desk.memory,
            request.question,
            [one.name for one in self._endpoints],
            days=self._settings.cache_days,
            now=self._desk.now,
        )
        if (told := before.recall()) is not None:
            return replace(told, use=Use(), seconds=round(time.monotonic() - self._began, 3), cached=True)
        model, answer, grounding = "", None, None
        while True:
            got = await self._ask(request)
            if got is None:
                break
            model, reply = got
            wanted = self._wanted(reply.answer, request)
            answer, grounding = ground(self._redacted(reply.answer), request.shown)
            if not wanted or not await self._read(wanted):
                break
            request = self._request()
        proposal = self._proposal(model, answer, grounding)
        # What another model said because the first was not there is not what will be said when it is.
        if answer is not None and not self._failures and (why := before.keep(proposal)) is not None:
            self._noted(model, why)
            proposal = replace(proposal, failures=tuple(self._failures))
        return proposal

    def without_answer(self, failure: Failure) -> Proposal:
        """Give the outcome as it stands, where it is not waited for to the end. Safe from another thread."""
        proposal = self._proposal("", None, None)
        return replace(proposal, failures=(*proposal.failures, failure), use=self._spending.so_far())

    def _request(self) -> Request:
        return build_request(
            self._context,
            self._findings,
            input_tokens=self._settings.input_tokens,
            offered=self._offered(),
            found=self._found,
        )

    def _offered(self) -> frozenset[RequestKind]:
        left = self._settings.further_evidence - len(self._asked)
        return self._further.kinds if self._further is not None and left > 0 else frozenset()

    def _proposal(self, model: str, answer: Answer | None, grounding: Grounding | None) -> Proposal:
        return Proposal(
            prompt_version=prompt().version,
            model=model,
            answer=answer,
            grounding=grounding,
            failures=tuple(self._failures),
            asked=tuple(self._asked),
            found=tuple(self._found),
            use=self._spending.use,
            seconds=round(time.monotonic() - self._began, 3),
        )

    # Further evidence

    def _wanted(self, answer: Answer, request: Request) -> list[EvidenceRequest]:
        """Give what may be asked for: of a kind on offer, about evidence that was shown, not asked before."""
        before = {(one.kind, one.about) for one in self._asked}
        wanted: dict[tuple[RequestKind, str], EvidenceRequest] = {}
        for one in answer.more:
            named = one.about in request.shown and one.kind is not RequestKind.EXECUTOR_LOGS
            about = request.shown[one.about].evidence if named else ""
            if one.kind in self._offered() and (one.kind, about) not in before:
                wanted[one.kind, about] = EvidenceRequest(kind=one.kind, about=about)
        return list(wanted.values())[: self._settings.further_evidence - len(self._asked)]

    async def _read(self, wanted: Sequence[EvidenceRequest]) -> bool:
        """Read what was asked for; False where none of it is there, so that there is nothing to ask again with."""
        found = 0
        for one in wanted:
            if self._further is None or time.monotonic() >= self._last:
                return False
            name = f"more-{len(self._found) + 1}"
            try:
                async with asyncio.timeout(self._last - time.monotonic()):
                    got = await beside(self._further.read, one, name)
            except TimeoutError:
                got = Gap(source=str(one.kind), reason="it was not read in the time that was left")
            except PipetriageError as error:
                got = Gap(source=str(one.kind), reason=self._desk.redact(str(error)))
            if isinstance(got, Gap):
                self._asked.append(Asked(kind=one.kind, about=one.about, why_not=got.reason))
            else:
                self._found.append(got)
                self._asked.append(Asked(kind=one.kind, about=one.about, evidence=got.id))
                found += 1
        return found > 0

    # The chain

    async def _ask(self, request: Request) -> tuple[str, Reply] | None:
        """Put the question to one model after the other; who has failed in this conversation is not asked again."""
        while self._endpoints:
            endpoint = self._endpoints[0]
            limits = self._limits()
            if limits is None:
                self._failed(endpoint.name, ModelFault.DEADLINE, "the time for the models was used up")
                return None
            if not self._desk.breaker.allows(endpoint.name):
                self._failed(endpoint.name, ModelFault.BREAKER_OPEN, "it failed too often of late and was left alone")
            elif (reply := await self._put(endpoint, request, limits)) is not None:
                return endpoint.name, reply
            self._endpoints.pop(0)
        return None

    def _limits(self) -> Limits | None:
        """Share the time that is left: who is not the last of the chain leaves some for the others."""
        now, others = time.monotonic(), len(self._endpoints) - 1
        # A little before the end, so that its failing is told as its own.
        seconds = self._last - now - _TO_TELL if not others else (self._due - now) / (others + 1)
        if seconds <= 0:
            return None
        tries = self._settings.retries + 1
        return Limits(
            seconds=seconds,
            output_tokens=self._settings.output_tokens,
            # Asked again, a model is sent its first answer and the reason as well.
            total_tokens=tries * (self._settings.input_tokens + 2 * self._settings.output_tokens),
            retries=self._settings.retries,
        )

    async def _put(self, endpoint: Endpoint, request: Request, limits: Limits) -> Reply | None:
        """Ask one model within the budget of the incident and of the day."""
        today = self._desk.now().date()
        reserved = self._spending.reserve(endpoint, limits, today)
        if isinstance(reserved, str):
            self._failed(endpoint.name, ModelFault.OVER_BUDGET, reserved)
            return None
        try:
            reply = await endpoint.ask(request.question, limits, self._check(request))
        except ModelError as error:
            self._noted(endpoint.name, self._spending.settle(today, reserved, error.use))
            if is_providers(error.fault):
                self._desk.breaker.failed(endpoint.name)
            self._failed(endpoint.name, error.fault, error.why)
            self._keep(endpoint.name, request, None, error)
            return None
        except asyncio.CancelledError:
            self._keep(endpoint.name, request, None, ModelError(ModelFault.CANCELLED, "the question was withdrawn"))
            raise
        self._noted(endpoint.name, self._spending.settle(today, reserved, reply.use))
        self._desk.breaker.worked(endpoint.name)
        self._keep(endpoint.name, request, reply, None)
        return reply

    def _check(self, request: Request) -> Check:
        complaints = 0

        def check(answer: Answer) -> str | None:
            # Complained about once; an answer whose claims are all cut may still object.
            nonlocal complaints
            if complaints or ground(answer, request.shown)[0].claims:
                return None
            complaints += 1
            return _UNSUPPORTED if self._settings.retries else None

        return check

    def _failed(self, model: str, fault: ModelFault, why: str) -> None:
        said = " ".join(self._desk.redact(why[: 4 * _WHY]).split())
        self._failures.append(Failure(model=model, fault=fault, why=said[:_WHY]))

    def _noted(self, model: str, why: str | None) -> None:
        """Tell what could not be recorded; the answer stands."""
        if why is not None:
            self._failed(model, ModelFault.NOT_RECORDED, why)

    def _redacted(self, answer: Answer) -> Answer:
        def text(said: str) -> str:
            # Made plain first: an invisible character would hide a value from redaction, and be dropped behind it.
            return self._desk.redact(plain(said))

        return replace(
            answer,
            root_cause=text(answer.root_cause),
            claims=tuple(replace(one, text=text(one.text)) for one in answer.claims),
            hypotheses=tuple(replace(one, why=text(one.why)) for one in answer.hypotheses),
        )

    def _keep(self, model: str, request: Request, reply: Reply | None, error: ModelError | None) -> None:
        target = self._context.target
        record = AuditRecord(
            model=model,
            prompt_version=prompt().version,
            instructions=request.question.instructions,
            text=request.question.text,
            answer=msgspec.json.encode(reply.answer).decode() if reply is not None else None,
            failure=Failure(model=model, fault=error.fault, why=error.why) if error is not None else None,
            at=self._desk.now(),
            use=reply.use if reply is not None else error.use if error is not None else Use(),
        )
        name = incident_id(Place(target.account, target.region, target.job_name), target.job_run_id)
        self._noted(model, self._desk.audit.keep(name, record))
