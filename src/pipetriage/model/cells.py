"""How a cell of a table is compared with a declared value: each store writes the same value in its own way."""

import re

# 7.0 is 7: a whole number in a column of floating point or decimals.
_WHOLE = re.compile(r"([+-]?\d{1,40})\.0{1,40}")
_BOOLEANS = frozenset({"true", "false"})


def same_cell(value: object, declared: object) -> bool:
    """Whether both are one value as text: without padding, a whole number's ``.0``, or the case of a boolean."""
    return _text(value) == _text(declared)


def _text(value: object) -> str:
    text = str(value).strip()
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    return text.casefold() if text.casefold() in _BOOLEANS else text
