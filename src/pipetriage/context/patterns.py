"""The one table of regular expressions of this room.

All run in linear time: repetitions are bounded or possessive, none is nested in another, and a pattern that
scans a run of characters starts only where the run starts (a lookbehind), never in its middle.
"""

import re
from typing import NamedTuple

# --- Redaction -------------------------------------------------------------------------------------------

# What every redacted value becomes. Kept when met again, so that redaction is idempotent.
TOKEN = re.compile(r"‹(?:secret|email|phone|card|iban|value):[0-9a-f]{8}›")
# Quotation marks of that form which are no token; they become < and > so that nothing can hide behind them.
STRAY_MARKS = re.compile(TOKEN.pattern + r"|(?P<stray>[‹›])")
# Terminal sequences (CSI, OSC), C0 and C1 controls but \n and \t, zero-width and bidirectional characters,
# lone surrogates: none of them belongs in text that a person or a model reads.
CONTROL = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

# Words that make the value next to them a secret.
_WORD = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|signature"
    r"|(?:api|access|private|account|shared|routing|integration|encryption|client)[_.\-]?key"
    r"|connection[_.\-]?string)"
)
SECRET_WORD = re.compile(r"(?i)" + _WORD)
# The same, for the name of an argument: there a last word "key" is a secret too, unless it names a data key.
SECRET_NAME = re.compile(r"(?i)" + _WORD + r"|(?:^|[_.\-])keys?$|[a-z]Key$")
DATA_KEY_NAME = re.compile(
    r"(?i)(?:partition|primary|sort|foreign|join|merge|business|natural|unique|cluster|bucket|dedup\w{0,10}"
    r"|surrogate|s3|object|order|hash|record|group|distribution|composite)[_.\-]?keys?$"
)
# Values that say nothing secret ("using password: YES", "token=null", already starred out).
HARMLESS = re.compile(r"(?i)(?:yes|no|true|false|null|none|nil|\*{1,64}(?:\(redacted\))?|<?redacted>?)[.,;:)\]]{0,3}")

# A quoted value: to the same (possibly escaped) quote, or to the end of the line.
_QUOTED = r"(?P<q>\\{0,3}[\"'])(?P<v>(?:(?!(?P=q))(?:\\[^\n‹›]|[^\n‹›]))++)"
# A bare value: to white space, a quote or a separator; a comma or bracket inside it belongs to it.
_BARE = r"(?P<u>(?:[^\s\"'‹›&;,)\]}]|[,)\]}](?![\s,)\]}\"';&‹]|[\w.\-]{1,40}[ ]?[=:]|$))++)"
_KEY_END = r"[\w.\-]{0,40}\\{0,3}[\"']?\]?[ \t]{0,4}"


class Rule(NamedTuple):
    """One redaction rule: the group ``v`` (or ``u``) of its pattern becomes a token of its kind."""

    name: str
    kind: str
    hints: tuple[str, ...]
    """Lower-case text of which one must occur, checked first because it is cheap; empty: always try."""
    pattern: re.Pattern[str]


