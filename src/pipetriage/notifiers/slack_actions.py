"""What people do by Slack's buttons: take a topic on, or say what really happened. Nothing else can be asked for here.

Pure but for the clock: whoever serves HTTP verifies a request, reads it, does what it asks in our own store, and
answers within three seconds. No request has any way to a pipeline, a run or a table.
"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta

from pipetriage.errors import MissingExtraError, RefusedError
from pipetriage.model.categories import Category
from pipetriage.notifiers.slack_blocks import ACKNOWLEDGE, LINK, REVIEW, Subject, escaped
from pipetriage.notifiers.wording import plain

NOTE_LENGTH = 2000
LONGEST = 256 * 1024
"""Bytes of a request: Slack sends the message that a button stood in, too."""
VIEW = "pipetriage_review_given"
_CATEGORY, _SAFE, _NOTE, _DONE = "category", "safe", "note", "done"
_TEXTS = {_NOTE: "Note", _DONE: "What was done? The next one on call reads it"}
_TEXT = {"type": "plain_text_input", "multiline": True, "max_length": NOTE_LENGTH}
_ANSWERS = "hooks.slack.com"

_Id = Annotated[str, Meta(min_length=1, max_length=100, pattern="^[A-Za-z0-9_.:-]+$")]
_Topic = Annotated[str, Meta(min_length=1, max_length=500)]
_Trigger = Annotated[str, Meta(min_length=1, max_length=300, pattern="^[A-Za-z0-9_.-]+$")]


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody takes a topic on."""

    topic: str
    by: str
    answer_to: str | None
    """Slack's address for an answer, good for half an hour; seen to be Slack's."""


class ReviewAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody wants to say what really happened: to be shown ``review_view`` by ``trigger``, within three seconds."""

    incident_id: str
    by: str
    trigger: str


class ReviewGiven(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody said what really happened."""

    incident_id: str
    by: str
    failure_category: Category
    safe_to_retry: bool
    note: str
    """Not redacted yet."""
    done: str
    """What was really done about it; not redacted yet."""


class LinkOpened(msgspec.Struct, frozen=True):
    """Somebody opened a link, of which Slack tells; there is nothing to do."""


Action = Acknowledge | ReviewAsked | ReviewGiven | LinkOpened


class _User(msgspec.Struct, frozen=True):
    id: _Id
    username: str = ""
    name: str = ""


class _Pressed(msgspec.Struct, frozen=True):
    action_id: str
    value: Annotated[str, Meta(max_length=2000)] = ""


class _Selected(msgspec.Struct, frozen=True):
    value: str


class _Input(msgspec.Struct, frozen=True):
    value: str | None = None
    selected_option: _Selected | None = None


class _State(msgspec.Struct, frozen=True):
    values: dict[str, dict[str, _Input]] = {}


class _View(msgspec.Struct, frozen=True):
    callback_id: str
    private_metadata: Annotated[str, Meta(max_length=3000)] = ""
    state: _State = _State()


class _Payload(msgspec.Struct, frozen=True):
    type: str
    user: _User
    actions: list[_Pressed] = []
    view: _View | None = None
    trigger_id: str = ""
    response_url: str = ""


def is_from_slack(secret: str, body: bytes, headers: Mapping[str, str], now: Callable[[], float] = time.time) -> bool:
    """Whether a request was signed with the app's signing secret, in the last five minutes.

    Raises:
        MissingExtraError: the extra is not installed.
    """
    try:
        from slack_sdk.signature import Clock, SignatureVerifier
    except ImportError as error:
        raise MissingExtraError("notify", "answering Slack's buttons") from error

    class Ours(Clock):
        def now(self) -> float:
            return now()

    found = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = found.get("x-slack-request-timestamp", ""), found.get("x-slack-signature", "")
    # The library takes a timestamp that is no number for an error of ours, and compares only ASCII.
    if not timestamp.isdecimal() or len(timestamp) > 12 or not signature.isascii() or len(body) > LONGEST:
        return False
    try:
        return SignatureVerifier(secret, Ours()).is_valid(body, timestamp, signature)
    except UnicodeDecodeError:
        return False


def read_action(body: bytes) -> Action:
    """Read a verified request: a form whose ``payload`` is JSON.

    Raises:
        RefusedError: it is none of ours.
    """
    try:
        payload = _payload(body)
        if payload.type == "view_submission" and payload.view is not None:
            return _given(payload, payload.view)
        if payload.type == "block_actions" and len(payload.actions) == 1:
            return _pressed(payload, payload.actions[0])
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError, KeyError, RecursionError):
        # What it holds is not repeated.
        raise RefusedError("a request from Slack has not the form of any button of ours") from None
    raise RefusedError("a request from Slack asks for nothing that we do")


