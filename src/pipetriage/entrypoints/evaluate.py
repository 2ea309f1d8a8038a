"""``pipetriage evaluate``: how right is the triage, on cases whose truth is known?"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pipetriage import __version__
from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import model_option
from pipetriage.errors import UsageError

if TYPE_CHECKING:
    from pipetriage.evaluation.compare import Comparison
    from pipetriage.evaluation.floors import Bound, Held
    from pipetriage.evaluation.run import Report
    from pipetriage.evaluation.worker import TriageFolder
    from pipetriage.model.evidence import Signal

EXIT_NOT_GOOD_ENOUGH = 1
"""A case without a verdict, a broken bound, or worse than the earlier run."""


@dataclass(frozen=True)
class MakeTriage:
    """Wires the program in a worker process: no store is opened, nothing is kept."""

    config: Path | None
    dropped: frozenset[Signal]
    model: str = "none"

    def __call__(self) -> TriageFolder:
        """Give what triages a folder, without the dropped signals."""
        import msgspec

        from pipetriage.bootstrap import App, open_app
        from pipetriage.evaluation.ablation import Without
        from pipetriage.sources.interface import Collector

        dropped, program = self.dropped, open_app(config=self.config, use_store=False, model=self.model)
        # A repeat that is answered from memory would measure nothing.
        reasoning = msgspec.structs.replace(program.settings.reasoning, cache_days=0.0)
        program.settings = msgspec.structs.replace(program.settings, reasoning=reasoning)

        class Ablated(App):
            def collector(self, target: str) -> Collector:
                return Without(super().collector(target), dropped)

        if dropped:
            program = Ablated(program.settings, program.pipelines, Path.cwd(), None)
        return lambda folder: program.triage(str(folder))


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line, as given."""

    folder: Path
    json_file: Path | None
    html_file: Path | None
    junit_file: Path | None
    against: Path | None
    floors: tuple[str, ...]
    ceilings: tuple[str, ...]
    only: tuple[str, ...]
    split: Literal["development", "reserve"] | None
    ablate: tuple[str, ...]
    repeat: int
    model: str | None
    jobs: int | None
    timeout: float
    config: Path | None

    @property
    def to_stdout(self) -> bool:
        """Is stdout the JSON's?"""
        return self.json_file == Path("-")

    @property
    def files(self) -> dict[str, Path | None]:
        """The files to write, by the option that names them."""
        return {
            "--json": None if self.to_stdout else self.json_file,
            "--html": self.html_file,
            "--junit": self.junit_file,
        }


