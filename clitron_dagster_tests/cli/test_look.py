"""clitron status, schemas, gc, and the root: what is shown, also of what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clitron_dagster.cli.common import age, size, visible
from clitron_dagster.cli.root import SECTIONS
from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.cli.conftest import Run

COMMANDS = [name for section in SECTIONS.values() for name in section]


def test_root_help_groups_the_commands(run: Run) -> None:
    text = run("--help").stdout
    for title, commands in SECTIONS.items():
        assert title in text
        assert all(name in text for name in commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    assert f"\n  clitron {command}" in done.stdout or f"| clitron {command}" in done.stdout


def test_unknown_command_is_usage(run: Run) -> None:
    assert run("trian", "git").exit_code == 2


def test_argument_that_is_not_utf8() -> None:
    for args in (["train", b"g\xe9t"], ["ask", "git", b"push \xff"]):
        command = [sys.executable, "-m", "clitron_dagster.cli", *args]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "is not UTF-8" in done.stderr
        assert done.stderr.count("\n") == 1


def test_light_commands_load_nothing_heavy() -> None:
    code = (
        "import sys, runpy; sys.argv = ['clitron', 'schemas']\n"
        "try: runpy.run_module('clitron_dagster.cli', run_name='__main__')\n"
        "finally: print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert not {"torch", "transformers", "mlflow", "dagster", "llama_cpp", "pandas"} & loaded


# -- status ---------------------------------------------------------------------------------------


def test_status_of_nothing(run: Run) -> None:
    done = run("status", "--json")
    assert done.exit_code == 0
    rows = {row["cli"]: row for row in json.loads(done.stdout)}
    assert {"git", "gh"} <= set(rows)
    assert [a["state"] for a in rows["git"]["assets"]] == ["missing"] * len(STAGE_NAMES)
    assert rows["git"]["assets"][0]["reasons"] == ["never made"]


@pytest.mark.usefixtures("notes")
def test_status_of_what_is_fresh(run: Run) -> None:
    row = json.loads(run("status", "notes", "--json").stdout)[0]
    assert [asset["state"] for asset in row["assets"]] == ["fresh"] * len(STAGE_NAMES)
    assert all(asset["bytes"] > 0 and asset["ended"] for asset in row["assets"])
    assert "rows" in row["assets"][0]["headline"]
    table = run("status").stdout
    assert table.count("fresh") == len(STAGE_NAMES)
    other = json.loads(run("status", "notes", "--num", "99", "--json").stdout)[0]["assets"]
    assert other[0]["state"] == "stale"
    assert "config: num_examples 120→99" in other[0]["reasons"]


def test_status_names_an_edit_and_survives_a_broken_schema(run: Run, own_notes: Settings) -> None:
    file = own_notes.schema_file("notes")
    text = file.read_text()
    file.write_text(text.replace("description: Write a new note", "description: Write one down"))
    (own_notes.schemas_dir / "bad.yaml").write_text("cli_name: bad\ncommands: []\n")
    done = run("status")
    assert done.exit_code == 0
    assert "schema: add changed" in done.stdout
    assert "broken" in done.stdout
    assert "bad.yaml" in done.stdout
    file.write_text(text)
    assert run("status", "notes").stdout.count("fresh") == len(STAGE_NAMES)
    named = run("status", "bad")
    assert named.exit_code == 1
    assert "bad.yaml" in named.stderr


def test_status_of_a_damaged_artifact(run: Run, own_notes: Settings) -> None:
    artifact = own_notes.store.current("notes", "splits")
    assert artifact
    (Path(artifact.location) / "train.jsonl").write_text("")
    assert "artifact damaged: `train.jsonl`" in run("status", "notes").stdout


def test_status_of_an_unknown_cli(run: Run) -> None:
    done = run("status", "gti")
    assert done.exit_code == 1
    assert "did you mean `git`" in done.stderr


# -- schemas --------------------------------------------------------------------------------------


def test_schemas(run: Run) -> None:
    done = run("schemas")
    assert done.exit_code == 0
    assert "git" in done.stdout
    row = next(r for r in json.loads(run("schemas", "--json").stdout) if r["cli"] == "git")
    assert row["error"] is None
    assert row["units"] >= 30
    assert row["profile"] == "quick"


def test_schemas_with_faults(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLITRON_SCHEMAS", str(tmp_path))
    assert "no schemas in" in run("schemas").stdout
    assert "no schemas in" in run("status").stdout
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "latin.yaml").write_bytes(b"cli_name: caf\xe9\n")
    (tmp_path / "ok.yaml").write_text(
        "cli_name: ok\ndescription: d\nwat: 1\ncommands: [{name: a}]\n"
    )
    (tmp_path / "odd.yaml").write_text(
        "cli_name: odd\ndescription: d\npipeline: {profile: none}\ncommands: [{name: a}]\n"
    )
    rows = {row["cli"]: row for row in json.loads(run("schemas", "--json").stdout)}
    assert "empty" in rows["empty"]["error"]
    assert "UTF-8" in rows["latin"]["error"]
    assert rows["ok"]["error"] is None
    assert any("wat" in warning for warning in rows["ok"]["warnings"])
    assert "there is no profile `none`" in rows["odd"]["error"]
    assert run("schemas").exit_code == 0


# -- gc -------------------------------------------------------------------------------------------


def test_gc_shows_then_frees(run: Run, own_notes: Settings) -> None:
    assert "nothing to delete" in run("gc").stdout
    folder = Path(own_notes.store_url) / "notes" / "sft_adapter"
    left = folder / ".work-0123"
    left.mkdir()
    (left / "checkpoint").write_bytes(b"x" * 2048)
    shown = run("gc")
    assert ".work-0123" in shown.stdout
    assert "2.0 KiB can be freed" in shown.stdout
    assert left.exists()
    rows = json.loads(run("gc", "notes", "--json").stdout)
    assert (rows["bytes"], rows["freed_bytes"], rows["items"][0]["deleted"]) == (2048, 0, False)
    assert "2.0 KiB freed" in run("gc", "--yes").stdout
    assert not left.exists()
    assert run("status", "notes").stdout.count("fresh") == len(STAGE_NAMES)


def test_gc_of_an_unknown_cli(run: Run) -> None:
    done = run("gc", "gti")
    assert done.exit_code == 1
    assert "did you mean" in done.stderr
    assert run("gc", "git").exit_code == 0


def test_gc_with_a_run_under_way(run: Run, own_notes: Settings) -> None:
    (Path(own_notes.store_url) / "notes/splits/.partial-1").mkdir()
    with own_notes.store.lock("notes", "splits"):
        done = run("gc", "--yes")
    assert done.exit_code == 0
    assert "nothing to delete" in done.stdout
    assert "notes is being made (splits)" in done.stderr
    assert (Path(own_notes.store_url) / "notes/splits/.partial-1").is_dir()


# -- words ----------------------------------------------------------------------------------------


def test_numbers_for_people() -> None:
    assert [size(n) for n in (0, 1023, 1024, 5 << 20)] == ["0 B", "1023 B", "1.0 KiB", "5.0 MiB"]
    assert age("not a time") == "?"
    assert age("2020-01-01T00:00:00+00:00").endswith(" d")


def test_control_characters_are_spelled_out() -> None:
    assert visible("a\x1b[31mb\u202ec\nd") == "a\\x1b[31mb\\u202ec\nd"


def test_closed_stderr_does_no_harm() -> None:
    command = f"{sys.executable} -m clitron_dagster.cli schemas 2>&-"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0
    assert "git" in done.stdout
