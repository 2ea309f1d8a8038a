"""The rule machinery: which rule of all the detectors' tables explains an error, and how surely.

All tables form one ``RuleBook``, so that an error has one explanation. It is sought in the deepest cause first; in
one cause by Spark condition, then by the tables' order (exception class, code or status, prose), then by SQLSTATE.
Wrappers (``SparkException: Job aborted``, ``Py4JJavaError``) have no rule, so what they wrap decides.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property, lru_cache

import msgspec

from pipetriage.detectors.spark_conditions import sqlstate_of
from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode
from pipetriage.model.context import Cause, Context, LogError
from pipetriage.model.finding import Finding, Strength


def words(text: str) -> frozenset[str]:
    """Split a table's line of names."""
    return frozenset(text.split())


# Exceptions and conditions that carry no meaning of their own: what they wrap, or are wrapped in, decides.
GENERIC = words(
    "Exception RuntimeException RuntimeError Error Throwable IOException UncheckedIOException "
    "ExecutionException CompletionException InvocationTargetException UndeclaredThrowableException "
    "PrivilegedActionException SparkException Py4JJavaError Py4JError PythonException "
    "SparkRuntimeException QueryExecutionException AnalysisException SparkConnectGrpcException "
    "IllegalStateException UnknownException CapturedException StreamingQueryException SdkClientException "
    "AmazonClientException SdkException AWSClientIOException CalledProcessError SystemExit GlueException "
    "AwsErrorException RemoteException HiveException ClientError AmazonServiceException S3Exception "
    "AmazonS3Exception AmazonDynamoDBException HiveSQLException AirflowException WrappedStageException "
    "EOFException ProgramFailureException ProgrammingError DatabaseError OperationalError HoodieException ApiException "
    "MongoCommandException SnowflakeSQLException SQLServerException RedshiftException PSQLException SQLException"
)
WRAPPER_CONDITIONS = words(
    "TASK_WRITE_FAILED WRITING_JOB_ABORTED FAILED_READ_FILE FAILED_JDBC JOB_ABORTED INTERNAL_ERROR "
    "FAILED_EXECUTE_UDF DATA_SOURCE_EXTERNAL_ERROR FOREACH_BATCH_USER_FUNCTION_ERROR "
    "FOREACH_USER_FUNCTION_ERROR STREAM_FAILED QUERY_EXECUTION_TIMEOUT_EXCEEDED OPERATION_CANCELED"
)
# An exception class that a wrapper's message quotes at the start of a line or after a colon
# (``PythonException: … KeyError: 'x'``); the name is bounded, so time stays linear.
_QUOTED = re.compile(r"(?:^|[\n:]|\bby)[ \t]{0,8}((?:[A-Za-z_$][\w$]{0,60}\.){0,12})([A-Z][\w$]{0,80}):[ \n]")


# Classes by which Python or the job's own code speaks. Services and their clients raise classes of their own, so
# their words in one of these are a value or a comparison: ``KeyError: 'AccessDenied'``.
_OWN_WORDS = words(
    "ValueError KeyError TypeError AttributeError IndexError NameError UnboundLocalError AssertionError "
    "LookupError ZeroDivisionError NotImplementedError RecursionError StopIteration OverflowError"
)
# Classes in which jobs pass on an error in other words.
_RETHROWN_AS = words("ValueError IllegalArgumentException UnsupportedOperationException")
# What a message quotes is a value, not its own words, and neither is what a web address contains.
_QUOTED_WORD = re.compile(r"(?<!\w)(['\"`])\w{1,60}\1(?!\w)")
_QUOTED_WORDS = re.compile(r"(?<!\w)(['\"`])[^'\"`\n]{1,80}\1(?!\w)")
_WEB_ADDRESS = re.compile(r"https?://[^\s'\"<>]{1,2000}")