_WORD_HINTS = ("pass", "pwd", "secret", "token", "credential", "signature", "key", "string")
# In this order: what holds other values (a query, a URL) before what may stand inside it. Sources: domain facts
# section 10, gitleaks' rules for the vendor tokens.
RULES: tuple[Rule, ...] = (
    # Query strings; judged by SIGNED_QUERY, so that an ordinary query stays.
    Rule("signed query", "secret", ("sig", "x-amz-"), re.compile(r"\?(?P<v>[^\s\"'<>‹›]++)")),
    Rule("url password", "secret", ("://",), re.compile(r"(?<=://)[^/\s:@‹›]{0,128}:(?P<v>[^/\s@‹›]{1,512})(?=@)")),
    Rule(
        "oracle",
        "secret",
        ("jdbc:oracle",),
        re.compile(r"(?i)jdbc:oracle:\w{2,6}:[^/\s@‹›]{1,128}/(?P<v>[^\s@‹›]{1,128})(?=@)"),
    ),
    Rule("jdbc user", "secret", ("jdbc:",), re.compile(r"(?i)(?<=[?;&])user(?:name|id)?=(?P<v>[^;&\s\"'‹›]++)")),
    Rule("slack hook", "secret", ("hooks.slack",), re.compile(r"hooks\.slack\.com/(?P<v>[^\s\"'<>‹›]++)")),
    Rule(
        "teams hook",
        "secret",
        ("webhook.office.com", "logic.azure.com", "powerplatform.com"),
        re.compile(r"(?:webhook\.office|logic\.azure|powerplatform)\.com(?::\d{1,5})?/(?P<v>[^\s\"'<>‹›]++)"),
    ),
    Rule("slack token", "secret", ("xox",), re.compile(r"(?<![\w\-])(?P<v>xox[abeoprs]-[\w\-]{10,}+)")),
    Rule("jwt", "secret", ("eyj",), re.compile(r"(?<![\w\-])(?P<v>eyJ[\w\-]{6,}+\.eyJ[\w\-]{6,}+(?:\.[\w\-]*+)?)")),
    Rule("github", "secret", ("gh", "github_pat_"), re.compile(r"(?<!\w)(?P<v>(?:gh[pousr]_|github_pat_)\w{20,}+)")),
    Rule("databricks", "secret", ("dapi",), re.compile(r"(?<!\w)(?P<v>dapi[0-9a-f]{32}(?:-\d{1,2})?)(?!\w)")),
    Rule("atlassian", "secret", ("atatt",), re.compile(r"(?<![\w\-])(?P<v>ATATT[\w=\-]{16,}+)")),
    Rule(
        "other keys",
        "secret",
        ("aiza", "sk-", "glpat-"),
        re.compile(r"(?<![\w\-])(?P<v>(?:AIza|sk-|glpat-)[\w\-]{20,}+)"),
    ),
    # A secret of 40 characters counts only next to a word or a key id that makes it one.
    Rule(
        "aws secret",
        "secret",
        ("secret", "access", "akia", "asia"),
        re.compile(
            r"(?:(?i:secret|access.?key)|(?<![A-Z0-9])A[KS]IA[A-Z2-7]{16})[^\n‹›]{0,40}?"
            r"(?<![A-Za-z0-9/+=])(?P<v>(?![0-9a-f]{40})[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    Rule(
        "aws key id",
        "secret",
        (),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>(?:A3T[A-Z0-9]|A[KSB]IA|ACCA)[A-Z2-7]{16})(?![A-Za-z0-9])"),
    ),
    Rule(
        "session token",
        "secret",
        ("iqoj", "fwog", "fqog"),
        re.compile(r"(?<![\w/+=])(?P<v>(?:IQoJ|FwoG|FQoG)[\w/+=%\-]{40,}+)"),
    ),
    Rule(
        "signature",
        "secret",
        ("sig=", "x-amz-"),
        re.compile(r"(?i)(?<![A-Za-z0-9])(?:sig|x-amz-(?:signature|credential|security-token))=(?P<v>[^\s&\"'‹›]++)"),
    ),
    Rule(
        "authorization",
        "secret",
        ("authorization", "bearer"),
        re.compile(
            r"(?i)(?:authorization\\{0,3}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,3}[\"']?"
            r"(?:(?:basic|digest|token)[ \t]{1,4})"
            r"|(?<!\w)bearer[ \t]{1,4})(?P<v>[\w.~+/=\-]{8,}+)"
        ),
    ),
    Rule(
        "name = value",
        "secret",
        _WORD_HINTS,
        re.compile(rf"(?i)(?<!‹){_WORD}{_KEY_END}(?:=>|:=|==?)[ \t]{{0,4}}(?:{_QUOTED}|{_BARE})"),
    ),
    Rule("name: 'value'", "secret", _WORD_HINTS, re.compile(rf"(?i)(?<!‹){_WORD}{_KEY_END}[:,][ \t]{{0,4}}{_QUOTED}")),
    # Unquoted after a colon only for a whole word: "ExpiredToken: The provided…" is an error class and prose.
    Rule(
        "name: value",
        "secret",
        _WORD_HINTS,
        re.compile(rf"(?i)(?<![A-Za-z‹]){_WORD}[\"']?[ \t]{{0,4}}:[ \t]{{0,4}}{_BARE}"),
    ),
    Rule(
        "--name value",
        "secret",
        ("--",),
        re.compile(rf"(?i)(?<![\w\-])--(?=[a-z])(?=[\w.\-]{{0,60}}{_WORD})[\w.\-]{{1,80}}[ \t]{{1,4}}(?!-){_BARE}"),
    ),
    Rule(
        "email",
        "email",
        ("@",),
        re.compile(
            r"(?<![\w.%+\-])(?P<v>[A-Za-z0-9._%+\-]++@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9])"
        ),
    ),
    Rule(
        "iban",
        "iban",
        (),
        re.compile(
            r"(?<![A-Za-z0-9])(?P<v>[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}"
            r"(?: [A-Z0-9]{1,3})?))(?![A-Za-z0-9])"
        ),
    ),
    # 13 to 16 digits only, by the issuers' prefixes: Iceberg's snapshot ids have 18 or 19, epoch times start
    # with 1. Judged by Luhn.
    Rule(
        "card",
        "card",
        (),
        re.compile(
            r"(?<![\w.\-])(?P<v>[3-6]\d{3}(?P<s>[ \-])\d{4}(?P=s)\d{4}(?P=s)\d{4}|3\d{3}[ \-]\d{6}[ \-]\d{5}"
            r"|4\d{12}(?:\d{3})?|(?:5[1-5]|6[045])\d{14}|2[2-7]\d{14}|3[47]\d{13}|35\d{14}|3[068]\d{12})(?![\w\-]|\.\d)"
        ),
    ),
    # International with its plus sign, or the North American form with dashes or brackets; runs of digits
    # without either are ids and times.
    Rule(
        "phone",
        "phone",
        (),
        re.compile(
            r"(?<![\w+\-.])(?P<v>\+[1-9](?:[ .\-()]{0,2}\d){7,14}|\(\d{3}\)[ ]?\d{3}-\d{4}|[2-9]\d{2}-[2-9]\d{2}-\d{4})"
            r"(?![\w\-])"
        ),
    ),
    Rule(
        "named phone",
        "phone",
        ("phone", "mobile"),
        re.compile(
            r"(?i)(?:phone|mobile)\w{0,20}\\{0,3}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,3}[\"']?"
            r"(?P<v>\+?\d[\d ().\-]{6,20}\d)"
        ),
    ),
    # A Spark row printed into a message.
    Rule("row", "value", ("row(",), re.compile(r"(?<!\w)Row\((?P<v>[^()\n‹›]{1,2000}+)\)")),
)
SIGNED_QUERY = re.compile(r"(?i)(?:^|&)(?:x-amz-(?:signature|credential|security-token)|signature|sig)=")


