"""One tiny pipeline run, shared by the tests that need artifacts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

os.environ["CLITRON_MLFLOW"] = "0"  # test_tracking.py switches it on for itself
for name in ("CLITRON_PROFILE", "CLITRON_STORE", "CLITRON_SCHEMAS", "DAGSTER_HOME"):
    os.environ.pop(name, None)

hypothesis_settings.register_profile(  # a busy machine is no reason to fail
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("unhurried")

from clitron_dagster.pipeline import materialize
from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.paths import NOTES


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Settings:
    """A schemas folder with ``notes`` and a store in which all eight assets are fresh."""
    root = tmp_path_factory.mktemp("made")
    (root / "schemas").mkdir()
    shutil.copy(NOTES, root / "schemas")
    settings = Settings(
        schemas_dir=root / "schemas", store_url=str(root / "store"), profile="tiny", overrides={}
    )
    for stage in STAGE_NAMES:
        materialize(settings, "notes", stage)
    return settings


@pytest.fixture
def copied(made, tmp_path) -> Settings:
    """A copy of :func:`made` to break things in."""
    for name in ("schemas", "store"):
        source = Path(made.store_url).parent / name
        shutil.copytree(source, tmp_path / name, copy_function=_copy)
    return Settings(
        schemas_dir=tmp_path / "schemas",
        store_url=str(tmp_path / "store"),
        profile="tiny",
        overrides={},
    )


def _copy(source: str, target: str) -> None:
    shutil.copy2(source, target)  # times too: the store believes files that did not change
