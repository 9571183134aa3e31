"""Usage lines: which words are positionals, options, subcommands."""

import pytest

from clitron_dagster.schema_import.help_layout import Page
from clitron_dagster.schema_import.help_usage import (
    name_of,
    options,
    parse_usage,
    positionals,
    words_first,
)
from clitron_dagster_tests.schema_import.helpers import spelled

POSITIONALS = {
    "[<number> | <url> | <branch>] [flags]": ["[number]"],
    "{<number> | <url>} [flags]": ["<number>"],
    "{<alias> | --all} [flags]": ["[alias]"],
    "<repository> [<directory>] [-- <gitflags>...]": [
        "<repository>",
        "[directory]",
        "-- [gitflags...]",
    ],
    "[OPTIONS] IMAGE [COMMAND] [ARG...]": ["<image>", "[command]", "[arg...]"],
    "[OPTIONS] SRC... DST": ["<src...>", "<dst>"],
    "[-h] [--foo FOO] [-v] src [src ...] dst": ["<src...>", "<dst>"],
    "[HOST/]OWNER/REPO": ["<owner-repo>"],
    "<port>:{public|private|org}...": ["<port...>"],
    "<repository> [<skill[@version]>]": ["<repository>", "[skill]"],
    "[options] <requirement specifier> [package-index-options] ...": ["<requirement-specifier...>"],
    "[(-o|--output=)json|yaml|wide] (TYPE[.GROUP] [NAME | -l label] | TYPE/NAME ...) [flags]": [
        "<type>",
        "[name]",
    ],
    "NAME [--from-file=[key=]source] [--dry-run=server|client|none]": ["<name>"],
    "POD [-c CONTAINER] -- COMMAND [args...]": ["<pod>", "-- <command>", "-- [args...]"],
    "-s <shell>": [],
    "((((((((((((((((((((<a>": ["<a>"],
    "]})|...|[": [],
}


@pytest.mark.parametrize(("usage", "expected"), POSITIONALS.items())
def test_positionals(usage, expected):
    found = positionals(parse_usage(usage), frozenset({"-v"}), bare=True)
    assert spelled(Page(positionals=found)) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ("[--add] <name> <branch>...", ["<name>", "<branch...>"]),
        ("[-t <branch>] [--tags | --no-tags] [--mirror=<fetch|push>] <name> <url>",
         ["<name>", "<url>"]),
        ("[<options>] [<revision-range>] [[--] <path>...]", ["[revision-range]", "-- [path...]"]),
        ("[-p | --patch] [(-m | --message) <message>] [--] [<pathspec>...]", ["[pathspec...]"]),
        ("[(-c | -C) <commit> | --fixup [(amend|reword):]<commit>)] [<pathspec>...]",
         ["[pathspec...]"]),
    ],
)  # fmt: skip
def test_positionals_of_git_stand_in_brackets(usage, expected):
    found = positionals(parse_usage(usage), frozenset({"--add"}), bare=False)
    assert spelled(Page(positionals=found)) == expected


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ("git stash list [<log-options>]", ["git", "stash", "list"]),
        ("git remote [-v | --verbose] show [-n] <name>", ["git", "remote", "show"]),
        ("git stash [push [-p | --patch] [<pathspec>...]]", ["git", "stash", "push"]),
        ("git bisect (bad|new|<term-new>) [<rev>]", ["git", "bisect"]),
        ("git mergetool [--tool=tool] [file to merge] ...", ["git", "mergetool"]),
    ],
)
def test_words_of_a_subcommand(usage, words):
    assert words_first(parse_usage(usage)) == words


def test_options_that_only_the_usage_tells():
    line = (
        "[-q | --quiet] [(-m | --message) <message>] [--tags | --no-tags] [--file=<file> [--nul]]"
    )
    found = {o.longs[0]: (o.shorts, o.metavar) for o in options(parse_usage(line))}
    assert found == {
        "quiet": (["q"], ""),
        "message": (["m"], "message"),
        "tags": ([], ""),
        "no-tags": ([], ""),
        "file": ([], "file"),
        "nul": ([], ""),
    }


def test_names():
    assert [name_of(t) for t in ("<run-id>", "[PACKAGE]", "keyPrefix", "REPO_ID", "<…>")] == [
        "run-id",
        "package",
        "key-prefix",
        "repo-id",
        "",
    ]
