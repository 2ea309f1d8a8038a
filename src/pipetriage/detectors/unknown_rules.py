"""The tables of the UNKNOWN modes: set-up, passing failures, resources that run out, quality checks."""

from pipetriage.detectors.rules import Rule, pattern, words
from pipetriage.model.categories import FailureMode
from pipetriage.model.finding import Strength

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
            "INVALID_DRIVER_MEMORY INVALID_EXECUTOR_MEMORY INVALID_KRYO_SERIALIZER_BUFFER_SIZE "
            "CANNOT_MODIFY_CONFIG KRYO_BUFFER_OVERFLOW FEATURE_NOT_ENABLED INVALID_CONF_VALUE"
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
            "InternalServiceException OperationTimeoutException FederationSourceRetryableException "
            "InternalServerException ResourceNotReadyException ServiceUnavailableException "
            "InternalServerErrorException ServiceUnavailable ServiceFailureException"
        ),
    ),
    Rule(
        id="service-error-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service failed on its side",
        text=pattern(
            r"\bInternalServiceException\b",
            r"\bOperationTimeoutException\b",
            r"\bInternal Server Error\b",
            r"(?:Error Code: |\()InternalError\b",
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
            "SocketTimeoutException ConnectTimeoutException ConnectException SocketException "
            "NoHttpResponseException ConnectionPoolTimeoutException EndpointConnectionError "
            "ReadTimeoutError ConnectTimeoutError ConnectionClosedError ConnectionResetError "
            "ConnectionError ProtocolError IncompleteRead RemoteDisconnected CommunicationsException "
            "ReadTimeout ConnectTimeout gaierror MaxRetryError ProxyConnectionError BrokenPipeError "
            "HTTPClientError ApiCallTimeoutException ApiCallAttemptTimeoutException "
            "CannotGetJdbcConnectionException ConnectionAbortedError"
        ),
    ),
    Rule(
        id="unreachable",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service could not be reached",
        exceptions=words("UnknownHostException ConnectionRefusedError NewConnectionError"),
    ),
    Rule(
        id="unreachable-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service could not be reached",
        text=pattern(r"connection refused", r"name or service not known"),
    ),
    Rule(
        id="handshake",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="no secure connection could be made to a service",
        # An expired certificate does not renew itself.
        ceiling=Strength.MODERATE,
        exceptions=words("SSLHandshakeException SSLException SSLError"),
    ),
    Rule(
        id="certificate-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="no secure connection could be made to a service",
        ceiling=Strength.MODERATE,
        text=pattern(r"certificate verify failed"),
    ),
    Rule(
        id="connection-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the connection to a service broke",
        text=pattern(
            r"Connection reset",
            r"Read timed out",
            r"Connect(?:ion)?(?: to .{1,300})? timed out",
            r"Remote host terminated the handshake",
            r"The target server failed to respond",
            r"Communications link failure",
            r"Timeout waiting for connection from pool",
            r"Could not connect to the endpoint",
            r"Broken pipe",
            r"Premature end of Content-Length",
            r"Unexpected end of file from server",
            r"Temporary failure in name resolution",
            r"server closed the connection unexpectedly",
            r"Connection aborted",
            r"An I/O error occurred while sending to the backend",
            r"Failed to parse XML document with handler",
        ),
    ),
)

UNREACHABLE = frozenset({"unreachable", "unreachable-in-words"})
"""On every run it is the network's set-up; where the same job got through before, it passes."""

# Before what runs out: Spark says itself that the tasks were not the reason.
LOST_NODES: tuple[Rule, ...] = (
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
        id="driver-gone",
        mode=FailureMode.RESOURCE_EXHAUSTED,
        says="the driver's JVM stopped answering",
        # py4j's own gateway, no service: the refused local connection beneath it is the effect.
        ceiling=Strength.MODERATE,
        exceptions=words("Py4JNetworkError"),
        overrides=True,
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
            "SPILL_OUT_OF_MEMORY AGGREGATE_OUT_OF_MEMORY POINTER_ARRAY_OUT_OF_MEMORY "
            "UNABLE_TO_ACQUIRE_MEMORY TOO_MANY_ARRAY_ELEMENTS"
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
            r"Consider boosting spark\.\S{0,60}memoryOverhead",
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
