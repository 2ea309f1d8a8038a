"""A language model as a person at the command line meets it, over the wire: a server on loopback plays the model."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.cli import main
from pipetriage.errors import StoreError
from pipetriage.model.incident import Incident, from_json
from pipetriage.stores import open_store
from tests.evaluation.building import copy_case
from tests.reasoning.scripted import answer, evidence_of
from tests.reasoning.wire.protocols import LocalWire
from tests.reasoning.wire.server import Handler, Provider, Seen, Step, answers, hangs, provider, resets

WIRE = LocalWire()
SAFE, OPEN = "throttled_before_write", "conflicting_signals"


class Desk:
    """A folder with bundles, a store, settings, and a model."""

    def __init__(self, folder: Path, server: Provider) -> None:
        self.folder = folder
        self.server = server
        self.model = WIRE.name(server.url)
        for name in (SAFE, OPEN):
            copy_case(folder / "cases", name)
        self.settings()

    def settings(self, *lines: str, model: bool = False) -> None:
        head = [f"model = {self.model!r}"] if model else []
        (self.folder / "pipetriage.toml").write_text(
            "\n".join([*head, 'store = "incidents.db"', "[reasoning]", *lines])
        )

    def run(self, *arguments: object) -> int:
        return main([*map(str, arguments)])

    def kept(self) -> list[Incident]:
        return open_store(str(self.folder / "incidents.db")).list()

    def history(self) -> list[Incident]:
        store = open_store(str(self.folder / "incidents.db"))
        return store.history(self.kept()[0].incident_id)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPETRIAGE_MODEL_KEY", "")
    with provider() as server:
        yield Desk(tmp_path, server)


def sent(request: Seen) -> str:
    return str(request.document["messages"][-1]["content"])


def says(**said: Any) -> Step:
    """Answer in form, with one claim that repeats the first line of the evidence sent."""

    def step(handler: Handler) -> None:
        name, body = list(evidence_of(sent(handler.server.seen[-1])).items())[1]
        claims = [{"text": body.splitlines()[0][:250], "evidence": [name]}]
        WIRE.gives(answer(claims=claims, **said))(handler)

    return step


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_model_that_agrees_is_told_beside_the_verdict(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=True))
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    page = shown(capsys)
    assert page.startswith("SAFE TO RETRY")
    assert "What a language model says (written by a machine that read the log)" in page
    assert f"{desk.model} agrees with the rules." in page
    assert "1,200 tokens in, 80 out · price unknown" in page
    (incident,) = desk.kept()
    assert incident.classifier.model == desk.model
    assert incident.classifier.cost_usd is None
    assert incident.grounding is not None
    assert incident.grounding.supported == 1


def test_an_objection_blocks_the_gate(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=False))
    desk.settings(model=True)
    assert desk.run("gate", f"cases/{SAFE}") == 10
    assert "MODEL_OBJECTS" in shown(capsys)
    assert desk.run("gate", f"cases/{SAFE}") == 10  # answered from memory
    assert len(desk.server.seen) == 1
    # A provider that is down, or no model at all, is no reason to allow what was objected to …
    desk.settings("cache_days = 0", "retries = 0", model=True)
    desk.server.plays(answers(500, {"error": "x"}))
    assert desk.run("gate", f"cases/{SAFE}") == 10
    desk.settings()
    assert desk.run("gate", f"cases/{SAFE}") == 10
    assert "MODEL_OBJECTS" in shown(capsys)
    assert not desk.kept()[0].safe_to_retry
    assert "An earlier objection stands" in desk.kept()[0].model_notes[0]
    # … until a model has answered anew.
    desk.settings("cache_days = 0", model=True)
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=True))
    assert desk.run("gate", f"cases/{SAFE}") == 0


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (answers(500, {"error": "x"}), "SERVER_ERROR"),
        (answers(429, {"error": "x"}), "RATE_LIMITED"),
        (answers(404, {"error": {"message": "model not found", "code": "model_not_found"}}), "NO_SUCH_MODEL"),
        (answers(200, b"<html>hello</html>", content_type="text/html"), "SERVER_ERROR"),
        (resets, "UNREACHABLE"),
        (WIRE.says("I would retry it."), "INVALID_ANSWER"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_model_that_fails_leaves_the_rules_verdict(
    desk: Desk, step: Step, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.server.plays(step)
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    page = shown(capsys)
    assert page.startswith("SAFE TO RETRY")
    assert "gave no answer; the rules' verdict stands alone" in page
    assert fault in page
    assert fault in desk.kept()[0].model_notes[0]


def test_the_context_is_shown_exactly_and_nothing_is_sent(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE"))
    assert desk.run("triage", f"cases/{OPEN}", "--show-context", "--json", "--model", desk.model) == 0
    told = json.loads(capsys.readouterr().out)
    assert not desk.server.seen
    assert not (desk.folder / "incidents.db").exists()
    assert desk.run("triage", f"cases/{OPEN}", "--show-context") == 0
    page = capsys.readouterr().out
    assert told["text"] in page
    assert told["instructions"] in page
    assert desk.run("triage", f"cases/{OPEN}", "--model", desk.model) == 0
    messages = desk.server.seen[0].document["messages"]
    assert [one["content"] for one in messages] == [told["instructions"], told["text"]]


def late(seconds: float) -> Step:
    def step(handler: Handler) -> None:
        time.sleep(seconds)
        says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=False)(handler)

    return step


class Unreadable:
    """A store whose verdicts cannot be read just now."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def history(self, incident_id: str) -> list[Incident]:
        raise StoreError("the store is locked")