class Frame(NamedTuple):
    """Fixed words around a value that embeds data, found without a regular expression."""

    start: str
    ends: tuple[str, ...]
    several_lines: bool = False
    needs_end: bool = False
    """Without the end there is no value: leave the text. Otherwise all to the end of the line is taken."""


_STACK = ("\n\tat ", "\n    at ", "\nCaused by:", "\nTraceback ", "\n\n", " SQLSTATE:")
# Templates from Spark's error catalogue ("embeds data" in domain facts section 4.1), the JDK, CPython,
# PostgreSQL and MySQL; private keys in PEM form.
FRAMES: tuple[Frame, ...] = (
    *(
        Frame(f"-----BEGIN {kind}PRIVATE KEY-----", ("-----END",), several_lines=True)
        for kind in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
    ),
    Frame("The value '", ("' of the type", "' cannot be")),
    Frame("The value ", (" of the type", " cannot be represented", " cannot be interpreted"), needs_end=True),
    Frame("Malformed records are detected in record parsing: ", ("Parse Mode:",), several_lines=True),
    Frame("violated by row with values:", _STACK, several_lines=True),
    Frame("Text '", ("' could not be parsed",), needs_end=True),
    Frame('For input string: "', ('"',)),
    Frame("invalid literal for int() with base 10: ", ()),
    Frame("could not convert string to float: ", ()),
    Frame("time data ", (" does not match format",), needs_end=True),
    Frame("Failing row contains (", (").",)),
    Frame(")=(", (") already exists", ") is not present", ") conflicts"), needs_end=True),
    Frame("Duplicate entry '", ("' for key",)),
)


