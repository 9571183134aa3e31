"""One option: spelling, value, choices, default."""

import pytest

from clitron_dagster.schema_import.help_option import read_option

# head: (long, short, opposite, metavar, optional value, repeatable)
SPELLINGS = {
    "-a, --assignee login": ("assignee", "a", None, "login", False, False),
    "--attach file": ("attach", None, None, "file", False, False),
    "-v, --verbose...": ("verbose", "v", None, "", False, False),
    "--resolvemsg ...": ("resolvemsg", None, None, "value", False, False),
    "--[no-]progress": ("progress", None, "no-progress", "", False, False),
    "-s, --shout / -S, --no-shout": ("shout", "s", "no-shout", "", False, False),
    "--foo, --no-foo": ("foo", None, "no-foo", "", False, False),
    "-S, --gpg-sign[=<key-id>]": ("gpg-sign", "S", None, "key-id", True, False),
    '--dry-run string[="unchanged"]': ("dry-run", None, None, "value", True, False),
    "--target [<TRIPLE>]": ("target", None, None, "TRIPLE", False, False),
    "-f FOO, --foo FOO": ("foo", "f", None, "FOO", False, False),
    "--foo FOO [FOO ...]": ("foo", None, None, "FOO", False, True),
    "--label strings": ("label", None, None, "strings", False, True),
    "-o, --output <OUT>...": ("output", "o", None, "OUT", False, True),
    "-S|--save": ("save", "S", None, "", False, False),
    "-a --text": ("text", "a", None, "", False, False),
    "-R, --repo [HOST/]OWNER/REPO": ("repo", "R", None, "HOST/OWNER/REPO", False, False),
    "--name-status show names and status of files.": ("name-status", None, None, "", False, False),
}


@pytest.mark.parametrize(("head", "expected"), SPELLINGS.items())
def test_spellings(head, expected):
    found = read_option(head, "words")
    short = found.shorts[0] if found.shorts else None
    opposite = found.negations[0] if found.negations else None
    rest = (found.metavar, found.optional_value, found.repeatable)
    assert (found.longs[0], short, opposite, *rest) == expected


def test_help_and_go_style_are_no_options():
    assert read_option("-h, --help", "Show help") is None
    assert read_option("-version", "Print it") is None
    assert read_option("-h, --homepage URL", "Home page").shorts == ["h"]


@pytest.mark.parametrize(
    ("head", "description", "choices"),
    [
        (
            "--state string",
            'Filter: {open|closed|not planned} (default "open")',
            ["open", "closed", "not planned"],
        ),
        ("--color <WHEN>", "Coloring [possible values: auto, always]", ["auto", "always"]),
        ("--mode <M>", "Mode\nPossible values:\n- fast: no checks\n- safe: all", ["fast", "safe"]),
        ("--level {debug,info}", "", ["debug", "info"]),
        ("--mirror=<fetch|push>", "", ["fetch", "push"]),
        ("--o string", "Output format. One of: (json, yaml, wide).", ["json", "yaml", "wide"]),
        ("--ns string", "Namespace (host|private)", ["host", "private"]),
        ("--every duration", "Time between (ms|s|m|h)", []),
        ("--only <pkg|glob>", "Which", []),
        ("--at <FILE|URL>", "Where", []),
    ],
)  # fmt: skip
def test_choices(head, description, choices):
    assert read_option(head, description).choices == choices


@pytest.mark.parametrize(
    ("description", "default"),
    [
        ('What (default "open")', "open"),
        ("How many (default 30)", "30"),
        ("Speed [default: 1.5; required]", "1.5"),
        ("Branch (default [current branch])", None),
        ("Nothing said", None),
    ],
)
def test_defaults(description, default):
    assert read_option("--x string", description).default == default


def test_descriptions_lose_what_other_keys_say():
    words = 'Filter by state: {open|closed} (default "open")'
    assert read_option("--state string", words).description == "Filter by state"
    long = read_option("--x", "First sentence here. Second one. " * 20)
    assert long.description == "First sentence here"


def test_repetition_is_told_by_words():
    assert read_option("--x <y>", "This option can be specified multiple times.").repeatable
    assert read_option("--label name", "Add labels by name").repeatable
    assert not read_option("--comments number", "Filter on number of comments").repeatable
