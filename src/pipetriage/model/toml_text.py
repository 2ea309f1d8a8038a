"""Keys and values as TOML. Names and values are others': none of them ends its string or its line."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}")


def toml_key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    return name if _BARE_KEY.fullmatch(name) else _toml_string(name)


def toml_value(value: Any) -> str:
    """Write a value on one line.

    Raises:
        TypeError: it is of a kind that no setting has.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _toml_string(value)
        case Mapping():
            return "{ " + ", ".join(f"{toml_key(str(key))} = {toml_value(one)}" for key, one in value.items()) + " }"
        case Sequence():
            return "[" + ", ".join(toml_value(one) for one in value) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _toml_string(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    kind = unicodedata.category(char)
    if kind == "Cs":
        return "\ufffd"  # half a character: TOML has no way to write it
    if kind in ("Cc", "Cf", "Zl", "Zp"):
        return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    return char