# --- Log layouts -----------------------------------------------------------------------------------------

_LEVEL = r"(?P<level>ERROR|FATAL|CRITICAL|SEVERE|WARN(?:ING)?|INFO|DEBUG|TRACE|NOTICE)"
# yy/MM/dd HH:mm:ss (Spark's default), or ISO 8601 with space or T, comma or point, with or without zone; Airflow puts
# a comma between date and time.
_TIME = (
    r"(?P<at>\d{2}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
    r"|\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]|, )\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z| UTC|[ ]?[+-]\d{2}:?\d{2})?)"
)
# Time first: Glue up to 4.0, log4j, Python logging, Airflow ("[time] {file:line} LEVEL - message").
TIME_FIRST = re.compile(
    rf"\[?{_TIME}\]?[ \t,:|\-]{{0,8}}(?:\{{[^}}\n]{{1,120}}\}}|\[[^\]\n]{{1,200}}\])?"
    rf"[ \t\-:|]{{0,8}}(?:[\w.]{{1,120}} [\-:|] )?\[?{_LEVEL}\b\]?[ \t:|\-]{{0,8}}(?P<rest>[^\n]*)"
)
# Level first: Glue 5.0 ("LEVEL  time  ms  logger  [thread]  line  message").
LEVEL_FIRST = re.compile(rf"\[?{_LEVEL}\]?[ \t]{{1,8}}\[?{_TIME}\]?[ \t:\-]{{0,8}}(?P<rest>[^\n]*)")
# Level without time: Python's basicConfig ("ERROR:root:message"), "LAUNCH ERROR | …".
LEVEL_ONLY = re.compile(rf"(?:LAUNCH )?\[?{_LEVEL}\]?(?P<gap>[ \t:|\-]{{1,8}})(?P<rest>[^\n]*)")
# A level as a word of its own in any other layout: behind columns of a time, a file, a thread, in brackets or bars.
LEVEL_INSIDE = re.compile(r"(?<![\w.])(?P<level>ERROR|FATAL|CRITICAL|SEVERE)(?![\w.])[ \t:|\-\])}>]{0,8}")
COLUMNS_BEFORE = re.compile(r"[^\n]{0,60}(?:\d:\d\d|[\[{|])")
OTHER_LEVEL = re.compile(r"(?<![\w.])(?:WARN(?:ING)?|INFO|DEBUG|TRACE|NOTICE)(?![\w.])")
WORD = re.compile(r"(?<![\w./:])[A-Za-z]{2,40}(?![\w./:])")
# The start of any record, whatever its level: where a stack trace before it ends.
RECORD_START = re.compile(rf"\[?(?:{_TIME}|(?:LAUNCH )?\[?{_LEVEL}\b)")
# What stands between level and message: Glue 5.0's columns, or "[thread] logger (File.scala:method(1)): ".
GLUE5_REST = re.compile(
    r"\d{1,12}[ \t]{1,8}(?P<logger>[\w.$\-]{1,200})[ \t]{1,8}\[[^\]\n]{0,200}\]"
    r"[ \t]{1,8}\S{1,80}[ \t]{1,8}(?P<message>[^\n]*)"
)
LOGGER_REST = re.compile(
    r"(?:\[[^\]\n]{1,200}\][ ])?(?P<logger>[\w.$\-]{1,200})(?: \([^\n]{1,120}?\)\)?)?"
    r"(?: - |: |:(?=[A-Z\[]))(?P<message>[^\n]*)"
)

