"""MLflow: one run per pipeline run, a child run per stage that computed something.

``MLFLOW_TRACKING_URI`` names the server or database; without it ``mlflow.db`` (sqlite) in the
project is used. Tracking never fails a run: what goes wrong is a warning.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clitron_dagster.pipeline import Outcome
from clitron_dagster.settings import PROJECT_ROOT, Settings
from clitron_dagster.stages import Stage

MAX_ARTIFACT_BYTES = 8 * 1024 * 1024  # weights stay in the store; MLflow gets their place


def tracking_uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{PROJECT_ROOT / 'mlflow.db'}"


def enabled() -> bool:
    return os.environ.get("CLITRON_MLFLOW", "1") != "0"


def record(
    settings: Settings,
    cli: str,
    stage: Stage,
    outcome: Outcome,
    run_key: str,
    warn: Callable[[str], None],
) -> None:
    """Log one computed stage under the run of its pipeline."""
    if not enabled():
        return
    try:
        _record(settings, cli, stage, outcome, run_key)
    except Exception as error:  # noqa: BLE001 (whatever MLflow raises, the artifact is made)
        # The address may hold a password, and so may what the client says of it.
        place = tracking_uri().rsplit("@", 1)[-1]
        warn(f"MLflow at {place} did not take {stage.name} ({type(error).__name__})")


def _record(settings: Settings, cli: str, stage: Stage, outcome: Outcome, run_key: str) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import RunStatus

    client = MlflowClient(tracking_uri())
    experiment = _experiment(client, f"clitron/{cli}")
    parent = _parent(client, experiment, cli, run_key, settings)
    manifest = outcome.artifact.manifest
    tags = {
        "mlflow.parentRunId": parent,
        "mlflow.runName": stage.name,
        "clitron.fingerprint": manifest.fingerprint,
        "clitron.data_version": manifest.data_version,
        "clitron.artifact": str(outcome.artifact.location),
    }
    run = client.create_run(experiment, tags=tags).info.run_id
    for key, value in manifest.config.items():
        client.log_param(run, key, str(value)[:500])
    numbers = dict(_numbers(manifest.metrics))
    for key, number in numbers.items():
        client.log_metric(run, key, number)
        if stage.name == "eval_report":
            client.log_metric(parent, key, number)
    folder = outcome.artifact.local()
    _log_curves(client, run, folder / "training_metrics.json")
    for name, entry in manifest.files.items():
        if entry.size <= MAX_ARTIFACT_BYTES:
            client.log_artifact(run, str(folder / name), str(Path(name).parent).strip("."))
    client.set_terminated(run, RunStatus.to_string(RunStatus.FINISHED))
    client.set_terminated(parent, RunStatus.to_string(RunStatus.FINISHED))


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    location = None
    if tracking_uri().startswith("sqlite:"):
        location = (PROJECT_ROOT / "mlruns" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def _parent(client: Any, experiment: str, cli: str, run_key: str, settings: Settings) -> str:
    query = f"tags.`clitron.run` = '{run_key}'"
    found = client.search_runs([experiment], filter_string=query, max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {
        "clitron.run": run_key,
        "mlflow.runName": f"{cli} {run_key[:8]}",
        "clitron.profile": settings.profile_name(settings.load(cli)),
    }
    return str(client.create_run(experiment, tags=tags).info.run_id)


def _numbers(metrics: dict[str, Any], prefix: str = "") -> Any:
    for key, value in metrics.items():
        name = re.sub(r"[^\w ./-]", "_", f"{prefix}{key}")
        if isinstance(value, bool | int | float):
            yield name, float(value)
        elif isinstance(value, dict):
            yield from _numbers(value, f"{name}/")


def _log_curves(client: Any, run: str, file: Path) -> None:
    if not file.exists():
        return
    for entry in json.loads(file.read_text())["log_history"]:
        for key, value in entry.items():
            if key != "step" and isinstance(value, int | float):
                client.log_metric(run, key, float(value), step=int(entry.get("step", 0)))
