"""The documentation names every detector, setting, rule and command that exists."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from pipetriage.detectors import all_detectors
from pipetriage.entrypoints.cli import cli
from pipetriage.model.categories import MODES
from pipetriage.model.pipeline import Pipeline
from pipetriage.settings import (
    AwsSettings,
    LocalSettings,
    ReasoningSettings,
    Settings,
    SettleSettings,
    ThresholdSettings,
    WatchSettings,
)
from pipetriage.settings.channels import ChannelSettings
from pipetriage.settings.routing import QuietHours, RoutingRule, RoutingSettings
from pipetriage.verdict.explained import RERUN_RULES, RETRY_RULES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# An upper-case word with an underscore that is passed as a rule's name.
RULE = re.compile(r'_?(?:rule|reason)\(\s*"([A-Z_]{6,40})"')


def test_every_detector_has_its_page() -> None:
    pages = {page.stem.replace("-", "_") for page in (DOCS / "detectors").glob("*.md")}
    assert {detector.id for detector in all_detectors(ThresholdSettings())} <= pages


@pytest.mark.parametrize(
    "part",
    [
        Settings,
        SettleSettings,
        ThresholdSettings,
        LocalSettings,
        AwsSettings,
        WatchSettings,
        ReasoningSettings,
        RoutingSettings,
        RoutingRule,
        QuietHours,
        *get_args(ChannelSettings),
        Pipeline,
    ],
)
def test_every_setting_is_documented(part: type[msgspec.Struct]) -> None:
    text = (DOCS / "settings.md").read_text()
    nested = {
        "aws",
        "watch",
        "reasoning",
        "context",
        "thresholds",
        "settle",
        "local",
        "name",
        "keys",
        "merge_repeatable",
        "format",
        "commits",
    }
    missing = [name for name in part.__struct_fields__ if name not in nested and f"`{name}`" not in text]
    assert not missing


def test_every_rule_is_documented() -> None:
    text = (DOCS / "rules.md").read_text()
    sources = "".join(path.read_text() for path in (ROOT / "src/pipetriage/verdict").glob("r*.py"))
    rules = set(RULE.findall(sources))
    assert len(rules) > 20
    assert not [rule for rule in rules if f"`{rule}`" not in text]


def test_rules_are_explained_alike_in_the_code_and_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+)`( †)? \| (.+) \|$", (DOCS / "rules.md").read_text(), re.MULTILINE)
    page = {name: (re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", said), bool(mark)) for name, mark, said in rows}
    assert page == {name: tuple(one) for name, one in {**RERUN_RULES, **RETRY_RULES}.items()}


def test_every_rule_has_a_test_named_for_it() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src/pipetriage/verdict").glob("r*.py"))
    tests = "".join(path.read_text() for path in (ROOT / "tests/verdict").glob("test_*.py"))
    assert not [rule for rule in set(RULE.findall(sources)) if f'id="{rule}' not in tests]


def test_every_command_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    assert not [name for name in cli.commands if f"pipetriage {name}" not in text]


def test_every_failure_mode_belongs_to_one_category() -> None:
    modes = [mode for of_category in MODES.values() for mode in of_category]
    assert len(modes) == len(set(modes))


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "cases/README.md")
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
