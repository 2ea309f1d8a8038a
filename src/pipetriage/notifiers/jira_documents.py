"""A message in Jira's Atlassian Document Format: text nodes only, which hold no markup and mention nobody."""

import hashlib
from typing import Any

import msgspec

from pipetriage.model.message import Message
from pipetriage.notifiers.wording import Section, Words, cut, fitting, plain, reply

_SUMMARY = 255
_DOCUMENT = 32_767
"""Characters of a text field, by Jira's default; counted over the whole document, of which the text is a part."""


def summary(message: Message) -> str:
    """Give an issue's one line."""
    return plain(message.title, _SUMMARY) or "pipetriage"


def description(message: Message) -> dict[str, Any]:
    """Give an issue's description: the whole, by the latest verdict."""
    return fitting(message, _document, lambda found: len(msgspec.json.encode(found)) <= _DOCUMENT)


def note(message: Message, key: str) -> dict[str, Any]:
    """Give a comment: what is new, and by which delivery it was said."""
    first, *rest = reply(message)
    lines = [_paragraph(_text(first, strong=True)), *(_paragraph(_text(line)) for line in rest)]
    return _doc([*lines, _paragraph(_text(delivery_mark(key)))])


def delivery_mark(key: str) -> str:
    """Give what a comment is known by, so that it is not made twice."""
    return f"pipetriage {hashlib.sha256(key.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"


def _document(words: Words) -> dict[str, Any]:
    blocks = [_paragraph(_text(words.verdict, strong=True)), _paragraph(_text(words.cause))]
    blocks += [block for section in words.sections for block in _section(section)]
    if words.link:
        link = {"type": "text", "text": "Open the incident"}
        blocks.append(_paragraph(link | {"marks": [{"type": "link", "attrs": {"href": words.link}}]}))
    return _doc([*blocks, *(_paragraph(_text(line)) for line in words.foot)])


def _section(section: Section) -> list[dict[str, Any]]:
    heading = _text(f"{section.heading}:", strong=True)
    if len(section.lines) == 1:
        return [_paragraph(heading, _text(f" {section.lines[0]}"))]
    items = [{"type": "listItem", "content": [_paragraph(_text(line))]} for line in section.lines]
    return [_paragraph(heading), {"type": "bulletList", "content": items}]


def _doc(content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(*texts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(texts)}


def _text(text: str, *, strong: bool = False) -> dict[str, Any]:
    # A text node may not be empty.
    node: dict[str, Any] = {"type": "text", "text": cut(text, 4000) or "-"}
    return node | {"marks": [{"type": "strong"}]} if strong else node
