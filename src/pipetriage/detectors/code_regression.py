"""CODE_REGRESSION: the code, its libraries or its arguments are wrong."""

from collections.abc import Iterator

from pipetriage.detectors.changes import code_changed, weigh
from pipetriage.detectors.rules import Hit, Reading, Rule, RuleBook, hints, pattern, strongest, unique, words
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# What data cannot cause: the code cannot be loaded, parsed or started. Sources: Python's built-in exceptions,
# the JVM's LinkageError family, Spark's error conditions, Glue's launcher and getResolvedOptions.
RULES: tuple[Rule, ...] = (
    Rule(
        id="import",
        mode=FailureMode.IMPORT_ERROR,
        says="a module the code needs cannot be imported",
        exceptions=words("ModuleNotFoundError ImportError PackageNotFoundError DistributionNotFound"),
    ),
    Rule(
        id="import-in-words",
        mode=FailureMode.IMPORT_ERROR,
        says="a module the code needs cannot be installed or imported",
        text=pattern(
            r"No module named ['\"]?\w",
            r"cannot import name ",
            r"Installation of Additional Python Modules failed",
            r"No matching distribution found for",
            r"Could not find a version that satisfies the requirement",
        ),
    ),
    Rule(
        id="linkage",
        mode=FailureMode.LINKAGE_ERROR,
        says="a Java class or method that the code was built against is not there",
        exceptions=words(
            "NoSuchMethodError NoClassDefFoundError ClassNotFoundException AbstractMethodError "
            "IncompatibleClassChangeError NoSuchFieldError UnsupportedClassVersionError LinkageError "
            "VerifyError ExceptionInInitializerError UnsatisfiedLinkError NoSuchMethodException "
            "IllegalAccessError ServiceConfigurationError BootstrapMethodError"
        ),
    ),
    Rule(
        id="linkage-in-words",
        mode=FailureMode.LINKAGE_ERROR,
        says="a Java class or method that the code calls is not there",
        conditions=words(
            "DATA_SOURCE_NOT_FOUND CANNOT_LOAD_FUNCTION_CLASS INCOMPATIBLE_DATASOURCE_REGISTER CLASS_NOT_FOUND"
        ),
        text=pattern(
            r"py4j\.Py4JException: (?:Method|Constructor) ",
            r"\bMethod \w{1,80}\(.{0,300}\) does not exist",
            r"'JavaPackage' object is not callable",
            r"Failed to find data source:",
            r"Cannot find catalog plugin class",
        ),
    ),
    Rule(
        id="syntax",
        mode=FailureMode.SYNTAX_ERROR,
        says="the code cannot be parsed",
        conditions=words("PARSE_SYNTAX_ERROR PARSE_EMPTY_STATEMENT"),
        exceptions=words("SyntaxError IndentationError TabError ParseException"),
    ),
    Rule(
        id="name",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the code uses a name that does not exist",
        exceptions=words("NameError UnboundLocalError"),
    ),
    Rule(
        id="routine",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the query calls a function that does not exist or takes other arguments",
        conditions=words("UNRESOLVED_ROUTINE ROUTINE_NOT_FOUND WRONG_NUM_ARGS UNDEFINED_FUNCTION INVALID_SQL_SYNTAX"),
        text=pattern(r"Undefined function: "),
    ),
    Rule(
        id="argument",
        mode=FailureMode.ARGUMENT_ERROR,
        says="a job argument is missing or wrong",
        exceptions=words("GlueArgumentError ArgumentError ArgumentTypeError"),
    ),
    Rule(
        id="argument-in-words",
        mode=FailureMode.ARGUMENT_ERROR,
        says="a job argument is missing or wrong",
        text=pattern(r"the following arguments are required", r"unrecognized arguments: ", r"\bGlueArgumentError\b"),
    ),
)

