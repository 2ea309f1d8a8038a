"""What AWS says no with, in our own words: each says what to do about it."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnknownCredentialError,
)

from pipetriage.errors import ConfigError, CredentialsError, PipetriageError, SourceError, UnansweredError

_NO_CREDENTIALS = (NoCredentialsError, NoAuthTokenError)
_BAD_CREDENTIALS = (
    *(PartialCredentialsError, CredentialRetrievalError, UnknownCredentialError, RefreshWithMFAUnsupportedError),
    *(SSOError, TokenRetrievalError, LoginError),
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN_KEY = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure"}
    | {"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken"}
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403", "Forbidden"}
)
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "SlowDown"}
    | {
        "TooManyRequestsException",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "PriorRequestNotComplete",
    }
)
# What botocore itself tries again (botocore.retries.standard), and Glue's and S3's words for the same.
_BROKEN = frozenset(
    {"InternalError", "InternalFailure", "InternalServerError", "InternalServiceException", "InternalServiceFault"}
    | {"ServiceUnavailable", "ServiceUnavailableException", "OperationTimeoutException"}
    | {"RequestTimeout", "RequestTimeoutException"}
)
_BROKEN_STATUS = frozenset({500, 502, 503, 504})


def failure(error: BotoCoreError | ClientError, call: str, profile: str | None = None) -> PipetriageError:
    """Put what AWS or botocore raised into our own tree.

    ``call`` is what was tried (``glue:GetJobRun``). Who we are: ``CredentialsError``; where we look: ``ConfigError``;
    that one call could not be answered: ``SourceError``, which becomes a gap, or ``UnansweredError`` where the same
    call may be answered later.
    """
    log_in = f"aws sso login{f' --profile {profile}' if profile else ''}"
    match error:
        case ProfileNotFound():
            return ConfigError(f"{error}: name one of `aws configure list-profiles` with --profile")
        case NoRegionError() | InvalidRegionError():
            return ConfigError(f"{error} Name the region with --region, AWS_REGION, or in the profile.")
        case ConfigParseError():
            return ConfigError(f"{error}: correct that file")
        case _ if isinstance(error, _NO_CREDENTIALS):
            return CredentialsError(f"there are no AWS credentials: name a profile with --profile, or run `{log_in}`")
        case _ if isinstance(error, _BAD_CREDENTIALS):
            return CredentialsError(
                f"the AWS credentials cannot be had ({error}): run `{log_in}`, or check the profile"
            )
        case ClientError():
            return _refusal(error, call, log_in)
        case ConnectionError() | HTTPClientError() | IncompleteReadError():
            return UnansweredError(
                f"{call} was not answered ({error}): check the region, the network or the VPC endpoint"
            )
    return SourceError(f"{call} failed ({type(error).__name__}: {error})")


def code_of(error: ClientError) -> str:
    """Give AWS's word for what went wrong (``EntityNotFoundException``, ``404``)."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(error: ClientError, call: str, log_in: str) -> PipetriageError:
    code, said = code_of(error), str(error.response.get("Error", {}).get("Message", "")).strip()
    if code in _EXPIRED:
        return CredentialsError(f"the AWS credentials have expired ({code}): run `{log_in}`, or fetch new ones")
    if code in _UNKNOWN_KEY:
        return CredentialsError(f"AWS does not accept the credentials ({code}): check the profile or access key in use")
    if error.operation_name == "AssumeRole":
        return CredentialsError(f"the role cannot be taken on ({code}: {said}): check its trust policy and --role-arn")
    if code in _DENIED:
        return SourceError(
            f"{call} is not allowed ({code}: {said}): grant it (pipetriage iam-policy prints what is needed)"
        )
    if code in _THROTTLED:
        return UnansweredError(f"{call} was throttled ({code}) through every attempt: ask again later")
    if code in _BROKEN or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _BROKEN_STATUS:
        return UnansweredError(f"{call} failed ({code}: {said}) through every attempt: ask again later")
    return SourceError(f"{call} failed ({code}: {said})")
