"""The command line `tresen`."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="One counter for all customer channels.",
)
token_app = typer.Typer(no_args_is_help=True, help="API tokens.")
app.add_typer(token_app, name="token")
console = Console(soft_wrap=True)

Data = Annotated[Path | None, typer.Option(help="Data directory (default: $TRESEN_DATA or ./data).")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")]


def _prepare(data: Path | None, **environment: str) -> None:
    """Fills the environment before Django reads it."""
    if data is not None:
        os.environ["TRESEN_DATA"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tresen.config.settings")
    os.environ.update(environment)


@app.command()
def run(
    port: Port = 8000,
    data: Data = None,
    demo: Annotated[bool, typer.Option(help="Fill an empty installation with a demo company.")] = False,
    host: Host = "127.0.0.1",
) -> None:
    """Everything in one process: counter, desk and workers. SQLite, or PostgreSQL by DATABASE_URL."""
    _prepare(data, TRESEN_LOCAL_URL=f"http://localhost:{port}", TRESEN_ROLE="all")
    serving = import_module("tresen.config.serving")
    serving.prepare(console, demo=demo, port=port)
    serving.serve(host, port)


@app.command()
def web(port: Port = 8000, data: Data = None, host: Host = "127.0.0.1") -> None:
    """Only the counter and the desk, beside `tresen worker`. Needs PostgreSQL."""
    _prepare(data, TRESEN_LOCAL_URL=f"http://localhost:{port}", TRESEN_ROLE="web")
    serving = import_module("tresen.config.serving")
    serving.need_postgresql()
    serving.prepare(console, demo=False, port=port)
    serving.serve(host, port)


@app.command()
def worker(data: Data = None) -> None:
    """Only the work behind the counter, as many processes as you like. Needs PostgreSQL."""
    _prepare(data, TRESEN_ROLE="worker")
    serving = import_module("tresen.config.serving")
    serving.need_postgresql()
    serving.work()


@token_app.command("create")
def token_create(
    role: Annotated[str, typer.Option(help="agent, lead or administrator")] = "agent",
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    user: Annotated[str, typer.Option(help="Act as this member of staff (e-mail).")] = "",
    data: Data = None,
) -> None:
    """Makes an API token and prints it as the last word. It is stored hashed: keep it."""
    _prepare(data)
    serving = import_module("tresen.config.serving")
    serving.migrate()
    text = serving.make_token(name=name, role=role, email=user)
    typer.echo(f"Token for {user or role}: {text}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="intake, pipeline, desk, stream, start, crash, mail")],
    as_json: Annotated[bool, typer.Option("--json", help="Only the figures, as JSON.")] = False,
) -> None:
    """Measures the running product against a floor of the same run."""
    benches = import_module("tresen.bench")
    if name not in benches.NAMES:
        raise typer.BadParameter(f"one of {', '.join(benches.NAMES)}", param_hint="NAME")
    quiet = Console(quiet=True) if as_json else console
    figures = import_module(f"tresen.bench.{name}").run(context.args, quiet)
    if as_json:
        typer.echo(json.dumps(figures))


def main() -> None:
    """Entry point of the package."""
    app()
