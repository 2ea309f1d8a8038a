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
            r"Number of \w{1,60} resources exceeds the limit",
        ),
    ),
)

# The code by which a service says that it was asked too often, whatever else its words seem to say (a throttled call to
# Lake Formation or KMS is no refusal). Sources: the AWS SDKs' throttling codes.
THROTTLED: tuple[Rule, ...] = (
    Rule(
        id="throttled-by-code",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service throttled the calls",
        text=pattern(
            r"Error Code: (?:Throttl\w{2,30}|TooManyRequests\w{0,20}|RequestLimitExceeded|LimitExceededException"
            r"|ProvisionedThroughputExceeded\w{0,20}|RequestThrottled\w{0,20}|EC2ThrottledException)\b",
            r"\((?:Throttl\w{2,30}|TooManyRequests\w{0,20}|RequestLimitExceeded|ProvisionedThroughputExceeded\w{0,20}"
            r"|RequestThrottled\w{0,20})\) when calling the ",
        ),
    ),
    Rule(
        id="catalog-busy",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="somebody changed the catalog's entry in the same moment",
        # Glue's own optimistic lock; an Iceberg commit that loses against another says CommitFailedException.
        text=pattern(
            r"ConcurrentModificationException: .{0,400}\(Service: (?:AWS)?Glue\b",
            r"\(ConcurrentModificationException\) when calling the ",
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
            r"(?:status|response) code:? 429\b",
            r"\bToo Many Requests\b",
            r"\brate limits? (?:hit|exceeded|reached|was|has)",
            r"\b(?:requests?|operations|calls|queries) per (?:second|minute)\b.{0,80}(?:exceed|over|limit)",
            r"quota exceeded .{0,300}per ?(?:second|minute)",
            r"\bServerBusy\b|over the account limit",
            r"can be created, updated, or deleted simultaneously",
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
            r"\bInsufficient\w{0,20}Capacity",
            r"too many (?:clients|connections)|remaining connection slots are reserved",
        ),
    ),
    Rule(
        id="service-error",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service failed on its side",
        exceptions=words(
            "InternalServiceException OperationTimeoutException FederationSourceRetryableException "
            "InternalServerException ResourceNotReadyException ServiceUnavailableException "
            "InternalServerErrorException ServiceUnavailable ServiceFailureException InternalServerError BadGateway "
            "GatewayTimeout DeadlineExceeded TooManyRequests ServiceUnavailableError TooManyConnections AdminShutdown "
            "CannotConnectNow ServerSelectionTimeoutError ServerDisconnectedError APIConnectionError"
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
            r"\bHTTP response code:? 5\d\d\b",
            r"\bBad Gateway\b",
            r"\bRequestTimeout(?:Exception)?\b",
            r"\b50[234] (?:Bad Gateway|Service|Gateway)",
            r"\bResourceNotReadyException\b",
            r"encountered an internal error",
            r"(?:temporarily|currently) (?:unavailable|not available)|not currently available",
            r"\bServer Unavailable\b|\bHTTP/[12](?:\.[01])? 5\d\d\b|\bcode 50[0234]\b",
            r"\bINTERNAL_SERVER_ERROR\b|\bBackend ?Error\b",
            r"is in (?:startup|safe|recovery) mode",
            r"\b50[0234] (?:GET|PUT|POST|HEAD|DELETE|PATCH) https?:",
            # gRPC's status, PostgreSQL while it starts, stops or fails over.
            r"\bUNAVAILABLE: |\bDEADLINE_EXCEEDED\b",
            r"database system is (?:starting up|shutting down|in recovery mode)",
            r"terminating connection due to",
            r"\bORA-(?:01033|01089|12528)\b",
            r"\bServerException: .{0,80}retry",
        ),
    ),
    Rule(
        id="connection",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the connection to a service broke",
        exceptions=words(
            "SocketTimeoutException SocketException NoHttpResponseException "
            "ReadTimeoutError ConnectionClosedError ConnectionResetError "
            "ConnectionError ProtocolError IncompleteRead RemoteDisconnected CommunicationsException "
            "ReadTimeout BrokenPipeError ChunkedEncodingError InvalidChunkLength "
            "HTTPClientError ApiCallTimeoutException ApiCallAttemptTimeoutException "
            "ConnectionAbortedError ConnectionLossException SessionExpiredException"
        ),
    ),
    Rule(
        id="unreachable",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service could not be reached",
        exceptions=words(
            "UnknownHostException ConnectionRefusedError NewConnectionError EndpointConnectionError gaierror "
            "ConnectTimeoutError ConnectTimeoutException ConnectTimeout ConnectException MaxRetryError "
            "ProxyConnectionError CannotGetJdbcConnectionException EsHadoopNoNodesLeftException "
            "NoHostAvailableException"
        ),
    ),
    Rule(
        id="unreachable-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a service could not be reached",
        text=pattern(
            r"connection refused",
            r"name or service not known",
            r"TCP/IP connection to the host .{1,300} has failed",
            r"port \d{1,5} failed: ",
            r"Connect(?:ion)?(?: to .{1,300})? timed out",
            r"Could not connect to the endpoint",
        ),
    ),
    Rule(
        id="connection-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the connection to a service broke",
        text=pattern(
            r"Connection reset",
            r"Read timed out",
            r"Remote host terminated the handshake|SSL peer shut down incorrectly",
            r"The target server failed to respond",
            r"Communications link failure",
            r"Broken pipe",
            r"Premature end of Content-Length",
            # CPython's sockets: ECONNRESET, ETIMEDOUT, EPIPE, EHOSTUNREACH, ENETUNREACH, and a timeout of their own.
            r"\[Errno (?:104|110|32|113|101)\]",
            r"\boperation timed out",
            r"^(?:TimeoutError|timeout): timed out",
            r"closed connection without response",
            r"Unexpected end of file from server",
            r"Temporary failure in name resolution",
            r"server closed the connection unexpectedly",
            r"Connection aborted",
            r"An I/O error occurred while sending to the backend",
            r"Failed to parse XML document with handler",
            # PostgreSQL, MySQL, Oracle.
            r"SSL SYSCALL error",
            r"Lost connection to MySQL server|MySQL server has gone away",
            r"\bORA-(?:03113|03114|03135|12170|12537|12547|12571)\b",
        ),
    ),
    Rule(
        id="certificate",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="no secure connection could be made to a service",
        # An expired certificate does not renew itself.
        ceiling=Strength.MODERATE,
        text=pattern(r"\bcertificat", r"\bPKIX\b", r"\bCertPath", r"trust anchor"),
    ),
    Rule(
        id="handshake",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="no secure connection could be made to a service",
        exceptions=words("SSLHandshakeException SSLException SSLError"),
    ),
    Rule(
        id="pool",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the client ran out of connections",
        # Its own pool, used up by too many objects or streams left open: no service failed.
        ceiling=Strength.MODERATE,
        exceptions=words("ConnectionPoolTimeoutException"),
    ),
    Rule(
        id="pool-in-words",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="the client ran out of connections",
        ceiling=Strength.MODERATE,
        text=pattern(
            r"Timeout waiting for connection from pool",
            r"QueuePool limit of size",
            r"Acquire operation took longer than",
        ),
    ),
    Rule(
        id="timed-out",
        mode=FailureMode.TRANSIENT_SERVICE,
        says="a call took too long",
        # The work itself may take longer than it is given, every time.
        ceiling=Strength.MODERATE,
        exceptions=words(
            "TimeoutException TimeoutError MongoTimeoutException RetryError ReadTimeoutException WriteTimeoutException"
        ),
    ),
)

UNREACHABLE = frozenset({"unreachable", "unreachable-in-words", "handshake"})
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
            # YARN's exit status of a container whose node went away (ContainerExitStatus.ABORTED).
            r"released on a \*?lost\*? node|[Ee]xit ?(?:status|Code): -100\b",
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
            r"data[ _-]?quality: .{1,160}(?:required|at least|at most|threshold)",
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
