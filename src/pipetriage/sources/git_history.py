"""Commits of a git repository on this machine's disk, as deployments of the branch that is deployed.

Git is run by its argument list, never by a shell, with nothing of the caller's environment. A repository's own
settings can name programs for git to run: the ones that ``git log`` would heed are switched off, and no object is ever
fetched from elsewhere.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from pipetriage.errors import SourceError
from pipetriage.sources.deployed import MAX_DEPLOYMENTS, Deployment, Deployments, deployment

SECONDS = 10.0
"""How long git may take: a hundred commits of a large repository take well under one."""
MAX_BYTES = 4 * 1024 * 1024
"""Of what git says; the first commit of an import may name a hundred thousand files."""
MAX_PATHS = 50
"""Changed paths kept of each commit."""

_REF = re.compile(r"[A-Za-z0-9_][\w./-]{0,200}")
_TAG = re.compile(r"tag: ([^,]{1,200})")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # A clone without all its objects would fetch them as it goes, by a program of the repository's choice.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "log.showSignature=false",
    "log.follow=false",
    "protocol.allow=never",
    "i18n.logOutputEncoding=UTF-8",
)


def git_commits(folder: Path, ref: str = "HEAD") -> Deployments:
    """Give the newest commits on a branch that changed something below a folder of a working copy.

    Merges count as what they brought to the branch. The time is that of the commit on it, the version its tag or short
    id: a branch that is deployed some other time is better told by what deploys it.

    Raises:
        SourceError: git is not installed, or the folder is in no repository that this user may read.
    """
    git = shutil.which("git")
    if git is None:
        raise SourceError("git is not installed, so that the repository's commits cannot be read")
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder.name} with a git repository: correct deployments")
    if not _REF.fullmatch(ref):
        raise SourceError(f"{ref!r} is no name of a branch: correct deployments")
    # Nobody who commits can know it, so no name of a file or author passes for the beginning of a commit.
    mark = secrets.token_hex(8)
    said = _run([git, *_arguments(folder, ref, mark)], folder)
    pieces = said.text.split(mark)[1:]
    commits = [one for piece in (pieces[:-1] if said.cut else pieces) if (one := _commit(piece)) is not None]
    whole = not said.cut and len(commits) <= MAX_DEPLOYMENTS
    return Deployments(commits[:MAX_DEPLOYMENTS], f"git log {ref} of {folder}", whole=whole)


def _arguments(folder: Path, ref: str, mark: str) -> list[str]:
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    quiet = ["--no-color", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-mailmap"]
    shape = ["-z", "--name-only", f"--format={mark}%H%x1f%cI%x1f%D%x1f%an", "--decorate-refs=refs/tags/*"]
    which = ["--first-parent", "--diff-merges=first-parent", f"--max-count={MAX_DEPLOYMENTS + 1}"]
    before = ["--no-pager", "--no-optional-locks", "-C", str(folder), *settings]
    return [*before, "log", *quiet, *shape, *which, "--end-of-options", ref, "--", "."]


class _Said(NamedTuple):
    text: str
    cut: bool


def _run(command: list[str], folder: Path) -> _Said:
    environment = _ENVIRONMENT | {"PATH": os.environ.get("PATH", os.defpath)}
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - no shell; what is not ours is a folder and a checked branch name
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=environment
        )
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        with process:
            data = process.stdout.read(MAX_BYTES + 1) if process.stdout else b""
            if len(data) > MAX_BYTES:
                process.kill()
        in_time = timer.is_alive()
        timer.cancel()
        complaints.seek(0)
        why = complaints.read(2000).decode("utf-8", "replace").strip().split("\n")[0]
    cut = len(data) > MAX_BYTES
    if not in_time:
        raise SourceError(f"git did not read {folder.name} within {SECONDS:g} s")
    if process.returncode and not cut:
        hint = ": run pipetriage as its owner, or clone it for this user" if "dubious ownership" in why else ""
        raise SourceError(f"git cannot read the commits of {folder.name} ({why}){hint}")
    return _Said(data[:MAX_BYTES].decode("utf-8", "replace"), cut)


def _commit(piece: str) -> Deployment | None:
    head, _, names = piece.partition("\0")
    fields = head.split("\x1f", 3)
    if len(fields) != 4:
        return None
    commit, at, refs, author = fields
    tag = _TAG.search(refs)
    paths = [path for path in names.removeprefix("\n").split("\0") if path]
    return deployment(tag[1] if tag else commit[:12], at, commit=commit, author=author, changed_paths=paths[:MAX_PATHS])
