"""clitron train: reuse, selection, overrides, and every way it can be refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.cli.common import ALIASES
from clitron_dagster.errors import ClitronError
from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.cli.conftest import Run


def states(output: str) -> dict[str, str]:
    table = output.split("\n\n")[0]  # below it stand the paths of what was made
    lines = [line.split() for line in table.splitlines()]
    return {words[0]: words[1] for words in lines if words and words[0] in STAGE_NAMES}


def manifest(store: Path, asset: str) -> Any:
    folder = store / "git" / asset
    return json.loads(
        (folder / (folder / "current").read_text().strip() / "manifest.json").read_text()
    )


@pytest.mark.usefixtures("fake_stages")
def test_computes_then_reuses_and_names_the_results(run: Run, tmp_path: Path) -> None:
    first = run("train", "git")
    assert first.exit_code == 0, first.output
    assert states(first.stdout) == dict.fromkeys(STAGE_NAMES, "computed")
    assert "✓ splits" in first.stderr
    assert "never made" in first.stderr
    assert "clitron-git-q8_0.gguf" in first.stdout
    assert "report.html" in first.stdout
    second = run("train", "git")
    assert states(second.stdout) == dict.fromkeys(STAGE_NAMES, "reused")
    assert "nothing to compute" in second.stdout


@pytest.mark.usefixtures("fake_stages")
def test_options_reach_the_stages(run: Run, tmp_path: Path) -> None:
    done = run(
        "train", "git", "--num", "77", "--quant", "Q4_K_M", "--quant", "q8_0", "--seed", "5",
        "--set", "sft.epochs=0.5", "--set", "dpo.enabled=false", "--set", "sft.max_rows=null",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    store = tmp_path / "store"
    assert manifest(store, "raw_examples")["config"]["num_examples"] == 77
    assert manifest(store, "raw_examples")["config"]["seed"] == 5
    assert manifest(store, "gguf_model")["config"]["quants"] == ["q4_k_m", "q8_0"]
    assert manifest(store, "sft_adapter")["config"]["epochs"] == 0.5
    assert manifest(store, "sft_adapter")["config"]["max_rows"] is None
    assert manifest(store, "dpo_model")["config"]["enabled"] is False


@pytest.mark.usefixtures("fake_stages")
def test_until_and_force(run: Run) -> None:
    assert set(states(run("train", "git", "--until", "split").stdout)) == {
        "raw_examples", "validated_dataset", "splits",
    }  # fmt: skip
    again = run("train", "git", "--until", "split", "--force", "validate")
    assert states(again.stdout) == {
        "raw_examples": "reused", "validated_dataset": "computed", "splits": "reused",
    }  # fmt: skip
    assert "forced" in again.stderr


@pytest.mark.usefixtures("fake_stages")
def test_broken_neighbour_schema_does_not_matter(run: Run, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/git.yaml").write_bytes((Settings().schemas_dir / "git.yaml").read_bytes())
    (tmp_path / "s/bad.yaml").write_text("cli_name: [")
    monkeypatch.setenv("CLITRON_SCHEMAS", str(tmp_path / "s"))
    assert run("train", "git", "--until", "generate").exit_code == 0
    refused = run("train", "bad", "--until", "generate")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "bad.yaml" in refused.stderr


def test_aliases_name_stages() -> None:
    assert set(ALIASES.values()) | {"splits"} == set(STAGE_NAMES)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["gti"], "did you mean `git`"),
        (["../git"], "no schema for `../git`"),
        ([""], "no schema for ``"),
        (["git", "--profile", "quik"], "there is no profile `quik`"),
        (["git", "--set", "sft.epoch=3"], "did you mean `epochs`"),
        (["git", "--set", "sft.epochs=many"], "sft_adapter.epochs is 'many'"),
        (["git", "--set", "sft_adapter=3"], "`sft_adapter` is not a mapping"),
        (["git", "--base-model", "./none"], "there is no such folder"),
        (["git", "--quant", "q9"], "unknown quantization `q9`"),
        (["git", "--until", "sft", "--force", "eval"], "so it would do nothing"),
    ],
)
def test_refusals_come_at_once(run: Run, tmp_path: Path, args: list[str], words: str) -> None:
    done = run("train", *args)
    assert done.exit_code == 1, done.output
    assert words in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Missing argument"),
        (["git", "--num", "0"], "--num"),
        (["git", "--until", "sfft"], "did you mean `sft`"),
        (["git", "--set", "nonsense"], "asset.key=value"),
        (["git", "--set", "sfft.epochs=3"], "there is no stage"),
        (["git", "--nope"], "No such option"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, args: list[str], words: str) -> None:
    done = run("train", *args)
    assert done.exit_code == 2
    assert words in done.stderr


def test_base_model_without_chat_template(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    done = run("train", "git", "--base-model", str(folder))
    assert done.exit_code == 1
    assert str(folder) in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("home", "words"), [("/nowhere/at/all", "no folder"), ("rel", "absolute")])
@pytest.mark.usefixtures("fake_stages")
def test_dagster_home_that_is_none(run: Run, monkeypatch, home: str, words: str) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    done = run("train", "git", "--until", "generate")
    assert done.exit_code == 1
    assert words in done.stderr


@pytest.mark.usefixtures("fake_stages")
def test_dagster_home_keeps_the_run(run: Run, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    assert run("train", "git", "--until", "generate").exit_code == 0
    assert (tmp_path / "home/history").is_dir()


def test_a_stage_that_refuses_says_one_sentence(run: Run, fake_stages) -> None:
    def refuse(_: object) -> None:
        raise ClitronError("the data is too thin; add examples")

    fake_stages["sft_adapter"] = refuse
    done = run("train", "git")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "error: the data is too thin; add examples"
    assert "Traceback" not in done.stderr
    fake_stages.clear()
    again = states(run("train", "git").stdout)
    assert [again["splits"], again["sft_adapter"]] == ["reused", "computed"]


def test_an_unforeseen_fault_is_one_sentence_too(run: Run, fake_stages, monkeypatch) -> None:
    def burst(_: object) -> None:
        raise ZeroDivisionError("by nought")

    fake_stages["splits"] = burst
    done = run("train", "git")
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert "splits failed: ZeroDivisionError: by nought" in last
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("CLITRON_DEBUG", "1")
    assert "in burst" in run("train", "git").stderr


def test_full_disk(run: Run, fake_stages) -> None:
    def fill(_: object) -> None:
        raise OSError(28, "No space left on device")

    fake_stages["raw_examples"] = fill
    done = run("train", "git")
    assert done.exit_code == 1
    assert "the disk is full; `clitron gc` shows what can be freed" in done.stderr


@pytest.mark.usefixtures("fake_stages")
def test_store_in_the_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    done = run("train", "git", "--until", "generate")
    assert done.exit_code == 1
    assert "a file stands where a folder is needed" in done.stderr


def test_two_runs_at_once(run: Run, fake_stages) -> None:
    said = []
    fake_stages["splits"] = lambda _: said.append(run("train", "git", "--until", "split")) or {}
    assert run("train", "git", "--until", "split").exit_code == 0
    assert said[0].exit_code == 1
    assert "another run is making splits of git" in said[0].stderr


@pytest.mark.parametrize("stage", ["raw_examples", "sft_adapter"])
def test_ctrl_c_stops_at_once(run: Run, fake_stages, stage: str) -> None:
    tries = []

    def interrupted(_: object) -> None:
        tries.append(stage)
        raise KeyboardInterrupt

    fake_stages[stage] = interrupted
    done = run("train", "git")
    assert done.exit_code == 130
    assert f"stopped in {stage}" in done.stderr
    assert "goes on where it stopped" in done.stderr
    assert tries == [stage]  # dagster's retry policy would have another try


def test_a_real_run_and_a_real_interrupt(own_notes: Settings) -> None:
    """In processes of their own: reuse loads no training library, SIGINT ends the run in words."""
    shown = "import sys, atexit; atexit.register(lambda: print('LOADED', *sys.modules)); "
    code = shown + "from clitron_dagster.cli import main; main()"
    command = [sys.executable, "-c", code, "train", "notes", "--profile", "tiny"]
    env = {**os.environ, "CLITRON_MLFLOW": "0"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert states(done.stdout) == dict.fromkeys(STAGE_NAMES, "reused")
    loaded = set(done.stdout.split("LOADED")[1].split())
    heavy = {
        "torch",
        "transformers",
        "mlflow",
        "trl",
        "datasets",
        "llama_cpp",
        "pandas",
        "matplotlib",
    }
    assert not heavy & loaded

    command = [sys.executable, "-m", "clitron_dagster.cli", *command[3:], "--force", "sft"]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "sft_adapter" in line and "packed" in line:
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130, lines
    assert "stopped in sft_adapter" in lines[-1]
    assert "Traceback" not in "".join(lines)


@pytest.mark.usefixtures("notes")
def test_demo_shows_answers_scores_and_paths() -> None:
    command = [sys.executable, "-m", "clitron_dagster.cli", "demo", "--cli", "notes"]
    command += ["--profile", "tiny", "all my notes", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '$ clitron ask notes "all my notes"' in done.stdout
    assert "generated test rows" in done.stdout
    assert "clitron-notes-q8_0.gguf" in done.stdout
    assert "report.html" in done.stdout
