"""UNKNOWN, refined: a service failed for a while, resources ran out, the set-up is wrong, quality checks refused."""

from collections.abc import Iterator

from pipetriage.detectors.data_skew import skew_evidence
from pipetriage.detectors.rules import Hit, Rule, RuleBook, hints, pattern, strongest, unique, weaker, words
from pipetriage.detectors.small_file_pressure import listing_pressure
from pipetriage.detectors.source_delay import missing_code_file
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import QualityRule
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# Looks like a passing failure and is none: it fails again until someone changes the set-up. Sources: Glue's
# troubleshooting pages on connections and VPCs, S3's error codes.
CONFIGURATION: tuple[Rule, ...] = (
    Rule(
        id="network-setup",
        mode=FailureMode.CONFIGURATION_ERROR,
        says="the job's network is not set up for it",
        text=pattern(
            r"VPC S3 endpoint validation failed",
            r"Could not find S3 endpoint or NAT gateway",
            r"security group must open all ingress",
            r"(?:not have|no|out of) (?:enough )?free (?:IP )?addresses",
            r"subnet .{0,80}(?:insufficient|not enough|no) (?:free )?(?:IP )?addresses",
            r"InsufficientFreeAddressesInSubnet",
            r"InvalidSubnetID\.NotFound|InvalidGroup\.NotFound",
            r"could not be resolved in (?:the )?VPC",
        ),
    ),
    Rule(
        id="job-setup",
        mode=FailureMode.CONFIGURATION_ERROR,
        says="the job or the session is configured wrongly",
        conditions=words(
            "INVALID_DRIVER_MEMORY INVALID_EXECUTOR_MEMORY INVALID_KRYO_SERIALIZER_BUFFER_SIZE CANNOT_MODIFY_CONFIG "
            "KRYO_BUFFER_OVERFLOW FEATURE_NOT_ENABLED INVALID_CONF_VALUE"
        ),
        text=pattern(
            r"\bNoSuchBucket\b",
            r"The specified bucket does not exist",
            r"not allowed to be modified on system driver",
            r"\bInvalidObjectState\b",
            r"not valid for the object's storage class",
            r"\bPermanentRedirect\b",
            r"The bucket is in this region",
            r"\bAuthorizationHeaderMalformed\b",
            r"No suitable driver",
            r"failed to start job run due to missing metadata",
            r"Buffer overflow\. Available: ",
        ),
    ),
)

