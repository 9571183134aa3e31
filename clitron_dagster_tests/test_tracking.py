"""MLflow on a real sqlite store: one run per pipeline, a child per stage, curves and parameters."""

import pytest
from mlflow import MlflowClient

from clitron_dagster import tracking
from clitron_dagster.pipeline import Outcome
from clitron_dagster.stages import BY_NAME


@pytest.fixture
def recorded(made, tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("CLITRON_MLFLOW", "1")
    monkeypatch.setattr(tracking, "PROJECT_ROOT", tmp_path)
    warnings = []
    for name in ("sft_adapter", "eval_report"):
        outcome = Outcome(made.store.current("notes", name), reused=False, reasons=())
        tracking.record(made, "notes", BY_NAME[name], outcome, "run-1", warnings.append)
    assert warnings == []
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("clitron/notes")
    return client, {
        run.info.run_name: run for run in client.search_runs([experiment.experiment_id])
    }


def test_stages_are_children_of_one_run(recorded):
    client, runs = recorded
    assert set(runs) == {"notes run-1", "sft_adapter", "eval_report"}
    parent = runs["notes run-1"]
    for name in ("sft_adapter", "eval_report"):
        assert runs[name].data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert runs[name].info.status == "FINISHED"
    sft = runs["sft_adapter"]
    assert sft.data.params["method"] == "full"
    curve = client.get_metric_history(sft.info.run_id, "loss")
    assert len(curve) >= 2
    names = {file.path for file in client.list_artifacts(sft.info.run_id)}
    assert {"curves.png", "training_config.json", "training_metrics.json"} <= names
    assert not any(name.endswith(".safetensors") for name in names)


def test_an_unreachable_server_is_a_warning_without_its_password(made, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/secret:word@place/x.db")
    monkeypatch.setenv("CLITRON_MLFLOW", "1")
    warnings = []
    outcome = Outcome(made.store.current("notes", "splits"), reused=False, reasons=())
    tracking.record(made, "notes", BY_NAME["splits"], outcome, "run-1", warnings.append)
    assert len(warnings) == 1
    assert "did not take splits" in warnings[0]
    assert "secret:word" not in warnings[0]
