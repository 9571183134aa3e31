"""Usage specs: KDL 1, KDL 2 and JSON, and what is none."""

import json

import pytest

from clitron_dagster.schema_import.usage_spec import UsageSpecError, read
from clitron_dagster_tests.schema_import.helpers import loaded

KDL2 = """
name "My CLI"
bin mycli
about "Does things"
flag "-C --cd <dir>" help="Work there" global=#true
flag --secret hide=#true global=#true
flag --usage-spec help="Not of the commands"
cmd deploy help="Deploy to a place" effect=write {
  alias d
  alias x hide=#true
  long_help #"a "quoted" word"#
  arg <environment> help="Where to" { choices prod stage }
  arg "[files]..." help="What"
  arg "[-- rest]..." help="For the script"
  flag "-f --force" negate="--no-force" help="Even so"
  flag "-n --tries <n>" default="3" help="How often"
  flag "--tag <tag>" var=#true requires="--tries"
  flag "--key" required=#true conflicts="--force" { alias "-k"; arg <key> }
  flag "--color <when>" { choices { choice auto; choice never } }
  flag "--point <x> <y>"
  flag "-v --verbose" count=#true
}
cmd cache help="The cache" {
  cmd clear help="Clear it" { mount run="rm -rf /" }
  cmd hidden hide=#true
}
cmd mounts { mount run="touch /tmp/never" }
"""
KDL1 = KDL2.replace("#true", "true").replace('#"a', 'r#"a')
KDL1 = (
    KDL1.replace("bin mycli", 'bin "mycli"').replace("flag --", 'flag "--').replace("effect=write", "")
    .replace('"--secret hide', '"--secret" hide').replace('"--usage-spec help', '"--usage-spec" help')
    .replace("cmd deploy", 'cmd "deploy"').replace("cmd cache", 'cmd "cache"')
    .replace("cmd clear", 'cmd "clear"')
    .replace("cmd hidden", 'cmd "hidden"').replace("cmd mounts", 'cmd "mounts"')
    .replace("alias d\n", 'alias "d"\n').replace("alias x", 'alias "x"')
    .replace("arg <environment>", 'arg "<environment>"')
    .replace("choices prod stage", 'choices "prod" "stage"').replace("arg <key>", 'arg "<key>"')
    .replace("choice auto; choice never", 'choice "auto"; choice "never"')
)  # fmt: skip
VALUE = {"name": "N", "usage": "<N>", "required": True}
JSON = {
    "name": "My CLI",
    "bin": "mycli",
    "about": "Does things",
    "cmd": {
        "flags": [{"name": "cd", "short": ["C"], "long": ["cd"], "global": True, "arg": VALUE}],
        "subcommands": {
            "deploy": {
                "help": "Deploy to a place",
                "aliases": ["d"],
                "args": [{"name": "FILES", "var": True, "required": False, "double_dash": "Required"}],
                "flags": [
                    {"name": "help", "short": ["h"], "long": ["help"]},
                    {"name": "tries", "short": ["n"], "long": ["tries"], "arg": VALUE,
                     "default": ["3"]},
                    {"name": "all", "short": [], "long": ["all"], "help_first_line": "All of it"},
                ],
                "subcommands": {},
            }
        },
    },
}  # fmt: skip


@pytest.mark.parametrize("text", [KDL2, KDL1], ids=["kdl2", "kdl1"])
def test_kdl(tmp_path, text):
    file = tmp_path / "spec.kdl"
    file.write_text(text)
    tree = read(str(file), "mycli")
    assert tree["description"] == "Does things"
    schema = loaded(tree, tmp_path)
    assert [unit.key for unit in schema.units] == ["deploy", "cache clear", "mounts"]
    unit = schema.units[0]
    assert unit.node.aliases == ("d",)
    assert [(a.name, a.required, a.repeatable, a.separator) for a in unit.positionals] == [
        ("environment", True, False, False),
        ("files", False, True, False),
        ("rest", False, True, True),
    ]
    assert unit.arg("environment").choices == ("prod", "stage")
    assert (unit.arg("tries").type, unit.arg("tries").default, unit.arg("tries").short) == (
        "integer",
        3,
        "n",
    )
    assert (unit.arg("tag").repeatable, unit.arg("tag").requires) == (True, ("tries",))
    assert (unit.arg("key").required, unit.arg("key").short, unit.arg("key").conflicts) == (
        True,
        "k",
        ("force",),
    )
    assert unit.arg("color").choices == ("auto", "never")
    assert unit.arg("cd").short == "C"  # global
    assert [flag.name for flag in unit.flags] == ["force", "no-force", "verbose"]
    assert unit.arg("point") is None
    assert [arg.name for arg in schema.units[1].args] == ["cd"]
    assert schema.units[1].node.effect == "destructive"


def test_json(tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(JSON))
    unit = loaded(read(str(file), "mycli"), tmp_path).units[0]
    assert [arg.name for arg in unit.args] == ["tries", "cd", "files"]
    assert (unit.arg("tries").default, unit.arg("files").separator) == (3, True)
    assert [(flag.name, flag.description) for flag in unit.flags] == [("all", "All of it")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cmd {", "not valid KDL"),
        ("{", "not valid JSON"),
        ('{"a": 1}', "no usage spec"),
        ('flag "--x"', "has no commands"),
        ('{"cmd": {"subcommands": [1]}}', "has no commands"),
        ('{"cmd": ' * 5000, "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, text, words):
    file = tmp_path / "spec"
    file.write_text(text)
    with pytest.raises(UsageSpecError, match=words):
        read(str(file), "x")


def test_a_missing_or_binary_file_is_said(tmp_path):
    with pytest.raises(UsageSpecError, match="no such file"):
        read(str(tmp_path / "none.kdl"), "x")
    (tmp_path / "b").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageSpecError, match="it is not utf-8"):
        read(str(tmp_path / "b"), "x")