# A call that may well pass next time. Sources: the AWS SDKs' lists of throttling and transient codes, S3's error
# codes, Glue's exceptions, the JVM's, Python's and botocore's network exceptions.
TRANSIENT: tuple[Rule, ...] = (
    Rule(
        id="s3-slow-down",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="S3 asked for fewer requests",
        text=pattern(r"\bSlow ?Down\b", r"Please reduce your request rate"),
    ),
    Rule(
        id="throttled",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service throttled the calls",
        exceptions=words(
            "ThrottlingException TooManyRequestsException ProvisionedThroughputExceededException ThrottledException"
        ),
    ),
    Rule(
        id="throttled-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service throttled the calls",
        text=pattern(
            r"\bThrottl(?:ing|ed)",
            r"\bRate exceeded\b",
            r"\bTooManyRequests(?:Exception)?\b",
            r"\bRequestLimitExceeded\b",
            r"\bProvisionedThroughputExceeded",
            r"\bRequestThrottled",
            r"\bEC2ThrottledException\b",
            r"status code:? 429\b",
            r"\bTransactionInProgressException\b",
            r"\bPriorRequestNotComplete\b",
            r"\bLimitExceededException\b.{0,80}rate",
        ),
    ),
    Rule(
        id="capacity",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the service had no room for the run",
        text=pattern(
            r"\bConcurrentRunsExceeded",
            r"\bResourceNumberLimitExceeded",
            r"concurrent compute capacity",
            r"max(?:imum)? concurrent runs exceeded",
            r"Resource unavailable",
            r"\bInsufficientCapacity",
            r"no capacity",
            r"\bCapacity(?:Not|Un)Available",
        ),
    ),
    Rule(
        id="service-error",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service failed on its side",
        exceptions=words(
            "InternalServiceException OperationTimeoutException FederationSourceRetryableException InternalServerException "
            "ResourceNotReadyException ServiceUnavailableException InternalServerErrorException ServiceUnavailable "
            "ServiceFailureException"
        ),
    ),
    Rule(
        id="service-error-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service failed on its side",
        text=pattern(
            r"\bInternalServiceException\b",
            r"\bOperationTimeoutException\b",
            r"\bInternal ?(?:Server ?)?Error\b",
            r"\bService ?Unavailable\b",
            r"Status Code:? 5\d\d\b",
            r"\bHTTP (?:Error )?5\d\d\b",
            r"\bBad Gateway\b",
            r"\bRequestTimeout(?:Exception)?\b",
            r"\b50[234] (?:Bad Gateway|Service|Gateway)",
            r"\bResourceNotReadyException\b",
            r"We encountered an internal error",
            r"\bServerException: .{0,80}retry",
        ),
    ),
    Rule(
        id="connection",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the connection to a service broke",
        exceptions=words(
            "SocketTimeoutException ConnectTimeoutException ConnectException SocketException NoHttpResponseException "
            "SSLHandshakeException ConnectionPoolTimeoutException EndpointConnectionError ReadTimeoutError ConnectTimeoutError "
            "ConnectionClosedError ConnectionResetError ConnectionError ConnectionRefusedError NewConnectionError "
            "ProtocolError IncompleteRead RemoteDisconnected CommunicationsException ReadTimeout ConnectTimeout gaierror "
            "MaxRetryError ProxyConnectionError BrokenPipeError HTTPClientError ApiCallTimeoutException "
            "ApiCallAttemptTimeoutException CannotGetJdbcConnectionException PSQLException ConnectionAbortedError "
            "OperationalError InterfaceError SSLException SSLError"
        ),
        text=pattern(r"."),
    ),
    Rule(
        id="unknown-host",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the name of a host could not be resolved",
        # On every run it is the network's set-up; once, it passes.
        ceiling=Strength.MODERATE,
        exceptions=words("UnknownHostException"),
    ),
    Rule(
        id="connection-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the connection to a service broke",
        text=pattern(
            r"Connection reset",
            r"Read timed out",
            r"Connect(?:ion)?(?: to .{1,300})? timed out",
            r"connection refused",
            r"Remote host terminated the handshake",
            r"The target server failed to respond",
            r"Communications link failure",
            r"Timeout waiting for connection from pool",
            r"Could not connect to the endpoint",
            r"Broken pipe",
            r"Premature end of Content-Length",
            r"Unexpected end of file from server",
            r"connection (?:was )?closed",
            r"Temporary failure in name resolution",
            r"server closed the connection unexpectedly",
            r"Connection aborted",
            r"An I/O error occurred while sending to the backend",
            r"Failed to parse XML document with handler",
        ),
    ),
    Rule(
        id="lost-node",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a node was taken away",
        text=pattern(
            r"exited unrelated to the running tasks",
            r"Executor decommission",
            r"\bspot (?:instance )?interruption",
            r"Worker decommissioned",
            r"\bNode .{1,80}(?:marked as lost|unhealthy|lost)",
        ),
    ),
)

