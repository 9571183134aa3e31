"""Effects and kinds of value, measured against the schemas that people wrote."""

import pytest

from clitron_dagster.schema import load_schema
from clitron_dagster.schema_import.guess import effect_of, flag_effect, semantic_of
from clitron_dagster_tests.paths import SCHEMAS


@pytest.mark.parametrize(
    ("path", "description", "effect"),
    [
        (("pr", "list"), "", "read"),
        (("repo", "delete"), "", "destructive"),
        (("project", "item-delete"), "", "destructive"),
        (("config", "clear-cache"), "", "destructive"),
        (("volume", "prune"), "", "destructive"),
        (("remote", "get-url"), "", "read"),
        (("ps",), "List containers", "read"),
        (("images",), "List images", "read"),
        (("branch",), "List, create, or delete branches", "write"),
        (("pr", "checkout"), "Check out a pull request in git", "write"),
        (("rmi",), "Remove one or more images", "destructive"),
        (("pr", "create"), "Create a pull request", "write"),
        (("frobnicate",), "", "write"),
    ],
)
def test_effects(path, description, effect):
    assert effect_of(path, description) == effect


def test_effects_are_those_that_people_wrote():
    units = [u for name in ("gh", "git") for u in load_schema(SCHEMAS / f"{name}.yaml").units]
    right = sum(effect_of(u.path, u.node.description) == u.node.effect for u in units)
    assert right / len(units) >= 0.9


def test_effects_of_flags():
    assert flag_effect("force", "write") == "destructive"
    assert flag_effect("delete-branch", "write") == "destructive"
    assert flag_effect("force", "destructive") is None
    assert flag_effect("force", "read") is None
    assert flag_effect("delete-branch-on-merge", "write") is None
    assert flag_effect("draft", "write") is None


@pytest.mark.parametrize(
    ("name", "type_name", "about", "kind"),
    [
        ("output", "string", {}, ""),  # the loader infers `file`
        ("subject", "string", {"metavar": "file"}, ""),
        ("from", "string", {"metavar": "login"}, "user"),
        ("worktree", "string", {"metavar": "path"}, "path"),
        ("R", "string", {"metavar": "[HOST/]OWNER/REPO"}, "repo"),
        ("grace", "string", {"description": "Time out after, e.g. 5s, a duration"}, "duration"),
        ("first", "integer", {"description": "Maximum number of items"}, "count"),
        ("number", "string", {"path": ("pr", "view")}, "pr_number"),
        ("number", "integer", {"path": ("issue", "view")}, "issue_number"),
        ("state", "enum", {}, "value"),
        ("thing", "string", {"description": "Something"}, ""),
    ],
)
def test_kinds_of_value(name, type_name, about, kind):
    assert semantic_of(name, type_name, **about) == kind
