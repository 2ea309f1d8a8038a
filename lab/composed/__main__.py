"""``python -m lab.composed --out cases``: writes the composed cases, the same bytes every time."""

import argparse
import json
import shutil
from pathlib import Path

from lab.composed.builder import build
from lab.composed.catalogue import cases
from lab.composed.labels import summary
from lab.composed.words import Case

PREFIXES = ("aws_", "adv_")


def write(case: Case, root: Path) -> int:
    """Write one case's folder anew; gives its bytes."""
    folder, size = root / case.name, 0
    if folder.exists():
        shutil.rmtree(folder)
    for path, text in build(case).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode("utf-8", "surrogateescape")
        target.write_bytes(data)
        size += len(data)
    return size


def remove_stale(root: Path, names: set[str]) -> list[str]:
    """Remove composed cases that nothing makes any more; gives their names."""
    found = sorted(one for one in root.iterdir() if one.is_dir() and one.name.startswith(PREFIXES))
    stale = [one for one in found if one.name not in names]
    for folder in stale:
        shutil.rmtree(folder)
    return [folder.name for folder in stale]


def main() -> None:
    """Write all cases, or the named ones."""
    parser = argparse.ArgumentParser(prog="python -m lab.composed", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder of cases")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = [case for case in cases() if arguments.only in case.name]
    sizes = {case.name: write(case, arguments.out) for case in chosen}
    stale = [] if arguments.only else remove_stale(arguments.out, set(sizes))
    total = sum(sizes.values())
    print(json.dumps(summary(tuple(chosen)), indent=1))
    each = total / max(1, len(sizes)) / 1e3
    print(f"{len(sizes)} cases, {total / 1e6:.1f} MB, {each:.1f} kB each; {len(stale)} removed")


if __name__ == "__main__":
    main()
