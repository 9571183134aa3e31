"""What the loader would refuse is mended, or left out with a note."""

from clitron_dagster.schema_import.tidy import tidy
from clitron_dagster_tests.schema_import.helpers import loaded


def unit(tmp_path, **node):
    schema = loaded({"cli_name": "x", "commands": [{"name": "do", **node}]}, tmp_path)
    return schema.units[0]


def test_names_are_unique_and_names():
    tree = {
        "cli_name": "x",
        "commands": [
            {"name": "a", "aliases": ["b", "c"]}, {"name": "b"}, {"name": "a"}, {"name": "-q"},
        ],
    }  # fmt: skip
    schema, notes = tidy(tree)
    assert [(c["name"], c.get("aliases")) for c in schema["commands"]] == [
        ("a", ["c"]),
        ("b", None),
    ]
    assert notes == ["`a` stands twice; left out", "`-q` is no name of a command; left out"]


def test_options(tmp_path):
    found = unit(
        tmp_path,
        args=[
            {"name": "file", "short": "f", "metavar": "FILE", "conflicts": ["nothing", "force"]},
            {"name": "file"},
            {"name": "bad name"},
            {"name": "file", "positional": True, "required": True},
            {"name": "mode", "type": {"enum": ["a", "a", "b"]}, "default": "a", "required": True},
            {"name": "none", "type": {"enum": []}},
        ],
        flags=[{"name": "force", "short": "f", "conflicts": ["force"]}, {"name": "f"}],
    )
    assert [a.name for a in found.args] == ["file", "mode", "none", "file-arg"]
    assert found.arg("file").conflicts == ("force",)
    assert found.arg("mode").choices == ("a", "b")
    assert found.arg("mode").default is None
    assert found.arg("none").type == "string"
    assert (found.flag("force").short, found.flag("force").effect) == (None, "destructive")


def test_positionals_can_be_told_apart(tmp_path):
    def names(*given):
        args = [{"name": n, "positional": True, **more} for n, more in given]
        return [(a.name, a.required) for a in unit(tmp_path, args=args).positionals]

    required, repeats, behind = {"required": True}, {"repeatable": True}, {"separator": True}
    assert names(("a", {}), ("b", required)) == [("a", False), ("b", False)]
    assert names(("a", repeats), ("b", required)) == [("a", True), ("b", True)]
    assert names(("a", required | repeats), ("b", {})) == [("a", True)]
    assert names(("a", behind), ("b", required)) == [("b", True), ("a", False)]


def test_a_group_takes_no_options(tmp_path):
    group = {"name": "g", "flags": [{"name": "x"}], "subcommands": [{"name": "ls"}]}
    schema = loaded({"cli_name": "x", "commands": [group]}, tmp_path)
    assert schema.units[0].node.effect == "read"
    assert schema.commands[0].flags == ()
