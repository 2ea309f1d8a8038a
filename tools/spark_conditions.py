"""Rebuild the catalogue of Spark error conditions that the detectors fall back on.

Usage: ``pip download --no-deps pyspark==V`` for each version, then
``python tools/spark_conditions.py pyspark-*.tar.gz > src/pipetriage/detectors/spark_conditions.json``.
Reads Spark's own catalogue (Apache-2.0) out of the jars inside each archive; only names and SQLSTATEs are kept.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

# Where Spark keeps its catalogue: spark-core until 3.4, spark-common-utils since 3.5; renamed in 4.0.
_JARS = re.compile(r"/jars/spark-(?:core|common-utils)_[0-9.]{1,8}-[0-9.]{1,12}\.jar$")
_NAMES = ("error/error-conditions.json", "error/error-classes.json")
_VERSION = re.compile(r"pyspark-(\d+\.\d+)\.\d+")


def read_archive(path: Path) -> dict[str, Any]:
    """Read Spark's catalogue out of a pyspark source archive.

    Raises:
        LookupError: the archive holds none.
    """
    with tarfile.open(path, "r|gz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if _JARS.search(member.name) else None
            if stream is None:
                continue
            with zipfile.ZipFile(io.BytesIO(stream.read())) as jar:
                for name in _NAMES:
                    if name in jar.namelist():
                        catalogue: dict[str, Any] = json.loads(jar.read(name))
                        return catalogue
    raise LookupError(f"{path} holds no catalogue of error conditions")


def merge(catalogues: dict[str, dict[str, Any]]) -> dict[str, list[str | None]]:
    """Give ``condition: [SQLSTATE or None, first version, last version]``; the newest SQLSTATE wins.

    Spark's temporary names (``_LEGACY_ERROR_TEMP_…``) and subconditions without an SQLSTATE of their own are
    left out: a subcondition has its condition's.
    """
    merged: dict[str, list[str | None]] = {}
    for version, catalogue in sorted(catalogues.items()):
        for name, entry in catalogue.items():
            if name.startswith("_LEGACY"):
                continue
            known = merged.get(name, [None, version, version])
            merged[name] = [entry.get("sqlState") or known[0], known[1], version]
    return dict(sorted(merged.items()))


def main(paths: list[str]) -> None:
    """Write the catalogue of all the archives to standard output."""
    catalogues = {}
    for path in paths:
        found = _VERSION.search(Path(path).name)
        if found is None:
            raise SystemExit(f"{path}: not named like pyspark-3.5.4.tar.gz")
        catalogues[found.group(1)] = read_archive(Path(path))
    document = {
        "source": "Apache Spark error conditions (Apache-2.0), from PyPI pyspark: names and SQLSTATEs only",
        "versions": sorted(catalogues),
        "fields": "condition: [sqlstate, first version that has it, last version that has it]",
    }
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in merge(catalogues).items()]
    head = json.dumps(document, indent=1)[:-2]
    sys.stdout.write(head + ',\n "conditions": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
