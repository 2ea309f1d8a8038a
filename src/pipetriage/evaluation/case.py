"""The cases of a folder: one bundle a subfolder, with its label beside it."""

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from pipetriage.errors import UsageError
from pipetriage.evaluation.label import LABEL_NAME, Label, LabelError, Split, read_label
from pipetriage.evaluation.written import storable

BUNDLE_NAME = "bundle.json"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled bundle."""

    name: str
    """Its folder's name."""
    folder: Path
    label: Label | None
    """None: the label is wrong, and ``error`` says how."""
    error: str | None = None


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder holds, in the order of the names."""

    chosen: list[Case]
    unlabelled: int = 0
    """Bundles without a label: left out, and counted."""


def find_cases(folder: Path, *, only: Sequence[str] = (), split: Split | None = None) -> Cases:
    """Find the cases of a folder; a wrong label is that case's error and nobody else's.

    ``only`` are globs on the case's name; ``split`` keeps the cases whose label says so.

    Raises:
        UsageError: the folder cannot be read, holds no case, or none that was asked for.
    """
    found = _folders(folder)
    unlabelled = sum(1 for one in found if not os.path.lexists(one / LABEL_NAME))
    labelled = [_read(one) for one in found if os.path.lexists(one / LABEL_NAME)]
    if not labelled:
        raise UsageError(_why_none(folder, unlabelled))
    chosen = [case for case in labelled if not only or any(fnmatchcase(case.name, glob) for glob in only)]
    if not chosen:
        raise UsageError(f"--only {' '.join(only)}: none of the {len(labelled)} cases has such a name")
    # Which split a case with an unreadable label belongs to is not known: it stays, or its error would be lost.
    chosen = [case for case in chosen if split is None or case.label is None or case.label.split == split]
    if not any(case.label for case in chosen) and split is not None:
        raise UsageError(f"--split {split}: no label says so: write split: {split} in {LABEL_NAME}")
    return Cases(chosen=chosen, unlabelled=unlabelled)


def _folders(folder: Path) -> list[Path]:
    """List the subfolders that hold a bundle or a label; a label that lost its bundle must not vanish."""
    try:
        with os.scandir(folder) as entries:
            # A hidden folder is one that an export did not finish, or a tool's own.
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"{folder}: {said}: name a folder that holds one bundle a subfolder") from error
    # Absolute, so that no name can look like another kind of target; workers share no working folder.
    base = folder.absolute()
    found = [base / name for name in names]
    return [one for one in found if any(os.path.lexists(one / name) for name in (BUNDLE_NAME, LABEL_NAME))]


def _read(folder: Path) -> Case:
    name = storable(folder.name)
    try:
        return Case(name=name, folder=folder, label=read_label(folder / LABEL_NAME))
    except LabelError as error:
        return Case(name=name, folder=folder, label=None, error=str(error))


def _why_none(folder: Path, unlabelled: int) -> str:
    if unlabelled:
        return f"{folder} holds {unlabelled} bundles and no label: put an {LABEL_NAME} beside each {BUNDLE_NAME}"
    if (folder / BUNDLE_NAME).exists():
        return f"{folder} is a bundle itself: name the folder above it, or use pipetriage triage {folder}"
    return f"{folder} holds no case: one bundle a subfolder, with {BUNDLE_NAME} and {LABEL_NAME} (docs/evaluation.md)"
