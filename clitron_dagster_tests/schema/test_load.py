"""Every fault of a schema file is refused with file, line, path and remedy."""

from pathlib import Path

import pytest

from clitron_dagster.schema import SchemaError, load_schema, schema_warnings
from clitron_dagster_tests.paths import NOTES, SCHEMAS

SEED_004 = """
cli_name: "old"
description: "a schema as older pipelines wrote it"
commands:
  - name: "pr"
    description: "pull requests"
    aliases: ["prs"]
    subcommands:
      - name: "merge"
        description: "merge one"
        args:
          - {name: number, type: integer, required: true, default: null}
          - {name: method, type: {enum: [merge, squash]}}
        flags:
          - {name: delete-branch, short: d, description: drop it, natural_language: and delete it}
"""


def write(folder: Path, text: str, name: str = "x") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("file", [NOTES, *sorted(SCHEMAS.glob("*.yaml"))], ids=lambda f: f.stem)
def test_shipped_schemas_load_without_warnings(file):
    assert load_schema(file).units
    assert schema_warnings(file) == []


def test_the_format_of_older_pipelines_loads(tmp_path):
    schema = load_schema(write(tmp_path, SEED_004, "old"))
    (unit,) = schema.units
    assert unit.key == "pr merge"
    assert unit.arg("method").choices == ("merge", "squash")
    assert unit.arg("number").semantic == "number"
    assert unit.flag("delete-branch").natural_language == ("and delete it",)


def test_deeper_paths_and_bare_commands(tmp_path):
    text = """
cli_name: x
commands:
  - {name: status}
  - name: repo
    subcommands:
      - name: key
        subcommands: [{name: add, args: [{name: file, positional: true}]}]
"""
    schema = load_schema(write(tmp_path, text))
    assert [(u.command, u.subcommand) for u in schema.units] == [
        ("status", None),
        ("repo", "key add"),
    ]
    assert schema.unit("repo", "key add").path == ("repo", "key", "add")


FAULTS = {
    "empty": ("", 0, "the file is empty"),
    "no commands": ("cli_name: x\ncommands: []\n", 2, "no commands"),
    "missing commands": ("cli_name: x\n", 1, "`commands` is missing"),
    "not yaml": ("cli_name: [x\n", 2, "not valid YAML"),
    "other name": ("cli_name: y\ncommands: [{name: a}]\n", 1, "differs from the file's name"),
    "twice the key": ("cli_name: x\ncli_name: x\ncommands: [{name: a}]\n", 2, "stands twice"),
    "twice the command": (
        "cli_name: x\ncommands:\n  - name: a\n  - name: a\n",
        4,
        "two commands are called `a`",
    ),
    "unknown type": (
        "cli_name: x\ncommands:\n  - name: a\n    args:\n      - {name: n, type: strng}\n",
        5,
        "did you mean `string`",
    ),
    "enum without choices": (
        "cli_name: x\ncommands:\n  - name: a\n    args:\n      - {name: n, type: enum}\n",
        5,
        "enum without choices",
    ),
    "unknown conflict": (
        "cli_name: x\ncommands:\n  - name: a\n    flags:\n      - {name: f, conflicts: [g]}\n",
        5,
        "`g` is not another option",
    ),
    "contradiction": (
        "cli_name: x\ncommands:\n  - name: a\n    flags:\n      - {name: g}\n"
        "      - {name: f, conflicts: [g], requires: [g]}\n",
        6,
        "both conflicts with and requires",
    ),
    "required behind optional": (
        "cli_name: x\ncommands:\n  - name: a\n    args:\n      - {name: p, positional: true}\n"
        "      - {name: q, positional: true, required: true}\n",
        6,
        "stands behind an optional one",
    ),
    "example that lies": (
        "cli_name: x\ncommands:\n  - name: a\n    flags: [{name: force}]\n    examples:\n"
        "      - {request: do it, flags: [forse]}\n",
        6,
        "did you mean `force`",
    ),
    "args of a group": (
        "cli_name: x\ncommands:\n  - name: a\n    flags: [{name: f}]\n"
        "    subcommands: [{name: b}]\n",
        3,
        "cannot take args or flags itself",
    ),
    "two shorts": (
        "cli_name: x\ncommands:\n  - name: a\n    flags:\n      - {name: f, short: x}\n"
        "      - {name: g, short: x}\n",
        6,
        "already belongs to `f`",
    ),
}


@pytest.mark.parametrize(("text", "line", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_name_file_line_and_remedy(tmp_path, text, line, words):
    file = write(tmp_path, text)
    with pytest.raises(SchemaError) as error:
        load_schema(file)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{file}:{line}" if line else str(file))
    assert ";" in str(error.value)  # what is wrong; what to do


def test_all_faults_are_told_at_once(tmp_path):
    text = "cli_name: x\ncommands:\n  - name: a\n  - name: a\n  - name: b c\n"
    with pytest.raises(SchemaError) as error:
        load_schema(write(tmp_path, text))
    assert len(error.value.faults) == 2


def test_a_missing_and_a_non_utf8_file_are_refused(tmp_path):
    with pytest.raises(SchemaError, match="no such file"):
        load_schema(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_bytes(b"cli_name: \xff\xfe")
    with pytest.raises(SchemaError, match="not UTF-8"):
        load_schema(tmp_path / "x.yaml")


def test_an_alias_bomb_is_refused_quickly(tmp_path):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(SchemaError, match="too many nodes"):
        load_schema(write(tmp_path, "\n".join(levels)))


def test_python_objects_are_not_constructed(tmp_path):
    with pytest.raises(SchemaError):
        load_schema(write(tmp_path, "cli_name: !!python/object/apply:os.system [true]\n"))


def test_unknown_keys_are_warned_of_with_a_guess(tmp_path):
    text = "cli_name: x\ncommands:\n  - {name: a, args: [{name: n, requierd: true}]}\n"
    (warning,) = schema_warnings(write(tmp_path, text))
    assert "commands[0].args[0].requierd" in warning
    assert "did you mean `required`" in warning


def test_hashes_see_meaning_and_not_layout(tmp_path):
    base = load_schema(NOTES)
    text = NOTES.read_text()
    (tmp_path / "same").mkdir()
    same = load_schema(write(tmp_path / "same", "# a comment\n\n" + text, "notes"))
    assert same.hash == base.hash
    edited = load_schema(write(tmp_path, text.replace("Write a new note", "Add a note"), "notes"))
    assert edited.hash != base.hash
    changed = {k for k, v in edited.unit_hashes().items() if base.unit_hashes()[k] != v}
    assert changed == {"add"}
    assert edited.legality() == base.legality()
