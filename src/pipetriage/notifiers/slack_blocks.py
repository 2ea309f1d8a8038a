"""A message as Slack's blocks: text that others wrote is never markup, a mention or an address to click."""

from typing import Any

import msgspec

from pipetriage.model.message import Message, What
from pipetriage.notifiers.wording import Section, Words, cut, fitting, plain, reply, say, units

# Limits by Slack's reference of blocks and composition objects.
_HEADER, _SECTION, _BLOCKS = 150, 3000, 50
_NAME = 200
"""UTF-16 units of a topic and of an incident's id: both stand in a button's value, which may have 2,000."""
_WHOLE = 12_000
"""UTF-16 units of a message's sections together: Slack refuses more than about 13,000 (``msg_blocks_too_long``)."""
_CONTEXT = 10
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""By Slack's reference all that needs it: without ``<`` there is no mention, no link and no command."""

ACKNOWLEDGE, REVIEW, LINK = "pipetriage_acknowledge", "pipetriage_review", "pipetriage_link"
"""The only actions there are. None of them does anything to a pipeline, a table or a run."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, rename={"topic": "t", "incident": "i"}):
    """What a button is about; carried by Slack in the button's value."""

    topic: str
    incident: str


def head(message: Message, *, buttons: bool, review: bool = True) -> list[dict[str, Any]]:
    """Give the blocks of a message that says the whole; with buttons only where something answers them.

    Without ``review`` there is no button for it: only a bot may show the form.
    """

    def build(words: Words) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": {"type": "plain_text", "text": cut(words.title, _HEADER), "emoji": False}},
            _section(f"*{escaped(words.verdict)}*\n{escaped(words.cause)}"),
            *(_section(_several(section)) for section in words.sections),
        ]
        actions = _actions(message, words.link, buttons=buttons, review=review)
        if actions:
            blocks.append({"type": "actions", "elements": actions})
        foot = [_text(cut(escaped(line), 2000)) for line in words.foot[:_CONTEXT]]
        return [*blocks, {"type": "context", "elements": foot}]

    return fitting(message, build, _fits)


def below(message: Message) -> str:
    """Give the text of a reply in the thread."""
    # Escaped, a character may be five; the shortest measure fits whatever they are.
    for most in (300, 150, 60):
        first, *rest = (escaped(line) for line in reply(message, most))
        text = "\n".join([f"*{first}*", *rest])
        if units(text) <= _SECTION:
            break
    return text


def summary(message: Message) -> str:
    """Give the one line that a notification on a phone shows."""
    words = say(message)
    return escaped(plain(f"{words.title}. {words.cause}", 280))


def text_block(text: str) -> dict[str, Any]:
    """Give a section of ready, escaped mrkdwn."""
    return _section(text)


def escaped(text: str) -> str:
    """Escape plain text for mrkdwn."""
    return "".join(_ESCAPED.get(char, char) for char in text)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    # Without ``verbatim`` Slack makes links of addresses, and mentions of @names and #channels.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _several(section: Section) -> str:
    lines = [escaped(line) for line in section.lines]
    if len(lines) == 1:
        return f"*{section.heading}:* {lines[0]}"
    return "\n".join([f"*{section.heading}*", *(f"• {line}" for line in lines)])


def _actions(message: Message, link: str | None, *, buttons: bool, review: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if link is not None:
        found.append({**_button(LINK, "Open the incident"), "url": link})
    # Ids of our own are plain. One that is not was not made by us, and no button would come back with it.
    ours = all(name == plain(name, _NAME) != "" for name in (message.topic, message.incident_id))
    if buttons and ours and message.what is not What.TEST:
        value = msgspec.json.encode(Subject(topic=message.topic, incident=message.incident_id)).decode()
        found.append({**_button(ACKNOWLEDGE, "Acknowledge"), "value": value})
        if review and message.count == 1:
            found.append({**_button(REVIEW, "Review the verdict"), "value": value})
    return found


def _button(action: str, text: str) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": text, "emoji": False}}


def _fits(blocks: list[dict[str, Any]]) -> bool:
    sizes = [units(block["text"]["text"]) for block in blocks if block["type"] == "section"]
    return len(blocks) <= _BLOCKS and max(sizes) <= _SECTION and sum(sizes) <= _WHOLE