# Ids that begin with "task-" happen in executors, where a skewed key can be behind them; the others in the driver.
EXHAUSTED: tuple[Rule, ...] = (
    Rule(
        id="result-size",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="the driver was sent too much",
        text=pattern(r"bigger than spark\.driver\.maxResultSize", r"Total size of serialized results"),
    ),
    Rule(
        id="broadcast",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="a table was too large to broadcast",
        text=pattern(
            r"Not enough memory to build and broadcast",
            r"Could not execute broadcast in",
            r"Cannot broadcast the table",
        ),
    ),
    Rule(
        id="driver-memory",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="the driver ran out of memory",
        text=pattern(
            r"Task serialization failed: java\.lang\.OutOfMemoryError",
            r"driver.{0,80}(?:out of memory|OutOfMemory)",
            r"Please consider increasing the driver memory",
        ),
    ),
    Rule(
        id="disk",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="a disk was full",
        text=pattern(r"No space left on device", r"\bDiskOutOfSpace", r"Disk quota exceeded"),
    ),
    Rule(
        id="task-memory",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="a task ran out of memory",
        conditions=words(
            "SPILL_OUT_OF_MEMORY AGGREGATE_OUT_OF_MEMORY POINTER_ARRAY_OUT_OF_MEMORY UNABLE_TO_ACQUIRE_MEMORY "
            "TOO_MANY_ARRAY_ELEMENTS"
        ),
        exceptions=words("SparkOutOfMemoryError"),
    ),
    Rule(
        id="task-executor-lost",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="executors were lost under load",
        text=pattern(
            r"exited caused by one of the running tasks",
            r"Container killed by YARN for exceeding",
            r"memoryOverhead",
            r"Likely due to containers exceeding thresholds",
            r"Executor heartbeat timed out",
            r"\bOOMKilled\b",
            r"Container from a bad node.{0,300}(?:137|143|134)",
            r"Command exited with code (?:137|143|52|134)\b",
            r"Missing an output location for shuffle",
            r"\bFetchFailed(?:Exception)?\b",
            r"exceed(?:ing|ed) memory limits",
            r"failed the maximum allowable number of times",
            r"Python worker exited unexpectedly",
        ),
    ),
    Rule(
        id="task-fetch-failed",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="executors were lost under load",
        exceptions=words(
            "MetadataFetchFailedException FetchFailedException ExecutorLostFailure ShuffleBlockFetchException"
        ),
    ),
    Rule(
        id="memory",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="memory ran out",
        exceptions=words("OutOfMemoryError MemoryError ArrowMemoryError"),
    ),
    Rule(
        id="memory-in-words",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="memory ran out",
        text=pattern(
            r"java\.lang\.OutOfMemoryError", r"GC overhead limit exceeded", r"Cannot allocate memory", r"out of memory"
        ),
    ),
)

# Source: Glue Data Quality's transform, Deequ, Great Expectations, Soda, Pandera and plain assertions.
QUALITY: tuple[Rule, ...] = (
    Rule(
        id="quality",
        mode=FailureMode.QUALITY_FAILED,
        says="a data-quality check refused the data",
        text=pattern(
            r"\bEvaluateDataQuality\b",
            r"data[ _-]?quality.{0,120}(?:fail|violat|below|reject|refus)",
            r"(?:fail|violat)\w{0,6} .{0,80}data[ _-]?quality",
            r"\bexpectations? (?:were |was )?(?:not met|failed|violated)",
            r"quality (?:checks?|gates?|rules?|score).{0,80}(?:fail|below|violat)",
            r"\d{1,4} (?:dq|quality) (?:rules?|checks?) failed",
        ),
    ),
    Rule(
        id="quality-class",
        mode=FailureMode.QUALITY_FAILED,
        says="a data-quality check refused the data",
        exceptions=words(
            "DataQualityException DataQualityError QualityCheckFailed CheckFailedException DataQualityCheckError"
        ),
    ),
    Rule(
        id="assertion",
        mode=FailureMode.QUALITY_FAILED,
        says="an assertion of the job does not hold",
        ceiling=Strength.MODERATE,
        exceptions=words("AssertionError"),
    ),
)

_SHAPE_OR_VOLUME = frozenset(
    {"columnexists", "schemamatch", "columncount", "columndatatype", "rowcount", "rowcountmatch", "filematch"}
)