# --- Errors in logs --------------------------------------------------------------------------------------

_NAME = r"(?:[A-Za-z_$][\w$]{0,100}\.){0,20}[A-Za-z_$][\w$]{0,150}"
_ENDING = (
    r"(?:Exception|Error|Throwable|Failure|Fault|Interrupt|SystemExit|StopIteration|ExceptionGroup|Warning"
    r"|KeyboardInterrupt|NoCredentials|Timeout|Denied|NotFound)"
)
# How command-line programs report a wrong call (argparse, getopt, GNU): "job.py: error: unrecognized arguments: --x".
PROGRAM_ERROR = re.compile(r"[\w./\-]{1,120}: error: ")
# A line that is an exception: "java.lang.X: message", "KeyError: 'a'", "X" alone.
EXCEPTION_LINE = re.compile(rf"(?P<name>{_NAME})(?P<colon>[ ]?:(?:\s|$)|[ ]?$)")
EXCEPTION_NAME = re.compile(rf"{_ENDING}(?:\$\w{{1,60}})?$")
# An exception named inside a message, with what it says: "(host executor 1): java.lang.X: message".
INLINE_EXCEPTION = re.compile(
    r"(?<![\w.$/'\"(=])(?P<name>(?:[a-z_][\w$]{0,60}\.){0,15}[A-Z][\w$]{0,120}?(?:Exception|Error))[ ]?(?::(?=\s|$)|$)"
)
# How Spark prints task ends that are no Java exception (org.apache.spark.TaskEndReason).
TASK_END = re.compile(
    r"(?<![\w.])(?P<name>ExecutorLostFailure|FetchFailed|TaskResultLost|TaskKilled"
    r"|TaskCommitDenied|UnknownReason)[ ]?(?=\()"
)
IN_THREAD = re.compile(r"(?:Exception in thread \"?[^\"\n]{0,200}\"? |Exception in User Class: )")
CAUSED_BY = re.compile(r"(?P<indent>[ \t]{0,40})Caused by: (?P<rest>[^\n]*)")
SUPPRESSED = re.compile(r"(?P<indent>[ \t]{0,40})Suppressed: ")
JAVA_FRAME = re.compile(r"[ \t]{0,40}at (?P<frame>[\w.$/<>@\-]{1,300}\([^)\n]{0,200}\))")
MORE_FRAMES = re.compile(r"[ \t]{0,40}\.\.\. \d{1,6} (?:more|common frames)")
PYTHON_FRAME = re.compile(
    r"(?P<indent>[ \t]{0,80})File \"(?P<file>[^\"\n]{1,400})\", line (?P<line>\d{1,9})"
    r"(?:, in (?P<function>[^\n]{1,200}))?"
)
TRACEBACK = "Traceback (most recent call last)"
CHAINED = (
    "During handling of the above exception, another exception occurred",
    "The above exception was the direct cause of the following exception",
)
# Frames of libraries and interpreter: the user's code is elsewhere.
LIBRARY_FILE = re.compile(r"site-packages|dist-packages|/pyspark|pyspark\.zip|py4j|<frozen|/lib/python|importlib|runpy")
# Java frames that tell the phase: listing, planning, shuffle, broadcast, write, commit.
PHASE_FRAME = re.compile(
    r"InMemoryFileIndex|[lL]istLeafFiles|[lL]isting|planFiles|planTasks|Manifest|[bB]roadcast|[sS]huffle"
    r"|[sS]ort|[aA]ggregat"
    r"|[cC]ommit|[wW]rit|[sS]pill|[cC]ollect|toPandas|getPartitions|BatchGet|[cC]redential|executeTake"
)