def test_an_objection_that_cannot_be_looked_up_is_not_taken_for_none(desk: Desk) -> None:
    desk.settings("retries = 0", model=True)
    desk.server.plays(answers(500, {"error": "x"}))
    app = open_app(config=desk.folder / "pipetriage.toml")
    app.store = Unreadable(app.store)
    incident = app.triage(f"cases/{SAFE}")
    assert not incident.safe_to_retry
    assert any("cannot be read: the store is locked" in one.why for one in incident.retry_reasons)


def test_a_late_answer_amends_the_incident(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.settings("deadline_seconds = 0.5", "late_seconds = 30.0")
    desk.server.plays(late(1.5))
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    output = capsys.readouterr()
    assert output.out.startswith("SAFE TO RETRY")
    assert "NOT SAFE TO RETRY" in output.out.split("Amended, as the model has answered:")[1]
    assert "the model has not answered yet" in output.err
    before, after = desk.history()
    assert (before.safe_to_retry, after.safe_to_retry) == (True, False)
    assert "DEADLINE" in before.model_notes[0]
    assert after.created_at > before.created_at


def test_a_late_answer_that_never_comes_changes_no_verdict(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.settings("deadline_seconds = 0.3", "late_seconds = 0.5")
    desk.server.plays(hangs)
    began = time.monotonic()
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    assert time.monotonic() - began < 20
    assert "the verdict above stands" in capsys.readouterr().err
    first, last = desk.history()
    assert first.safe_to_retry
    assert last.safe_to_retry
    # What it cost is not known, and is not called nothing.
    assert first.classifier.cost_usd is None
    assert last.classifier.cost_usd is None
    assert "DEADLINE" in first.model_notes[0]
    assert "TIMEOUT" in last.model_notes[0]
    time.sleep(0.5)
    assert len(desk.server.seen) == 1


def test_a_program_reads_one_document_and_no_amendment(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.settings("deadline_seconds = 0.5", "late_seconds = 30.0")
    desk.server.plays(late(2.0))
    began = time.monotonic()
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model, "--json") == 0
    assert time.monotonic() - began < 15
    incident = from_json(capsys.readouterr().out.encode())
    assert incident.safe_to_retry
    assert incident.model_opinion is not None
    assert [one.fault for one in incident.model_opinion.failures] == ["TIMEOUT"]
    assert len(desk.history()) == 1


def test_a_late_answer_never_amends_a_newer_verdict(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """While the model is awaited, the run is triaged again, and now more is known."""
    desk.settings("deadline_seconds = 0.5", "late_seconds = 30.0")

    def meanwhile(handler: Handler) -> None:
        time.sleep(1.0)
        (desk.folder / "cases" / SAFE / "glue" / "job.json").unlink()
        assert desk.run("triage", f"cases/{SAFE}", "--model", "none") == 0
        says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=True)(handler)

    desk.server.plays(meanwhile)
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    before, newer = desk.history()
    assert before.safe_to_retry
    assert not newer.safe_to_retry
    assert newer.model_opinion is None
    assert desk.kept()[0].created_at == newer.created_at


def test_a_verdict_that_waited_for_a_model_is_not_kept_over_a_newer_one(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the model is asked, the run is triaged again, on newer evidence."""
    head = desk.folder / "cases" / SAFE / "bundle.json"

    def meanwhile(handler: Handler) -> None:
        document = json.loads(head.read_text())
        document["captured_at"] = document["captured_at"].replace("T02", "T05").replace("T03", "T05")
        head.write_text(json.dumps(document))
        (desk.folder / "cases" / SAFE / "glue" / "job.json").unlink()
        assert desk.run("triage", f"cases/{SAFE}", "--model", "none") == 0
        says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=True)(handler)

    desk.server.plays(meanwhile)
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    assert "triaged on newer evidence meanwhile" in capsys.readouterr().err
    (kept,) = desk.history()
    assert not kept.safe_to_retry


def test_a_gate_does_not_wait_for_what_is_late(desk: Desk) -> None:
    desk.settings("deadline_seconds = 0.3", "late_seconds = 30.0", model=True)
    desk.server.plays(hangs)
    began = time.monotonic()
    assert desk.run("gate", f"cases/{SAFE}") == 0
    assert time.monotonic() - began < 15


def test_what_runs_by_itself_keeps_the_verdict_first_and_the_amendment_after(desk: Desk) -> None:
    desk.settings("deadline_seconds = 0.5", "late_seconds = 30.0", model=True)
    desk.server.plays(late(1.5))
    app = open_app(config=desk.folder / "pipetriage.toml")
    kept = app.triage_and_keep(app.collector(f"cases/{SAFE}"))
    assert not kept.safe_to_retry
    assert [one.safe_to_retry for one in desk.history()] == [True, False]


def test_an_interrupt_while_the_model_is_asked_sends_nothing_more(desk: Desk) -> None:
    desk.settings("deadline_seconds = 60.0", model=True)
    desk.server.plays(hangs)
    command = [sys.executable, "-m", "pipetriage", "triage", f"cases/{SAFE}"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, cwd=desk.folder, env=environment, stderr=subprocess.PIPE) as process:
        assert desk.server.arrived.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert desk.server.hung_up.wait(10)
    assert len(desk.server.seen) == 1


def test_further_evidence_is_read_by_the_same_sources_and_shown(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def wants(handler: Handler) -> None:
        numbers = evidence_of(sent(handler.server.seen[-1]))
        about = next(name for name, body in numbers.items() if "UNRESOLVED_COLUMN" in body)
        more = [{"kind": "LOG_WINDOW", "about": about}, {"kind": "EXECUTOR_LOGS", "about": "e999"}]
        claims = [{"text": "UNRESOLVED_COLUMN", "evidence": [about]}]
        WIRE.gives(answer(failure_mode="CONFLICTING_EVIDENCE", claims=claims, more=more))(handler)

    desk.server.plays(wants, _settles)
    assert desk.run("triage", f"cases/{OPEN}", "--model", desk.model, "--json") == 0
    incident = from_json(capsys.readouterr().out.encode())
    assert incident.model_opinion is not None
    found, nothing = incident.model_opinion.asked
    assert (found.kind, found.evidence) == ("LOG_WINDOW", "more-1")
    assert nothing.why_not
    assert "more-1" in {one.id for one in incident.evidence}
    second = sent(desk.server.seen[1])
    assert "home_store" in evidence_of(second)["e1"]
    assert incident.classifier.input_tokens == 2400


def _settles(handler: Handler) -> None:
    """Answer a question that offers one more piece, and want none."""
    WIRE.gives(
        answer(
            failure_mode="CONFLICTING_EVIDENCE",
            claims=[{"text": "home_store cannot be resolved", "evidence": ["e1"]}],
            more=[],
        )
    )(handler)


def test_the_doctor_asks_for_one_word(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.plays(WIRE.says("yes"))
    desk.run("doctor", "--model", desk.model)
    assert f"model {desk.model}: answered" in shown(capsys)
    assert len(desk.server.seen) == 1
    assert desk.server.seen[0].document["max_tokens"] <= 16
    desk.server.plays(answers(404, {"error": {"message": "no such model", "code": "model_not_found"}}))
    desk.run("doctor", "--model", desk.model)
    assert "NO_SUCH_MODEL" in shown(capsys)
    assert desk.run("doctor", "--model", "gpt") in (1, 3)
    assert "write bedrock:MODEL_ID" in shown(capsys)


def test_evaluate_says_what_the_model_adds(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.plays(says(failure_mode="NEW_COLUMN", safe_to_retry=False))
    code = desk.run("evaluate", "cases", "--model", desk.model, "--repeat", 2, "--json", "out.json", "--jobs", 1)
    page = shown(capsys)
    out = json.loads((desk.folder / "out.json").read_text())["metrics"]
    effect = out["model_effect"]
    assert code == 0
    assert effect["triages"] == effect["answered"] == 4
    assert len(desk.server.seen) >= 4  # no repeat is answered from memory
    assert effect["retries_lost"] == effect["objections"] == 2
    assert effect["fatal_misses"] == 0
    assert effect["cost_usd"] is None
    assert 0 < effect["grounding_rate"] < 1
    assert out["run"]["model"] == desk.model
    low, high = effect["accuracy_acceptable"]["interval"]
    assert low <= effect["accuracy_acceptable"]["change"] <= high
    assert "What the model adds to the rules alone answered 4 of 4" in page


def test_a_wrong_name_is_said_before_anything_is_read(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run("triage", "gone", "--model", "gpt-5") == 2
    assert "local:NAME@URL" in capsys.readouterr().err


def test_a_budget_of_a_day_is_kept_in_the_store(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.settings("tokens_per_day = 11000", "cache_days = 0", model=True)
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE", safe_to_retry=True))
    for _ in range(2):
        assert desk.run("triage", f"cases/{SAFE}") == 0
    assert "OVER_BUDGET" in shown(capsys)
    assert len(desk.server.seen) == 1


def test_what_a_model_writes_reaches_no_terminal_as_it_is(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    def hostile(handler: Handler) -> None:
        name, body = list(evidence_of(sent(handler.server.seen[-1])).items())[1]
        line = body.splitlines()[0][:150]
        said = f"\x1b[2J\x1b]0;x\x07{line} <script>alert(1)</script> [red]"
        WIRE.gives(answer(root_cause=said, claims=[{"text": line, "evidence": [name]}]))(handler)

    desk.server.plays(hostile)
    assert desk.run("triage", f"cases/{SAFE}", "--model", desk.model) == 0
    page = capsys.readouterr().out
    assert "\x1b]0" not in page
    assert "\x1b[2J" not in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", page)


def test_traces_go_where_the_environment_says_and_hold_no_content(desk: Desk) -> None:
    desk.server.plays(says(failure_mode="TRANSIENT_SERVICE"))
    with provider() as collector:
        collector.plays(answers(200, b"", content_type="application/x-protobuf"))
        command = [sys.executable, "-m", "pipetriage", "triage", f"cases/{SAFE}", "--model", desk.model]
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            command, check=False, cwd=desk.folder, env=os.environ | named, capture_output=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        told = b"".join(
            gzip.decompress(one.body) if one.body[:2] == b"\x1f\x8b" else one.body for one in collector.seen
        )
    assert {one.path for one in collector.seen} == {"/v1/traces"}
    assert b"invoke_agent pipetriage" in told
    assert b"gen_ai.usage.input_tokens" in told
    assert b"pipetriage" in told
    assert b"AWSGlueException" not in told
    assert b"What broke this run" not in told
