"""click, typer and argparse objects, and what is none of them."""

import sys

import pytest

from clitron_dagster.schema_import.python_objects import PythonObjectError, read
from clitron_dagster_tests.schema_import.helpers import loaded

HERE = "clitron_dagster_tests.schema_import.programs"


def test_click(tmp_path):
    tree = read(f"{HERE}:cli", "tool")
    assert tree["description"] == "A tool in click"
    schema = loaded(tree, tmp_path)
    assert [unit.key for unit in schema.units] == ["add", "item rm"]
    add, rm = schema.units
    assert add.node.description == "Add a thing"
    assert [(a.name, a.required, a.repeatable) for a in add.positionals] == [
        ("names", True, True),
        ("target", True, False),
    ]
    assert add.arg("target").semantic == "directory"
    assert (add.arg("label").short, add.arg("label").repeatable) == ("l", True)
    assert (add.arg("kind").choices, add.arg("kind").default) == (("big", "small"), "big")
    assert (add.arg("count").type, add.arg("count").default) == ("integer", 3)
    assert (add.arg("file").required, add.arg("file").semantic) == (True, "file")
    assert [(f.name, f.short, f.conflicts) for f in add.flags] == [
        ("shout", None, ("no-shout",)),
        ("no-shout", None, ("shout",)),
        ("verbose", "v", ()),
    ]
    assert add.arg("point") is None
    assert add.arg("secret") is None
    assert (rm.node.aliases, rm.node.effect) == (("delete",), "destructive")
    assert rm.arg("id").type == "integer"


def test_typer(tmp_path):
    schema = loaded(read(f"{HERE}:app", "tool"), tmp_path)
    assert [unit.key for unit in schema.units] == ["paint", "users list"]
    paint = schema.units[0]
    assert paint.arg("name").positional
    assert (paint.arg("colour").choices, paint.arg("colour").default) == (("red", "blue"), "red")
    assert paint.arg("layers").default == 2
    assert paint.arg("where").semantic == "path"
    assert [f.name for f in paint.flags] == ["dry", "matte", "no-matte"]


@pytest.mark.parametrize("name", ["parser", "make_parser"])
def test_argparse(tmp_path, name):
    schema = loaded(read(f"{HERE}:{name}", "tool"), tmp_path)
    assert [unit.key for unit in schema.units] == ["run", "jobs list"]
    run = schema.units[0]
    assert run.node.aliases == ("r",)
    assert [(a.name, a.required, a.repeatable) for a in run.positionals] == [
        ("job", True, False),
        ("files", False, True),
    ]
    assert (run.arg("retries").default, run.arg("retries").description) == (2, "how often (2)")
    assert run.arg("env").repeatable
    assert (run.arg("level").required, run.arg("level").choices) == (True, ("low", "high"))
    assert run.arg("hidden") is None
    assert run.flag("quiet").conflicts == ("verbose",)
    assert run.flag("no-colour").conflicts == ("colour",)


def test_the_project_itself(tmp_path):
    schema = loaded(read("clitron_dagster.cli.root:clitron", "clitron"), tmp_path)
    assert schema.unit("schema", "import").arg("from")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("no_such_module_at_all:x", "cannot be imported: ModuleNotFoundError"),
        ("only.a.module", "not of the form"),
        (f"{HERE}:missing", "has no `missing`"),
        (f"{HERE}:not_a_cli", "is a dict; it takes a click command"),
        (f"{HERE}:plain_parser", "has no subcommands"),
        (f"{HERE}:breaks", "RuntimeError: out of cheese"),
        (f"{HERE}:add", "has no subcommands"),
    ],
)
def test_what_cannot_be_read_is_said(source, words):
    with pytest.raises(PythonObjectError, match=words) as caught:
        read(source, "x")
    assert "\n" not in str(caught.value)


def test_a_module_that_exits_is_no_end(tmp_path, monkeypatch):
    (tmp_path / "exits_on_import.py").write_text("import sys; sys.exit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(PythonObjectError, match="SystemExit: 3"):
        read("exits_on_import:app", "x")