class Reading(StrEnum):
    """What else an error may mean; decided by what changed (``changes.py``)."""

    PLAIN = "plain"
    """The rule's own category, whatever changed."""
    DATA = "data"
    """Bad values in the input, unless an engine upgrade made old values bad."""
    VALUE_OR_CODE = "value-or-code"
    """Values that a calculation cannot take; since the code changed, more likely the calculation."""
    DRIFT_OR_CODE = "drift-or-code"
    """Fits a changed input and changed code alike; without either, drift is likelier."""
    CODE_OR_DRIFT = "code-or-drift"
    """The same, but without either, code is likelier."""
    CODE = "code"
    """Code, but only likely so when the code changed."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a detector's table. ``conditions`` alone suffice; ``exceptions`` and ``text`` must both hold."""

    id: str
    mode: FailureMode
    says: str
    """The statement's first half: what it means, in plain words."""
    conditions: frozenset[str] = frozenset()
    """Spark, Delta or Hudi error conditions; a name without a dot covers its subconditions."""
    exceptions: frozenset[str] = frozenset()
    """Simple class names."""
    text: re.Pattern[str] | None = None
    """Searched in the class and message; no nested quantifiers, every repetition bounded."""
    reading: Reading = Reading.PLAIN
    ceiling: Strength = Strength.STRONG
    overrides: bool = False
    """Decides even where a deeper cause has a rule of its own (``CommitStateUnknownException``)."""

    @property
    def category(self) -> Category:
        """The category of its mode."""
        return CATEGORY_OF[self.mode]


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An error and the rule that explains it."""

    rule: Rule
    error: LogError
    cause: Cause
    strength: Strength

    @property
    def telling(self) -> str:
        """The cause in one line, for a statement."""
        line = next((line.strip() for line in self.cause.message.splitlines() if line.strip()), "")
        name = self.cause.exception
        full = f"{name}: {line}" if name and line and not line.startswith(name) else line or name
        return full if len(full) <= 240 else full[:239] + "…"

    def finding(self, detector: str, *, strength: Strength | None = None, extra: Iterable[str] = ()) -> Finding:
        """Make the finding of this hit; ``extra`` are ids of evidence that supports it."""
        return Finding(
            detector=f"{detector}/{self.rule.id}",
            category=self.rule.category,
            failure_mode=self.rule.mode,
            strength=strength or self.strength,
            statement=f"{self.rule.says}: {self.telling}",
            evidence=unique((self.error.evidence, *extra)),
        )


def unique(ids: Iterable[str]) -> tuple[str, ...]:
    """Drop repeated evidence ids, keeping their order."""
    return tuple(dict.fromkeys(ids))


_ORDER = {Strength.WEAK: 0, Strength.MODERATE: 1, Strength.STRONG: 2}


def weaker(one: Strength, other: Strength) -> Strength:
    """Give the weaker of two."""
    return one if _ORDER[one] <= _ORDER[other] else other


def strongest(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the strongest finding of each failure mode, strongest first; the others' evidence is joined to it."""
    kept: dict[FailureMode, Finding] = {}
    for one in findings:
        known = kept.get(one.failure_mode)
        if known is None:
            kept[one.failure_mode] = one
            continue
        first, second = (one, known) if _ORDER[one.strength] > _ORDER[known.strength] else (known, one)
        evidence = unique((*first.evidence, *second.evidence)) if first.strength == second.strength else first.evidence
        kept[one.failure_mode] = msgspec.structs.replace(first, evidence=evidence)
    return sorted(kept.values(), key=lambda one: -_ORDER[one.strength])


def names(cause: Cause) -> tuple[str, ...]:
    """Give the cause's class, or, where that says nothing, the classes its message quotes, deepest last."""
    # The JVM names a nested class by its outer one: KeeperException$SessionExpiredException.
    own = cause.exception.rpartition("$")[2] or cause.exception
    if own and own not in GENERIC:
        return (own,)
    quoted = tuple(match.group(2) for match in _QUOTED.finditer(cause.message))
    return tuple(name for name in quoted if name not in GENERIC)


def swallowed(context: Context) -> list[LogError]:
    """Give the errors by which Glue's exception analysis says that a run failed which yet is called a success."""
    return [one for one in context.errors if context.facts.run.succeeded and not one.terminal and not one.survived]


