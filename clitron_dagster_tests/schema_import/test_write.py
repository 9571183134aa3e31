"""YAML in a fixed style, and changes to a file that leave the rest of it alone."""

from __future__ import annotations

import copy
import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clitron_dagster.schema_import.comments import comments, lost
from clitron_dagster.schema_import.splice import splice
from clitron_dagster.schema_import.write import flow, to_yaml
from clitron_dagster_tests.paths import NOTES, SCHEMAS

FILES = [NOTES, SCHEMAS / "gh.yaml", SCHEMAS / "git.yaml"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_schemas_survive(file):
    text = file.read_text()
    tree = yaml.safe_load(text)
    written = to_yaml(tree, ["One", "", "Two"])
    assert yaml.safe_load(written) == tree
    assert written.startswith("# One\n#\n# Two\n")
    assert to_yaml(yaml.safe_load(written), ["One", "", "Two"]) == written
    assert splice(text, tree) == text


@given(st.text() | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_values_are_read_back_as_they_were(value):
    assert yaml.safe_load(flow({"key": [value]})) == {"key": [value]}


ODD = "yes|no|on|12:30|1e3|null|~|0x1F|2026-01-01|a: b|- x|@me|#1|| x|{|[a]|*x|&x|!x|%x".split("|")


@pytest.mark.parametrize("text", ODD)
def test_text_stays_text(text):
    assert yaml.safe_load(flow([text])) == [text]


TEXT = """# head
cli_name: x
commands:
  # --- one
  - name: a   # why a
    description: A
    args:
      # the first
      - {name: q, type: string, default: 3}  # eol
      - {name: r, description: "R: r",
         short: r}
    flags:
      - {name: f}

  # --- two
  - name: b
    natural_language:
      - one
      # in between
      - two
    args: [{name: only}]

  # --- three
  - name: c
    subcommands:
      - name: d
# the end
"""


def changed(tree: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(lines gone, lines new) of TEXT after a splice."""
    text = splice(TEXT, tree)
    assert text is not None
    assert yaml.safe_load(text) == tree
    lines = list(difflib.ndiff(TEXT.splitlines(), text.splitlines()))
    return [x[2:] for x in lines if x[0] == "-"], [x[2:] for x in lines if x[0] == "+"]


def test_a_value_is_replaced_in_place():
    tree = yaml.safe_load(TEXT)
    tree["commands"][0]["args"][0] |= {"type": {"enum": ["a", "b"]}}
    tree["commands"][0]["description"] = "yes"
    gone, new = changed(tree)
    assert gone == ["    description: A", "      - {name: q, type: string, default: 3}  # eol"]
    assert new == [
        '    description: "yes"',
        "      - {name: q, type: {enum: [a, b]}, default: 3}  # eol",
    ]


def test_keys_are_added_and_removed():
    tree = yaml.safe_load(TEXT)
    del tree["commands"][0]["args"][0]["default"]
    tree["commands"][0]["args"][1]["type"] = "integer"
    del tree["commands"][0]["flags"]
    tree["commands"][1] |= {"flags": [{"name": "z"}], "effect": "read"}
    gone, new = changed(tree)
    assert "    flags:" in gone
    assert not any("#" in line for line in gone if "eol" not in line)
    assert "    flags:" in new
    assert "      - {name: z}" in new
    assert "    effect: read" in new


def test_items_are_added_and_removed_with_the_comments_of_others_in_place():
    tree = yaml.safe_load(TEXT)
    a, _, c = tree["commands"]
    a["flags"].append({"name": "g", "description": "after f"})
    a["args"].pop(0)
    c["subcommands"].insert(0, {"name": "e", "flags": [{"name": "x"}]})
    tree["commands"] = [a, {"name": "new", "description": "New"}, c]
    text = splice(TEXT, tree)
    assert text is not None
    assert yaml.safe_load(text) == tree
    lines = text.splitlines()
    assert lines.index("      - {name: g, description: after f}") < lines.index("  # --- two")
    assert lines.index("  - name: new") < lines.index("  # --- two")
    assert lines[-1] == "# the end"
    assert "  - name: a   # why a" in lines
    assert "  - name: b" not in lines
    assert "  # --- three" in lines


LINES = """cli_name: x
commands:
  # --- one
  - name: a
    description: HEAD
      Long text # no comment
      in lines
    effect: read  # why
    flags:
      - name: f
        description: HEAD
          Flag
          text

      # the second
      - {name: g}

  # --- two
  - name: b
    description: HEAD
      B

  # --- three
  - name: c
    description: HEAD
      C
"""


@pytest.mark.parametrize("head", ["|", ">", "|-", ">-", "|+", ">+", "|2", "|2+", ">  # as it is"])
def test_text_in_lines_keeps_its_place(head):
    text = LINES.replace("HEAD", head)
    remarks = comments(text)
    assert "# the second" in [comment for _, comment in remarks]
    assert "# no comment" not in [comment for _, comment in remarks]

    def edit(change) -> str:
        tree = yaml.safe_load(text)
        change(tree["commands"])
        made = splice(text, tree)
        assert made is not None
        assert [c for _, c in lost(text, made) if c != "# as it is"] == []
        return made

    assert "description: New\n    effect: read  # why" in edit(
        lambda nodes: nodes[0].update(description="New")
    )
    edit(lambda nodes: nodes[0].update(effect="write", aliases=["aa"]))
    edit(lambda nodes: nodes[0]["flags"][0].update(short="F"))
    edit(lambda nodes: nodes[0]["flags"].insert(1, {"name": "h"}))
    edit(lambda nodes: nodes[0]["flags"].append({"name": "h"}))
    edit(lambda nodes: nodes.insert(2, {"name": "new"}))
    edit(lambda nodes: nodes.append({"name": "new"}))
    edit(lambda nodes: nodes.pop(1))
    edit(lambda nodes: nodes[2].update(effect="read"))
    edit(lambda nodes: nodes[1].pop("description"))


def test_what_is_left_out_of_a_list_leaves_its_neighbours():
    tree = yaml.safe_load(TEXT)
    tree["commands"][1]["natural_language"] = ["two"]
    assert changed(tree) == (["      - one"], [])


def test_comments_that_would_go():
    text = 'a: "# no"  # b\nc: [1, # d\n  2]\ne: |  # f\n  # no\n# g\nh: x#no\n#i'
    assert comments(text) == [(1, "# b"), (2, "# d"), (4, "# f"), (6, "# g"), (8, "#i")]
    assert lost(text, "# d\n# g\n# b\nnew: 1  # z\n") == [(4, "# f"), (8, "#i")]
    assert lost("# x\na: 1 # x\n", "# x\na: 1\n") == [(2, "# x")]


def test_order_can_change():
    tree = yaml.safe_load(TEXT)
    tree["commands"][0]["args"].reverse()
    tree["commands"].append(tree["commands"].pop(0))
    gone, new = changed(tree)
    assert len(new) <= len(gone) <= 10


def test_every_change_to_a_real_schema_is_found_in_few_lines():
    text = (SCHEMAS / "gh.yaml").read_text()
    tree = yaml.safe_load(text)
    wanted = copy.deepcopy(tree)
    listing = wanted["commands"][0]["subcommands"][0]
    listing["args"][0]["default"] = "all"
    listing["args"].append({"name": "app", "type": "string"})
    wanted["commands"].append({"name": "zz", "flags": [{"name": "q"}]})
    made = splice(text, wanted)
    assert made is not None
    lines = list(difflib.unified_diff(text.splitlines(), made.splitlines(), lineterm="", n=0))
    assert len([line for line in lines if line[0] in "+-"]) <= 10


def test_what_cannot_be_spliced_is_said():
    assert splice("a: &x [1]\nb: *x\n", {"a": [2], "b": [1]}) is None
    assert splice("- 1\n", {"a": 1}) is None
