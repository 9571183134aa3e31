"""``clitron schema import|diff|validate|show``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clitron_dagster.schema import load_schema
from clitron_dagster.schema_import import update
from clitron_dagster_tests.cli.conftest import Run
from clitron_dagster_tests.paths import NOTES

SPEC = 'about "A tool"\ncmd "ls" help="List things" { flag "-a --all" help="All" }\n'


@pytest.fixture
def schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "schemas"
    folder.mkdir()
    shutil.copy(NOTES, folder)
    (tmp_path / "spec.kdl").write_text(SPEC)
    monkeypatch.setenv("CLITRON_SCHEMAS", str(folder))
    return folder


def test_import_diff_and_import_again(run: Run, schemas: Path) -> None:
    spec = schemas.parent / "spec.kdl"
    result = run("schema", "import", "tool", "--from", f"usage:{spec}")
    assert result.exit_code == 0, result.output
    assert "1 added" in result.output
    assert f"{schemas / 'tool.yaml'} written" in result.output
    assert load_schema(schemas / "tool.yaml").units[0].flag("all")
    spec.write_text(SPEC + 'cmd "rm" help="Remove one"\n')
    before = (schemas / "tool.yaml").read_text()
    result = run("schema", "diff", "tool", "--exit-code")  # remembers where from
    assert (result.exit_code, result.stdout) == (1, "+ rm\n1 added\n")
    result = run("schema", "import", "tool", "--dry-run", "--json")
    assert json.loads(result.stdout)["changes"] == [{"kind": "added", "what": "rm", "detail": ""}]
    assert (schemas / "tool.yaml").read_text() == before
    assert run("schema", "import", "tool").exit_code == 0
    assert load_schema(schemas / "tool.yaml").unit("rm", None).node.effect == "destructive"
    result = run("schema", "diff", "tool", "--exit-code")
    assert (result.exit_code, result.stdout) == (0, "nothing to change\n")


@pytest.mark.parametrize("command", ["diff", "import"])
@pytest.mark.parametrize(
    "kind", ["help:sh -c 'touch {}'", "python:{}:app", "fig:{}", "help:{} --odd\n\x1b[2J"]
)
def test_a_snapshot_does_not_decide_what_runs(
    run: Run, schemas: Path, monkeypatch: pytest.MonkeyPatch, command: str, kind: str
) -> None:
    monkeypatch.setattr(update, "collect", lambda source, *_, **__: pytest.fail(source))
    file = schemas / "notes.imported.json"
    source = kind.format(schemas / "ran")
    file.write_text(json.dumps({"source": source, "schema": {"commands": []}}))
    result = run("schema", command, "notes")
    assert result.exit_code == 1
    assert repr(source) in result.stderr
    assert "--from" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (schemas / "ran").exists()


def test_a_snapshot_without_a_source_is_as_none(run: Run, schemas: Path) -> None:
    for source in ({}, {"source": 3}, {"source": "help"}):
        text = json.dumps({**source, "schema": {"commands": []}})
        (schemas / "no-such-cli.imported.json").write_text(text)
        assert "no program `no-such-cli`" in run("schema", "diff", "no-such-cli").stderr


def test_comments_are_not_lost_without_a_word(run: Run, schemas: Path) -> None:
    spec, file = schemas.parent / "spec.kdl", schemas / "tool.yaml"
    assert run("schema", "import", "tool", "--from", f"usage:{spec}").exit_code == 0
    text = file.read_text().replace("List things", "&d List things  # mine")
    file.write_text(text + "  - {name: extra, description: *d}\n")
    before = file.read_text()
    spec.write_text(SPEC.replace("List things", "Lists").replace('"All"', '"Everything"'))
    for words in (["diff", "tool"], ["import", "tool", "--dry-run"]):
        result = run("schema", *words)
        assert result.exit_code == 0, result.output
        assert "would go: # mine" in result.stderr
    result = run("schema", "import", "tool")
    assert result.exit_code == 1
    assert "# mine), so nothing was written; move" in result.stderr
    assert file.read_text() == before
    changes = json.loads(run("schema", "diff", "tool", "--json").stdout)
    assert (changes["layout_kept"], changes["lost_comments"]) == (False, ["# mine"])


def test_output(run: Run, schemas: Path) -> None:
    source = f"usage:{schemas.parent / 'spec.kdl'}"
    printed = run("schema", "import", "tool", "--from", source, "--output", "-")
    assert printed.stdout.endswith("      - {name: all, short: a, description: All}\n")
    assert not (schemas / "tool.yaml").exists()
    file = schemas.parent / "drafts" / "tool.yaml"
    assert run("schema", "import", "tool", "--from", source, "--output", str(file)).exit_code == 0
    assert load_schema(file)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "no-such-cli"], "error: there is no program `no-such-cli` on the PATH"),
        (["import", "x", "--from", "telepathy"], "error: `telepathy` is no source; write help"),
        (["import", "../x", "--from", "help:ls"], "error: `../x` is not a CLI's name"),
        (
            ["import", "x", "--from", "python:none_such:app"],
            "error: `none_such` cannot be imported",
        ),
        (["import", "x", "--from", "usage:none.kdl"], "error: none.kdl: the spec cannot be read"),
        (["import", "x", "--from", "fig:none"], "error: none: there is no spec"),
        (["show", "nothing"], "error: no schema for `nothing`"),
        (["show", "notes", "book", "burn"], "error: `notes book` has no command `burn`"),
    ],
)
def test_errors_are_one_sentence(run: Run, schemas: Path, arguments: list[str], words: str) -> None:
    result = run("schema", *arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


def test_validate(run: Run, schemas: Path) -> None:
    assert run("schema", "validate").stdout == f"{schemas / 'notes.yaml'}: ok, 7 units\n"
    (schemas / "bad.yaml").write_text(
        "cli_name: bad\ncommands:\n  - {name: a, args: [{name: b, typ: x}]}\n"
    )
    result = run("schema", "validate", "bad")
    assert result.exit_code == 0
    assert "warning: commands[0].args[0].typ is not a key" in result.stdout
    (schemas / "bad.yaml").write_text("cli_name: bad\ncommands:\n  - {name: a b}\n")
    result = run("schema", "validate")
    assert result.exit_code == 1
    assert (
        "bad.yaml:3 at commands[0].name: `a b` is not a command's name; use one word"
        in result.stdout
    )
    rows = json.loads(run("schema", "validate", str(schemas / "notes.yaml"), "--json").stdout)
    assert rows[0]["units"] == 7


def test_show(run: Run, schemas: Path) -> None:
    whole = run("schema", "show", "notes").stdout
    assert "  book  Work with notebooks" in whole
    assert "    list  List notebooks  [read]" in whole
    unit = run("schema", "show", "notes", "rm").stdout  # by its alias
    assert unit.startswith("notes remove  [destructive]  Delete a note for good")
    assert "--force, -f" in unit
    tree = json.loads(run("schema", "show", "notes", "book", "--json").stdout)
    assert [node["name"] for node in tree["subcommands"]] == ["create", "rename", "list"]


def test_help_teaches(run: Run) -> None:
    assert "clitron schema import gh" in run("schema", "--help").output
    assert "--from usage:" in run("schema", "import", "--help").output
    assert "schema" in run("--help").output
