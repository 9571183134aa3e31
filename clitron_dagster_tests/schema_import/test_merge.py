"""Three versions meet: the file, the CLI now, the CLI at the import before."""

from __future__ import annotations

import copy
from typing import Any

from clitron_dagster.schema_import.merge import merge

Node = dict[str, Any]


def cli() -> Node:
    """What a small CLI says of itself."""
    return {
        "cli_name": "x",
        "description": "A tool",
        "commands": [
            {
                "name": "item",
                "description": "Items",
                "subcommands": [
                    {
                        "name": "list",
                        "description": "List items",
                        "effect": "read",
                        "args": [
                            {"name": "state", "type": {"enum": ["open", "all"]}, "default": "open"},
                            {"name": "limit", "short": "L", "type": "integer"},
                        ],
                        "flags": [{"name": "web"}],
                    },
                    {
                        "name": "copy",
                        "args": [{"name": "id", "type": "string", "positional": True}],
                    },
                ],
            },
            {"name": "login", "description": "Log in", "flags": [{"name": "force"}]},
        ],
    }


def by_hand() -> Node:
    """The same after people worked on it."""
    tree = cli()
    tree["context"] = {"x.item": {"semantic": "id"}}
    tree["pipeline"] = {"num_examples": 10}
    listing = tree["commands"][0]["subcommands"][0]
    listing["description"] = "Which items there are"
    listing["natural_language"] = ["{state} items", "items on the web"]
    listing["examples"] = [
        {"request": "three", "args": {"limit": 3}},
        {"request": "all", "args": {"state": "all"}},
    ]
    listing["args"][1] |= {"semantic": "count", "samples": [3], "natural_language": ["{value}"]}
    listing["flags"][0]["conflicts"] = ["limit"]
    listing["flags"].append({"name": "mine", "description": "Only mine"})
    tree["commands"][1]["effect"] = "destructive"
    tree["commands"].append({"name": "extra", "description": "A plugin"})
    return tree


def unit(tree: Node, *path: str) -> Node:
    nodes = tree["commands"]
    for name in path:
        node = next(node for node in nodes if node["name"] == name)
        nodes = node.get("subcommands", [])
    return node


def said(merged, kind: str) -> set[str]:
    return {change.what for change in merged.of(kind)}


def test_nothing_changed_changes_nothing():
    old = by_hand()
    merged = merge(old, cli(), cli())
    assert merged.schema == old == by_hand()
    assert not merged.of("added") + merged.of("removed") + merged.of("changed")


def test_the_clis_changes_are_taken_and_peoples_kept():
    new = cli()
    listing = unit(new, "item", "list")
    listing["description"] = "List all items"
    listing["args"][0] |= {"type": {"enum": ["open", "closed", "all"]}, "default": "all"}
    listing["args"][1]["short"] = "n"
    listing["args"].insert(1, {"name": "owner", "type": "string"})
    del unit(new, "item")["subcommands"][1]
    unit(new, "item")["subcommands"].insert(0, {"name": "add", "description": "Add"})
    unit(new, "login")["description"] = "Log in to a host"
    merged = merge(by_hand(), new, cli())
    assert said(merged, "added") == {"item add", "item list --owner"}
    assert said(merged, "removed") == {"item copy"}
    assert said(merged, "changed") == {"item list --state", "item list --limit", "login"}
    tree = merged.schema
    assert [node["name"] for node in tree["commands"]] == ["item", "login", "extra"]
    assert [node["name"] for node in unit(tree, "item")["subcommands"]] == ["add", "list"]
    mine = unit(tree, "item", "list")
    assert mine["description"] == "Which items there are"  # changed by hand: that wins
    assert unit(tree, "login")["description"] == "Log in to a host"
    assert [arg["name"] for arg in mine["args"]] == ["state", "owner", "limit"]
    assert mine["args"][2] == {
        "name": "limit", "short": "n", "type": "integer", "semantic": "count", "samples": [3],
        "natural_language": ["{value}"],
    }  # fmt: skip
    assert mine["args"][0]["default"] == "all"
    assert [flag["name"] for flag in mine["flags"]] == ["web", "mine"]
    for key in ("context", "pipeline"):
        assert tree[key] == by_hand()[key]
    assert unit(tree, "login")["effect"] == "destructive"


def test_what_is_removed_goes_from_phrases_relations_and_examples():
    new = cli()
    listing = unit(new, "item", "list")
    del listing["args"][0]
    listing["args"][0]["name"] = "max"
    mine = unit(merge(by_hand(), new, cli()).schema, "item", "list")
    assert [arg["name"] for arg in mine["args"]] == ["max"]
    assert mine["natural_language"] == ["items on the web"]
    assert mine["examples"] == []
    assert "conflicts" not in mine["flags"][0]


