"""Asking the real model about one bundle, as the command does, with what the provider counted."""

import time
from pathlib import Path
from typing import NamedTuple

import yaml
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lab.model.server import Server
from pipetriage.bootstrap import App, open_app
from pipetriage.model.incident import Incident
from pipetriage.model.opinion import Opinion
from pipetriage.reasoning.tokens import tokens

CHOSEN = "PIPETRIAGE_TEST_MODEL"
"""Which model; set by ``make test-model``."""
INPUT_TOKENS, OUTPUT_TOKENS = 4000, 700
PATIENCE = 300.0
"""Seconds: a call takes 20 to 90 on two cores, and is asked again once."""


class Counted(NamedTuple):
    """One request as the provider counted it."""

    input_tokens: int
    output_tokens: int


class Told(NamedTuple):
    """What came of one bundle."""

    rules: Incident
    merged: Incident
    requests: tuple[Counted, ...]
    estimate: int
    """Our own of the first request's input, the answer's form left out."""
    seconds: float

    @property
    def opinion(self) -> Opinion:
        assert self.merged.model_opinion is not None
        return self.merged.model_opinion


class Line(NamedTuple):
    """One row of the table that is printed at the end."""

    kind: str
    case: str
    expected: str
    acceptable: frozenset[str]
    told: Told


class Bench:
    """The served model, and everything that was asked of it."""

    def __init__(self, name: str, model: str, server: Server, spans: InMemorySpanExporter, folder: Path) -> None:
        self.name = name
        self.model = model
        self.server = server
        self.lines: list[Line] = []
        self._spans = spans
        self._folder = folder
        self._made = 0
        self.rules = open_app(use_store=False, model="none")

    @property
    def address(self) -> str:
        """The model's name in the settings."""
        return f"local:{self.name}@{self.server.url}"

    def app(self, *models: str, **bounds: float) -> App:
        """Open the program with a store of its own, from a settings file."""
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir()
        written = list(models or (self.address,))
        bounds = {"deadline_seconds": PATIENCE, "late_seconds": 0.0, "breaker_failures": 1000} | bounds
        lines = [f"model = {written!r}", f'store = "sqlite:///{folder}/store.db"', "[reasoning]"]
        config = folder / "pipetriage.toml"
        config.write_text("\n".join([*lines, *(f"{key} = {value}" for key, value in bounds.items())]) + "\n")
        return open_app(config=config)

    def ask(self, bundle: Path, app: App) -> Told:
        """Triage a bundle by the rules alone, and with the model."""
        self.server.wait_until_idle(PATIENCE)
        rules = self.rules.triage(str(bundle))
        question = self.rules.request(str(bundle)).question
        self._spans.clear()
        began = time.monotonic()
        merged = app.follow(str(bundle)).incident
        seconds = time.monotonic() - began
        estimate = tokens(question.instructions) + tokens(question.text)
        return Told(rules, merged, self._counted(), estimate, seconds)

    def note(self, kind: str, case: str, told: Told) -> None:
        """Keep a row for the table."""
        label = yaml.safe_load((Path("cases") / case / "expected.yaml").read_text(encoding="utf-8"))
        expected = str(label["failure_category"])
        acceptable = frozenset({expected, *label.get("acceptable_categories", ())})
        self.lines.append(Line(kind, case, expected, acceptable, told))

    def reached(self) -> float:
        """Count what has reached the server so far, in tokens read (cached ones too) and written."""
        counters = self.server.counters()
        return sum(counters[f"{name}_total"] for name in ("prompt_tokens", "prompt_tokens_cached", "tokens_predicted"))

    def _counted(self) -> tuple[Counted, ...]:
        """Read the provider's own count of each request off the traces."""
        chats = (dict(span.attributes or {}) for span in self._spans.get_finished_spans())
        used = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
        counts = [[one[name] for name in used] for one in chats if all(name in one for name in used)]
        return tuple(Counted(int(str(read)), int(str(written))) for read, written in counts)