# Fits data as well as code: strong only with a change of the code. Kept last in the book, as prose of their messages
# may say more (a KeyError about a column, a ValueError about a schema).
GENERAL: tuple[Rule, ...] = (
    Rule(
        id="column-access",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the code uses a column or key that is not there",
        conditions=words("ATTRIBUTE_NOT_SUPPORTED COLUMN_NOT_IN_DATAFRAME KEY_NOT_EXISTS"),
        exceptions=words("KeyError AttributeError NoSuchElementException"),
        reading=Reading.CODE_OR_DRIFT,
    ),
    Rule(
        id="column-access-in-words",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the code uses a column that is not there",
        conditions=words("ATTRIBUTE_NOT_SUPPORTED"),
        text=pattern(r"'DataFrame' object has no attribute", r"\bColumn not found: "),
        reading=Reading.CODE_OR_DRIFT,
    ),
    Rule(
        id="logic",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the transformation failed",
        conditions=words(
            "FAILED_EXECUTE_UDF UDF_ERROR FAILED_FUNCTION_CALL FOREACH_BATCH_USER_FUNCTION_ERROR "
            "FOREACH_USER_FUNCTION_ERROR MISSING_AGGREGATION UNSUPPORTED_EXPR_FOR_OPERATOR "
            "GROUP_BY_AGGREGATE UDF_USER_CODE_ERROR ARROW_TYPE_MISMATCH INVALID_PANDAS_UDF_PLACEMENT "
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY"
        ),
        exceptions=words(
            "NullPointerException TypeError IndexError ZeroDivisionError ClassCastException "
            "ArrayIndexOutOfBoundsException IndexOutOfBoundsException StringIndexOutOfBoundsException "
            "UnsupportedOperationException NotImplementedError RecursionError StackOverflowError "
            "ArithmeticException MatchError StopIteration ValueError LookupError PySparkTypeError "
            "PySparkValueError PySparkAttributeError UnicodeDecodeError OverflowError PicklingError "
            "NotSerializableException IllegalArgumentException"
        ),
        reading=Reading.CODE,
    ),
    Rule(
        id="serialisation",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="the transformation cannot be sent to the executors",
        text=pattern(r"Task not serializable", r"Could not serialize object"),
        reading=Reading.CODE,
    ),
    Rule(
        id="table-not-found",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="a table or view that the job names does not exist",
        conditions=words(
            "TABLE_OR_VIEW_NOT_FOUND SCHEMA_NOT_FOUND CATALOG_NOT_FOUND DELTA_TABLE_NOT_FOUND VIEW_NOT_FOUND"
        ),
        exceptions=words("NoSuchTableException NoSuchTableError NoSuchNamespaceException EntityNotFoundException"),
        reading=Reading.CODE,
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="table-not-found-in-words",
        mode=FailureMode.TRANSFORMATION_ERROR,
        says="a table or view that the job names does not exist",
        text=pattern(
            r"Table or view not found",
            r"Table does not exist: ",
            r"\bEntity ?Not ?Found(?:Exception)?\b",
            r"relation \"[^\"]{1,200}\" does not exist",
            r"Input Glue table is not an iceberg table",
        ),
        reading=Reading.CODE,
        ceiling=Strength.MODERATE,
    ),
)


class CodeRegression:
    """Finds code that cannot run, and code that fails since it changed."""

    id = "code_regression"
    summary = "The code, a library or an argument is wrong: it cannot be loaded, or it fails since it was changed."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from the errors, weighed by what changed since the last good run."""
        hits = list(self._book.hits(context))
        found = [one for hit in hits if (one := self._weighed(context, hit)) is not None]
        explained = {hit.error.evidence for hit in hits}
        if not found:
            found.extend(self._unexplained(context, explained))
        return strongest(found) or strongest(hints(context, Category.CODE_REGRESSION, self.id))

    def _weighed(self, context: Context, hit: Hit) -> Finding | None:
        rule = hit.rule
        if rule.reading is Reading.PLAIN:
            if rule.category is not Category.CODE_REGRESSION:
                return None
            change = code_changed(context, self._thresholds)
            return hit.finding(self.id, extra=change.evidence if change else ())
        weighed = weigh(context, hit, self._thresholds)
        if weighed.regression is None:
            return None
        strength = weighed.regression
        if rule.id.startswith("table-not-found") and code_changed(context, self._thresholds) is None:
            # Dropped, renamed or not yet made by someone else: nothing here says that it was the code.
            strength = Strength.WEAK
        because = f" ({weighed.because})" if weighed.because else ""
        return Finding(
            detector=f"{self.id}/{rule.id}",
            category=Category.CODE_REGRESSION,
            failure_mode=rule.mode if rule.category is Category.CODE_REGRESSION else FailureMode.TRANSFORMATION_ERROR,
            strength=strength,
            statement=f"{rule.says}{because}: {hit.telling}",
            evidence=unique((hit.error.evidence, *weighed.evidence)),
        )

    def _unexplained(self, context: Context, explained: set[str]) -> Iterator[Finding]:
        """An error no rule knows, out of the pipeline's own code, right after that code changed."""
        change = code_changed(context, self._thresholds)
        if change is None or explained & {error.evidence for error in context.terminal_errors}:
            return
        for error in context.terminal_errors:
            if error.python_frame and not error.survived:
                yield Finding(
                    detector=f"{self.id}/after-change",
                    category=Category.CODE_REGRESSION,
                    failure_mode=FailureMode.TRANSFORMATION_ERROR,
                    strength=Strength.MODERATE,
                    statement=f"the code failed at {error.python_frame} after {change.what}",
                    evidence=unique((error.evidence, *change.evidence)),
                )
