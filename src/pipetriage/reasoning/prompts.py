"""The prompt: a file with a version, whose sections are put around the evidence. Nothing untrusted is ever in it."""

import hashlib
import re
from functools import cache
from importlib import resources

import msgspec

_SECTION = re.compile(r"^# (\w+)$", re.MULTILINE)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """The sections of ``prompt.md``, without surrounding blank lines."""

    version: str
    instructions: str
    examples: str
    rules: str
    asking: str
    """With ``{kinds}`` for the kinds of further evidence on offer."""
    question: str


@cache
def prompt() -> Prompt:
    """Read the prompt that the package carries."""
    text = resources.files("pipetriage.reasoning").joinpath("prompt.md").read_text(encoding="utf-8")
    head, *parts = _SECTION.split(text)
    sections = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    return msgspec.convert({"version": head.partition(":")[2].strip(), **sections}, Prompt)


def fingerprint(of: Prompt) -> str:
    """Hash a prompt: a changed text under an old version is a mistake that a test finds."""
    return hashlib.sha256(msgspec.json.encode(of)).hexdigest()[:16]
