"""A service in this process, asked as a program would ask it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from starlette.testclient import TestClient

from pipetriage.bootstrap import App, open_app
from pipetriage.entrypoints.web.service import service
from pipetriage.model.access import Scope, Token, digest_of, new_secret
from pipetriage.stores import IncidentStore, open_store


def make_token(store: IncidentStore, *scopes: Scope, name: str = "ada", **more: datetime | None) -> str:
    """Keep a token, and give its secret."""
    secret = new_secret()
    made = {"created_at": datetime.now(UTC), "expires_at": None, **more}
    token_id = digest_of(secret)[:8]
    store.access().add_token(
        Token(token_id=token_id, name=name, scopes=frozenset(scopes), digest=digest_of(secret), **made)  # type: ignore[arg-type]
    )
    return secret


class Service:
    """The service of one store, with a token that may do everything unless another one is shown."""

    def __init__(self, folder: Path, *, config: Path | None = None, scopes: Iterable[Scope] = Scope) -> None:
        url = str(folder / "incidents.db")
        self.store: IncidentStore = open_store(url)
        self.program: App = open_app(config=config, store_url=url)
        self.secret = make_token(self.store, *scopes)
        self.client = TestClient(service(self.program, None), base_url="http://localhost", follow_redirects=False)
        self.client.headers["authorization"] = f"Bearer {self.secret}"
