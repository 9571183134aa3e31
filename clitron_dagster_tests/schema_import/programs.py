"""Small CLIs in click, typer and argparse, as a user's package would have them."""

from __future__ import annotations

import argparse
import enum
from pathlib import Path

import click
import typer

PATH = click.Path(exists=False, dir_okay=False)


@click.group()
def cli() -> None:
    """A tool in click. Second sentence."""


@cli.command("add", short_help="Add a thing")
@click.argument("names", nargs=-1, required=True)
@click.argument("target", type=click.Path(file_okay=False))
@click.option("-l", "--label", "labels", multiple=True, help="Labels of it.")
@click.option("--kind", type=click.Choice(["big", "small"]), default="big", help="Its kind.")
@click.option("--count", "-c", type=click.IntRange(1), default=3)
@click.option("--shout/--no-shout", help="Loudly.")
@click.option("-v", "--verbose", count=True)
@click.option("--point", type=(int, int), help="Two values: no place for it.")
@click.option("--secret", hidden=True)
@click.option("--file", type=PATH, required=True)
def add(**_: object) -> None:
    """Add a thing, at length."""


@cli.group()
def item() -> None:
    """Items."""


@item.command("rm", hidden=False)
@click.argument("id", type=int)
@click.option("--force", "-f", is_flag=True, help="Do not ask.")
def remove(**_: object) -> None:
    """Remove an item."""


item.add_command(remove, "delete")
item.add_command(click.Command("hidden", hidden=True), "hidden")

app = typer.Typer(help="A tool in typer.")
users = typer.Typer()
app.add_typer(users, name="users")


class Colour(enum.StrEnum):
    red = "red"
    blue = "blue"


@app.command()
def paint(
    name: str,
    where: Path = Path(),
    colour: Colour = Colour.red,
    layers: int = 2,
    dry: bool = typer.Option(False, "--dry", help="Only say what."),
    matte: bool = True,
) -> None:
    """Paint a thing."""


@users.command("list")
def list_users() -> None:
    """List users."""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A tool in argparse.")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="Run a job", aliases=["r"])
    run.add_argument("job")
    run.add_argument("files", nargs="*", help="files of the job")
    run.add_argument("--retries", type=int, default=2, help="how often (%(default)s)")
    run.add_argument("-e", "--env", action="append", metavar="KEY=VALUE")
    run.add_argument("--level", choices=["low", "high"], required=True)
    run.add_argument("--hidden", help=argparse.SUPPRESS)
    group = run.add_mutually_exclusive_group()
    group.add_argument("-q", "--quiet", action="store_true")
    group.add_argument("--verbose", action="store_true", help="tell 100 % of it")
    run.add_argument("--colour", action=argparse.BooleanOptionalAction)
    jobs = commands.add_parser("jobs", help="Jobs").add_subparsers()
    jobs.add_parser("list", help="List jobs")
    return parser


parser = make_parser()
not_a_cli = {"a": 1}
plain_parser = argparse.ArgumentParser()


def breaks() -> None:
    raise RuntimeError("out of cheese")
