"""Asking the models of a chain: in turn, within time and budget, once for the same question, and never for ever."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipetriage.bootstrap import open_app
from pipetriage.context.redact import Redactor
from pipetriage.errors import SourceError, StoreError
from pipetriage.model.evidence import Evidence, Gap
from pipetriage.model.model_memory import Amount
from pipetriage.model.proposal import Answer, EvidenceRequest, Further, ModelFault, Proposal, RequestKind, Use
from pipetriage.reasoning.answers import answer_type, converted
from pipetriage.reasoning.audit import Audit
from pipetriage.reasoning.breaker import Breaker
from pipetriage.reasoning.classifier import Desk, ModelClassifier
from pipetriage.reasoning.interface import Check, Endpoint, Limits, ModelError, Question, Reply
from pipetriage.reasoning.memory import InProcessMemory
from pipetriage.settings import ReasoningSettings
from pipetriage.triage import Judged
from tests.reasoning.scripted import answer, evidence_of

USED = Use(requests=1, input_tokens=1000, output_tokens=100, cost_usd=0.01)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def told(text: str, **said: Any) -> Answer:
    name, body = next(iter(evidence_of(text).items()))
    claims = said.pop("claims", [{"text": body.splitlines()[0][:250], "evidence": [name]}])
    kinds = frozenset(map(str, RequestKind)) if "more" in said else frozenset[str]()
    return converted(answer_type(kinds).model_validate(answer(claims=claims, **said)))


class Model:
    """A model of the chain whose every step is told."""

    def __init__(
        self, *steps: Callable[[Question], Answer | ModelError], name: str = "local:one@http://127.0.0.1:1"
    ) -> None:
        self._steps = list(steps)
        self._name = name
        self.questions: list[Question] = []
        self.limits: list[Limits] = []
        self.price: float | None = 0.000_001

    @property
    def name(self) -> str:
        return self._name

    def prepare(self) -> None:
        """Nothing to import."""

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        return None if self.price is None else (input_tokens + output_tokens) * self.price

    async def ask(self, question: Question, limits: Limits, check: Check) -> Reply:
        self.questions.append(question)
        self.limits.append(limits)
        step = self._steps[min(len(self.questions), len(self._steps)) - 1]
        said = await asyncio.to_thread(step, question) if step is hangs else step(question)
        if isinstance(said, ModelError):
            raise said
        if (reason := check(said)) is not None:
            said = step(replace(question, text=f"{question.text}\n{reason}"))
            assert not isinstance(said, ModelError)
            assert check(said) is None
        return Reply(answer=said, use=USED)

    async def ping(self, seconds: float) -> Use:
        return USED


def right(question: Question) -> Answer:
    return told(question.text)


def hangs(question: Question) -> Answer:
    time.sleep(2.0)
    return told(question.text)


def failing(fault: ModelFault, why: str = "it failed", use: Use | None = None) -> Callable[[Question], ModelError]:
    return lambda question: ModelError(fault, why, use)


@pytest.fixture(scope="module")
def unknown() -> Judged:
    app = open_app(use_store=False)
    return app._flow().by_rules(app.collector("cases/conflicting_signals"))


def desk(tmp_path: Path | None = None, **parts: Any) -> Desk:
    redact = Redactor().text
    given: dict[str, Any] = {
        "memory": InProcessMemory(),
        "breaker": Breaker(2, 60.0, time.monotonic),
        "redact": redact,
        "audit": Audit(tmp_path, 30.0, redact, lambda: NOW),
        "now": lambda: NOW,
    }
    return Desk(**given | parts)


def asking(*models: Endpoint, at: Desk | None = None, **settings: Any) -> ModelClassifier:
    return ModelClassifier(models, ReasoningSettings(**settings), at or desk())


def proposed(by: ModelClassifier, about: Judged, further: Further | None = None) -> Proposal:
    return by.propose(about.context, about.findings, further)


def faults(proposal: Proposal) -> list[ModelFault]:
    return [one.fault for one in proposal.failures]


# The chain


def test_the_first_model_that_answers_is_the_one(unknown: Judged) -> None:
    first, second, third = (
        Model(failing(ModelFault.RATE_LIMITED, use=Use(requests=1, input_tokens=500, cost_usd=0.05)), name="openai:a"),
        Model(right, name="openai:b"),
        Model(right, name="openai:c"),
    )
    proposal = proposed(asking(first, second, third), unknown)
    assert proposal.model == "openai:b"
    assert [(one.model, one.fault) for one in proposal.failures] == [("openai:a", ModelFault.RATE_LIMITED)]
    assert proposal.use.cost_usd == pytest.approx(0.06)
    assert replace(proposal.use, cost_usd=0.0) == Use(requests=2, input_tokens=1500, output_tokens=100)
    assert not third.questions


def test_a_model_whose_price_is_unknown_makes_the_cost_unknown_and_never_zero(unknown: Judged) -> None:
    first = Model(failing(ModelFault.SERVER_ERROR, use=replace(USED, cost_usd=None)), name="openai:a")
    assert proposed(asking(first, Model(right)), unknown).use.cost_usd is None


def test_where_no_model_answers_it_is_said_how_each_failed(unknown: Judged) -> None:
    proposal = proposed(
        asking(
            Model(failing(ModelFault.INVALID_ANSWER, "key sk-ant-REDACTED \x1b[31m")),
            Model(failing(ModelFault.NO_SUCH_MODEL)),
        ),
        unknown,
    )
    assert proposal.answer is None
    assert proposal.grounding is None
    assert faults(proposal) == [ModelFault.INVALID_ANSWER, ModelFault.NO_SUCH_MODEL]
    assert proposal.failures[0].why.isprintable()


def test_a_secret_in_an_error_of_the_provider_is_not_told(unknown: Judged) -> None:
    error = f"Incorrect API key provided: password=hunter2hunter2 at AKIA{'ABCDEFGHIJKLMNOP'}"
    why = proposed(asking(Model(failing(ModelFault.NOT_AUTHORIZED, error))), unknown).failures[0].why
    assert "hunter2" not in why
    assert "AKIAABCD" not in why


def test_a_provider_that_keeps_failing_is_left_alone_and_one_that_answers_nonsense_is_not(unknown: Judged) -> None:
    at = desk()
    gone, silly = Model(failing(ModelFault.UNREACHABLE)), Model(failing(ModelFault.INVALID_ANSWER), name="openai:silly")
    for _ in range(3):
        last = proposed(asking(gone, silly, at=at), unknown)
    assert faults(last) == [ModelFault.BREAKER_OPEN, ModelFault.INVALID_ANSWER]
    assert (len(gone.questions), len(silly.questions)) == (2, 3)


# Time


def test_a_model_that_is_late_leaves_the_verdict_waiting_no_longer_than_the_deadline(unknown: Judged) -> None:
    began = time.monotonic()
    proposal = proposed(asking(Model(hangs), deadline_seconds=0.2), unknown)
    assert time.monotonic() - began < 1.5
    assert faults(proposal) == [ModelFault.DEADLINE]
    assert proposal.answer is None


def test_what_is_late_may_still_be_waited_for(unknown: Judged) -> None:
    by = asking(Model(hangs), deadline_seconds=0.2, late_seconds=30.0)
    consultation = by.consult(unknown.context, unknown.findings)
    assert consultation.wait(0.2) is None
    late = consultation.wait(30.0)
    assert late is not None
    assert late.answer is not None


def test_what_is_cancelled_asks_nobody_else(unknown: Judged) -> None:
    first, second = Model(hangs, name="openai:a"), Model(right, name="openai:b")
    consultation = asking(first, second).consult(unknown.context, unknown.findings)
    while not first.questions:
        time.sleep(0.01)
    consultation.cancel()
    outcome = consultation.wait(5.0)
    assert outcome is not None
    assert faults(outcome) == [ModelFault.CANCELLED]
    time.sleep(2.2)
    assert not second.questions


def test_a_slow_model_leaves_time_for_the_next(unknown: Judged) -> None:
    slow, quick = Model(failing(ModelFault.TIMEOUT), name="openai:a"), Model(right, name="openai:b")
    proposed(asking(slow, quick, deadline_seconds=20.0, late_seconds=40.0), unknown)
    assert slow.limits[0].seconds <= 10.0
    assert quick.limits[0].seconds > 15.0


def test_a_provider_that_hangs_is_left_alone_too(unknown: Judged) -> None:
    class Hanging(Model):
        async def ask(self, question: Question, limits: Limits, check: Check) -> Reply:
            self.questions.append(question)
            await asyncio.sleep(limits.seconds)
            raise ModelError(ModelFault.TIMEOUT, "no answer", Use(requests=1, cost_usd=None, uncounted=1))

    at, model = desk(), Hanging()
    outcomes = [proposed(asking(model, at=at, deadline_seconds=0.4), unknown) for _ in range(3)]
    assert [faults(one) for one in outcomes] == [[ModelFault.TIMEOUT]] * 2 + [[ModelFault.BREAKER_OPEN]]
    assert outcomes[0].use.cost_usd is None


def test_what_is_overdue_has_a_cost_that_nobody_knows(unknown: Judged) -> None:
    proposal = proposed(asking(Model(hangs), deadline_seconds=0.3), unknown)
    assert faults(proposal) == [ModelFault.DEADLINE]
    assert proposal.use == Use(requests=1, cost_usd=None, uncounted=1)


def test_a_source_that_hangs_keeps_neither_the_verdict_nor_the_program_waiting(unknown: Judged) -> None:
    def hanging(request: EvidenceRequest, name: str) -> Evidence | Gap:
        time.sleep(60)
        return finds(request, name)

    began = time.monotonic()
    proposal = proposed(asking(Model(wants(RequestKind.LOG_WINDOW)), deadline_seconds=1.0), unknown, offering(hanging))
    assert time.monotonic() - began < 5
    assert proposal.answer is None or "not read in the time" in proposal.asked[0].why_not
    left = [one for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
    assert not [one.name for one in left if "asyncio" in one.name or "pipetriage" in one.name]


def test_a_question_that_was_withdrawn_is_kept_for_audit_too(unknown: Judged, tmp_path: Path) -> None:
    consultation = asking(Model(hangs), at=desk(tmp_path)).consult(unknown.context, unknown.findings)
    time.sleep(0.5)
    consultation.cancel()
    assert consultation.wait(5.0) is not None
    (kept,) = tmp_path.rglob("*.json")
    assert "CANCELLED" in kept.read_text()


def test_what_a_fallback_said_is_not_repeated_once_the_first_is_there_again(unknown: Judged) -> None:
    at = desk()
    first, second = Model(failing(ModelFault.SERVER_ERROR), right, name="openai:a"), Model(right, name="openai:b")
    assert proposed(asking(first, second, at=at), unknown).model == "openai:b"
    assert proposed(asking(first, second, at=at), unknown).model == "openai:a"


def test_a_defect_costs_the_models_answer_and_nothing_else(unknown: Judged) -> None:
    def broken(question: Question) -> Answer:
        raise RuntimeError("password=hunter2hunter2")

    proposal = proposed(asking(Model(broken)), unknown)
    assert faults(proposal) == [ModelFault.UNEXPECTED]
    assert "RuntimeError" in proposal.failures[0].why
    assert "hunter2" not in proposal.failures[0].why


def test_no_thread_is_left_behind(unknown: Judged) -> None:
    proposed(asking(Model(right)), unknown)
    time.sleep(0.2)
    assert not [one for one in threading.enumerate() if one.name == "pipetriage-model"]


# Budgets


def test_the_days_budget_is_shared_by_all_and_never_exceeded(unknown: Judged) -> None:
    at = desk()
    model = Model(right)
    worst = 2 * (4000 + 1400)
    for _ in range(12):
        last = proposed(asking(model, at=at, tokens_per_day=20_000, cache_days=0), unknown)
    assert faults(last) == [ModelFault.OVER_BUDGET]
    assert len(model.questions) == (20_000 - worst) // 1100 + 1
    assert at.memory.spent(NOW.date()).tokens == 1100 * len(model.questions)


def test_a_request_that_nobody_counted_is_not_for_nothing(unknown: Judged) -> None:
    at = desk()
    cut_off = failing(ModelFault.TIMEOUT, use=Use(requests=1, cost_usd=None, uncounted=1))
    proposal = proposed(asking(Model(cut_off), at=at), unknown)
    assert proposal.use.cost_usd is None
    assert at.memory.spent(NOW.date()).tokens == 4000 + 700
    refused = failing(ModelFault.RATE_LIMITED, use=Use(requests=1))
    proposed(asking(Model(refused, name="openai:b"), at=at), unknown)
    assert at.memory.spent(NOW.date()).tokens == 4000 + 700


def test_the_next_day_has_a_budget_of_its_own(unknown: Judged) -> None:
    moment = NOW
    at = desk(now=lambda: moment)
    model = Model(right)
    for _ in range(2):
        proposed(asking(model, at=at, tokens_per_day=11_000, cache_days=0), unknown)
    assert len(model.questions) == 1
    moment = NOW + timedelta(days=1)
    assert proposed(asking(model, at=at, tokens_per_day=11_000, cache_days=0), unknown).answer is not None


@pytest.mark.parametrize(
    "bound",
    [{"tokens_per_incident": 5_000}, {"usd_per_incident": 0.001}, {"usd_per_day": 0.001}, {"tokens_per_day": 1}],
)
def test_over_any_budget_nobody_is_asked(unknown: Judged, bound: dict[str, Any]) -> None:
    model = Model(right)
    proposal = proposed(asking(model, **bound), unknown)
    assert faults(proposal) == [ModelFault.OVER_BUDGET]
    assert not model.questions
    assert proposal.use == Use()


def test_a_model_without_a_price_is_bounded_by_tokens_alone(unknown: Judged) -> None:
    model = Model(right)
    model.price = None
    assert proposed(asking(model, usd_per_day=0.0), unknown).answer is not None
    assert proposed(asking(model, tokens_per_day=1), unknown).answer is None


class Broken(InProcessMemory):
    """A store that is gone."""

    def reserve(self, day: Any, amount: Amount, limit: Amount) -> bool:
        raise StoreError("the store cannot be read")

    def recall(self, key: str, *, not_before: datetime) -> bytes | None:
        raise StoreError("the store cannot be read")


def test_where_the_budget_cannot_be_read_nobody_is_asked(unknown: Judged) -> None:
    model = Model(right)
    proposal = proposed(asking(model, at=desk(memory=Broken())), unknown)
    assert faults(proposal) == [ModelFault.OVER_BUDGET]
    assert "cannot be read" in proposal.failures[0].why
    assert not model.questions


# Memory and audit


def test_the_same_question_is_put_once(unknown: Judged) -> None:
    at, model = desk(), Model(right)
    first, second = (proposed(asking(model, at=at), unknown) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert second.answer == first.answer
    assert second.use == Use()
    assert len(model.questions) == 1


def test_another_model_another_question_or_a_month_later_is_asked_anew(unknown: Judged) -> None:
    moment = NOW
    at, model, other = desk(now=lambda: moment), Model(right), Model(right, name="openai:other")
    proposed(asking(model, at=at), unknown)
    assert not proposed(asking(other, at=at), unknown).cached
    assert not proposed(asking(model, at=at, input_tokens=3000), unknown).cached
    moment = NOW + timedelta(days=31)
    assert not proposed(asking(model, at=at), unknown).cached
    assert not proposed(asking(model, at=at, cache_days=0), unknown).cached


def test_a_failure_is_not_remembered(unknown: Judged) -> None:
    at, model = desk(), Model(failing(ModelFault.SERVER_ERROR), right)
    assert proposed(asking(model, at=at), unknown).answer is None
    assert proposed(asking(model, at=at), unknown).answer is not None


def test_requests_are_kept_for_audit_only_where_the_settings_name_a_folder(unknown: Judged, tmp_path: Path) -> None:
    model = Model(right)
    proposed(asking(model, at=desk(tmp_path / "requests")), unknown)
    kept = list((tmp_path / "requests").rglob("*.json"))
    assert len(kept) == 1
    assert "What broke this run?" in kept[0].read_text()
    proposed(asking(model, at=desk()), unknown)
    assert list(tmp_path.rglob("*.json")) == kept


# Claims


def test_claims_without_support_are_complained_about_once_then_cut(unknown: Judged) -> None:
    texts = []

    def unfounded(question: Question) -> Answer:
        texts.append(question.text)
        return told(question.text, claims=[{"text": "All 7777 files are there.", "evidence": ["e1"]}])

    proposal = proposed(asking(Model(unfounded)), unknown)
    assert len(texts) == 2
    assert "None of your claims is supported" in texts[1]
    assert proposal.answer is not None
    assert proposal.answer.claims == ()
    assert proposal.grounding is not None
    assert proposal.grounding.cut == proposal.grounding.claims == 2


# Asking for more

EVIDENCE = Evidence(id="", source="logs", locator="driver.log", observed_at=NOW, summary="42 lines around it")


def offering(read: Callable[[EvidenceRequest, str], Evidence | Gap], *kinds: RequestKind) -> Further:
    return Further(frozenset(kinds or RequestKind), read)


def finds(request: EvidenceRequest, name: str) -> Evidence | Gap:
    return replace(EVIDENCE, id=name, summary=f"{EVIDENCE.summary}: {request.kind}")


def wants(*kinds: RequestKind, about: str = "e1") -> Callable[[Question], Answer]:
    return lambda question: told(question.text, more=[{"kind": kind, "about": about} for kind in kinds])


def test_it_gets_what_it_asked_for_and_answers_again(unknown: Judged) -> None:
    model = Model(wants(RequestKind.LOG_WINDOW), right)
    proposal = proposed(asking(model), unknown, offering(finds))
    assert len(model.questions) == 2
    assert "42 lines around it: LOG_WINDOW" in model.questions[1].text
    assert [(one.kind, one.evidence) for one in proposal.asked] == [(RequestKind.LOG_WINDOW, "more-1")]
    assert proposal.asked[0].about == unknown.context.facts.run.evidence
    assert [one.id for one in proposal.found] == ["more-1"]
    assert proposal.use.requests == 2
    assert proposal.answer is not None
    assert proposal.answer.claims[0].evidence == ("more-1",)  # shown first, it is what this model cites


def test_it_gets_no_more_than_it_may_have_however_often_it_asks(unknown: Judged) -> None:
    model = Model(*(wants(kind) for kind in RequestKind))
    reads: list[EvidenceRequest] = []

    def read(request: EvidenceRequest, name: str) -> Evidence | Gap:
        reads.append(request)
        return finds(request, name)

    proposal = proposed(asking(model), unknown, offering(read))
    assert len(reads) == 3 == len(proposal.asked)
    assert model.questions[-1].may_ask == frozenset()
    assert proposal.answer is not None


def test_what_is_not_on_offer_is_not_read_nor_what_was_read_before(unknown: Judged) -> None:
    model = Model(wants(RequestKind.LOG_WINDOW, RequestKind.DEPLOYMENT_DIFF), wants(RequestKind.LOG_WINDOW), right)
    reads: list[EvidenceRequest] = []

    def read(request: EvidenceRequest, name: str) -> Evidence | Gap:
        reads.append(request)
        return finds(request, name)

    proposed(asking(model), unknown, offering(read, RequestKind.LOG_WINDOW))
    assert [one.kind for one in reads] in ([RequestKind.LOG_WINDOW], [RequestKind.LOG_WINDOW] * 2)
    assert len({(one.kind, one.about) for one in reads}) == len(reads)


@pytest.mark.parametrize("about", ["e999", "../../etc/passwd", "'; DROP TABLE x", "log-1", ""])
def test_what_it_asks_about_is_evidence_that_it_was_shown_or_nothing(unknown: Judged, about: str) -> None:
    asked: list[str] = []

    def read(request: EvidenceRequest, name: str) -> Evidence | Gap:
        asked.append(request.about)
        return Gap(source="logs", reason="nothing there")

    proposed(asking(Model(wants(RequestKind.LOG_WINDOW, about=about))), unknown, offering(read))
    assert asked == [""]


def test_what_could_not_be_read_is_told_and_the_answer_stands(unknown: Judged) -> None:
    def refused(request: EvidenceRequest, name: str) -> Evidence | Gap:
        raise SourceError("AccessDenied: password=hunter2hunter2")

    model = Model(wants(RequestKind.LOG_WINDOW))
    proposal = proposed(asking(model), unknown, offering(refused))
    assert len(model.questions) == 1
    assert proposal.answer is not None
    assert "AccessDenied" in proposal.asked[0].why_not
    assert "hunter2" not in proposal.asked[0].why_not


def test_it_may_ask_for_nothing_where_the_rules_know_the_cause_or_the_setting_is_0(unknown: Judged) -> None:
    for further, pieces in ((None, 3), (offering(finds), 0)):
        model = Model(right)
        proposed(asking(model, further_evidence=pieces), unknown, further)
        assert model.questions[0].may_ask == frozenset()


def test_an_answer_stands_where_the_budget_allows_no_second_question(unknown: Judged) -> None:
    model = Model(wants(RequestKind.LOG_WINDOW), right)
    proposal = proposed(asking(model, tokens_per_incident=11_500), unknown, offering(finds))
    assert len(model.questions) == 1
    assert proposal.answer is not None
    assert ModelFault.OVER_BUDGET in faults(proposal)
