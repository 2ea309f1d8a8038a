"""What SDKs and pydantic-ai say no with, as our own faults. The words are bounded here; the classifier redacts them."""

import re

from pydantic import ValidationError
from pydantic_ai import exceptions as vendor

from pipetriage.errors import ConfigError, CredentialsError, PipetriageError, UnansweredError
from pipetriage.model.proposal import ModelFault
from pipetriage.reasoning.calls import Call, ClosedError, SpentError, UnreadableError
from pipetriage.reasoning.interface import ModelError

WHY_LENGTH = 300

_FAULTS: tuple[tuple[type[Exception], ModelFault], ...] = (
    # The narrower ones first: pydantic-ai's categories are each other's subclasses.
    (vendor.ModelTimeoutError, ModelFault.TIMEOUT),
    (vendor.ModelRequestTimeout, ModelFault.TIMEOUT),
    (TimeoutError, ModelFault.TIMEOUT),
    (vendor.ModelConnectionError, ModelFault.UNREACHABLE),
    (ConnectionError, ModelFault.UNREACHABLE),
    (UnansweredError, ModelFault.UNREACHABLE),
    (vendor.ModelRateLimitError, ModelFault.RATE_LIMITED),
    # Credit that is used up, which waiting may mend and a new key may not.
    (vendor.ModelQuotaExceededError, ModelFault.RATE_LIMITED),
    (vendor.ModelUnavailableError, ModelFault.SERVER_ERROR),
    (vendor.ModelServerError, ModelFault.SERVER_ERROR),
    (vendor.ModelAuthenticationError, ModelFault.NOT_AUTHORIZED),
    (CredentialsError, ModelFault.NOT_AUTHORIZED),
    (vendor.ModelNotFoundError, ModelFault.NO_SUCH_MODEL),
    (vendor.ModelRequestRejectedError, ModelFault.REJECTED),
    (vendor.UserError, ModelFault.REJECTED),
    (ConfigError, ModelFault.REJECTED),
    (vendor.ContentFilterError, ModelFault.REFUSED),
    (vendor.OutputTokenLimitExceeded, ModelFault.TOO_LARGE),
    (SpentError, ModelFault.INVALID_ANSWER),
    # Something is there that does not speak the protocol: a portal's page, a proxy's message, half a document.
    (UnreadableError, ModelFault.SERVER_ERROR),
)
_CONTENT_FILTERS = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
"""Codes of a request that a provider's filter stopped (OpenAI, Azure), which comes as a 400."""
_RETRIES_USED_UP = re.compile(r"exceeded max(?:imum)?\b.*\bretries", re.IGNORECASE)
"""How pydantic-ai 2.68 words that the last answer was not accepted either (``consume_output_retry``, tool retries)."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters and those that turn the direction of text."""


def model_error(error: Exception, call: Call) -> ModelError:
    """Put whatever ended a conversation into our own words."""
    if call.too_large:
        return ModelError(ModelFault.TOO_LARGE, plain(call.too_large), call.use())
    fault = _fault(error)
    return ModelError(fault, plain(_why(error, fault)), call.use())


def plain(text: str) -> str:
    """Give text as one bounded line without control characters: a provider's error may hold anything."""
    text = " ".join(_UNSEEN.sub(" ", text[: WHY_LENGTH * 10]).split())
    return text if len(text) <= WHY_LENGTH else text[: WHY_LENGTH - 1] + "…"


def costs_nothing(error: Exception) -> bool:
    """Whether a failed request was certainly not answered by a model: it was refused, or never got there."""
    if isinstance(error, vendor.ModelHTTPError):
        return error.status_code >= 400
    return isinstance(error, vendor.ModelConnectionError) and error.phase in ("pool", "connect")


def _fault(error: Exception) -> ModelFault:
    if isinstance(error, vendor.ModelAPIError) and error.provider_error_code in _CONTENT_FILTERS:
        return ModelFault.REFUSED
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            return fault
    if isinstance(error, vendor.ModelHTTPError):
        return _of_status(error.status_code)
    if isinstance(error, vendor.UnexpectedModelBehavior) and _RETRIES_USED_UP.search(error.message):
        return ModelFault.INVALID_ANSWER
    return ModelFault.SERVER_ERROR if isinstance(error, vendor.AgentRunError) else ModelFault.UNEXPECTED


def _of_status(status: int) -> ModelFault:
    if status in (408, 504):
        return ModelFault.TIMEOUT
    return ModelFault.SERVER_ERROR if status >= 500 else ModelFault.REJECTED


def _why(error: Exception, fault: ModelFault) -> str:
    match error:
        case vendor.ModelHTTPError():
            return (
                f"it answered {error.status_code}: {_said(error.body) or error.provider_error_code or 'nothing more'}"
            )
        case vendor.ModelTimeoutError() | vendor.ModelRequestTimeout() | TimeoutError():
            return "it did not answer in the time it was given"
        case vendor.ModelConnectionError():
            return f"there was no connection, or it broke off ({error.message})"
        case PipetriageError():
            return str(error)
        case SpentError():
            return f"its answer was not in the accepted form, and it was not asked again: {error}"
        case vendor.UserError():
            return f"this model cannot be asked so: {error.message}"
        case vendor.ContentFilterError():
            return "it declined to answer, or a content filter did"
        case vendor.OutputTokenLimitExceeded():
            return "its answer was cut off at the limit of output tokens"
        case vendor.UnexpectedModelBehavior() if fault is ModelFault.INVALID_ANSWER:
            return f"its answer was not in the accepted form, also when asked again: {_rejected_for(error)}"
        case _ if fault is ModelFault.SERVER_ERROR:
            return "what it sent is no answer of its protocol"
        case ClosedError():
            return "it was not asked: the conversation was over"
    return f"asking it failed unexpectedly ({type(error).__name__})"


def _said(body: object) -> str:
    """Give the message within an error's body, wherever the protocols put it."""
    for _ in range(3):
        match body:
            case str():
                return body
            case {"message": str(text)} | {"Message": str(text)} | {"error": str(text)}:
                return text
            case {"error": inner} | {"Error": inner}:
                body = inner
            case _:
                break
    return ""


def _rejected_for(error: BaseException) -> str:
    """Give the reason for which the last answer was not accepted."""
    seen, cause = 0, error.__cause__
    reason = ""
    while cause is not None and seen < 10:
        if isinstance(cause, ValidationError):
            return rejection(cause)
        reason = str(cause)
        seen, cause = seen + 1, cause.__cause__
    return reason or "no reason was given"


def rejection(error: ValidationError) -> str:
    """Say where an answer departs from the accepted form; what the model wrote there is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(part) for part in one['loc']) or 'answer'}: {one['msg']}" for one in found[:5]]
    return "; ".join(told) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
