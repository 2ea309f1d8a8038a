"""Driver logs of any length for the benchmarks, made of text that Spark 3.5.4 really wrote (``data/``).

``start`` is what a driver says of itself, ``body`` a stretch of writing Parquet with shuffles of 1,500 tasks, ``end`` a
job that fails over a KeyError in a UDF. The log keeps its layout at INFO; paths and addresses were made neutral.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"
_DAY = b"26/11/30"


def part(name: str) -> bytes:
    """Give one of the recorded parts."""
    return gzip.decompress((DATA / f"spark_driver.{name}.log.gz").read_bytes())


def body_of(lines: int) -> Iterator[bytes]:
    """Yield so many lines of ordinary output, each round of it on another day."""
    recorded = part("body").splitlines(keepends=True)
    whole = b"".join(recorded)
    number = 0
    while lines > 0:
        day = b"%02d/%02d/%02d" % (26 - number // 336 % 20, 1 + number // 28 % 12, 1 + number % 28)
        yield (whole if lines >= len(recorded) else b"".join(recorded[:lines])).replace(_DAY, day)
        lines -= len(recorded)
        number += 1


def write_log(path: Path, lines: int, *, noise: int = 0) -> int:
    """Write a failed run's log of about so many lines; give its size in bytes.

    ``noise`` puts a task's failure, with its stack trace, into each so many rounds of ordinary output.
    """
    records = list(_records(part("end")))
    lost = next(at for at, record in enumerate(records) if b" WARN TaskSetManager: Lost task" in record)
    # With what came before it: an error's excerpt has that, too.
    failure = b"".join(records[lost - 2 : lost + 1])
    with path.open("wb") as file:
        file.write(part("start"))
        for number, piece in enumerate(body_of(lines)):
            file.write(piece)
            if noise and number % noise == 0:
                file.write(failure)
        file.write(part("end"))
    return path.stat().st_size


def _records(text: bytes) -> Iterator[bytes]:
    record = b""
    for line in text.splitlines(keepends=True):
        if line.startswith(_DAY) and record:
            yield record
            record = b""
        record += line
    yield record