ERROR_CATEGORY = re.compile(
    r"Error Category: ?(?P<category>[A-Za-z_]{2,60})(?:; ?|\s|$)(?:Failed Line Number: ?\d{1,9}(?:; ?|$))?"
)
# py4j names its target by a number that changes from run to run.
CALLING = re.compile(
    r"An error occurred while calling (?P<target>[zo]\d{0,9}[.:])?(?P<call>[\w.$:]{1,200}?)\.(?:[ \n]|$)"
)
CONDITION = re.compile(
    r"[\s:]{0,4}\[(?P<condition>[A-Z][A-Z0-9]{0,60}_[A-Z0-9_]{1,80}(?:\.[A-Z][A-Z0-9_]{1,80}){0,3})\]"
)
# "SQLSTATE: 22018" (Spark), "SQLState: 42501" (JDBC), "SQL state [22003]" (Spring), "SQLSTATE=42501" (DB2), "100038
# (22018)" (Snowflake), "('08S01', '[08S01] …" (ODBC); it survives a translated message.
SQLSTATE = re.compile(r"(?:(?i:SQL ?STATE)[\s:='\"\[(]{0,4}|\b\d{6} \(|\('(?=\w{5}', '\[))(?P<state>[0-9A-Z]{5})\b")

GLUE_ANALYSIS = "[Glue Exception Analysis]"
# The events that end the job; the task and stage variants do not.
JOB_ENDING_EVENTS = frozenset({"GlueETLJobExceptionEvent", "GlueExceptionAnalysisJobFailed"})

# Records by which a driver says that the application itself ended.
UNCAUGHT = re.compile(
    r"Error from Python:|Exception in thread \"main\"|User (?:application exited|class threw exception)"
    r"|Exception in User Class|Uncaught exception|LAUNCH ERROR"
)
# Effects of an end that had another cause (domain facts 4.3, 4.5): never the root while another error is there.
SECONDARY = re.compile(
    r"SparkContext (?:was|has been|is) (?:shut ?down|stopped|stopping)|stopped SparkContext|SparkContext was shut"
    r"|FileAlreadyExistsException[^\n]{0,400}(?:_temporary|attempt_)|MetadataFetchFailed|FetchFailed|Stage cancelled"
    r"|cancelled because|TaskKilled|another attempt succeeded|Py4JNetworkError|Answer from Java side is empty"
    r"|Error while sending or receiving|Py4JError: An error occurred while calling|InterruptedException"
    r"|ClosedByInterruptException|ClosedChannelException|RejectedExecutionException|AsyncEventQueue"
    r"|ShutdownHook|Could not find CoarseGrainedScheduler|TaskCommitDenied"
    r"|denied task commit|maximum allowable number of times|RpcEnv already stopped|while stopping"
)
# Wrappers that say that the run failed, not why (domain facts 1.3).
OPAQUE = re.compile(
    r"\s*(?:Command failed with exit code -?\d{1,5}|(?:SystemExit: ?)-?\d{0,5}"
    r"|exit(?:ed)?(?: with)? (?:code|status):? ?-?\d{1,5}"
    r"|Task \d{1,9} in stage [\d.]{1,20} failed \d{1,4} times; aborting job"
    r"|(?:Job )?(?:run )?failed|PythonException:?|Unknown error|An error occurred while calling [\w.$:]{1,200}?"
    r"|User application exited with (?:status|code)? ?-?\d{1,5})\.?\s*"
)
# An executor that went: what comes before a FetchFailed, and often only as a warning.
EXECUTOR_LOSS = re.compile(
    r"ExecutorLostFailure|[Ll]ost executor|Container (?:killed|from a bad node)|OutOfMemoryError"
)
LOST_TASK = re.compile(r"(?:Lost|Exception in) task (?P<index>\d{1,9})\.\d{1,9} in stage (?P<stage>\d{1,9}\.\d{1,9})")
FINISHED_TASK = re.compile(r"Finished task (?P<index>\d{1,9})\.\d{1,9} in stage (?P<stage>\d{1,9}\.\d{1,9})")
RETRIED = re.compile(r"(?i)\bretry|\bretri(?:ed|es)|re-?attempt|back(?:ing)? ?off|will try again|attempt \d{1,4} of \d")
# The program's own word that it carried on without what failed.
CARRIED_ON = re.compile(
    r"(?i)\b(?:continuing|carrying on|proceeding|ignor(?:ed|ing)|skipp(?:ed|ing)|fall(?:ing|s)? ?back|non-?fatal"
    r"|best[- ]effort|using (?:the )?(?:cached|default|stale|previous))\b"
)
# Warnings worth keeping though they name no exception.
TELLING_WARNING = re.compile(
    r"(?i)exception|error|\blost\b|killed|denied|throttl|slow ?down|rate exceed|retr(?:y|ied)|timed? ?out|heartbeat"
    r"|spill|fail|unable|cannot|could not|corrupt|missing|not found|skew|memory|evict|too many|truncat"
)

