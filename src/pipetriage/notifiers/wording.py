"""A message in plain words, laid out once for all channels: each of them escapes and places what it is given here."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from pipetriage.model.message import Message, What

_T = TypeVar("_T")

# ECMA-48 control sequences (CSI … final byte) and operating-system commands (OSC … BEL or ST), so that their parameters
# go with them. The classes do not overlap: linear time.
_CONTROL_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")
_SYSTEM_COMMAND = re.compile(r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are left out: control characters; invisible ones, among them those that reverse the direction
of writing; halves of a character; characters that nobody has defined; separators of lines and paragraphs."""
_BLANK = frozenset("\t\n\r\v\f\u2028\u2029\u0085")

_LINK_LENGTH = 2000
"""Longer addresses are cut by clients; Slack takes 3,000."""


class Measure(NamedTuple):
    """How much may be said."""

    line: int
    """Of one line, in UTF-16 units."""
    lines: int
    """Under one heading."""


MEASURES = (Measure(600, 12), Measure(300, 10), Measure(160, 8), Measure(80, 6), Measure(40, 4))
"""From what is read at a desk down to what fits everywhere: 8 headings of 4 lines of 40 units are under 2 KB, and under
7 KB where each character is escaped to five."""


class Section(NamedTuple):
    """One heading and what stands below it."""

    heading: str
    lines: list[str]


class Words(NamedTuple):
    """A message as every channel says it, from the top."""

    title: str
    verdict: str
    cause: str
    sections: list[Section]
    foot: list[str]
    """Why it is said here, and of which run: small print."""
    link: str | None
    """Where the whole is; it was seen to be an address that a click may open."""
    shortened: bool
    """Whether something was left out, which ``foot`` then says, with where to find it."""


def plain(text: str, most: int) -> str:
    """Give text as one line of at most so many UTF-16 units, without control sequences and invisible characters.

    UTF-16 is what JavaScript and Java count by, and is never less than what anyone else counts.
    """
    # What is far beyond the limit is not even looked at: a line of a log may have megabytes.
    text = _SYSTEM_COMMAND.sub("", _CONTROL_SEQUENCE.sub("", text[: most * 8]))
    kept = (" " if char in _BLANK else char for char in text)
    return cut(" ".join("".join(char for char in kept if unicodedata.category(char) not in _UNSEEN).split()), most)


def cut(text: str, most: int) -> str:
    """Give text of at most so many UTF-16 units; what was cut ends in an ellipsis."""
    if units(text) <= most:
        return text
    kept = text.encode("utf-16-le", "ignore")[: (most - 1) * 2].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"


def units(text: str) -> int:
    """Count UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def safe_link(message: Message) -> str | None:
    """Give the message's link if a click may open it: http or https, a host, no credentials, printable ASCII."""
    link = message.link or ""
    if not link.isascii() or not link.isprintable() or " " in link or len(link) > _LINK_LENGTH:
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    plainly = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return link if plainly and not any(char in link for char in "<>|\"'`\\") else None


def say(message: Message, measure: Measure = MEASURES[0]) -> Words:
    """Lay a message out."""
    taken = _Taken(measure)
    # Empty texts are refused by half of the vendors.
    title = plain(message.title, 240) or "pipetriage"
    verdict = plain(message.verdict, 80) or "no verdict"
    cause = taken.line(message.cause) or "no cause is known"
    link = safe_link(message)
    sections = [
        Section("Why", taken.lines(message.why)),
        Section("Written", taken.lines(message.written)),
        Section("Read by", taken.lines(message.exposed)),
        Section("Next", taken.lines([message.next_step])),
        Section("Needs approval by", taken.lines([message.approver or ""])),
        Section("Taken on by", taken.lines([message.acknowledged or ""])),
        Section("Seen before", taken.lines([message.recurrence or ""])),
        Section("Earlier attempts", taken.lines(message.earlier)),
    ]
    foot = [*taken.lines(_because(message)), *taken.lines([_run(message)])]
    if taken.shortened:
        whole = link or f"pipetriage incidents show {plain(message.incident_id, 80)}"
        foot.append(f"Shortened. The whole: {whole}")
    elif link is None and message.what is not What.TEST:
        foot.append(f"More: pipetriage incidents show {plain(message.incident_id, 80)}")
    found = [section for section in sections if section.lines]
    return Words(title, verdict, cause, found, foot, link, taken.shortened)


def fitting(message: Message, build: Callable[[Words], _T], fits: Callable[[_T], bool]) -> _T:
    """Say as much as fits: build what a channel sends from ever fewer words, until it is within that channel's limits.

    The last measure is small enough for every channel, and is not asked about.
    """
    for measure in MEASURES[:-1]:
        built = build(say(message, measure))
        if fits(built):
            return built
    return build(say(message, MEASURES[-1]))


def as_text(words: Words, *, title: bool = False) -> str:
    """Write it as plain text, for a mail or a ticket."""
    lines = [words.title, ""] if title else []
    lines += [words.verdict, words.cause, ""]
    for heading, said in words.sections:
        lines += [f"{heading}: {said[0]}"] if len(said) == 1 else [f"{heading}:", *(f"  - {line}" for line in said)]
    lines += ["", *words.foot]
    if words.link and not words.shortened:
        lines.append(f"More: {words.link}")
    return "\n".join(lines)


def reply(message: Message, most: int = 300) -> list[str]:
    """Say what is new, below a head that says the whole: what happened, why, what to do; of each so much at most."""
    attempt = f"attempt {message.attempt}, " if message.attempt else ""
    lines = [
        f"{attempt}{plain(message.job_run_id, 100)}: {plain(message.verdict, 80)}",
        plain(message.cause, most),
        f"Next: {plain(message.next_step, most)}",
    ]
    if message.approver:
        lines.append(f"Needs approval by: {plain(message.approver, 100)}")
    return lines


class _Taken:
    """Lines as they are taken from a message, and whether something was left out."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self.shortened = False

    def line(self, text: str) -> str:
        whole = plain(text, self._measure.line)
        self.shortened = self.shortened or whole.endswith("…") or len(text) > self._measure.line * 8
        return whole

    def lines(self, several: Sequence[str]) -> list[str]:
        most = self._measure.lines
        found = [line for line in (self.line(text) for text in several[:most]) if line]
        more = len(several) - most
        if more > 0:
            self.shortened = True
            found.append(f"and {more:,} more")
        return found


def _because(message: Message) -> list[str]:
    who = f" (owner: {message.owner})" if message.owner else ""
    return [f"Told here because: {message.because}{who}"] if message.because else []


def _run(message: Message) -> str:
    at = f"{message.as_of:%Y-%m-%d %H:%M} UTC"
    attempt = f"attempt {message.attempt}, " if message.attempt else ""
    return f"{message.job_run_id}: {attempt}{message.status}, evidence of {at}, confidence {message.confidence:.2f}"
