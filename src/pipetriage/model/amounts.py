"""Sizes and times in words, as a statement gives them."""


def of_bytes(size: float) -> str:
    """Write a size in binary units, with three digits that matter."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{_short(size / factor)} {unit}"
    return f"{size:.0f} bytes"


def of_ms(milliseconds: float) -> str:
    """Write a time in the unit that a person would use."""
    seconds = milliseconds / 1000
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 2 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds >= 1:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{milliseconds:.0f} ms"


def of_share(share: float) -> str:
    """Write a share in percent; never 100% of what is less."""
    percent = share * 100
    return f"{min(percent, 99.9):.1f}%" if percent >= 99 and share < 1 else f"{percent:.0f}%"


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"