# Words of failure in a line of no known layout; looked for only where the log of a failed run has no error at all.
FAILURE_WORDS = re.compile(
    r"(?i)\b(?:errors?|fail(?:ed|ure|ing)?|exception|denied|refused|forbidden|unauthori[sz]ed|unavailable|not found"
    r"|abort(?:ed|ing)?|does not|not exist|timed out|timeout|fatal|rejected|invalid|mismatch|exceeded|unable to|cannot"
    r"|could not|missing)\b"
)

# What changes between two occurrences of one error: ids, numbers, hosts.
VARYING = re.compile(
    r"\((?:TID|host|executor)?[^()\s]{0,120}[ ]?executor \w{1,20}\)"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?<![A-Za-z0-9])(?=[a-f]{0,40}\d)[0-9a-f]{8,}+(?![A-Za-z])|\bo\d{1,9}(?=\.)|\d++"
)

# --- Facts in logs ---------------------------------------------------------------------------------------

# Spark application ids: YARN, standalone, local, Kubernetes.
APP_ID = re.compile(
    r"(?<![\w\-])(?:application_\d{10,16}_\d{1,9}|app-\d{14}-\d{4,6}|local-\d{13}|spark-application-\d{13})(?!\d)"
    r"|(?i:app(?:lication)?[-_. ]?id)[\"']?(?: is)?[ ]?[=:]?[ ]?[\"']?(?P<named>spark-[0-9a-f]{32})(?!\w)"
)
# Where a driver names its own application (Spark 3.3 to 4.1: the scheduler back ends, the event log writers, the YARN
# client; and Iceberg's report of the driver's own commit).
OWN_APP = re.compile(
    r"EventLogFiles?Writer: Logging events to|SchedulerBackend: (?:Connected to|Application)"
    r"|YarnClientImpl: Submitted application|CommitReport\{"
)
COMMITTED = re.compile(
    r"Committed snapshot (?P<id>\d{1,20}) \((?P<producer>\w{0,60})"
    r"|CommitReport\{[^\n]{0,600}?snapshotId=(?P<reported>\d{1,20})"
)
# Spark's, Iceberg's and Hadoop's words once a write has begun (domain facts 4.5, FileOutputCommitter).
WRITE_STARTED = re.compile(
    r"Committing |Committed snapshot|CommitReport\{|Data source write support|data source write support"
    r"|Writing job (?:aborted|failed)|Saved output of task|TASK_WRITE_FAILED|while writing rows"
    r"|Write Job|CommitStateUnknown"
    r"|CommitFailedException|Skipping cleanup of written files|is committing|is aborting"
)
