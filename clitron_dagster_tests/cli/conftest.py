"""The ``clitron`` command in this process, on a store of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from clitron_dagster import stages
from clitron_dagster.asset_checks import CHECKS
from clitron_dagster.cli import execute
from clitron_dagster.cli import model as model_module
from clitron_dagster.cli.root import clitron
from clitron_dagster.settings import Settings
from clitron_dagster.stage import Job
from clitron_dagster_tests.cli.scripted import Program, Scripted

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("status", "git")`` with an empty store; tables are wide."""
    monkeypatch.setenv("CLITRON_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("CLITRON_DEBUG", raising=False)

    def call(*args: str, **options: Any) -> Result:
        return CliRunner().invoke(clitron, list(args), **options)

    return call


def _use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("CLITRON_STORE", settings.store_url)
    monkeypatch.setenv("CLITRON_SCHEMAS", str(settings.schemas_dir))
    monkeypatch.setenv("CLITRON_PROFILE", "tiny")


@pytest.fixture
def notes(run: Run, made: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command looks at the finished ``notes``; do not change anything."""
    _use(monkeypatch, made)
    return made


@pytest.fixture
def own_notes(run: Run, copied: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command looks at a copy of the finished ``notes``."""
    _use(monkeypatch, copied)
    return copied


@pytest.fixture
def fake_stages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Job[Any]], Any]]:
    """Stages that write a word each; put a function under a stage's name to replace it."""
    behaviour: dict[str, Callable[[Job[Any]], Any]] = {}

    def fake(stage: stages.Stage) -> Callable[[Job[Any]], Any]:
        def work(job: Job[Any]) -> Any:
            for pattern in stage.content:
                file = job.out / pattern.replace("*", f"clitron-{job.cli}-q8_0")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{stage.name} {job.config}")
            if stage.name == "eval_report":
                (job.out / "report.html").write_text("scores")
            return behaviour.get(stage.name, lambda _: {"rows": 3})(job)

        return work

    for name, stage in list(stages.BY_NAME.items()):
        monkeypatch.setitem(stages.BY_NAME, name, dataclasses.replace(stage, run=fake(stage)))
    # what the assets show and check of real artifacts does not exist here
    monkeypatch.setattr("clitron_dagster.assets.metadata_of", lambda *_: {})
    monkeypatch.setattr("clitron_dagster.assets.run_checks", _passed)
    return behaviour


def _passed(stage: stages.Stage, _: object) -> list[dg.AssetCheckResult]:
    return [
        dg.AssetCheckResult(asset_key=stage.name, check_name=check.name, passed=True)
        for check in CHECKS[stage.name]
    ]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    """No model is loaded; :class:`Scripted` answers, with ``Scripted.confidence``."""
    monkeypatch.setattr(Scripted, "confidence", 0.87)
    monkeypatch.setattr(model_module, "Model", Scripted)
    monkeypatch.setattr(model_module, "find_model", lambda *_: Path("x.gguf"))
    return Scripted


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The input that a test gives counts as typed at a terminal."""
    monkeypatch.setattr(execute, "on_terminal", lambda: True)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The only program on the PATH: a git that writes down how it is called."""
    return Program("git", tmp_path / "bin", monkeypatch)