def review_view(incident_id: str, title: str, category: Category, *, safe: bool) -> dict[str, Any]:
    """Give the form that asks what really happened, filled in with the verdict."""
    options = [_option(one.value, one.value) for one in Category]
    answers = {True: _option("Yes, a machine might have retried it unchanged", "yes"), False: _option("No", "no")}
    return {
        "type": "modal",
        "callback_id": VIEW,
        "private_metadata": plain(incident_id, 100),
        "title": _plainly("Review the verdict"),
        "submit": _plainly("Save"),
        "close": _plainly("Cancel"),
        "blocks": [
            {"type": "section", "text": _plainly(plain(title, 300) or "An incident")},
            _input(
                _CATEGORY,
                "What really broke?",
                {
                    "type": "static_select",
                    "options": options,
                    "initial_option": _option(category.value, category.value),
                },
            ),
            _input(
                _SAFE,
                "Was it safe to retry?",
                {"type": "radio_buttons", "options": list(answers.values()), "initial_option": answers[safe]},
            ),
            *(_input(name, label, _TEXT, optional=True) for name, label in _TEXTS.items()),
        ],
    }


def review_answer(error: str | None = None) -> dict[str, Any]:
    """Answer a form that was sent: it closes, or shows why it could not be kept."""
    if error is None:
        return {"response_action": "clear"}
    return {"response_action": "errors", "errors": {_NOTE: plain(error, 150) or "It could not be kept."}}


def acknowledged_answer(by: str) -> dict[str, Any]:
    """Give what is posted to ``Acknowledge.answer_to``: who has taken it on, for all to see."""
    text = f"{escaped(plain(by, 80))} has taken this on."
    return {"response_type": "in_channel", "replace_original": False, "text": text, "parse": "none"}


def _payload(body: bytes) -> _Payload:
    if len(body) > LONGEST:
        raise ValueError
    form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=5)
    (document,) = form["payload"]
    return msgspec.json.decode(document, type=_Payload)


def _pressed(payload: _Payload, pressed: _Pressed) -> Action:
    by = _who(payload.user)
    if pressed.action_id == LINK:
        return LinkOpened()
    subject = msgspec.json.decode(pressed.value, type=Subject)
    topic = msgspec.convert(subject.topic, _Topic)
    incident = msgspec.convert(subject.incident, _Id)
    if pressed.action_id == ACKNOWLEDGE:
        return Acknowledge(topic=topic, by=by, answer_to=_answer_to(payload.response_url))
    if pressed.action_id == REVIEW:
        trigger = msgspec.convert(payload.trigger_id, _Trigger)
        return ReviewAsked(incident_id=incident, by=by, trigger=trigger)
    raise ValueError


def _given(payload: _Payload, view: _View) -> ReviewGiven:
    if view.callback_id != VIEW:
        raise ValueError
    inputs = {name: one for block in view.state.values.values() for name, one in block.items()}
    category, safe = inputs[_CATEGORY].selected_option, inputs[_SAFE].selected_option
    if category is None or safe is None or safe.value not in ("yes", "no"):
        raise ValueError
    texts = {one: plain((inputs[one].value if one in inputs else None) or "", NOTE_LENGTH) for one in _TEXTS}
    return ReviewGiven(
        incident_id=msgspec.convert(view.private_metadata, _Id),
        by=_who(payload.user),
        failure_category=Category(category.value),
        safe_to_retry=safe.value == "yes",
        note=texts[_NOTE],
        done=texts[_DONE],
    )


def _who(user: _User) -> str:
    name = plain(user.username or user.name, 80)
    return f"{name} (Slack {user.id})" if name else f"Slack {user.id}"


def _answer_to(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    plainly = url.isascii() and url.isprintable() and " " not in url and len(url) <= 500
    return url if plainly and parts.scheme == "https" and parts.netloc == _ANSWERS else None


def _input(name: str, label: str, element: dict[str, Any], *, optional: bool = False) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": _plainly(label),
        "element": {"action_id": name, **element},
        "optional": optional,
    }


def _option(text: str, value: str) -> dict[str, Any]:
    return {"text": _plainly(text), "value": value}


def _plainly(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}