class RuleBook:
    """All detectors' tables in order of precedence."""

    def __init__(self, rules: Iterable[Rule], by_sqlstate: Iterable[tuple[str, Rule]]) -> None:
        """Take the tables, and the rules for SQLSTATEs by prefix, most specific first."""
        self._rules = tuple(rules)
        self._by_sqlstate = tuple(by_sqlstate)
        # Every detector asks about every error of a run; the tables are searched once for each.
        self.match = lru_cache(maxsize=1024)(self._match)

    @cached_property
    def _by_condition(self) -> dict[str, Rule]:
        found: dict[str, Rule] = {}
        for rule in self._rules:
            for condition in rule.conditions:
                found.setdefault(condition, rule)
        return found

    def hits(self, context: Context) -> Iterator[Hit]:
        """Explain each error that has a rule, in the context's order."""
        terminal_known = bool(context.terminal_errors)
        for error in context.errors:
            hit = self._explain(error, terminal_known)
            if hit is not None:
                yield hit

    def other_cause(self, context: Context, category: Category) -> Hit | None:
        """Give the explanation of the terminal error where it is another category's and sure."""
        for hit in self.hits(context):
            other = hit.rule.category is not category
            if other and hit.error.terminal and hit.strength is Strength.STRONG:
                return hit
        return None

    def _explain(self, error: LogError, terminal_known: bool) -> Hit | None:
        deepest_first = tuple(reversed(error.causes))
        found: tuple[Cause, Rule] | None = None
        beneath_is_generic, generic_so_far = True, True
        for cause in deepest_first:
            rule = self.match(cause)
            if rule is not None and (found is None or rule.overrides):
                # What a rule decides over is no unexplained deeper cause.
                beneath_is_generic = generic_so_far if found is None else True
                found = (cause, rule)
                if rule.overrides:
                    break
            if rule is None and not _meaningless(cause):
                generic_so_far = False
        if (said := self._said_first(error)) is not None:
            found, beneath_is_generic = said, True
        if found is None:
            return None
        cause, rule = found
        if rule.mode is FailureMode.TRANSIENT_SERVICE and (outer := self._over(deepest_first, cause)) is not None:
            (cause, rule), beneath_is_generic = outer, False
        if error.survived:
            strength = Strength.WEAK
        elif not error.terminal:
            strength = Strength.WEAK if terminal_known else Strength.MODERATE
        else:
            strength = Strength.STRONG if beneath_is_generic else Strength.MODERATE
        return Hit(rule=rule, error=error, cause=cause, strength=weaker(strength, rule.ceiling))

    def _said_first(self, error: LogError) -> tuple[Cause, Rule] | None:
        """Find a rule that decides over every cause in the words with which the exception was logged."""
        head = Cause(exception="", qualified="", message=error.excerpt.partition("\n")[0])
        rule = self.match(head)
        return (head, rule) if rule is not None and rule.overrides else None

    def _over(self, deepest_first: tuple[Cause, ...], transient: Cause) -> tuple[Cause, Rule] | None:
        """Find what has another explanation around a failed call: a call failing in its handler must not hide it."""
        for cause in deepest_first[deepest_first.index(transient) + 1 :]:
            wrapper = any(name.partition(".")[0] in WRAPPER_CONDITIONS for name in cause.conditions)
            rule = None if wrapper else self.match(cause)
            rethrown = rule is not None and rule.reading is Reading.CODE and cause.exception in _RETHROWN_AS
            if rule is not None and rule.mode is not FailureMode.TRANSIENT_SERVICE and not rethrown:
                return cause, rule
        return None

    def _match(self, cause: Cause) -> Rule | None:
        """Give the rule that explains one link of a chain."""
        conditions = [name for name in reversed(cause.conditions) if name.partition(".")[0] not in WRAPPER_CONDITIONS]
        wrappers = [name for name in reversed(cause.conditions) if name.partition(".")[0] in WRAPPER_CONDITIONS]
        if (rule := self._conditioned(conditions)) is not None:
            return rule
        classes = names(cause)
        # The deepest class that a wrapper quotes decides; the class of the cause itself is the only one else.
        for name in reversed(classes) if classes else ("",):
            said = _Said(name, cause.message)
            for rule in self._rules:
                if _fits(rule, said):
                    return rule
        return self._conditioned(wrappers) or self._by_state(cause, conditions)

    def _conditioned(self, conditions: list[str]) -> Rule | None:
        for condition in conditions:
            rule = self._by_condition.get(condition) or self._by_condition.get(condition.partition(".")[0])
            if rule is not None:
                return rule
        return None

    def _by_state(self, cause: Cause, conditions: list[str]) -> Rule | None:
        wrapped = bool(cause.conditions) and not conditions
        states = [state for name in conditions if (state := sqlstate_of(name))]
        if cause.sqlstate and not wrapped:
            states.insert(0, cause.sqlstate)
        for state in states:
            for prefix, rule in self._by_sqlstate:
                if state.startswith(prefix):
                    return rule
        return None


