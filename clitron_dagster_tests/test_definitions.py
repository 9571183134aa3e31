"""The Dagster side: what the UI shows, and every way to launch, on already made artifacts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from clitron_dagster.assets import assets
from clitron_dagster.definitions import defs
from clitron_dagster.run_config import run_config
from clitron_dagster.stages import STAGE_NAMES, STAGES
from clitron_dagster_tests.paths import ROOT


@pytest.fixture
def graph():
    return defs.resolve_asset_graph()


def test_the_graph_has_the_specified_assets_and_edges(graph):
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {"cli_schema", *STAGE_NAMES}
    for stage in STAGES:
        parents = {k.to_user_string() for k in graph.get(dg.AssetKey(stage.name)).parent_keys}
        assert parents - {"cli_schema"} == set(stage.upstream)


def test_every_asset_is_described_owned_and_partitioned(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description
        assert node.owners
        assert node.group_name in ("data", "training", "release")
        assert node.kinds
        assert set(node.partitions_def.get_partition_keys()) >= {"gh", "git"}


def test_every_stage_has_checks_and_launchpad_settings():
    for stage in STAGES:
        (asset,) = [
            a for a in assets if isinstance(a, dg.AssetsDefinition) and a.key.path[-1] == stage.name
        ]
        assert list(asset.check_specs)
        assert set(run_config(stage).model_fields) == set(stage.config.model_fields)


def launch(made, partition, *, command=None, home=None):
    environment = {
        **os.environ,
        "CLITRON_SCHEMAS": str(made.schemas_dir),
        "CLITRON_STORE": made.store_url,
        "CLITRON_PROFILE": "tiny",
    }
    if home:
        environment["DAGSTER_HOME"] = str(home)
    tags = json.dumps({"dagster/partition": partition})
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = command or [
        dagster, "job", "execute", "-m", "clitron_dagster.definitions", "-j", "train",
        "--tags", tags,
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False, timeout=300
    )


@pytest.mark.parametrize("with_home", [False, True])
def test_dagster_job_execute(made, tmp_path, with_home):
    done = launch(made, "notes", home=tmp_path if with_home else None)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("ASSET_MATERIALIZATION") + done.stderr.count("Materialized value") >= 8
    assert "ASSET_CHECK_EVALUATION" in done.stderr
    assert "is up to date; reused" in done.stderr


def test_dagster_asset_materialize(made):
    dagster = str(Path(sys.executable).with_name("dagster"))
    command = [
        dagster, "asset", "materialize", "-m", "clitron_dagster.definitions",
        "--select", 'key:"splits"', "--partition", "notes",
    ]  # fmt: skip
    done = launch(made, "notes", command=command)
    assert done.returncode == 0, done.stderr[-3000:]


def test_an_unknown_partition_is_told_in_one_sentence(made):
    done = launch(made, "nots")
    assert done.returncode != 0
    assert "no schema for `nots`" in done.stderr
    assert "did you mean `notes`" in done.stderr
