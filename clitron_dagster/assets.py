"""The assets: each is one stage of :data:`clitron_dagster.stages.STAGES`, one partition a CLI.

An asset makes (or reuses) its artifact through :func:`clitron_dagster.pipeline.materialize` and
reports on it. What a stage does stands in its own module.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from clitron_dagster import console, tracking
from clitron_dagster.asset_checks import CHECKS, run_checks
from clitron_dagster.asset_metadata import metadata_of
from clitron_dagster.errors import ClitronError
from clitron_dagster.partitions import cli_partitions
from clitron_dagster.pipeline import Outcome, materialize
from clitron_dagster.resources import ClitronResource
from clitron_dagster.run_config import run_config
from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGES, Stage

OWNERS = ["team:clitron"]
KINDS = {
    "raw_examples": {"python", "json"},
    "validated_dataset": {"pandera", "parquet"},
    "splits": {"python", "json"},
    "sft_adapter": {"pytorch", "huggingface"},
    "preference_pairs": {"pytorch", "json"},
    "dpo_model": {"pytorch", "huggingface"},
    "gguf_model": {"gguf", "llamacpp"},
    "eval_report": {"python", "mlflow"},
}
# A crash in these goes on from the last checkpoint or batch, so another try can help.
RESUMABLE = dg.RetryPolicy(max_retries=1, delay=5)

cli_schema = dg.AssetSpec(
    "cli_schema",
    group_name="data",
    description="schemas/&lt;cli&gt;.yaml: the commands, args and flags of one CLI. Edit it and "
    "what depends on the edit becomes stale; its data version is the hash of what it says.",
    partitions_def=cli_partitions,
    owners=OWNERS,
    kinds={"yaml"},
)


def _asset(stage: Stage) -> dg.AssetsDefinition:
    config_class = run_config(stage)

    def run(context: dg.AssetExecutionContext, clitron: ClitronResource, config: Any) -> Any:
        yield from _materialize(stage, context, clitron, config.model_dump(exclude_none=True))

    run.__annotations__["config"] = config_class
    run.__annotations__["context"] = dg.AssetExecutionContext
    run.__annotations__["clitron"] = ClitronResource
    run.__doc__ = stage.description
    with warnings.catch_warnings():  # partitioned checks are a preview in dagster 1.13
        warnings.simplefilter("ignore")
        specs = [
            dg.AssetCheckSpec(
                check.name,
                asset=stage.name,
                description=check.description,
                partitions_def=cli_partitions,
            )
            for check in CHECKS[stage.name]
        ]
        return dg.asset(
            name=stage.name,
            deps=["cli_schema", *stage.upstream] if stage.schema_part else list(stage.upstream),
            group_name=stage.group,
            description=stage.description,
            partitions_def=cli_partitions,
            code_version=stage.code_version,
            owners=OWNERS,
            kinds=KINDS[stage.name],
            check_specs=specs,
            pool="training" if stage.trains else None,
            retry_policy=RESUMABLE if stage.trains else None,
        )(run)


def _materialize(
    stage: Stage, context: dg.AssetExecutionContext, clitron: ClitronResource, given: dict[str, Any]
) -> Iterator[Any]:
    cli = context.partition_key
    started = time.monotonic()
    overrides = {**clitron.overrides}
    if given:
        overrides[stage.name] = {**overrides.get(stage.name, {}), **given}
    reporter = console.Reporter(cli, stage.name) if clitron.echo else None
    try:
        settings = clitron.model_copy(update={"overrides": overrides}).settings()
        if not stage.upstream:
            _observe_schema(context, settings, cli)
        if reporter:
            reporter.started()
        outcome = materialize(
            settings,
            cli,
            stage.name,
            force=stage.name in clitron.force,
            log=reporter.log if reporter else context.log.info,
            progress=reporter.progress if reporter else _observe_progress(context),
        )
    except ClitronError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except (KeyboardInterrupt, DagsterExecutionInterruptedError) as error:
        # Somebody wants it to stop: the retry policy is for crashes.
        raise dg.Failure(f"{stage.name} of {cli} was stopped", allow_retries=False) from error
    if reporter:
        reporter.finished(outcome.reused, time.monotonic() - started, outcome.reasons)
    elif outcome.reused:
        context.log.info(f"{stage.name} of {cli} is up to date; reused")
    if not outcome.reused:
        tracking.record(settings, cli, stage, outcome, context.run_id, context.log.warning)
    yield _result(stage, settings, outcome)


def _result(stage: Stage, settings: Settings, outcome: Outcome) -> dg.MaterializeResult[None]:
    manifest = outcome.artifact.manifest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dg.MaterializeResult(
            asset_key=stage.name,
            data_version=dg.DataVersion(manifest.data_version),
            metadata=metadata_of(stage, settings, outcome),
            check_results=list(run_checks(stage, outcome.artifact)),
        )


def _observe_schema(context: dg.AssetExecutionContext, settings: Settings, cli: str) -> None:
    """Tell dagster which version of the schema this run saw."""
    schema = settings.load(cli)
    context.log_event(
        dg.AssetObservation(
            "cli_schema",
            partition=cli,
            metadata={
                "file": dg.MetadataValue.path(str(settings.schema_file(cli))),
                "commands": len(schema.commands),
                "units": len(schema.units),
            },
            tags={"dagster/data_version": schema.hash},
        )
    )


def _observe_progress(context: dg.AssetExecutionContext) -> Any:
    """Progress shows in the UI while the step runs; at most one event every five seconds."""
    last = [0.0]

    def progress(numbers: dict[str, Any]) -> None:
        if time.monotonic() - last[0] < 5:
            return
        last[0] = time.monotonic()
        plain = {k: v for k, v in numbers.items() if isinstance(v, int | float | str)}
        context.log_event(
            dg.AssetObservation(context.asset_key, partition=context.partition_key, metadata=plain)
        )

    return progress


assets: list[dg.AssetSpec | dg.AssetsDefinition] = [
    cli_schema,
    *(_asset(stage) for stage in STAGES),
]
