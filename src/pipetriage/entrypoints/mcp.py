"""``pipetriage mcp``: an engineer's assistant asks; it may look, and may do nothing."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import aws_options, open_program, store_of, store_options
from pipetriage.errors import ConfigError, MissingExtraError, UsageError

_OF_THE_EXTRA = frozenset({"mcp", "mcp_types", "anyio", "pydantic", "starlette", "uvicorn", "fastapi", "limits"})


@click.command(
    "mcp",
    short_help="Let an assistant ask (MCP).",
    epilog="""\b
Tools: triage, show_incident, list_incidents, exposure, similar_incidents,
explain_rule, doctor. Every text of logs, names and notes is marked as data.

\b
Examples:
  pipetriage mcp                            over standard input and output, started by the assistant
  pipetriage mcp --config prod.toml --profile prod
  pipetriage mcp --http 127.0.0.1:8322      over HTTP, at /mcp""",
)
@click.option("--http", "listen", metavar="ADDRESS:PORT", help="Listen there in place of standard input and output.")
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="A folder whose bundles may be triaged, as bundle:NAME; nothing else of the disk is read.",
)
@aws_options
@store_options
def mcp(listen: str | None, bundles: Path | None, config: Path | None, store: str | None, **aws: str | None) -> None:
    """Serve the Model Context Protocol, so that an assistant can ask: why did last night's run fail, may I rerun it?
    Needs the mcp extra; over HTTP the serve extra, too.

    It reads. A triage keeps its incident in pipetriage's own store; nothing acts on a pipeline, a run or a table.
    """
    app = open_program(config, store, aws=aws)
    store_of(app)
    try:
        if listen is None:
            from pipetriage.entrypoints.assistant.server import make_server

            make_server(app, bundles, lambda _: True).run("stdio")
            return
        import uvicorn

        from pipetriage.entrypoints.assistant.http import PATH, application
        from pipetriage.entrypoints.serve import has_tokens
        from pipetriage.entrypoints.web.visitors import is_this_machine
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _OF_THE_EXTRA:
            raise
        raise MissingExtraError("mcp", "pipetriage mcp") from error
    address, port = _place(listen)
    token = os.environ.get(app.settings.serve.token_env) or None
    if token is None and not is_this_machine(address) and not has_tokens(store_of(app)):
        raise ConfigError(
            f"listening on {address} lets others ask: make a token first (pipetriage token create NAME), put one into "
            f"{app.settings.serve.token_env}, or listen on 127.0.0.1"
        )
    complain(f"answering on http://{address}:{port}{PATH}; Ctrl-C stops it")
    served = application(app, bundles, token, address, port)
    uvicorn.run(served, host=address, port=port, log_level="warning", server_header=False, timeout_graceful_shutdown=10)


def _place(listen: str) -> tuple[str, int]:
    address, _, port = listen.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not address or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("--http: name an address and a port, such as 127.0.0.1:8322")
    return address, int(port)