class _Said:
    """A class's name with its message, and what is left of that without what it only quotes."""

    def __init__(self, name: str, message: str) -> None:
        self.name = name
        self._message = message
        self.whole = f"{name}: {message}"

    @cached_property
    def without_values(self) -> str:
        """Without quoted words and web addresses."""
        return f"{self.name}: {_QUOTED_WORD.sub('', self._without_addresses)}"

    @cached_property
    def without_quotes(self) -> str:
        """Without anything quoted, and web addresses."""
        return f"{self.name}: {_QUOTED_WORDS.sub('', self._without_addresses)}"

    @cached_property
    def _without_addresses(self) -> str:
        return _WEB_ADDRESS.sub("", self._message)


def _fits(rule: Rule, said: _Said) -> bool:
    if not rule.exceptions and rule.text is None:
        return False
    if rule.exceptions and said.name not in rule.exceptions:
        return False
    if rule.text is None:
        return True
    text = said.whole
    transient = rule.mode is FailureMode.TRANSIENT_SERVICE
    if not rule.exceptions and (transient or rule.category is Category.PERMISSION_ERROR):
        # A service's words, and only where it is the service that speaks.
        if said.name in _OWN_WORDS:
            return False
        text = said.without_quotes if transient else said.without_values
    return rule.text.search(text) is not None


def _meaningless(cause: Cause) -> bool:
    return not cause.exception or cause.exception in GENERIC


# Glue's ``Error Category:`` prefix and its ``glue.error.<CAT>_ERROR`` metric, where the name says something.
_HINTS: dict[str, FailureMode] = {
    "PERMISSION": FailureMode.IAM_DENIED,
    "LAKEFORMATION": FailureMode.LAKE_FORMATION_DENIED,
    "SYNTAX": FailureMode.SYNTAX_ERROR,
    "IMPORT": FailureMode.IMPORT_ERROR,
    "COMPILATION": FailureMode.SYNTAX_ERROR,
    "OUT_OF_MEMORY": FailureMode.RESOURCE_EXHAUSTED,
    "DISK_NO_SPACE": FailureMode.RESOURCE_EXHAUSTED,
    "THROTTLING": FailureMode.TRANSIENT_SERVICE,
    "GLUE_INTERNAL_SERVICE": FailureMode.TRANSIENT_SERVICE,
    "CONNECTION": FailureMode.TRANSIENT_SERVICE,
    "GLUE_OPERATION_TIMEOUT": FailureMode.TRANSIENT_SERVICE,
}


def hints(context: Context, category: Category, detector: str) -> Iterator[Finding]:
    """Give what Glue's own classification hints at: never more than WEAK, for it is often wrong."""
    for error in context.errors:
        if error.category_hint and not error.survived:
            yield from _hint(error.category_hint, category, detector, error.evidence)
    for metric in context.facts.metrics:
        if metric.label.startswith("glue.error.") and metric.maximum > 0:
            yield from _hint(metric.label.removeprefix("glue.error."), category, detector, metric.evidence)


def _hint(word: str, category: Category, detector: str, evidence: str) -> Iterator[Finding]:
    mode = _HINTS.get(word.strip().upper().removesuffix("_ERROR"))
    if mode is not None and CATEGORY_OF[mode] is category:
        yield Finding(
            detector=f"{detector}/glue-category",
            category=category,
            failure_mode=mode,
            strength=Strength.WEAK,
            statement=f"Glue itself classed the failure as {word.strip().upper()}",
            evidence=(evidence,),
        )


def pattern(*alternatives: str) -> re.Pattern[str]:
    """Compile alternatives into one pattern that ignores case."""
    return re.compile("|".join(alternatives), re.IGNORECASE)
