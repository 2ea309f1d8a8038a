"""Making text that others wrote harmless to a terminal, or to a page."""

import re
import unicodedata

# ECMA-48 control sequences (CSI … final byte) and operating-system commands (OSC … BEL or ST), so that their
# parameters go with them. The classes do not overlap: linear time.
_CONTROL_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")
_SYSTEM_COMMAND = re.compile(r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?")

# Cc: control characters; Cf: invisible ones, among them those that reverse the direction of writing; Cs: halves of a
# character; Zl, Zp: line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    """Give the text as one line without control sequences and invisible characters."""
    text = _SYSTEM_COMMAND.sub("", _CONTROL_SEQUENCE.sub("", text))
    kept = (" " if char in "\t\n\r\v\f\u2028\u2029" else char for char in text)
    return " ".join("".join(char for char in kept if unicodedata.category(char) not in _UNSEEN).split())


def plain_lines(text: str) -> str:
    """Do the same, with its lines and every blank kept."""
    text = _SYSTEM_COMMAND.sub("", _CONTROL_SEQUENCE.sub("", text))
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in _UNSEEN)


def visible(text: str) -> str:
    """Give the text with what cannot be seen made visible, its lines and every blank kept: for a page, where a control
    character does no harm, and hiding it might."""
    if text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in _UNSEEN else _name(char) for char in text
    )


def _name(char: str) -> str:
    code = ord(char)
    # U+2400 and on: the pictures of the control characters.
    return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"
