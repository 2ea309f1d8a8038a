"""Names of datasets and jobs, as lineage, catalogs and people spell them."""

from collections.abc import Iterator

_DEEPEST = 24
"""Folders above a file that are tried as a table's location; deeper ones are not met."""


def normal_name(name: str) -> str:
    """Bring a dataset's name to the form in which names are compared: lower case, no backticks, s3a and s3n as s3."""
    text = name.strip().replace("`", "").rstrip("/").lower()
    scheme, separator, rest = text.partition("://")
    return f"s3://{rest}" if separator and scheme in {"s3a", "s3n"} else text


def spellings_of(name: str) -> Iterator[str]:
    """Yield the names under which a dataset is found: its own, a table's without its catalog, the folders of a file.

    A bare table name is only itself: two databases may both have a table ``orders``. A location is matched at a
    slash: ``…/orders`` is not ``…/orders_old``.
    """
    yield name
    if "/" not in name:
        parts = name.split(".")
        if len(parts) > 2:
            yield ".".join(parts[-2:])
        return
    above = name
    for _ in range(_DEEPEST):
        above = above.rpartition("/")[0]
        # A bucket alone, or a root, is no table's location.
        if "/" not in above.partition("://")[2] if "://" in above else above.count("/") < 2:
            return
        yield above


def may_be_one(first: str, second: str) -> bool:
    """Whether two names, as people declare them, may be one table's: the shorter one's parts end the longer one.

    For declarations only, where to take one table for another is the careful way: a bare name is any database's.
    """
    one, other = normal_name(first), normal_name(second)
    if "/" in one or "/" in other:
        return one == other
    parts = zip(reversed(one.split(".")), reversed(other.split(".")), strict=False)
    return bool(one) and all(mine == theirs for mine, theirs in parts)


def jobs_of(job: str) -> Iterator[str]:
    """Yield the names of the jobs that a job of lineage is, or is a step of: Spark names those ``job.step``."""
    name = job.casefold()
    while name:
        yield name
        name = name.rpartition(".")[0]


def is_job(job: str, name: str) -> bool:
    """Whether a job of lineage is the one of that name, or a step of it."""
    return job.casefold() == name.casefold() or job.casefold().startswith(f"{name.casefold()}.")
