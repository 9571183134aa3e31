"""Fig specs: names, values, inherited options, what is computed, and what cannot be read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from clitron_dagster.argv import from_argv
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.schema_import.fig import FigError, read

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

SPEC = """
const spec = {
  name: "ship", description: "Ship things\\nin boxes",
  options: [
    {name: ["-h", "--help"], description: "help"},
    {name: "--dry-run", isPersistent: true, description: "Change nothing"},
  ],
  subcommands: [
    {name: ["send", "s"], description: "Send a box",
     args: [{name: "Box Name"}, {name: "to", isOptional: true, isVariadic: true}],
     options: [
       {name: ["-w", "--weight"], args: {name: "int"}, description: "Grams"},
       {name: ["--speed"], args: {suggestions: ["slow", {name: "fast"}]}, isRequired: true},
       {name: "--label", args: {name: "text"}, isRepeatable: true},
       {name: ["--from"], args: {template: "folders", generators: [{custom: async () => []}]}},
       {name: "-it"},
     ]},
    {name: "dock", loadSpec: "dock"},
    {name: "old", deprecated: true},
    {name: "track", generateSpec: async () => ({}), subcommands: [{name: "list", options: []}]},
  ],
};
export { spec as default };
"""
DOCK = 'export default {name: "dock", subcommands: [{name: "open", args: {name: "gate"}}]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "build").mkdir()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "build" / "ship.js").write_text(SPEC)
    (tmp_path / "build" / "dock.js").write_text(DOCK)
    return tmp_path


def loaded(data: dict[str, Any], folder: Path) -> Schema:
    file = folder / "ship.yaml"
    file.write_text(yaml.safe_dump(data))
    return load_schema(file)


def test_reads_a_package_into_a_sound_schema(folder: Path) -> None:
    data = read(folder, "ship")
    schema = loaded(data, folder)
    assert data["description"] == "Ship things"
    assert [unit.key for unit in schema.units] == ["send", "dock open", "track list"]
    send = schema.units[0]
    assert [arg.name for arg in send.positionals] == ["box-name", "to"]
    options = {arg.name: arg for arg in send.args}
    assert (options["weight"].type, options["weight"].short) == ("integer", "w")
    assert options["speed"].choices == ("slow", "fast")
    assert options["speed"].required
    assert options["label"].repeatable
    assert options["from"].semantic == "directory"
    assert [flag.name for flag in send.flags] == ["dry-run"]
    argv = "ship s -w 20 --speed fast --label a --label b crate home".split()
    assert from_argv(schema, argv)["args"] == {
        "weight": 20, "speed": "fast", "label": ["a", "b"], "box-name": "crate", "to": ["home"],
    }  # fmt: skip


def test_a_file_alone(folder: Path) -> None:
    assert read(folder / "build" / "dock.js", "dock")["commands"][0]["name"] == "open"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none", None, "there is no spec none.js"),
        ("flat", 'export default {name: "flat"}', "names no subcommands"),
        ("made", "export default () => ({})", "computes its tree"),
        ("broken", "export default {", "could not load it"),
    ],
)
def test_what_cannot_be_read(folder: Path, name: str, text: str | None, words: str) -> None:
    if text:
        (folder / "build" / f"{name}.js").write_text(text)
    with pytest.raises(FigError, match=words):
        read(folder, name)