class Unknown:
    """Says which kind of UNKNOWN it is; gives way where skew or many files explain what ran out."""

    id = "unknown"
    summary = "A service failed for a while, resources ran out, the set-up is wrong, or a quality check refused."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from the errors of the four modes, then from quality results and the run's state."""
        failed = _failed_rules(context)
        found, explained = [], set()
        for hit in self._book.hits(context):
            explained.add(hit.error.evidence)
            if hit.rule.category is Category.UNKNOWN:
                found.append(self._one(context, hit, failed))
            elif hit.rule.mode is FailureMode.MISSING_PATH and missing_code_file(hit):
                found.append(_missing_code(self.id, hit))
        if not found:
            found.extend(self._quality_alone(context, failed, explained))
            found.extend(self._timed_out(context))
        return strongest(found) or strongest(hints(context, Category.UNKNOWN, self.id))

    def _one(self, context: Context, hit: Hit, failed: list[QualityRule]) -> Finding:
        strength = hit.strength
        extra: tuple[str, ...] = ()
        match hit.rule.mode:
            case FailureMode.RESOURCE_EXHAUSTED:
                skewed = hit.rule.id.startswith("task-") and skew_evidence(context, self._thresholds)
                if skewed or listing_pressure(context, hit, self._thresholds):
                    strength = Strength.WEAK
            case FailureMode.TRANSIENT_SERVICE:
                if listing_pressure(context, hit, self._thresholds):
                    strength = Strength.WEAK
                elif self._repeated(context, hit):
                    strength = weaker(strength, Strength.MODERATE)
            case FailureMode.QUALITY_FAILED:
                extra = tuple(rule.evidence for rule in failed[:3])
                if failed and hit.error.terminal and not hit.error.survived:
                    strength = Strength.STRONG
                if failed and all(rule.rule_type.lower() in _SHAPE_OR_VOLUME for rule in failed):
                    # The rules that failed name the cause: the input's shape or volume.
                    strength = weaker(strength, Strength.MODERATE)
            case _:
                pass
        return hit.finding(self.id, strength=strength, extra=extra)

    def _repeated(self, context: Context, hit: Hit) -> bool:
        """Whether the runs before this one failed in the same words: what keeps failing is not passing."""
        message = hit.cause.message.splitlines()[0][:80] if hit.cause.message else ""
        run = context.facts.run
        others = [one for one in context.facts.history if one.run_id != run.run_id and one.ended_at is not None]
        earlier = [one for one in others if not one.succeeded and one.batch_id != run.batch_id]
        return bool(message) and sum(message in one.error_message for one in earlier[-3:]) >= 2

    def _quality_alone(self, context: Context, failed: list[QualityRule], explained: set[str]) -> Iterator[Finding]:
        unexplained = not explained & {error.evidence for error in context.terminal_errors}
        if failed and unexplained and not context.facts.run.succeeded:
            first = failed[0]
            yield Finding(
                detector=f"{self.id}/quality-results",
                category=Category.UNKNOWN,
                failure_mode=FailureMode.QUALITY_FAILED,
                strength=Strength.MODERATE,
                statement=f"{len(failed)} data-quality rules failed, the first is {first.rule}",
                evidence=unique(rule.evidence for rule in failed[:5]),
            )

    def _timed_out(self, context: Context) -> Iterator[Finding]:
        run = context.facts.run
        if run.state == "TIMEOUT" and not context.terminal_errors:
            yield Finding(
                detector=f"{self.id}/timeout",
                category=Category.UNKNOWN,
                failure_mode=FailureMode.RESOURCE_EXHAUSTED,
                strength=Strength.WEAK if skew_evidence(context, self._thresholds) else Strength.MODERATE,
                statement="the run used up its time and no error says why",
                evidence=(run.evidence,),
            )


def _missing_code(detector: str, hit: Hit) -> Finding:
    return Finding(
        detector=f"{detector}/missing-code",
        category=Category.UNKNOWN,
        failure_mode=FailureMode.CONFIGURATION_ERROR,
        strength=hit.strength,
        statement=f"a script or library that the job needs is not there: {hit.telling}",
        evidence=(hit.error.evidence,),
    )


def _failed_rules(context: Context) -> list[QualityRule]:
    run_id = context.facts.run.run_id
    return [rule for rule in context.facts.quality if rule.outcome == "FAIL" and rule.run_id in {None, run_id}]
