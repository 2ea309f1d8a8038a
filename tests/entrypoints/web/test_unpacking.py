"""A submitted bundle is unpacked within bounds and nowhere else, whatever the archive says."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipetriage.entrypoints.web import unpacking
from pipetriage.entrypoints.web.unpacking import unpack_bundle
from pipetriage.errors import BundleError

Fill = Callable[[tarfile.TarFile], None]


def packed(fill: Fill) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        fill(archive)
    return written.getvalue()


def add(archive: tarfile.TarFile, name: str, content: bytes = b"{}", **more: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in more.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


def refused(body: bytes, folder: Path) -> str:
    with pytest.raises(BundleError) as raised:
        unpack_bundle(body, folder)
    return str(raised.value)


@pytest.mark.parametrize("name", ["bundle.json", "./bundle.json", "day/bundle.json"])
def test_a_bundle_is_unpacked_at_the_top_or_in_the_one_folder_that_it_is(tmp_path: Path, name: str) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        add(archive, name)
        add(archive, name.replace("bundle.json", "logs/a.log"), b"x")

    whole = unpack_bundle(packed(fill), tmp_path)

    assert (whole / "bundle.json").read_bytes() == b"{}"
    assert (whole / "logs/a.log").read_bytes() == b"x"
    assert (whole / "logs/a.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", "x" * 2000])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()

    assert "leads out" in refused(packed(lambda archive: add(archive, name)), inner)
    assert list(tmp_path.iterdir()) == [inner]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        add(archive, "logs", b"", type=kind, linkname="/etc")
        add(archive, "logs/passwd", b"x")

    assert "neither file nor folder" in refused(packed(fill), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    def fill(archive: tarfile.TarFile) -> None:
        add(archive, "bundle.json")
        add(archive, "bundle.json", b"other")

    assert refused(packed(fill), tmp_path)
    assert (tmp_path / "bundle.json").read_bytes() == b"{}"


def test_a_bomb_is_given_up_at_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MAX_UNPACKED", 4_000_000)
    body = packed(lambda archive: add(archive, "bundle.json", b"\0" * 40_000_000))
    assert len(body) < 100_000

    assert "unpacks to more than 4000000 bytes" in refused(body, tmp_path)
    assert sum(one.stat().st_size for one in tmp_path.rglob("*")) <= 4_000_000


def test_a_header_that_claims_a_long_name_is_bounded_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MAX_UNPACKED", 4_000_000)
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 60_000_000

    assert "unpacks to more" in refused(gzip.compress(name.tobuf(tarfile.GNU_FORMAT) + b"a" * 60_000_000), tmp_path)


def test_a_header_that_claims_more_than_there_is_is_refused(tmp_path: Path) -> None:
    claims = tarfile.TarInfo("bundle.json")
    claims.size = 2**40

    assert refused(gzip.compress(claims.tobuf() + b"{}"), tmp_path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "_MAX_FILES", 10)

    def fill(archive: tarfile.TarFile) -> None:
        for number in range(11):
            add(archive, f"logs/{number}")

    assert "more than 10 files" in refused(packed(fill), tmp_path)


NO_BUNDLES = {
    "empty": b"",
    "no gzip": b"no gzip",
    "nothing in it": gzip.compress(b""),
    "no tar": gzip.compress(b"no tar at all" * 100),
    "cut off": packed(lambda archive: add(archive, "bundle.json", bytes(range(256)) * 90))[:200],
    "damaged": packed(lambda archive: add(archive, "bundle.json"))[:-9] + b"\0" * 9,
    "no bundle.json": packed(lambda archive: add(archive, "else.json")),
    "too deep": packed(lambda archive: add(archive, "a/b/bundle.json")),
}


@pytest.mark.parametrize("which", NO_BUNDLES)
def test_what_is_no_bundle_says_how_one_is_made(tmp_path: Path, which: str) -> None:
    assert "tar czf - -C BUNDLE ." in refused(NO_BUNDLES[which], tmp_path)
