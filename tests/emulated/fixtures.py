"""Fixtures of the emulated account. A room's conftest.py imports them by name:

from tests.emulated.fixtures import account, aws_environment, emulator  # noqa: F401
"""

from collections.abc import Iterator

import pytest

from tests.emulated.account import EmulatedAccount


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of this machine's own AWS configuration be seen."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in EmulatedAccount.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatedAccount]:
    """One server for all tests of a process; it takes about a second to start."""
    with EmulatedAccount() as account:
        yield account


@pytest.fixture
def account(emulator: EmulatedAccount, aws_environment: None) -> EmulatedAccount:
    """An empty account, with credentials for it in the environment."""
    emulator.reset()
    return emulator
