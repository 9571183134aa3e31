"""``clitron demo``: the whole way for git, in minutes: train, ask, and what came of it."""

from __future__ import annotations

import click

from clitron_dagster.errors import ClitronError

REQUESTS = (
    "undo my last commit but keep the changes",
    "show the last 5 commits one line each",
    "make a branch called fix/login and move onto it",
    "throw away everything I changed in src/app.py",
    "how do I bake bread",
)


@click.command()
@click.option("--cli", default="git", show_default=True, metavar="CLI", help="Another CLI.")
@click.option("--profile", default="quick", show_default=True, metavar="NAME")
@click.argument("requests", nargs=-1, metavar="[REQUEST]...")
def demo(cli: str, profile: str, requests: tuple[str, ...]) -> None:
    """Train git with the quick profile, ask the model five requests, show its scores.

    \b
    clitron demo
    clitron demo --cli gh "list my open pull requests"

    A second run trains nothing. Results lie where `clitron train git` puts them.
    """
    from clitron_dagster.cli import train
    from clitron_dagster.cli.common import make_settings, visible
    from clitron_dagster.cli.model import Model, find_model
    from clitron_dagster.cli.results import out, show_paths, show_scores
    from clitron_dagster.cli.show import show

    train.run(cli, profile, show=False)
    settings = make_settings(profile)
    schema = settings.load(cli)
    screen = out()
    with Model(schema, find_model(settings, cli)) as model:
        for warning in model.warnings:
            click.echo(f"warning: {warning}", err=True)
        for request in requests or REQUESTS:
            screen.print(f'\n$ clitron ask {cli} "{request}"', style="cyan")
            try:
                show(schema, model.ask(request, None))
            except ClitronError as error:  # a model that was trained too little
                screen.print(visible(str(error)), style="red")
    show_scores(settings, cli)
    screen.print("")
    show_paths(settings, cli)
