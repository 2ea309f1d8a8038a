"""The command line as a person or a scheduler meets it: a real process, its output and its exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipetriage import __version__
from pipetriage.entrypoints.cli import cli, main
from pipetriage.model.incident import Incident, from_json
from pipetriage.stores import open_store

GOLDEN = Path(__file__).parent / "golden"
COMMANDS = [
    [],
    ["demo"],
    ["triage"],
    ["gate"],
    ["backfill"],
    ["watch"],
    ["capture"],
    ["iam-policy"],
    ["evaluate"],
    ["review"],
    ["incidents"],
    ["incidents", "list"],
    ["incidents", "show"],
    ["schema"],
]


class Place:
    """A folder with a bundle, a store that holds one incident, and nothing of the user's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "incidents.db"
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        document = {
            "bundle_version": 1,
            "captured_at": "2026-11-22T03:12:00Z",
            "run": {"job_name": "orders_daily", "job_run_id": "jr_bundle"},
            "pipeline": {"name": "orders_daily"},
        }
        (self.bundle / "bundle.json").write_text(json.dumps(document))

    def keep_incident(self) -> Incident:
        return open_store(str(self.store)).save(from_json((GOLDEN / "incident.json").read_bytes()))

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "pipetriage", *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_DATA_HOME": str(self.folder / "data"), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(cli, [*command, "--help"], prog_name="pipetriage")

    assert result.exit_code == 0
    if command != ["incidents"]:
        assert "Example" in result.output
        assert f"  {' '.join(['pipetriage', *command])}" in result.output


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom pipetriage.entrypoints.cli import main\nmain(['--help'])\n"
        "print([name for name in ('msgspec', 'rich', 'sqlalchemy', 'alembic', 'pyiceberg', 'pyarrow')"
        " if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)

    assert result.stderr.strip() == "[]"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pipetriage {__version__}\n"


