"""``clitron train``: the dagster job ``train`` for one CLI, in this process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clitron_dagster import console
from clitron_dagster.cli.common import SHORT_NAMES, StageName, make_settings, overrides, run_options
from clitron_dagster.cli.root import complain
from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.settings import Settings
    from clitron_dagster.stages import Stage

JOB = "train"


class RunError(ClitronError):
    """A run that could not start, or a stage that failed."""


@click.command(epilog=f"Stages by their short names: {SHORT_NAMES}.")
@click.argument("cli", metavar="CLI")
@run_options
@click.option(
    "--force",
    multiple=True,
    type=StageName(),
    metavar="STAGE",
    help="Compute this stage even if it is up to date; may be repeated.",
)
@click.option("--until", type=StageName(), metavar="STAGE", help="Stop after this stage.")
def train(
    cli: str,
    num: int | None,
    quants: tuple[str, ...],
    profile: str | None,
    base_model: str | None,
    seed: int | None,
    assignments: tuple[tuple[str, Any], ...],
    force: tuple[str, ...],
    until: str | None,
) -> None:
    """Make the model of CLI: examples, splits, SFT, DPO, GGUF and report.

    Computes what is stale and reuses the rest; after a crash or Ctrl-C, run it again and it goes
    on where it stopped.

    \b
    clitron train git
    clitron train git --num 5000 --quant q8_0 --quant q4_k_m --profile full
    clitron train git --until generate --force generate
    clitron train git --set sft.epochs=2 --set dpo.enabled=false

    Results: store/CLI/gguf_model/…/*.gguf and store/CLI/eval_report/…/report.html; the paths are
    printed at the end.
    """  # fmt: skip
    given = overrides(num, quants, base_model, seed, assignments)
    run(cli, profile, given, force, until)


def run(
    cli: str,
    profile: str | None = None,
    given: dict[str, Any] | None = None,
    force: tuple[str, ...] = (),
    until: str | None = None,
    *,
    show: bool = True,
) -> None:
    """Train one CLI, and show what became of it.

    Raises:
        ClitronError: whatever the user can mend.
    """
    started = time.monotonic()
    settings = make_settings(profile, given)
    stages = selection(until)
    check_beforehand(settings, cli, stages)
    unused = [name for name in force if name not in [stage.name for stage in stages]]
    if unused:
        raise RunError(f"--force {unused[0]} comes after --until {until}, so it would do nothing")
    console.reset()
    config = {
        "profile": profile,
        "overrides": given or {},
        "force": list(force),
        "echo": True,
    }
    try:
        with quiet():
            _execute(cli, stages, {key: value for key, value in config.items() if value})
    except KeyboardInterrupt:
        console.close()
        again = "without --force " if force else "again "
        complain(
            f"stopped in {console.running() or 'the start'}; what was finished is kept, and "
            f"running the same command {again}goes on where it stopped"
        )
        raise click.exceptions.Exit(130) from None
    finally:
        console.close()
    if not show:
        return
    from clitron_dagster.cli.results import show_results

    show_results(settings, cli, stages, console.finished(), time.monotonic() - started)


def selection(until: str | None) -> list[Stage]:
    """All stages, or one and what it is made from, in graph order."""
    from clitron_dagster.stages import BY_NAME, STAGES

    if until is None:
        return list(STAGES)
    wanted, waiting = set(), [until]
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting += BY_NAME[name].upstream
    return [stage for stage in STAGES if stage.name in wanted]


def check_beforehand(settings: Settings, cli: str, stages: list[Stage]) -> None:
    """Refuse now what a later stage would refuse after minutes: schema, settings, base model."""
    from clitron_dagster.base_model import base_model_id, resolve_base_model
    from clitron_dagster.export.quantize import check_quant

    schema = settings.load(cli)
    for stage in stages:
        config = settings.config(stage, schema)
        stage.sources(settings.schema_file(cli), config, settings.store)
        for quant in getattr(config, "quants", None) or ():
            check_quant(quant)
        base = getattr(config, "base_model", None)
        if base and base_model_id(base).endswith("@unfetched"):
            resolve_base_model(base)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep libraries' own bars and warnings off the screen; stages say what matters.

    ``CLITRON_DEBUG=1`` shows them.
    """
    if os.environ.get("CLITRON_DEBUG") == "1":
        yield
        return
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS", "TOKENIZERS_PARALLELISM"):
        os.environ.setdefault(name, "0" if name.startswith("TOKEN") else "1")
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
    ):
        yield


def _execute(cli: str, stages: list[Stage], config: dict[str, Any]) -> None:
    home = _dagster_home()
    import dagster as dg
    from dagster._core.errors import DagsterExecutionInterruptedError

    from clitron_dagster.definitions import defs

    try:
        defs.resolve_job_def(JOB).execute_in_process(
            run_config={
                "resources": {"clitron": {"config": config}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=dg.DagsterInstance.get() if home else None,
            partition_key=cli,
            asset_selection=[dg.AssetKey(stage.name) for stage in stages],
        )
    except DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    except Exception as error:
        stops = (KeyboardInterrupt, DagsterExecutionInterruptedError)
        if any(isinstance(link, stops) for link in _chain(error)):
            raise KeyboardInterrupt from None
        raise _cause(error) from error


def _dagster_home() -> Path | None:
    """Where dagster keeps its history, if anywhere."""
    text = os.environ.get("DAGSTER_HOME")
    if not text:
        return None
    home = Path(text).expanduser()
    if not home.is_absolute():
        raise RunError(f"DAGSTER_HOME is `{text}`, not an absolute path; set one, or unset it")
    if not home.is_dir():
        raise RunError(f"DAGSTER_HOME is `{text}`, where there is no folder; make it, or unset it")
    return home


def _cause(error: BaseException) -> Exception:
    """What a stage meant to say, out of dagster's wrappings."""
    import dagster as dg

    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, ClitronError):
            return link
    for link in chain:
        if isinstance(link, dg.Failure) and link.description:
            return RunError(link.description)
    wrappings = (dg.DagsterError, dg.RetryRequested)
    fault = next((link for link in chain if not isinstance(link, wrappings)), chain[-1])
    said = " ".join(str(fault).split())[:400]
    return RunError(
        f"{console.running() or 'the run'} failed: {type(fault).__name__}: {said}; what was "
        "finished is kept (CLITRON_DEBUG=1 shows where it came from)"
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        before = None if error.__suppress_context__ else error.__context__
        error = getattr(error, "user_exception", None) or error.__cause__ or before
