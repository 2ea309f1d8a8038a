"""What changed upstream or in the code: what decides between a drift and a regression when the error fits both."""

import re

import msgspec

from pipetriage.detectors.rules import Hit, Reading, weaker
from pipetriage.model.context import Change, Context
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import Column, Deployment
from pipetriage.model.finding import Strength
from pipetriage.settings import ThresholdSettings

_CODE_WORDS = frozenset({"code version", "script location", "engine version", "job modified"})
# Job arguments that bring code with them (Glue's special parameters).
_CODE_ARGUMENTS = frozenset(
    f"argument --{name}"
    for name in (
        "extra-jars",
        "extra-py-files",
        "additional-python-modules",
        "datalake-formats",
        "class",
        "extra-files",
    )
)
_SCHEMA_WORDS = frozenset({"input schema", "target schema"})
# The same type under the names of Spark, Hive, Iceberg and Arrow.
_ALIASES = {"bigint": "long", "int64": "long", "integer": "int", "int32": "int", "varchar": "string", "text": "string"}
_ALIASES |= {"float64": "double", "float32": "float", "bool": "boolean", "timestamptz": "timestamp", "utf8": "string"}
_ALIASES |= {"large_string": "string", "char": "string", "str": "string", "smallint": "int", "object": "string"}
# A name in an error, quoted by Spark (`name`), SQL ("name") or Python ('name').
_QUOTED_NAME = re.compile(r"[`'\"]([A-Za-z_][\w .-]{0,127})[`'\"]")


class CodeChange(msgspec.Struct, frozen=True, kw_only=True):
    """Code that this run was the first, or among the first, to use."""

    what: str
    evidence: tuple[str, ...]
    engine: bool = False
    """Only the engine's version changed, not the pipeline's own code."""


class SchemaDifference(msgspec.Struct, frozen=True, kw_only=True):
    """How the input differs from what the pipeline expects. All names lower case."""

    against: str
    added: tuple[str, ...]
    missing: tuple[str, ...]
    retyped: tuple[str, ...]
    firm: bool
    """Against the declared schema, or a change seen over time. A target table alone says less: a job may
    drop, add and rename columns on the way, so such a difference counts only where the error names it."""
    evidence: tuple[str, ...]
    described: str

    def touches(self, message: str) -> bool:
        """Whether the error can be about these columns: it names one of them, or no column at all."""
        lowered = message.lower()
        for name in (*self.added, *self.missing, *self.retyped):
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", lowered):
                return True
        return self.firm and _QUOTED_NAME.search(message) is None


def code_changed(context: Context, thresholds: ThresholdSettings) -> CodeChange | None:
    """Tell what code changed since the last good run; None when nothing was seen to."""
    facts = context.facts
    deployment = _new_deployment(context, thresholds)
    if deployment is not None:
        at = f" on {deployment.deployed_at:%Y-%m-%d %H:%M} UTC" if deployment.deployed_at else ""
        return CodeChange(what=f"version {deployment.version} was deployed{at}", evidence=(deployment.evidence,))
    ranked = sorted(facts.changes, key=lambda change: change.what == "engine version")
    for change in ranked:
        if change.what in _CODE_WORDS or change.what in _CODE_ARGUMENTS:
            evidence = (facts.job.evidence,) if facts.job and change.what == "job modified" else (facts.run.evidence,)
            return CodeChange(what=_described(change), evidence=evidence, engine=change.what == "engine version")
    return None


def engine_changed(context: Context) -> CodeChange | None:
    """Tell whether Glue or Spark was upgraded, or ANSI mode switched, since the last good run."""
    for change in context.facts.changes:
        ansi = change.what == "argument --conf" and "ansi" in f"{change.before} {change.now}".lower()
        if change.what == "engine version" or ansi:
            return CodeChange(what=_described(change), evidence=(context.facts.run.evidence,), engine=True)
    return None


def _described(change: Change) -> str:
    return f"{change.what} changed from {change.before or 'unknown'} to {change.now or 'none'}"


def _new_deployment(context: Context, thresholds: ThresholdSettings) -> Deployment | None:
    started = context.facts.run.started_at
    if started is None:
        return None
    good = context.facts.last_good.started_at if context.facts.last_good else None
    # Without a good run to compare with, only a deployment shortly before the start is telling.
    since = good.timestamp() if good else started.timestamp() - thresholds.recent_deployment_hours * 3600
    new = [
        one
        for one in context.facts.deployments
        if one.deployed_at is not None and since < one.deployed_at.timestamp() <= started.timestamp()
    ]
    return max(new, key=lambda one: one.deployed_at.timestamp() if one.deployed_at else 0.0, default=None)


def code_seen(context: Context) -> bool:
    """Whether a change of the code would have been seen: deployments are, and there is a good run to compare with."""
    return context.facts.last_good is not None and Signal.DEPLOYMENTS in context.seen


def schema_seen(context: Context) -> bool:
    """Whether the input's schema was seen and there is something to compare it with."""
    return context.facts.source_columns is not None and _baseline(context) is not None


