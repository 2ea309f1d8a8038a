"""``pipetriage serve``: pages and API of incidents, answers for schedulers, and Slack's buttons."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import aws_options, open_program, store_of, store_options
from pipetriage.errors import ConfigError, MissingExtraError, StoreError

if TYPE_CHECKING:
    from pipetriage.stores.interface import IncidentStore


_OF_THE_EXTRA = ("uvicorn", "fastapi", "starlette", "pydantic", "jinja2", "limits", "prometheus_client", "multipart")


def has_tokens(store: IncidentStore) -> bool:
    """Whether the store has any token; false of one that keeps none."""
    try:
        return bool(store.access().tokens())
    except StoreError:
        return False


@click.command(
    short_help="Pages and API of incidents; answers for schedulers.",
    epilog="""\b
http://127.0.0.1:8321/   pages: incidents, trends, quality, readiness
/api/v1/…                the API; /openapi.json describes it
POST /gate               {"target": "glue:orders_daily/jr_…", "asker": "airflow/orders/2026-11-22"}
POST /gate/read          {"table": "analytics.orders"}
/healthz /readyz         for probes; /metrics for Prometheus

\b
Examples:
  pipetriage serve                                 for this machine only
  pipetriage token create ada --scope read --scope review && pipetriage serve --host 0.0.0.0
  curl -s localhost:8321/gate -H 'content-type: application/json' -d '{"target": "glue:orders_daily/latest"}'""",
)
@click.option("--host", metavar="ADDRESS", help="Where to listen.  [default: serve.host, 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="On which port.  [default: serve.port, 8321]")
@aws_options
@store_options
def serve(host: str | None, port: int | None, config: Path | None, store: str | None, **aws: str | None) -> None:
    """Serve pages and API of the incidents, answer schedulers and Slack's buttons, tell people of what is triaged.
    Needs the serve extra.

    Whatever cannot be answered is a no with its reason. Nothing here acts on a pipeline, a run or a table.
    """
    try:
        import uvicorn

        from pipetriage.entrypoints.web.service import service
        from pipetriage.entrypoints.web.visitors import is_this_machine
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _OF_THE_EXTRA:
            raise
        raise MissingExtraError("serve", "pipetriage serve") from error
    from pipetriage.entrypoints.telling_text import telling

    app = open_program(config, store, aws=aws)
    kept = store_of(app)
    settings = app.settings.serve
    address, token = host or settings.host, os.environ.get(settings.token_env) or None
    if token is None and not is_this_machine(address) and not has_tokens(kept):
        raise ConfigError(
            f"listening on {address} lets others ask: make a token first (pipetriage token create NAME), put one into "
            f"{settings.token_env}, or leave out --host"
        )
    server = uvicorn.Server(
        uvicorn.Config(
            service(app, token),
            host=address,
            port=settings.port if port is None else port,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=5,
            limit_concurrency=200,
            timeout_graceful_shutdown=30,
        )
    )
    complain(f"answering on http://{address}:{settings.port if port is None else port}; Ctrl-C stops it")
    with telling(app, threading.Event()):
        server.run()
