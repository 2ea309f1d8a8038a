"""Commits as deployments, also of repositories that would run programs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipetriage.errors import SourceError
from pipetriage.sources import git_history
from pipetriage.sources.deployments import deployments_of
from pipetriage.sources.git_history import git_commits

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class Repository:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.day = 0
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in self._who().items()}
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments], env=environment, check=True, capture_output=True, timeout=30
        )
        return done.stdout.decode()

    def _who(self) -> dict[str, str]:
        return {"NAME": "Åsa Ek", "EMAIL": "asa@example.org", "DATE": f"2026-11-{self.day:02d}T10:00:00+02:00"}

    def commit(self, *paths: str) -> None:
        self.day += 1
        for path in paths:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(str(self.day))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"change {self.day}")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "etl")


def test_commits_have_the_bundle_s_shape(repository: Repository) -> None:
    repository.commit("jobs/orders.py")
    repository.git("tag", "v1.38.0")
    repository.commit("jobs/a file\nwith ünusual name.py", "jobs/orders.py")
    answer = deployments_of(None, "git:etl", {}, repository.folder.parent)
    assert answer.complete
    first, second = answer.payload
    assert first == {
        "version": "v1.38.0",
        "deployed_at": "2026-11-01T10:00:00+02:00",
        "commit": repository.git("rev-parse", "v1.38.0").strip(),
        "author": "Åsa Ek",
        "changed_paths": ["jobs/orders.py"],
    }
    assert second["version"] == second["commit"][:12]
    assert second["changed_paths"] == ["jobs/a file\nwith ünusual name.py", "jobs/orders.py"]


def test_a_merge_is_what_it_brought(repository: Repository) -> None:
    repository.commit("a.py")
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("b.py")
    repository.commit("c.py")
    repository.git("checkout", "-q", "main")
    repository.day += 1
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
    found = git_commits(repository.folder).found
    assert [one["changed_paths"] for one in found] == [["b.py", "c.py"], ["a.py"]]
    assert found[0]["deployed_at"].startswith("2026-11-04")


def test_another_branch_and_a_folder_of_a_larger_repository(repository: Repository) -> None:
    repository.commit("orders/job.py")
    repository.commit("clicks/job.py")
    repository.git("checkout", "-q", "-b", "release/1.2")
    repository.commit("orders/job.py", "clicks/job.py")
    repository.git("checkout", "-q", "main")
    declared = "git:etl/orders"
    base = repository.folder.parent
    assert len(deployments_of(None, declared, {}, base).payload) == 1
    released = deployments_of(None, f"{declared}#release/1.2", {}, base).payload
    assert [one["changed_paths"] for one in released] == [["orders/job.py"]] * 2


def test_bounds(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        repository.commit("a.py", *(f"b{number}.py" for number in range(60)))
    found = git_commits(repository.folder)
    assert (len(found.found), found.whole) == (4, True)
    assert {len(one["changed_paths"]) for one in found.found} == {50}
    monkeypatch.setattr(git_history, "MAX_DEPLOYMENTS", 3)
    found = git_commits(repository.folder)
    assert (len(found.found), found.whole) == (3, False)
    monkeypatch.setattr(git_history, "MAX_BYTES", 900)
    found = git_commits(repository.folder)
    assert (len(found.found), found.whole) == (1, False)
    monkeypatch.setattr(git_history, "SECONDS", 0.0)
    with pytest.raises(SourceError, match="within 0 s"):
        git_commits(repository.folder)


def test_names_cannot_pass_for_commits(repository: Repository) -> None:
    forged = f"\x1f{'0' * 40}\x1f2026-11-01T00:00:00Z\x1ftag: v9\x1fmallory.py"
    repository.commit(forged)
    found = git_commits(repository.folder).found
    assert [one["changed_paths"] for one in found] == [[forged]]


def test_no_program_of_the_repository_is_run(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a.py", "b.py")
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{sprung}'\nexit 0\n")
    trap.chmod(0o755)
    settings = ["core.fsmonitor", "core.pager", "pager.log", "diff.external", "gpg.program", "core.sshCommand"]
    settings += ["core.editor", "core.askPass", "credential.helper", "diff.trap.command", "diff.trap.textconv"]
    settings += ["core.alternateRefsCommand", "alias.log"]
    for name in settings:
        repository.git("config", name, str(trap))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "core.hooksPath", str(tmp_path))
    (repository.folder / ".git/info/attributes").write_text("* diff=trap\n")
    for hook in ("post-checkout", "post-index-change", "fsmonitor-watchman"):
        shutil.copy(trap, repository.folder / ".git/hooks" / hook)
    # A clone that lacks an object and names a program to fetch it by.
    repository.git("config", "remote.origin.url", f"ext::{trap}")
    repository.git("config", "remote.origin.promisor", "true")
    repository.git("config", "remote.origin.partialclonefilter", "tree:0")
    repository.git("config", "extensions.partialClone", "origin")
    repository.git("config", "protocol.ext.allow", "always")
    assert len(git_commits(repository.folder).found) == 1
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    (repository.folder / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(SourceError, match="cannot read the commits"):
        git_commits(repository.folder)
    assert not sprung.exists(), sprung.read_text()


def test_nothing_in_the_repository_changes(repository: Repository) -> None:
    repository.commit("a.py")

    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in repository.folder.rglob("*")}

    before = state()
    git_commits(repository.folder)
    assert state() == before


def test_the_caller_s_environment_does_not_lead_elsewhere(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit("a.py")
    other = Repository(tmp_path / "other")
    other.commit("other.py")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    assert git_commits(repository.folder).found[0]["changed_paths"] == ["a.py"]


def test_what_is_no_repository(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").mkdir()
    for folder, ref in (("plain", "HEAD"), ("nothing", "HEAD"), ("etl", "HEAD"), ("etl", "--output=x"), ("etl", "a b")):
        with pytest.raises(SourceError):
            git_commits(tmp_path / folder, ref)
    assert not (tmp_path / "x").exists()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError, match="not installed"):
        git_commits(repository.folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_else_s_repository_is_not_trusted(repository: Repository) -> None:
    repository.commit("a.py")
    os.chown(repository.folder, 65534, 65534)
    os.chown(repository.folder / ".git", 65534, 65534)
    with pytest.raises(SourceError, match="as its owner"):
        git_commits(repository.folder)
