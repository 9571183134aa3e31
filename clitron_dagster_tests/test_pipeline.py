"""The whole graph on the tiny profile: reuse, staleness with reasons, damage, force, kill -9."""

import dataclasses
import signal
import subprocess
import sys

import pytest

from clitron_dagster.errors import ClitronError
from clitron_dagster.pipeline import MissingInputError, materialize
from clitron_dagster.schema import SchemaError
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster.staleness import plan
from clitron_dagster.store import Store


def states(settings):
    return {status.asset: status.state for status in plan(settings, "notes")}


def reasons(settings):
    return {status.asset: status.reasons for status in plan(settings, "notes")}


def edit(settings, old, new):
    file = settings.schema_file("notes")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_second_run_computes_nothing(made):
    assert set(states(made).values()) == {"fresh"}
    for stage in STAGE_NAMES:
        outcome = materialize(made, "notes", stage)
        assert outcome.reused
        assert outcome.reasons == ()


def test_every_artifact_says_how_it_came_to_be(made):
    for stage in STAGE_NAMES:
        manifest = made.store.current("notes", stage).manifest
        assert manifest.packages["torch"]
        assert manifest.config is not None
        assert manifest.files
        assert manifest.metrics
        for name, version in manifest.inputs.items():
            assert made.store.current("notes", name).manifest.data_version == version


def test_an_edited_description_is_named_and_undoing_it_costs_nothing(copied):
    edit(copied, "Show one note", "Print one note")
    told = reasons(copied)
    assert told["raw_examples"] == ("schema: show changed",)
    assert told["validated_dataset"] == ("input raw_examples",)
    assert not materialize(copied, "notes", "raw_examples").reused
    edit(copied, "Print one note", "Show one note")
    assert not any(status.state == "missing" for status in plan(copied, "notes"))
    for stage in STAGE_NAMES:
        assert materialize(copied, "notes", stage).reused


def test_a_comment_in_the_schema_changes_nothing(copied):
    file = copied.schema_file("notes")
    file.write_text("# nothing new\n" + file.read_text())
    assert set(states(copied).values()) == {"fresh"}


def test_a_changed_setting_is_named_with_both_values(copied):
    changed = dataclasses.replace(copied, overrides={"dpo_model": {"beta": 0.2}})
    told = reasons(changed)
    assert told["dpo_model"] == ("config: beta 0.1→0.2",)
    assert states(changed)["preference_pairs"] == "fresh"
    assert told["gguf_model"] == ("input dpo_model",)


def test_changed_code_is_named(copied, monkeypatch):
    from clitron_dagster import staleness

    stages = [
        dataclasses.replace(stage, code_version="next") if stage.name == "splits" else stage
        for stage in staleness.STAGES
    ]
    monkeypatch.setattr(staleness, "STAGES", stages)
    assert reasons(copied)["splits"][0].startswith("code ")
    assert states(copied)["validated_dataset"] == "fresh"


def test_a_damaged_artifact_is_named_and_made_again_alone(copied):
    folder = copied.store.current("notes", "splits").local()
    with (folder / "train.jsonl").open("a") as sink:
        sink.write("{}\n")
    assert "artifact damaged" in reasons(copied)["splits"][0]
    with pytest.raises(MissingInputError, match="damaged"):
        materialize(copied, "notes", "sft_adapter", force=True)
    assert not materialize(copied, "notes", "splits").reused
    assert list(folder.parent.glob(".old-*"))  # nothing is deleted
    assert set(states(copied).values()) == {"fresh"}  # the same content: nothing below is stale


def test_a_missing_input_says_what_to_do(copied):
    empty = dataclasses.replace(copied, store_url=copied.store_url + "-empty")
    with pytest.raises(MissingInputError, match="clitron train notes --until splits"):
        materialize(empty, "notes", "splits")


def test_force_computes_again_and_keeps_the_old(copied):
    outcome = materialize(copied, "notes", "splits", force=True)
    assert not outcome.reused
    assert outcome.reasons == ("forced",)
    assert list(outcome.artifact.local().parent.glob(".old-*"))