def _file(option: str, name: str, said: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(option, name, type=click.Path(path_type=Path), metavar="FILE", help=said)


@click.command(
    short_help="How right is it, on labelled cases?",
    epilog="""\b
DIR holds one bundle a subfolder, each with its expected.yaml (docs/evaluation.md).
Exit codes: 0 all held; 1 a case without a verdict, a bound broken, or worse than --against; 2 usage.

\b
Examples:
  pipetriage evaluate cases
  pipetriage evaluate cases --json now.json --html now.html
  pipetriage evaluate cases --against before.json       which cases changed sides?
  pipetriage evaluate cases --max fatal_misses=0 --min reserve.accuracy_exact=0.9
  pipetriage evaluate cases --ablate logs               what if there were no logs?
  pipetriage evaluate cases --model local:qwen@http://localhost:8080 --repeat 3    what does a model add?
  pipetriage evaluate --export our_cases                reviewed incidents become cases""",
)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@_file("--json", "json_file", "Metrics and cases as JSON; - for stdout.")
@_file("--html", "html_file", "A report in one file, to show around.")
@_file("--junit", "junit_file", "JUnit XML, a test a case.")
@_file("--against", "against", "An earlier --json file: name every case that changed sides.")
@click.option("--min", "floors", multiple=True, metavar="NAME=VALUE", help="A measure's floor; repeatable.")
@click.option("--max", "ceilings", multiple=True, metavar="NAME=VALUE", help="A measure's ceiling; repeatable.")
@click.option("--only", multiple=True, metavar="GLOB", help="Only cases with such a name; repeatable.")
@click.option("--split", type=click.Choice(["development", "reserve"]), help="Only cases whose label says so.")
@click.option("--ablate", multiple=True, metavar="SIGNAL", help="Leave a signal out of every case; repeatable.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, metavar="N", help="Triage each case N times.")
@model_option
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Processes; default: 2, on one core 1.")
@click.option(
    "--timeout", type=click.FloatRange(0.01, 86_400), default=60.0, show_default=True, metavar="SECONDS", help="A case."
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings file; default: ./pipetriage.toml."
)
@click.option(
    "--export", type=click.Path(path_type=Path), metavar="CASES", help="Make cases of the reviewed incidents instead."
)
@click.option("--store", metavar="URL", help="With --export: the incident store.")
@click.pass_context
def evaluate(ctx: click.Context, /, folder: Path | None, export: Path | None, store: str | None, **given: Any) -> None:
    """Triage every labelled case of DIR and hold the verdicts against the labels.

    Fatal misses come first: harm called safe. No store is touched.
    """
    if folder is not None and export is not None:
        raise click.UsageError("give either DIR or --export CASES, not both")
    if export is not None:
        from pipetriage.entrypoints.evaluate_export import export_cases

        export_cases(export, given["config"], store)
        return
    if folder is None:
        raise click.UsageError("give DIR, a folder of labelled cases, or --export CASES")
    if store is not None:
        raise click.UsageError("--store belongs to --export: an evaluation touches no store")
    ctx.exit(_evaluate(Options(folder=folder, **given)))


def _evaluate(options: Options) -> int:
    from pipetriage.evaluation.case import find_cases
    from pipetriage.evaluation.compare import compare, read_earlier
    from pipetriage.evaluation.floors import check
    from pipetriage.evaluation.outputs import check_writable

    # All that can be wrong with the command line is found before minutes are spent.
    _check_model(options)
    bounds, dropped = _bounds(options), _signals(options.ablate)
    earlier = read_earlier(options.against) if options.against is not None else None
    cases = find_cases(options.folder, only=options.only, split=options.split)
    check_writable(options.files)

    began = time.perf_counter()
    report = _run(options, cases.chosen, dropped)
    seconds = time.perf_counter() - began

    comparison = compare(report.cases, earlier) if earlier is not None else None
    held = check(bounds, report.metrics)
    _write(options, report, comparison, held)
    if not options.to_stdout:
        from pipetriage.entrypoints.evaluate_text import Summary, print_summary
        from pipetriage.entrypoints.render import make_console

        summary = Summary(report, options.folder, cases.unlabelled, seconds, comparison, held)
        print_summary(summary, make_console())
    return _verdict(report, comparison, held)


def _check_model(options: Options) -> None:
    """Find a wrong name or a lacking extra before any case is triaged."""
    if options.model not in (None, "none"):
        from pipetriage.bootstrap import open_app

        open_app(config=options.config, use_store=False, model=options.model).endpoints()


def _bounds(options: Options) -> list[Bound]:
    from pipetriage.evaluation.floors import parse_bound

    return [
        *(parse_bound(text, "min") for text in options.floors),
        *(parse_bound(text, "max") for text in options.ceilings),
    ]


def _signals(names: tuple[str, ...]) -> frozenset[Signal]:
    if not names:
        return frozenset()
    from pipetriage.model.evidence import Signal

    try:
        return frozenset(Signal(name) for name in names)
    except ValueError as error:
        raise UsageError(f"--ablate {' '.join(names)}: choose from {', '.join(Signal)}") from error


def _run(options: Options, cases: list[Any], dropped: frozenset[Signal]) -> Report:
    from pipetriage.entrypoints.evaluate_progress import progress
    from pipetriage.evaluation.run import evaluate as run

    about: dict[str, object] = {
        "version": __version__,
        "model": options.model or "none",
        "repeat": options.repeat,
        "ablated": sorted(map(str, dropped)),
    }
    with progress(len(cases) * options.repeat) as on_done:
        return run(
            cases,
            MakeTriage(options.config.absolute() if options.config else None, dropped, options.model or "none"),
            jobs=options.jobs or min(2, os.cpu_count() or 1),
            timeout=options.timeout,
            repeat=options.repeat,
            about=about,
            on_done=on_done,
        )


def _write(options: Options, report: Report, comparison: Comparison | None, held: list[Held]) -> None:
    from pipetriage.evaluation.outputs import to_json, write

    if options.to_stdout:
        click.echo(to_json(report), nl=False)
    if options.json_file is not None and not options.to_stdout:
        write("--json", options.json_file, to_json(report))
    if options.junit_file is not None:
        from pipetriage.evaluation.junit import to_junit

        write("--junit", options.junit_file, to_junit(report.cases))
    if options.html_file is not None:
        from pipetriage.evaluation.html.page import to_html

        title = f"How right is the triage? {options.folder.absolute().name}"
        write("--html", options.html_file, to_html(report, title, comparison, held))


def _verdict(report: Report, comparison: Comparison | None, held: list[Held]) -> int:
    """Say on stderr why the run is not good enough, and give the exit code."""
    why = []
    if report.metrics.errors:
        why.append(f"{report.metrics.errors} of {report.metrics.cases} cases have no verdict")
    why += [one.words for one in held if not one.holds]
    if comparison is not None and comparison.worse:
        why.append(comparison.why_worse)
    for reason in why:
        complain(reason)
    return EXIT_NOT_GOOD_ENOUGH if why else 0
