"""Redaction of free text and job arguments.

What it removes: secrets, personal data, and row values that errors embed. What it keeps: run and snapshot ids,
table names, paths, times, error classes. Every removed value becomes the same keyed token everywhere.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pipetriage.context.patterns import (
    CONTROL,
    DATA_KEY_NAME,
    FRAMES,
    HARMLESS,
    RULES,
    SECRET_NAME,
    SECRET_WORD,
    SIGNED_QUERY,
    STRAY_MARKS,
    TOKEN,
    Frame,
    Rule,
)

LINE_LIMIT = 16 * 1024
"""Characters; a longer line keeps its head and its tail."""
_HEAD, _TAIL = 12 * 1024, 3 * 1024
# How near a secret's value may stand to the word that makes it one: the longest reach of the rules.
_REACH = 160
_FRAME_LIMIT = 16 * 1024
_SHORT = 512
"""Characters up to which a redacted text is remembered."""
# Replacing a value can bring out another next to it; real text is stable after the second pass.
_PASSES = 6
_BOUNDARIES = frozenset(" \t\"',;&<>|")


class Redactor:
    """Replaces sensitive values by tokens such as ``‹email:3fa9c1d2›``.

    Args:
        keep: values that are never replaced (those of the declared partition field).
        key: the HMAC key of the tokens. The default is the same for everyone, so that a bundle and the live run
            give the same tokens; it hides values from a reader, not from someone who guesses a value and
            hashes it. A deployment sets its own.
    """

    def __init__(self, keep: frozenset[str] = frozenset(), key: bytes | None = None) -> None:
        self._keep = keep
        self._key = b"pipetriage" if key is None else key
        # A run's ids, paths and error lines come again and again.
        self._short = lru_cache(maxsize=4096)(self._redacted)

    def text(self, s: str) -> str:
        """Redact a text of any length in linear time; ``text(text(s)) == text(s)``.

        Control characters but line feed and tab are dropped, lines over 16 KiB are cut in their middle.
        """
        return self._short(s) if len(s) <= _SHORT else self._redacted(s)

    def _redacted(self, s: str) -> str:
        s = CONTROL.sub("", s.replace("\r\n", "\n").replace("\r", "\n"))
        s = STRAY_MARKS.sub(_plain_mark, s)
        for _ in range(_PASSES):
            before = s
            if len(s) > LINE_LIMIT:
                s = "\n".join(cut_line(line) for line in s.split("\n"))
            s = self._pass(s)
            if s == before:
                break
        return s

    def arguments(self, d: Mapping[str, Any]) -> dict[str, str]:
        """Redact job arguments: the value of a secret-looking name whole, any other as text."""
        return {self.text(str(name)): self._argument(str(name), value) for name, value in d.items()}

    def token(self, kind: str, value: str) -> str:
        """Give the token that stands for this value everywhere."""
        digest = hmac.new(self._key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
        return f"‹{kind}:{digest[:8]}›"

    def _argument(self, name: str, value: object) -> str:
        text = "" if value is None else str(value)
        secret = SECRET_NAME.search(name) and not DATA_KEY_NAME.search(name)
        if secret and text and text not in self._keep and not _is_plain(text) and not TOKEN.fullmatch(text):
            return self.token("secret", text)
        return self.text(text)

    def _pass(self, s: str) -> str:
        for frame in FRAMES:
            if frame.start in s:
                s = self._framed(s, frame)
        lowered = s.lower()
        for rule in RULES:
            if _may_match(rule, lowered):
                s = rule.pattern.sub(lambda match, rule=rule: self._ruled(match, rule), s)  # type: ignore[misc]
        return s

    def _ruled(self, match: re.Match[str], rule: Rule) -> str:
        groups = match.groupdict()
        group = "v" if groups.get("v") is not None else "u"
        start, end = match.span(group)
        value = match[group]
        if rule.name in ("name = value", "name: 'value'"):
            # The backslash of an escaped closing quote is no part of the value.
            end -= len(value) - len(value.rstrip("\\"))
            value = value.rstrip("\\")
        end -= len(value) - len(value := _judged(rule, match, value))
        if not value or value in self._keep:
            return match[0]
        whole, offset = match[0], match.start()
        return whole[: start - offset] + self.token(rule.kind, value) + whole[end - offset :]

    def _framed(self, s: str, frame: Frame) -> str:
        parts, position = [], 0
        while (found := s.find(frame.start, position)) >= 0:
            begin = found + len(frame.start)
            limit = begin + _FRAME_LIMIT
            line_end = s.find("\n", begin, limit)
            line_end = min(len(s), limit) if line_end < 0 else line_end
            reach = limit if frame.several_lines else line_end
            ends = [end for mark in frame.ends if (end := s.find(mark, begin, reach)) >= 0]
            if not ends and frame.needs_end:
                parts.append(s[position:begin])
                position = begin
                continue
            fallback = min(len(s), limit) if frame.several_lines else line_end
            end = min(ends, default=fallback)
            value = s[begin:end].strip(" '\"\n\t.")
            keep = not value or value in self._keep or _is_plain(value) or TOKEN.fullmatch(value)
            framed = s[begin:end]
            parts.append(s[position:begin])
            parts.append(framed if keep else framed.replace(value, self.token("value", value)))
            position = end
        parts.append(s[position:])
        return "".join(parts)


def _may_match(rule: Rule, lowered: str) -> bool:
    # A plain loop: this runs for each rule of each text, and a generator costs thrice as much.
    for hint in rule.hints:
        if hint in lowered:
            return True
    return not rule.hints


def cut_line(line: str) -> str:
    """Cut the middle out of a line over 16 KiB, at places where no value is torn in two.

    A torn value would no longer look like one and pass redaction; nor may a value lose the word before
    it that makes it a secret.
    """
    if len(line) <= LINE_LIMIT:
        return line
    head_end = _HEAD
    while head_end > 0 and line[head_end - 1] not in _BOUNDARIES:
        head_end -= 1
    # A secret word this near the cut may have lost its value's end: the value would swallow the tail.
    if word := SECRET_WORD.search(line, max(0, head_end - _REACH), head_end):
        head_end = word.start()
    head = line[:head_end].rstrip("0123456789 -()+.")
    start = _boundary_after(line, len(line) - _TAIL)
    while start < len(line):
        words = list(SECRET_WORD.finditer(line, max(0, start - _REACH), start))
        if not words:
            break
        start = _boundary_after(line, max(start, words[-1].end() + _REACH))
    tail = line[start:].lstrip("0123456789 -()+.")
    return f"{head} …[{len(line) - len(head) - len(tail)} characters cut]… {tail}"


def _boundary_after(line: str, position: int) -> int:
    while position < len(line) and line[position] not in _BOUNDARIES:
        position += 1
    return position


def _plain_mark(match: re.Match[str]) -> str:
    if match["stray"] is None:
        return match[0]
    return "<" if match[0] == "‹" else ">"


def _is_plain(value: str) -> bool:
    return HARMLESS.fullmatch(value) is not None


def _judged(rule: Rule, match: re.Match[str], value: str) -> str:
    """Give the part of the value that is really one; empty when its checksum or its content says that it is not."""
    match rule.name:
        case "signed query":
            return value if SIGNED_QUERY.search(value) else ""
        case "card":
            near = match.string[max(0, match.start() - 24) : match.start()].lower()
            return value if _luhn(value) and "snapshot" not in near else ""
        case "iban":
            return _iban(value)
        case "name = value" | "name: 'value'" | "name: value" | "--name value":
            return "" if _is_plain(value) else value
        case _:
            return value


def _luhn(number: str) -> bool:
    digits = [int(character) for character in reversed(number) if character.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _iban(value: str) -> str:
    """Give the longest head of the groups whose ISO 13616 check digits are right, or nothing."""
    groups = value.split(" ")
    for count in range(len(groups), 0, -1):
        candidate = "".join(groups[:count])
        if not 15 <= len(candidate) <= 34:
            continue
        if int("".join(str(int(c, 36)) for c in candidate[4:] + candidate[:4])) % 97 == 1:
            return " ".join(groups[:count])
    return ""