def test_a_broken_schema_stops_before_anything(copied):
    edit(copied, "cli_name: notes", "cli_name: notes\ncommands: 3")
    with pytest.raises(SchemaError, match="stands twice"):
        materialize(copied, "notes", "raw_examples")


def test_a_full_disk_is_told_in_words_and_the_old_artifact_stays(copied, monkeypatch):
    from clitron_dagster import pipeline

    def full(job):
        raise OSError(28, "No space left on device")

    stage = dataclasses.replace(pipeline.BY_NAME["splits"], run=full)
    monkeypatch.setitem(pipeline.BY_NAME, "splits", stage)
    with pytest.raises(ClitronError, match="the disk is full"):
        materialize(copied, "notes", "splits", force=True)
    assert set(states(copied).values()) == {"fresh"}


# -- kill -9 --------------------------------------------------------------------------------------

# Kill each stage at the nth line of its log that holds these words.
KILLS = {
    "raw_examples": ("notes", 4),
    "validated_dataset": ("", 1),
    "splits": ("", 1),
    "sft_adapter": ("step 12/", 1),
    "preference_pairs": ("sampled 32/40", 1),
    "dpo_model": ("DPO: step", 1),
    "gguf_model": ("gguf", 2),
    "eval_report": ("", 2),
}
# What the second run says when it goes on from what the first one left.
GOES_ON = {"sft_adapter": "going on from checkpoint-", "preference_pairs": "going on after 32"}
OVERRIDES = {
    "preference_pairs": {"num_prompts": 40, "seed": 5},
    "sft_adapter": {"epochs": 4, "seed": 5},
    "dpo_model": {"seed": 5, "max_pairs": 24, "batch_size": 2},
}
SCRIPT = """
import os, signal, sys
from pathlib import Path
from clitron_dagster.pipeline import materialize
from clitron_dagster.settings import Settings
schemas, store, stage, words, nth, overrides = sys.argv[1:7]
left = [int(nth)]
def log(line):
    print(line, flush=True)
    if words in line and "computing" not in line:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
settings = Settings(schemas_dir=Path(schemas), store_url=store, profile="tiny",
                    overrides=eval(overrides))
materialize(settings, "notes", stage, force=False, log=log)
print("DONE")
"""


def run_stage(settings, stage, words, nth):
    return subprocess.run(
        [
            sys.executable, "-c", SCRIPT, str(settings.schemas_dir), settings.store_url, stage,
            words, str(nth), repr(dict(settings.overrides)),
        ],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_kill_9_in_a_stage_and_start_again(copied, stage):
    store: Store = copied.store
    overrides = {stage: OVERRIDES[stage]} if stage in OVERRIDES else {}
    changed = dataclasses.replace(copied, overrides=overrides)
    before = store.current("notes", stage).manifest.fingerprint
    if not overrides:  # make it missing, so that there is something to compute
        store.set_aside(store.current("notes", stage))
    words, nth = KILLS[stage]
    killed = run_stage(changed, stage, words, nth)
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    if overrides:  # the artifact that stood before still stands
        assert store.current("notes", stage).manifest.fingerprint == before
        assert store.damage(store.current("notes", stage)) is None
    units = {
        f: f.stat().st_mtime_ns for f in (store.root / "notes" / stage).glob(".work-*/units/*")
    }
    again = run_stage(changed, stage, "no such words", 1)
    assert again.returncode == 0, again.stdout + again.stderr
    assert GOES_ON.get(stage, "") in again.stdout
    if stage == "raw_examples":
        assert len(units) >= 3
        assert again.stdout.count("\n") < 30
    artifact = store.current("notes", stage)
    assert store.damage(artifact) is None
    assert not list((store.root / "notes" / stage).glob(".work-*"))
    for other in STAGE_NAMES[: STAGE_NAMES.index(stage)]:  # what was finished is reused
        assert materialize(changed, "notes", other).reused
    assert materialize(changed, "notes", stage).reused
