"""Tolerant reading of native documents: a field of the wrong type reads as absent, never as an exception."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard
from urllib.parse import unquote

_SCHEME = re.compile(r"^s3[an]://", re.IGNORECASE)


_NOTHING: Mapping[str, Any] = {}


def mapping(document: Any, *path: str) -> Mapping[str, Any]:
    """Follow the path of keys; an empty mapping where it leads nowhere."""
    for key in path:
        if not _is_mapping(document):
            return _NOTHING
        document = document.get(key)
    return document if _is_mapping(document) else _NOTHING


def _is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    # Nearly always a dict: asking the abstract class takes ten times as long, and lineage asks a million times.
    return type(value) is dict or (value is not None and isinstance(value, Mapping))


def items(document: Any, *keys: str) -> list[Any]:
    """Give the list: the document itself, or what stands under the first of the keys that holds one."""
    if isinstance(document, list):
        return document
    for key in keys:
        value = document.get(key) if isinstance(document, Mapping) else None
        if isinstance(value, list):
            return value
    return []


def mappings(document: Any, *keys: str) -> Iterable[Mapping[str, Any]]:
    """Yield the list's members that are mappings."""
    return (member for member in items(document, *keys) if _is_mapping(member))


def text(document: Mapping[str, Any], *keys: str) -> str | None:
    """Give the first non-empty scalar under the keys, as text."""
    for key in keys:
        value = document.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def integer(document: Mapping[str, Any], *keys: str) -> int | None:
    """Give the first whole number under the keys; numeric text counts."""
    number = real(document, *keys)
    return None if number is None else int(number)


def real(document: Mapping[str, Any], *keys: str) -> float | None:
    """Give the first number under the keys; numeric text counts, NaN and infinities do not."""
    for key in keys:
        value = document.get(key)
        if isinstance(value, bool) or value is None:
            continue
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
        if abs(number) < 1e300:
            return number
    return None


def exact_id(value: Any) -> str | None:
    """Give an id as text. A float has lost digits of a 19-digit snapshot id, so it is no id."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def normal_uri(uri: str) -> str:
    """Write a URI the one way we compare it: s3a and s3n are s3, file:/x is /x, no doubled slashes."""
    uri = _SCHEME.sub("s3://", uri.strip())
    if uri.lower().startswith("file:"):
        uri = "/" + unquote(uri[5:]).lstrip("/")
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return re.sub(r"/{2,}", "/", uri)
    return f"{scheme.lower()}://" + re.sub(r"/{2,}", "/", rest)


def under(uri: str, prefix: str) -> bool:
    """Whether a normalised URI is the prefix or lies below it, on path boundaries."""
    prefix = prefix.rstrip("/")
    return uri.rstrip("/") == prefix or uri.startswith(prefix + "/")