def test_what_people_took_out_stays_out():
    old = by_hand()
    del old["commands"][1]
    del unit(old, "item", "list")["flags"][0]
    merged = merge(old, cli(), cli())
    assert merged.schema == old
    assert not merged.of("added")


def test_without_a_base_it_only_adds():
    new = cli()
    listing = unit(new, "item", "list")
    listing["args"][1] |= {"short": "n", "type": "string"}
    listing["flags"] = [{"name": "json"}]
    unit(new, "item", "copy")["args"][0]["name"] = "source"
    merged = merge(by_hand(), new)
    mine = unit(merged.schema, "item", "list")
    assert mine["args"] == unit(by_hand(), "item", "list")["args"]
    assert [flag["name"] for flag in mine["flags"]] == ["json", "web", "mine"]
    assert unit(merged.schema, "item", "copy") == unit(by_hand(), "item", "copy")
    assert said(merged, "added") == {"item list --json"}
    assert said(merged, "kept") == {
        "item list --limit", "item list --web", "item list --mine", "item copy", "extra",
    }  # fmt: skip
    assert not merged.of("removed") + merged.of("changed")


def test_overwrite_believes_the_cli():
    new = cli()
    unit(new, "item", "list")["args"][1] |= {"short": "n"}
    unit(new, "item", "copy")["args"][0]["name"] = "source"
    merged = merge(by_hand(), new, overwrite=True)
    mine = unit(merged.schema, "item", "list")
    assert mine["args"][1]["short"] == "n"
    assert mine["args"][1]["semantic"] == "count"
    assert [flag["name"] for flag in mine["flags"]] == ["web"]
    assert unit(merged.schema, "item", "copy")["args"][0]["name"] == "source"
    assert said(merged, "removed") == {"item list --mine", "extra", "item copy <id>"}


def test_a_flag_that_takes_a_value_now_moves():
    new = cli()
    listing = unit(new, "item", "list")
    listing["flags"] = []
    listing["args"].append({"name": "web", "type": "string"})
    mine = unit(merge(by_hand(), new, cli()).schema, "item", "list")
    assert mine["args"][-1] == {"name": "web", "type": "string", "conflicts": ["limit"]}
    assert [flag["name"] for flag in mine["flags"]] == ["mine"]


def test_a_command_becomes_a_group():
    new = cli()
    new["commands"][1] = {"name": "login", "subcommands": [{"name": "web"}, {"name": "token"}]}
    merged = merge(by_hand(), new, cli())
    assert [c["name"] for c in unit(merged.schema, "login")["subcommands"]] == ["web", "token"]
    assert said(merged, "added") == {"login web", "login token"}
    assert unit(merge(by_hand(), new).schema, "login") == unit(by_hand(), "login")


def test_a_page_that_could_not_be_read_removes_nothing():
    new = cli()
    new["commands"][1] = {"name": "login", "unread": True}
    merged = merge(by_hand(), new, cli())
    assert merged.schema == by_hand()
    assert "login" in said(merged, "kept")


def test_a_group_that_could_not_be_read_keeps_its_commands():
    new = cli()
    new["commands"][0] = {"name": "item", "description": "Things", "unread": True}
    old = by_hand()
    for overwrite in (False, True):
        merged = merge(old, new, cli(), overwrite=overwrite)
        item = unit(merged.schema, "item")
        assert item == unit(old, "item") | {"description": "Things"}  # its parent's page says so
        assert "item" in said(merged, "kept")


def test_what_has_no_page_of_its_own_is_not_told_of_each_time():
    new = cli()
    new["commands"].append({"name": "extra", "description": "A plugin", "unread": True})
    merged = merge(by_hand(), new, copy.deepcopy(new))
    assert merged.schema == by_hand()
    assert "extra" not in said(merged, "kept")


def test_an_alias_whose_page_was_not_read_stays_one():
    old, base, new = cli(), cli(), cli()
    for tree in (old, base):
        tree["commands"][1]["aliases"] = ["signin", "old"]
    new["commands"].append({"name": "signin", "unread": True})
    merged = merge(old, new, base)
    assert unit(merged.schema, "login")["aliases"] == ["signin"]  # the page no longer says `old`
    assert [command["name"] for command in merged.schema["commands"]] == ["item", "login"]


def test_inputs_are_left_alone():
    old, new, base = by_hand(), cli(), cli()
    new["commands"].append({"name": "new", "flags": [{"name": "x"}]})
    before = copy.deepcopy((old, new, base))
    merge(old, new, base)
    assert (old, new, base) == before
