"""A message as a mail: text, simple HTML, and the picture of who read what."""

import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from pipetriage.model.message import Message, Severity
from pipetriage.notifiers.interface import Sending
from pipetriage.notifiers.wording import Section, Words, as_text, plain, say

_SUBJECT = 200
_PICTURE_BYTES = 1024 * 1024
"""Larger pictures are left out: the incident's page has them."""
_IMPORTANCE = {Severity.CRITICAL: "high", Severity.ERROR: "normal", Severity.WARNING: "normal", Severity.INFO: "low"}


def mail(sending: Sending, sender: str, to: list[str]) -> EmailMessage:
    """Make the mail. No header holds anything but one line of plain text; the library refuses any other."""
    message, words = sending.message, say(sending.message)
    found = EmailMessage(policy=SMTP)
    found["From"] = sender
    found["To"] = ", ".join(to)
    found["Subject"] = plain(message.title, _SUBJECT) or "pipetriage"
    found["Date"] = format_datetime(message.created_at)
    found["Message-ID"] = message_id(sending.key, sender)
    before = [one for name in ("first", "last") if _is_id(one := sending.thread.get(name, ""))]
    if before:
        found["In-Reply-To"] = before[-1]
        found["References"] = " ".join(dict.fromkeys(before))
    found["Importance"] = _IMPORTANCE[message.severity]
    # So that no holiday notice is sent back.
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(as_text(words, title=True), cte="quoted-printable")
    found.add_alternative(page(words), subtype="html", cte="quoted-printable")
    _add_picture(found, message)
    return found


def message_id(key: str, sender: str) -> str:
    """Give a mail's id: the same for the same delivery."""
    digest = hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:40]
    return f"<pipetriage.{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"


def page(words: Words) -> str:
    """Give the HTML part: no style sheet, no picture and nothing that is loaded from elsewhere."""
    parts = [f"<h3>{escape(words.title)}</h3>", f"<p><b>{escape(words.verdict)}</b><br>{escape(words.cause)}</p>"]
    parts += [_section(section) for section in words.sections]
    if words.link:
        parts.append(f'<p><a href="{escape(words.link)}">Open the incident</a></p>')
    foot = "<br>".join(escape(line) for line in words.foot)
    return f"<html><body>{''.join(parts)}<p><small>{foot}</small></p></body></html>"


def _section(section: Section) -> str:
    if len(section.lines) == 1:
        return f"<p><b>{escape(section.heading)}:</b> {escape(section.lines[0])}</p>"
    items = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
    return f"<p><b>{escape(section.heading)}</b></p><ul>{items}</ul>"


def _add_picture(found: EmailMessage, message: Message) -> None:
    picture = message.svg.encode("utf-8", "ignore")
    if 0 < len(picture) <= _PICTURE_BYTES:
        found.add_attachment(picture, maintype="image", subtype="svg+xml", filename="who-read-it.svg")


def _is_id(text: str) -> bool:
    inside = text.removeprefix("<").removesuffix(">")
    return text == f"<{inside}>" and inside.isascii() and inside.isprintable() and not set(inside) & set(" <>")
