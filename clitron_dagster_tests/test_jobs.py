"""The jobs: which assets each is for, and what they say of themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from clitron_dagster.definitions import defs
from clitron_dagster.jobs import jobs
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.paths import ROOT

ASSETS = {
    "train": set(STAGE_NAMES),
    "data": {"raw_examples", "validated_dataset", "splits"},
    "release": {"gguf_model"},
    "evaluate": {"eval_report"},
}


def test_these_are_the_jobs():
    assert {job.name for job in jobs} == set(ASSETS)


@pytest.mark.parametrize("name", ASSETS)
def test_a_job_makes_its_assets_for_one_cli_and_teaches(name):
    job = defs.resolve_job_def(name)
    keys = {key.to_user_string() for key in job.asset_layer.selected_asset_keys}
    assert keys == ASSETS[name]
    assert job.partitions_def is not None
    assert "for one CLI" in job.description


def test_dagster_job_list():
    dagster = str(Path(sys.executable).with_name("dagster"))
    done = subprocess.run(
        [dagster, "job", "list", "-m", "clitron_dagster.definitions"],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ASSETS:
        assert f"Job: {name}\n" in done.stdout
