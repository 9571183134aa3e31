"""``clitron serve``: the current model of a CLI behind HTTP, for other programs on this machine."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from pathlib import Path

import click

from clitron_dagster.cli.common import make_settings
from clitron_dagster.errors import ClitronError

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]")


class AddressError(ClitronError):
    """A host and port that cannot be listened on, or must not be."""


@click.command()
@click.argument("cli", metavar="CLI")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="FILE.gguf", help="Another model file."
)
@click.option("--quant", metavar="Q", help="Another quant of the model; default the recommended.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="Requests that are decoded together; each needs memory.",
)
@click.option(
    "--queue",
    "room",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    help="Requests that may wait; more are refused with 503 and Retry-After.",
)
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Also listen where other machines reach it, and answer to any host name.",
)
def serve(
    cli: str,
    host: str,
    port: int,
    model: Path | None,
    quant: str | None,
    parallel: int,
    room: int,
    allow_remote: bool,
) -> None:
    """Answer requests for CLI over HTTP, with the model loaded once and the schema's constraint.

    \b
    clitron serve git
    curl http://127.0.0.1:8080/v1/interpret -d '{"request": "undo my last commit"}'
    curl http://127.0.0.1:8080/v1/interpret \\
      -d '{"request": "push this", "context": {"git": {"current_branch": "main"}}}'

    \b
    POST /v1/interpret         the answer, its argv and quoted line, confidence, effect, what
                               each option does; `band`: offer, confirm, suggest or ask
    POST /v1/chat/completions  for OpenAI's clients: base_url http://127.0.0.1:8080/v1, any key;
                               the last user message is the request, the content is the JSON
    GET  /v1/models            the model's name
    GET  /health               200 while it works

    The server runs no command: what asks it decides, and a `destructive` one is worth a question.
    It reads no folder; what "this branch" means has to be in `context`.

    There is no login. It listens on this machine only, unless --allow-remote is given; then whoever
    reaches the port can ask, so put a proxy with a login before it. Ctrl-C or SIGTERM finishes what
    is being answered and ends with exit code 0. More: docs/serving.md
    """  # fmt: skip
    from clitron_dagster.cli.model import find_model

    settings = make_settings()
    schema = settings.load(cli)
    file = find_model(settings, cli, model, quant)
    with listen(host, port, allow_remote=allow_remote) as listener:
        import uvicorn

        from clitron_dagster.serve.app import make_app
        from clitron_dagster.serve.worker import Answerer, Worker

        answerer = Answerer(schema, file, parallel=parallel)
        try:
            for warning in answerer.warnings:
                click.echo(f"warning: {warning}", err=True)
            if allow_remote:
                words = "whoever reaches this port can ask the model; there is no login"
                click.echo(f"warning: {words}", err=True)
            with Worker(answerer, parallel=parallel, room=room) as worker:
                hosts = None if allow_remote else [*LOCAL_NAMES, host]
                config = uvicorn.Config(
                    make_app(schema, worker, name=file.stem, hosts=hosts),
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=30,
                )
                server = uvicorn.Server(config)
                for number in (
                    signal.SIGINT,
                    signal.SIGTERM,
                ):  # uvicorn raises them again at its end
                    signal.signal(number, server.handle_exit)
                click.echo(f"{file.stem} answers on {_url(listener)}; Ctrl-C stops it")
                server.run(sockets=[listener])
        finally:
            answerer.close()
    click.echo("stopped")


def listen(host: str, port: int, *, allow_remote: bool) -> socket.socket:
    """A listening socket; the address that is looked at is the one that is bound.

    Raises:
        AddressError: there is no such address, other machines could reach it, or it is taken.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise AddressError(f"--host {host} is no address of this machine; try 127.0.0.1") from None
    family, _, _, _, address = found[0]
    if not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback and not allow_remote:
        raise AddressError(
            f"--host {host} is reached from other machines, and there is no login; listen on "
            "127.0.0.1, or add --allow-remote if that is what you want"
        )
    try:
        return socket.create_server(address[:2], family=family, backlog=256)
    except OSError as error:
        said = os.strerror(error.errno).lower() if error.errno else str(error)
        raise AddressError(
            f"cannot listen on {host}, port {port}: {said}; give another --port, or 0 for a free one"
        ) from None


def _url(listener: socket.socket) -> str:
    name, port = listener.getsockname()[:2]
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