def test_schema_prints_a_json_schema(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capfd.readouterr().out)["title"] == "pipetriage incident"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch"], 2, "No such command"),
        (["gate"], 2, "give either TARGET or --read TABLE"),
        (["gate", "bundle", "--read", "sales.orders"], 2, "give either TARGET or --read TABLE"),
        (["triage", "bundle", "--model", "gpt"], 2, "is not understood: write bedrock:MODEL_ID"),
        (["triage", "nowhere"], 3, "nowhere"),
        (["gate", "nowhere"], 3, "nowhere"),
        (["gate", "nowhere", "--config", "none.toml"], 3, "none.toml"),
        (["triage", "bundle", "--config", "none.toml"], 2, "none.toml"),
        (["gate", "bundle", "--store", "bundle"], 3, "is a folder"),
        (["gate", "--read", "sales.orders", "--store", "bundle"], 3, "is a folder"),
        (["incidents", "list", "--store", "bundle"], 3, "is a folder"),
        (["incidents", "list", "--category", "BAD_LUCK"], 2, "SCHEMA_DRIFT"),
        (["incidents", "show", "inc_none"], 3, "pipetriage incidents list"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_exit_code(
    place: Place, arguments: list[str], code: int, message: str
) -> None:
    result = place.run(*arguments)

    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    if "Usage:" not in result.stderr:
        assert result.stderr.startswith("pipetriage: ")
        assert result.stderr.count("\n") == 1


def test_triage_prints_the_verdict_and_keeps_the_incident(place: Place) -> None:
    result = place.run("triage", "bundle", "--store", place.store)

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("NOT SAFE TO RETRY\n")
    assert result.stderr == ""
    assert open_store(str(place.store)).get("jr_bundle").safe_to_retry is False


def test_triage_without_a_store_leaves_no_trace(place: Place) -> None:
    result = place.run("triage", "bundle", "--no-store", "--model", "none", "--json")

    assert from_json(result.stdout.encode()).job_run_id == "jr_bundle"
    assert not (place.folder / "data").exists()


def test_a_store_that_cannot_be_written_does_not_cost_the_verdict(place: Place) -> None:
    open_store(str(place.store))
    read_only = f"sqlite:///file:{place.store}?mode=ro&uri=true"
    for url in (read_only, place.bundle):
        result = place.run("triage", "bundle", "--json", "--store", url)

        assert result.returncode == 0
        assert from_json(result.stdout.encode()).job_run_id == "jr_bundle"
        assert result.stderr.startswith("pipetriage: warning: the store ")


def test_the_gate_blocks_what_is_not_safe(place: Place) -> None:
    result = place.run("gate", "bundle", "--store", place.store)
    as_json = place.run("gate", "bundle", "--store", place.store, "--json")

    assert (result.returncode, as_json.returncode) == (10, 10)
    assert result.stdout.startswith("BLOCKED  ")
    answer = json.loads(as_json.stdout)
    assert answer["allowed"] is False
    assert answer["incident"]["job_run_id"] == "jr_bundle"


def test_the_gate_warns_readers_of_a_partial_table(place: Place) -> None:
    place.keep_incident()
    blocked = place.run("gate", "--read", "glue.STAGING.orders", "--store", place.store)
    clear = place.run("gate", "--read", "curated.orders", "--store", place.store)
    as_json = place.run("gate", "--read", "staging.orders", "--store", place.store, "--json")

    assert (blocked.returncode, clear.returncode, as_json.returncode) == (10, 0, 10)
    assert "inc_3f2a9c0d11e2b4a7" in blocked.stdout
    assert clear.stdout.startswith("CLEAR  ")
    assert [one["job_run_id"] for one in json.loads(as_json.stdout)["incidents"]] == ["jr_0a1b2c"]


def test_incidents_are_listed_and_shown(place: Place) -> None:
    place.keep_incident()
    listed = place.run("incidents", "list", "--store", place.store)
    filtered = place.run("incidents", "list", "--store", place.store, "--category", "unknown", "--json")
    shown = place.run("incidents", "show", "inc_3f2a", "--store", place.store)
    history = place.run("incidents", "show", "jr_0a1b2c", "--history", "--json", "--store", place.store)

    assert "inc_3f2a9c0d11e2b4a7" in listed.stdout
    assert json.loads(filtered.stdout) == []
    assert shown.stdout.startswith("NOT SAFE TO RETRY\n")
    assert [one["job_run_id"] for one in json.loads(history.stdout)] == ["jr_0a1b2c"]


def test_output_survives_a_terminal_without_unicode(place: Place) -> None:
    place.keep_incident()
    result = place.run("incidents", "show", "jr_0a1b2c", "--store", place.store, PYTHONIOENCODING="ascii")

    assert result.returncode == 0
    assert result.stdout.startswith("NOT SAFE TO RETRY\n")


def test_a_reader_that_leaves_is_no_error(place: Place) -> None:
    for command in (["schema"], ["triage", "bundle", "--no-store"], ["triage", "bundle", "--no-store", "--json"]):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            result = subprocess.run(
                place.command(*command),
                cwd=place.folder,
                env=place.environment,
                stdout=writing,
                stderr=subprocess.PIPE,
                timeout=60,
                check=False,
            )
        finally:
            os.close(writing)
        assert (result.returncode, result.stderr) == (141, b""), command


def opened_by_a_reader(pipe: Path) -> int:
    """Wait until a process reads from the pipe, however busy the machine is; keep it waiting."""
    for _ in range(600):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nobody read {pipe}")


def test_control_c_ends_quietly(place: Place) -> None:
    # Reading the settings from a pipe that nobody writes to waits for ever.
    waiting = place.folder / "waiting.toml"
    os.mkfifo(waiting)
    process = subprocess.Popen(
        place.command("triage", "bundle", "--config", waiting),
        cwd=place.folder,
        env=place.environment,
        stderr=subprocess.PIPE,
    )
    writing = opened_by_a_reader(waiting)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    os.close(writing)

    assert process.returncode == 130
    assert b"Traceback" not in error


def test_a_surprise_is_one_line_and_never_a_permission(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def surprise(**_: object) -> None:
        raise RuntimeError("one\ntwo\x1b[31m")

    monkeypatch.setattr("pipetriage.bootstrap.open_app", surprise)
    monkeypatch.delenv("PIPETRIAGE_DEBUG", raising=False)
    assert main(["gate", "anything"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("pipetriage: internal error, please report it (RuntimeError: one)")
    assert said.count("\n") == 1

    monkeypatch.setenv("PIPETRIAGE_DEBUG", "1")
    assert main(["gate", "anything"]) == 3
    assert "Traceback" in capsys.readouterr().err
