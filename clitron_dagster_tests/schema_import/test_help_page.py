"""Saved pages of real programs, one style after the other."""

import time

import pytest

from clitron_dagster.schema_import import help_git
from clitron_dagster.schema_import.help_page import is_help, is_unknown, parse_page, style_of
from clitron_dagster_tests.schema_import.helpers import option, page_of, spelled, text_of

STYLES = {
    "gh-pr-list": "cobra", "docker": "cobra", "kubectl-scale": "cobra", "pip-uninstall": "cobra",
    "cargo-add": "clap", "hf-upload": "click", "typer": "click", "watchmedo-log": "argparse",
    "datasets-cli": "argparse", "git-commit": "git", "npm-ls": "npm",
}  # fmt: skip


@pytest.mark.parametrize(("name", "style"), STYLES.items())
def test_styles(name, style):
    assert style_of(text_of(name)) == style
    assert is_help(text_of(name))


def test_cobra_gh():
    root = page_of("gh")
    names = [command.name for command in root.commands]
    assert names[:3] == ["auth", "browse", "codespace"]
    assert not {"co", "accessibility", "help"} & set(names)  # a user's alias, help topics
    page = page_of("gh-pr-list")
    assert page.aliases == ["ls"]
    assert [o.longs[0] for o in page.options][-1] == "repo"  # inherited
    assert option(page, "limit").default == "30"
    assert option(page, "state").choices == ["open", "closed", "merged", "all"]
    assert option(page, "label").repeatable  # strings, and twice in an example
    assert spelled(page_of("gh-pr-checkout")) == ["[number]"]
    assert [o.longs[0] for o in page_of("gh-alias-import").options] == ["clobber"]


def test_cobra_docker_and_kubectl():
    root = page_of("docker")
    assert {"run", "container", "swarm", "wait"} <= {command.name for command in root.commands}
    assert option(root, "log-level").choices == ["debug", "info", "warn", "error", "fatal"]
    assert page_of("docker-ps").aliases == []  # `docker container ls` is of another group
    page = page_of("kubectl-scale")
    assert option(page, "replicas").metavar == "int"
    assert option(page, "filename").repeatable
    assert option(page, "recursive").metavar == ""


def test_pip():
    assert len(page_of("pip").commands) == 16
    page = page_of("pip-uninstall")
    assert page.description == "Uninstall packages"
    assert option(page, "requirement").repeatable
    assert option(page, "yes").shorts == ["y"]
    assert spelled(page)[0].startswith("[package")


def test_clap():
    commands = {command.name: command.aliases for command in page_of("cargo").commands}
    assert commands["build"] == ["b"]
    assert "..." not in commands
    page = page_of("cargo-add")
    assert spelled(page) == ["[dep-id...]"]
    assert option(page, "color").choices == ["auto", "always", "never"]
    assert option(page, "rename").metavar == "NAME"


def test_click_and_typer():
    page = page_of("hf-upload")
    assert spelled(page) == ["<repo-id>", "[local-path]", "[path-in-repo]"]
    assert option(page, "private").negations == ["no-private"]
    assert option(page, "type").choices == ["model", "dataset", "space", "kernel"]
    boxed = page_of("typer")
    assert [command.name for command in boxed.commands] == ["utils"]
    assert option(boxed, "app").metavar == "str"
    assert option(boxed, "install-completion").metavar == ""
    old = """
 Usage: app add [OPTIONS] NAME

╭─ Arguments ─────────────────────────────────────────────╮
│ *    name      TEXT  Whose name [required]              │
╰─────────────────────────────────────────────────────────╯
╭─ Options ───────────────────────────────────────────────╮
│ *  --count  -c                INTEGER  How often        │
│    --loud       --no-loud              Shout            │
│                                        [default: loud]  │
╰─────────────────────────────────────────────────────────╯
"""
    page = parse_page(old, ("app", "add"))
    assert page.positionals[0].description == "Whose name"
    assert option(page, "count").shorts == ["c"]
    assert option(page, "count").required
    assert option(page, "loud").negations == ["no-loud"]


def test_argparse():
    page = page_of("watchmedo-log")
    assert spelled(page) == ["[directories...]"]
    assert option(page, "interval").metavar == "TIMEOUT"
    names = [command.name for command in page_of("datasets-cli", "datasets-cli").commands]
    assert names == ["env", "test", "delete_from_hub"]
    text = """usage: prog [-h] --token TOKEN [-n N] {fast,slow} {start,stop (s)} ...

positional arguments:
  {start,stop}
    start        Start it
    stop (s)     Stop it

options:
  -h, --help     show this help message and exit
  --token TOKEN  secret
  -n N           how many (default: 3)
"""
    page = parse_page(text, ("prog",))
    assert [(c.name, c.aliases) for c in page.commands] == [("start", []), ("stop", ["s"])]
    assert option(page, "token").required
    assert not option(page, "n").required


def test_git():
    assert help_git.lists_with_help_a(text_of("git"), "git")
    names = [command.name for command in help_git.parse_list(text_of("git-help-a"))]
    assert {"add", "commit", "rev-parse", "config"} <= set(names)
    assert not {"gitk", "stage", "mailinfo", "attributes", "format-index"} & set(names)
    page = page_of("git-commit")
    assert spelled(page) == ["[pathspec...]"]
    assert option(page, "gpg-sign").optional_value
    assert option(page, "quiet").shorts == ["q"]  # above the first title
    group = page_of("git-stash")
    assert [c.name for c in group.commands][:4] == ["list", "show", "drop", "pop"]
    assert "push" in [c.name for c in group.commands]
    drop = help_git.parse_usage_of(group.usages, ("git", "stash", "drop"))
    assert spelled(drop) == ["[stash]"]
    assert option(drop, "quiet").shorts == ["q"]
    assert [c.name for c in page_of("git-bisect").commands][:3] == ["start", "bad", "good"]
    assert spelled(page_of("git-log")) == ["[revision-range]", "-- [path...]"]
    assert page_of("git-branch").commands == []


def test_npm():
    names = [command.name for command in page_of("npm").commands]
    assert {"install", "run", "whoami"} <= set(names)
    page = page_of("npm-ls")
    assert option(page, "omit").choices == ["dev", "optional", "peer"]
    assert option(page, "omit").repeatable
    assert option(page, "depth").metavar == "depth"
    assert option(page, "all").shorts == ["a"]


@pytest.mark.parametrize("text", ["", "\n\n", "Segmentation fault", "\x7fELF\0\0", "{}[]|" * 500])
def test_garbage_is_no_help_and_does_not_break(text):
    assert not is_help(text)
    parse_page(text, ("prog",))


def test_an_unknown_command_is_told():
    assert is_unknown("git: 'gui' is not a git command. See 'git --help'.")
    assert not is_unknown("Usage: x")


@pytest.mark.parametrize(
    "text",
    [
        "Usage: x " + "[<a> | " * 20_000,
        "Options:\n" + "  --x " + "a" * 200_000,
        "Options:\n  --x string  one of: " + "a" * 50_000 + "," * 50_000,
        "Options:\n" + "  -a, " * 50_000,
        "x\n" * 200_000 + "Commands:\n",
        "usage: x\n   or: " + "{a,b} " * 20_000,
        "╭─" * 50_000,
    ],
    ids=range(7),
)
def test_hostile_pages_are_read_in_no_time(text):
    start = time.monotonic()
    parse_page(text, ("x",))
    assert time.monotonic() - start < 5