def schema_difference(context: Context) -> SchemaDifference | None:
    """Compare the input's schema with the declared one, else with the target's; None when nothing differs."""
    facts = context.facts
    baseline = _baseline(context)
    if facts.source_columns is not None and baseline is not None:
        expected, against, firm, evidence = baseline
        found = _compare(expected, facts.source_columns, against, firm, ("source-schema", *evidence))
        if found is not None:
            return found
    for change in facts.changes:
        if change.what in _SCHEMA_WORDS:
            seen = _evidence_of(context, change)
            text = f"{change.before or ''} {change.now or ''}".lower()
            # The change is told in words: every name in it may be the one that changed.
            names = tuple(re.findall(r"[a-z_][a-z0-9_]{0,127}", text)[:200])
            return SchemaDifference(
                against="the last good run",
                added=names,
                missing=(),
                retyped=(),
                firm=True,
                evidence=seen,
                described=_described(change),
            )
    return None


def _evidence_of(context: Context, change: Change) -> tuple[str, ...]:
    if change.what == "input schema":
        return ("source-schema",)
    tables = [table.iceberg.evidence for table in context.facts.tables if table.iceberg is not None]
    return tuple(tables) or (context.facts.run.evidence,)


def _baseline(context: Context) -> tuple[tuple[Column, ...], str, bool, tuple[str, ...]] | None:
    facts = context.facts
    if facts.expected_columns:
        return facts.expected_columns, "the declared schema", True, ()
    for table in facts.tables:
        if table.key.role != "target":
            continue
        for seen in (table.iceberg, table.delta, table.catalog):
            if seen is not None and seen.columns:
                return seen.columns, f"table {table.key.name or 'target'}", False, (seen.evidence,)
    return None


def _compare(
    expected: tuple[Column, ...], source: tuple[Column, ...], against: str, firm: bool, evidence: tuple[str, ...]
) -> SchemaDifference | None:
    old, new = ({column.name.lower(): column for column in columns} for columns in (expected, source))
    # Untyped input (CSV read as text) has no types that could differ.
    typed = any(_kind(column.type) not in {"", "string"} for column in source)
    added = tuple(name for name in new if name not in old)
    missing = tuple(name for name in old if name not in new)
    retyped = tuple(
        name
        for name in old
        if name in new
        and typed
        and old[name].type
        and new[name].type
        and _kind(old[name].type) != _kind(new[name].type)
    )
    if not (added or missing or retyped):
        return None
    parts = [f"column {name} is new" for name in added[:5]] + [f"column {name} is gone" for name in missing[:5]]
    parts += [f"column {name} is {new[name].type}, was {old[name].type}" for name in retyped[:5]]
    return SchemaDifference(
        against=against,
        added=added,
        missing=missing,
        retyped=retyped,
        firm=firm,
        evidence=evidence,
        described=f"against {against}, " + ", ".join(parts),
    )


def _kind(written: str) -> str:
    bare = written.lower().split("(")[0].strip()
    return _ALIASES.get(bare, bare)


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """How far an error carries as a drift and as a regression; None: not at all."""

    drift: Strength | None
    regression: Strength | None
    evidence: tuple[str, ...] = ()
    because: str = ""


def weigh(context: Context, hit: Hit, thresholds: ThresholdSettings) -> Weighed:
    """Decide between drift and regression by what changed. Both changed: both are strong, and a person decides."""
    strong = hit.strength
    moderate, weak = weaker(strong, Strength.MODERATE), Strength.WEAK
    match hit.rule.reading:
        case Reading.DATA:
            return _weigh_data(context, strong, moderate)
        case Reading.VALUE_OR_CODE:
            code = code_changed(context, thresholds)
            if code is None or code.engine:
                return _weigh_data(context, strong, moderate)
            return Weighed(drift=weak, regression=strong, evidence=code.evidence, because=code.what)
        case Reading.CODE:
            code = code_changed(context, thresholds)
            if code is None:
                return Weighed(drift=None, regression=moderate)
            return Weighed(drift=None, regression=strong, evidence=code.evidence, because=code.what)
        case Reading.PLAIN:
            return Weighed(drift=strong, regression=strong)
    code = code_changed(context, thresholds)
    schema = schema_difference(context)
    if schema is not None and not schema.touches(hit.cause.message):
        schema = None
    evidence = (*(schema.evidence if schema else ()), *(code.evidence if code else ()))
    because = "; ".join(one for one in (schema.described if schema else "", code.what if code else "") if one)
    if schema is not None and code is not None:
        return Weighed(drift=strong, regression=strong, evidence=evidence, because=because)
    if schema is not None:
        return Weighed(drift=strong, regression=None, evidence=evidence, because=because)
    if code is not None:
        return Weighed(drift=weak, regression=strong, evidence=evidence, because=because)
    if hit.rule.reading is Reading.CODE_OR_DRIFT:
        return Weighed(drift=weak, regression=moderate)
    if schema_seen(context):
        # Neither changed, as far as can be seen: nothing here says which of the two it was.
        unchanged = code_seen(context)
        also = ", and the code is the last good run's" if unchanged else ""
        because = f"the input's schema shows no difference{also}"
        return Weighed(drift=weak, regression=weak if unchanged else moderate, because=because)
    return Weighed(drift=moderate, regression=weak)


def _weigh_data(context: Context, strong: Strength, moderate: Strength) -> Weighed:
    engine = engine_changed(context)
    if engine is not None:
        # ANSI mode is on by default since Spark 4.0: values that were nulls before now fail the job.
        return Weighed(drift=moderate, regression=moderate, evidence=engine.evidence, because=engine.what)
    return Weighed(drift=strong, regression=None)
