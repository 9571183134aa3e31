"""``clitron cost``: what examples from a language model would cost, before anything is spent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster.cli.common import Setting, make_settings, overrides
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.generate.api.estimate import Estimate
    from clitron_dagster.generate.config import RawExamplesConfig
    from clitron_dagster.generate.prices import Prices

UNKNOWN = (
    "what the forced JSON form and a model that thinks add: neither is in these figures",
    "how much of the prefix a batch finds in the cache: between the two batch columns",
    "how many rows will be thrown away: 10 % are asked for on top, and a command that comes out "
    "short is asked about up to twice more",
)


@click.command()
@click.argument("cli", metavar="CLI")
@click.option("--num", type=click.IntRange(min=1), metavar="N", help="Examples to generate.")
@click.option(
    "--backend", type=click.Choice(["anthropic", "openai"]), help="Whose API (anthropic)."
)
@click.option("--model", metavar="M", help="One model; without it, all that the price table has.")
@click.option("--profile", metavar="NAME", help="Profile whose settings count.")
@click.option("--seed", type=int, metavar="N", help="Seed of the plan.")
@click.option(
    "--set", "assignments", multiple=True, type=Setting(), metavar="ASSET.KEY=VALUE",
    help="Any other setting, such as raw_examples.rows_per_request=20; may be repeated.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def cost(
    cli: str,
    num: int | None,
    backend: str | None,
    model: str | None,
    profile: str | None,
    seed: int | None,
    assignments: tuple[tuple[str, Any], ...],
    as_json: bool,
) -> None:
    """Estimate the price of examples for CLI from a language model; spends nothing.

    \b
    clitron cost gh --num 3000
    clitron cost gh --num 3000 --model claude-sonnet-5-5
    clitron cost gh --backend openai --model some-model --json

    The requests are those that `clitron train` would send with raw_examples.source=anthropic, so
    their number is exact; answers that earlier runs paid for are left out. Tokens are counted by
    a rule of thumb, or by the Claude API where ANTHROPIC_API_KEY is set (counting is free). Prices
    stand with their date in clitron_dagster/generate/prices.yaml; CLITRON_PRICES names another
    table. Then:

    \b
    export ANTHROPIC_API_KEY=...
    clitron train gh --num 3000 --until generate --set raw_examples.source=anthropic \\
        --set raw_examples.max_cost_usd=2
    """  # fmt: skip
    from clitron_dagster.generate.prices import load_prices

    config, estimates = estimate(cli, num, backend, model, profile, seed, assignments)
    prices = load_prices()
    if as_json:
        facts = {
            "cli": cli, "num": config.num_examples, "prices_of": prices.date,
            "estimates": [one.as_dict() for one in estimates], "unknown": list(UNKNOWN),
        }  # fmt: skip
        click.echo(json.dumps(facts, indent=1))
        return
    _show(cli, config, estimates, prices)


def estimate(
    cli: str,
    num: int | None,
    backend: str | None,
    model: str | None,
    profile: str | None,
    seed: int | None,
    assignments: tuple[tuple[str, Any], ...],
) -> tuple[RawExamplesConfig, list[Estimate]]:
    """Estimates of the models asked for, else of the settings' sources, else of a whole backend.

    Raises:
        ClitronError: schema, settings or price table are not sound; a backend has no price.
    """
    from clitron_dagster.generate.api.estimate import Estimator, models_of
    from clitron_dagster.generate.buckets import apportion
    from clitron_dagster.generate.config import RawExamplesConfig
    from clitron_dagster.generate.prices import load_prices
    from clitron_dagster.stages import BY_NAME

    settings = make_settings(profile, overrides(num=num, seed=seed, assignments=assignments))
    schema = settings.load(cli)
    config = settings.config(BY_NAME["raw_examples"], schema)
    assert isinstance(config, RawExamplesConfig)
    prices = load_prices()
    kept = settings.store.keep_dir(cli, "raw_examples")
    shares = apportion(config.campaigns, config.num_examples, 0)
    wanted = {source: rows for source, rows in shares.items() if source != "offline" and rows}
    if backend or model or not wanted:
        name = backend or _backend_of(prices, model)
        models = [model] if model else models_of(prices, name)
        if not models:
            raise ClitronError(
                f"the price table has no model of {name}; name one with --model, and its price in a "
                "copy of clitron_dagster/generate/prices.yaml (CLITRON_PRICES)"
            )
        wanted = {f"{name}:{one}": config.num_examples for one in models}
    made: dict[int, Estimator] = {}
    estimates = []
    for source, rows in wanted.items():
        if rows not in made:
            made[rows] = Estimator(schema, config, rows, prices, kept)
        estimates.append(made[rows].estimate(source))
    return config, estimates


def _backend_of(prices: Prices, model: str | None) -> str:
    known = prices.models.get(model or "")
    return known.backend if known else "anthropic"


def _show(cli: str, config: RawExamplesConfig, estimates: list[Estimate], prices: Prices) -> None:
    from rich.table import Table

    from clitron_dagster.cli.results import out

    first = estimates[0]
    click.echo(
        f"{cli}: {config.num_examples} examples, {first.requests} requests for {first.rows} rows "
        f"({config.rows_per_request} a request at most)\n"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", overflow="fold")
    headings = (
        "paid before", "input tokens", "output tokens", "batch+cache", "batch", "cache", "plain",
    )  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in estimates:
        left = one.requests - one.answered
        counts = [one.answered, one.text_tokens + one.prefix_tokens * left, one.output_tokens]
        costs = [one.batch_cached, one.batch, one.message_cached, one.message]
        shown = [f"{count:,}" for count in counts]
        table.add_row(one.source.partition(":")[2], *shown, *map(_usd, costs))
    out().print(table)
    click.echo(f"\nUSD, prices of {prices.date} ({prices.source})")
    click.echo(f"tokens: {first.counted_by}; of each input {first.prefix_tokens:,} are shared")
    short = [one.source.partition(":")[2] for one in estimates if not one.cached]
    short = [name for name in short if name in prices.models]
    if short:
        least = min(prices.models[name].cache_min_tokens for name in short)
        click.echo(
            f"no saving by a cache is counted for {', '.join(short)}: the shared part is below the "
            f"{least:,} tokens from which it is cached for sure"
        )
    click.echo("not known:")
    for words in UNKNOWN:
        click.echo(f"- {words}")


def _usd(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
