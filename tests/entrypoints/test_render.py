"""What a person reads. Refresh the golden text with: UPDATE_GOLDEN=1 make test, and read the difference."""

import io
import os
import unicodedata
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipetriage.entrypoints.list_text import print_incident_list
from pipetriage.entrypoints.plain_text import plain
from pipetriage.entrypoints.render import print_incident
from pipetriage.model.incident import Incident, from_json
from pipetriage.model.write_state import Reason, Rerun, RerunDecision

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def incident() -> Incident:
    return from_json((GOLDEN / "incident.json").read_bytes())


def printed(incident: Incident, *, width: int = 80, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False, force_terminal=terminal)
    print_incident(incident, console)
    return out.getvalue()


def test_an_unsafe_incident_reads_as_agreed(incident: Incident) -> None:
    text = printed(incident)

    golden = GOLDEN / "incident.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_verdict_and_its_reason_come_first(incident: Incident) -> None:
    first, second = printed(incident).splitlines()[:2]

    assert first == "NOT SAFE TO RETRY"
    assert "9 commits of this batch are in staging.orders" in second


def test_a_safe_incident_says_what_to_wait_for(incident: Incident) -> None:
    rerun = Rerun(
        decision=RerunDecision.SAFE,
        reasons=[Reason(rule="NOTHING_IN_FLIGHT", holds=True, why="no run is in flight")],
        wait_for="s3://raw/orders/dt=2026-11-22/",
        retry_after_seconds=900,
    )
    text = printed(msgspec.structs.replace(incident, safe_to_retry=True, rerun=rerun))

    assert text.startswith("SAFE TO RETRY\n")
    assert "Wait for s3://raw/orders/dt=2026-11-22/, try again in 15 min" in text


def test_a_harmless_rerun_that_would_not_help_is_not_called_safe(incident: Incident) -> None:
    harmless = msgspec.structs.replace(
        incident,
        rerun=Rerun(decision=RerunDecision.SAFE, reasons=[]),
        retry_reasons=[Reason(rule="CAUSE_NEEDS_A_PERSON", holds=False, why="a schema does not mend itself")],
    )

    text = printed(harmless)
    assert text.startswith("NOT SAFE TO RETRY\n")
    assert "a person has to act first: a schema does not mend itself" in " ".join(text.split())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_too_wide_or_ends_in_spaces(incident: Incident, width: int) -> None:
    for line in printed(incident, width=width).splitlines():
        assert len(line) <= min(width, 110)
        assert line == line.rstrip()


def test_text_from_logs_is_never_markup_nor_terminal_commands(incident: Incident) -> None:
    hostile = "\x1b]0;owned\x07[red]fine[/red]\x1b[2J \u202egnp.exe :smile:\nsecond line"
    text = printed(msgspec.structs.replace(incident, likely_root_cause=hostile, pipeline_name=hostile), terminal=False)

    assert "[red]fine[/red] gnp.exe :smile: second line" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "owned" not in text


def test_colour_is_for_terminals_only(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    assert "\x1b[" in printed(incident, terminal=True)
    assert "\x1b[" not in printed(incident)


def test_long_evidence_is_cut_and_says_where_the_rest_is(incident: Incident) -> None:
    many = [
        msgspec.structs.replace(incident.evidence[0], id=f"E{number}", locator=f"file {number}") for number in range(40)
    ]

    text = " ".join(printed(msgspec.structs.replace(incident, evidence=many)).split())
    assert f"and 32 more: pipetriage incidents show {incident.incident_id} --json" in text


def test_much_evidence_at_one_place_takes_little_room(incident: Incident) -> None:
    ids = [f"snapshot:{number}" for number in range(9)]
    many = [msgspec.structs.replace(incident.evidence[2], id=name) for name in ids]
    states = [msgspec.structs.replace(incident.write_state[1], evidence=ids)]

    text = printed(msgspec.structs.replace(incident, evidence=many, write_state=states))
    assert "[snapshot:0, snapshot:1 +7]" in text
    assert "and 6 more there" in text
    assert text.count(incident.evidence[2].locator) == 1


def test_nothing_is_said_twice(incident: Incident) -> None:
    reason = incident.rerun.reasons[1].why
    steps = [msgspec.structs.replace(step, why=incident.likely_root_cause) for step in incident.recommended_steps]

    text = " ".join(printed(msgspec.structs.replace(incident, recommended_steps=steps)).split())
    assert text.count(reason) == 1
    assert text.count(incident.likely_root_cause) == 1


def test_the_list_shows_what_to_type_next(incident: Incident) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80)
    later = msgspec.structs.replace(
        incident, incident_id="inc_two", safe_to_retry=True, created_at=incident.created_at + timedelta(hours=1)
    )
    print_incident_list([later, incident], console)
    print_incident_list([], console)

    lines = out.getvalue().splitlines()
    assert lines[0].startswith("✓ inc_two · ")
    assert lines[2].startswith("✗ inc_3f2a9c0d11e2b4a7 · 2026-11-22 03:12 UTC · SCHEMA_DRIFT/NEW_COLUMN")
    assert lines[-1] == "No incidents."


@given(st.text())
def test_plain_text_cannot_command_a_terminal(text: str) -> None:
    cleaned = plain(text)

    assert not {unicodedata.category(char) for char in cleaned} & {"Cc", "Cf", "Cs"}
    assert plain(cleaned) == cleaned


def test_plain_text_takes_linear_time() -> None:
    for hostile in ("\x1b[" * 200_000, "\x1b]" * 200_000, "\x1b[" + "0;" * 200_000, "\x9b" * 300_000):
        plain(hostile)
