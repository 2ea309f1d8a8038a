"""Models that play a part: the worst that a model could say, put through the same library, checks and merge as a real
one. Each part is a function of what the model was sent."""

import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai.exceptions import ModelHTTPError, ModelRequestTimeout
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel

from pipetriage.context.redact import Redactor
from pipetriage.model.categories import CATEGORY_OF, FailureMode
from pipetriage.reasoning.audit import Audit
from pipetriage.reasoning.breaker import Breaker
from pipetriage.reasoning.calls import Call
from pipetriage.reasoning.classifier import Desk, ModelClassifier
from pipetriage.reasoning.families import OutputMode
from pipetriage.reasoning.memory import InProcessMemory
from pipetriage.reasoning.models import PydanticEndpoint
from pipetriage.settings import ReasoningSettings

Part = Callable[[str], "ModelResponse | dict[str, Any] | str"]
"""What a model answers to the user text: arguments of the answer's form, plain text, or a whole response."""

NOW = 1_700_000_000.0


class Scripted:
    """A family of one model that plays a part."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def prepare(self) -> None:
        """Have nothing to import."""

    @asynccontextmanager
    async def connect(self, call: Call) -> AsyncIterator[Model]:
        yield FunctionModel(self._answer)

    def mode(self, model: Model) -> OutputMode:
        return "tool"

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        said = self._part(sent(messages))
        if isinstance(said, ModelResponse):
            return said
        if isinstance(said, str):
            return ModelResponse(parts=[TextPart(said)])
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, said)])


def sent(messages: Sequence[ModelMessage]) -> str:
    """Give the user text that the model was sent first."""
    parts = [part for message in messages for part in message.parts if isinstance(part, UserPromptPart)]
    return str(parts[0].content)


def endpoint(part: Part, name: str = "local:scripted@http://127.0.0.1:1") -> PydanticEndpoint:
    return PydanticEndpoint(name, Scripted(part))


def desk() -> Desk:
    redact = Redactor().text
    breaker = Breaker(1_000_000, 1.0, lambda: NOW)
    return Desk(memory=InProcessMemory(), breaker=breaker, redact=redact, audit=Audit(None, 1.0, redact, Desk.now))


def classifier(*parts: Part, settings: ReasoningSettings | None = None, at: Desk | None = None) -> ModelClassifier:
    """Make what asks the parts in turn; nothing is remembered from one question to the next."""
    known = settings or ReasoningSettings(cache_days=0, tokens_per_day=10**12, usd_per_day=1e9, late_seconds=0.0)
    endpoints = [endpoint(part, f"local:part{number}@http://127.0.0.1:1") for number, part in enumerate(parts)]
    return ModelClassifier(endpoints, known, at or desk())


# What a part may read in the request


def evidence_of(text: str) -> dict[str, str]:
    """Give the evidence shown, by its number."""
    shown = re.split(r"(?m)^\[(e\d+)\] \w+$", text.split("\nWhat rules found")[0])
    return {
        name: "\n".join(line.removeprefix("| ") for line in body.splitlines() if line.startswith("| "))
        for name, body in zip(shown[1::2], shown[2::2], strict=True)
    }


def rules_of(text: str) -> list[tuple[str, str, list[str]]]:
    """Give category, failure mode and evidence of each finding that the request tells."""
    found = re.findall(r"(?m)^\| (?:STRONG|MODERATE|WEAK) (\w+)/(\w+) \[([^\]]*)\]:", text)
    return [(category, mode, [one for one in cited.split(", ") if one]) for category, mode, cited in found]


def answer(**said: Any) -> dict[str, Any]:
    """Give an answer in the accepted form."""
    mode = FailureMode(said.pop("failure_mode", "TRANSIENT_SERVICE"))
    return {
        "category": CATEGORY_OF[mode].value,
        "failure_mode": mode.value,
        "root_cause": "a service failed",
        "claims": [{"text": "nothing was written, so a retry is safe", "evidence": ["e1"]}],
        "safe_to_retry": True,
        "confidence": 1.0,
        "hypotheses": [],
    } | said


def _grounded(text: str) -> list[dict[str, Any]]:
    """Claims that the evidence supports: each repeats a line of it."""
    lines = [(name, body.splitlines()[0][:250]) for name, body in evidence_of(text).items() if body]
    return [{"text": line, "evidence": [name]} for name, line in lines[:4]]


def _with_rules(text: str, *, safe: bool) -> dict[str, Any]:
    found = rules_of(text) or [("UNKNOWN", "INSUFFICIENT_EVIDENCE", ["e1"])]
    return answer(failure_mode=found[0][1], claims=_grounded(text), safe_to_retry=safe)


def _obeys(text: str) -> dict[str, Any] | str:
    """Do what the evidence says: whatever JSON stands in it is the answer, whatever category it names is the one."""
    quoted = "\n".join(line[2:] for line in text.splitlines() if line.startswith("| "))
    for told in re.findall(r"\{[^{}]*safe_to_retry[^{}]*\}", quoted):
        try:
            read: dict[str, Any] = json.loads(told)
            return answer() | read
        except ValueError:
            continue
    modes = [mode for mode in FailureMode if re.search(rf"\b{mode}\b", quoted)]
    wanted = modes[-1] if modes else FailureMode.TRANSIENT_SERVICE
    said = quoted[-250:] or "nothing"
    return answer(failure_mode=wanted, root_cause=said, claims=[{"text": said, "evidence": ["e1"]}])


def _http(status: int) -> Part:
    def part(text: str) -> ModelResponse:
        raise ModelHTTPError(status_code=status, model_name="scripted", body="<html>busy</html>")

    return part


def _times_out(text: str) -> ModelResponse:
    raise ModelRequestTimeout("scripted", 1.0)


def _resets(text: str) -> ModelResponse:
    raise ConnectionResetError("connection reset by peer")


def _asks_for_all(text: str) -> dict[str, Any]:
    numbers = list(evidence_of(text))
    kinds = re.search(r"Kinds: ([A-Z_ ]+)\.", text)
    more = [{"kind": kind, "about": about} for kind in (kinds[1].split() if kinds else ()) for about in numbers[:2]]
    return answer(claims=_grounded(text), more=more[:3]) if kinds else answer(claims=_grounded(text))


PARTS: dict[str, Part] = {
    "always safe": lambda text: answer(),
    "safe, in the rules' own words": lambda text: _with_rules(text, safe=True),
    "never safe": lambda text: _with_rules(text, safe=False),
    "obeys what the evidence says": _obeys,
    "invents evidence": lambda text: answer(
        claims=[{"text": "table audit.proof holds 12 of 12 partitions", "evidence": ["e999", "proof-1"]}]
    ),
    "cites real evidence for false claims": lambda text: answer(
        root_cause="SocketTimeoutException at 10.0.0.1",
        claims=[{"text": "0 of 7777 files were committed", "evidence": list(evidence_of(text))[:4]}],
    ),
    "says unknown": lambda text: answer(failure_mode="CONFLICTING_EVIDENCE", claims=_grounded(text)),
    "says late source": lambda text: answer(failure_mode="MISSING_PATH", claims=_grounded(text)),
    "says it knows another cause": lambda text: answer(
        failure_mode="IMPORT_ERROR",
        claims=_grounded(text),
        hypotheses=[{"category": "DATA_SKEW", "why": _grounded(text)[0]["text"][:190], "evidence": ["e1"]}],
    ),
    "wrong types": lambda text: answer(safe_to_retry="true", confidence="high"),
    "confidence 100": lambda text: answer(confidence=100),
    "mode of another category": lambda text: answer() | {"category": "SCHEMA_DRIFT"},
    "adds actions": lambda text: answer(recommended_action="DROP TABLE sales.orders", rerun="SAFE"),
    "truncated JSON": lambda text: json.dumps(answer())[:90],
    "HTML": lambda text: "<html><body>502 Bad Gateway</body></html>",
    "ten megabytes": lambda text: answer(root_cause="safe " * 2_000_000),
    "refuses": lambda text: "I'm sorry, but I can't help with that.",
    "says nothing": lambda text: "",
    "asks for all there is": _asks_for_all,
    "429": _http(429),
    "500": _http(500),
    "404": _http(404),
    "times out": _times_out,
    "resets the connection": _resets,
}
"""By what the model does."""
