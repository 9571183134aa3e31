"""Walking a program's pages: order, cycles, hangs, failures, and two real programs."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from clitron_dagster.schema_import import help_walk
from clitron_dagster.schema_import.help import find_program, read, walk
from clitron_dagster.schema_import.help_run import HelpError, run
from clitron_dagster_tests.schema_import.helpers import loaded, program

ROOT_PAGE = """A tool

Usage:
  prog [command]

Available Commands:
  add         Add a thing
  item        Work with items
  help        Help about any command

Flags:
  -h, --help   help for prog
"""


def script(**pages: str) -> str:
    """A program with a page for each command line (`add --help` is the key ``add``)."""
    cases = "".join(f"\"{key}\") cat <<'END'\n{page}\nEND\n;;\n" for key, page in pages.items())
    return f'key=$(echo "$@" | sed "s/ *--help *//"); case "${{key:-root}}" in\n{cases}esac'


def test_pages_become_a_tree_in_the_order_of_the_pages(tmp_path):
    body = script(
        root=ROOT_PAGE,
        add="Usage:\n  prog add NAME [flags]\n\nFlags:\n      --now     do it now\n"
            "  -n, --times int   how often (default 2)",
        item="Usage:\n  prog item [command]\n\nAvailable Commands:\n"
             "  rm   Remove an item\n  ls   List items",
        **{
            "item rm": "Usage:\n  prog item rm ID\n\nAliases:\n  rm, remove",
            "item ls": "Usage:\n  prog item ls",
        },
    )  # fmt: skip
    found = walk(program(tmp_path, body), "prog")
    assert (found.pages, found.notes) == (5, [])
    schema = loaded(found.schema, tmp_path)
    assert [unit.key for unit in schema.units] == ["add", "item rm", "item ls"]
    add, rm, _ls = schema.units
    assert [arg.name for arg in add.args] == ["times", "name"]
    assert (add.arg("times").default, add.arg("times").short) == (2, "n")
    assert [flag.name for flag in add.flags] == ["now"]
    assert rm.node.aliases == ("remove",)
    assert [unit.node.effect for unit in schema.units] == ["write", "destructive", "read"]


def test_a_program_that_prints_one_page_for_everything_ends(tmp_path):
    found = walk(program(tmp_path, f"cat <<'END'\n{ROOT_PAGE}\nEND"), "prog")
    assert found.pages == 3
    assert [c["name"] for c in found.schema["commands"]] == ["add", "item"]
    units = loaded(found.schema, tmp_path).units  # no page of their own, and yet to be used
    assert [(u.key, u.node.description) for u in units] == [
        ("add", "Add a thing"),
        ("item", "Work with items"),
    ]
    echoing = program(tmp_path, f"echo Help for $@; cat <<'END'\n{ROOT_PAGE}\nEND")
    assert walk(echoing, "prog").pages == 3


def test_a_page_that_is_its_siblings_is_an_alias(tmp_path):
    same = "Usage:\n  prog add NAME\n\nFlags:\n  --x   y"
    schema = walk(program(tmp_path, script(root=ROOT_PAGE, add=same, item=same)), "prog").schema
    assert [(c["name"], c.get("aliases")) for c in schema["commands"]] == [("add", ["item"])]


def test_hanging_failing_and_unknown_commands_are_noted(tmp_path):
    page = ROOT_PAGE.replace("  help ", "  gone        No longer there\n  help ")
    body = f"""case "$1" in
--help) cat <<'END'
{page}
END
;;
add) sleep 30 ;;
item)
  echo 'usage: prog item [--all]' >&2
  printf '\\n  \\033[1m--all\\033[0m   all of it\\n' >&2
  exit 3 ;;
gone) echo 'unknown command "gone"' >&2; exit 1 ;;
esac"""
    start = time.monotonic()
    found = walk(program(tmp_path, body), "prog", timeout=0.5)
    assert time.monotonic() - start < 5
    assert [c["name"] for c in found.schema["commands"]] == ["add", "item"]
    assert found.schema["commands"][0]["unread"] is True
    assert found.schema["commands"][1]["flags"] == [{"name": "all", "description": "all of it"}]
    assert sorted(found.notes) == [
        "`prog add` did not answer within 0.5 s",
        "`prog gone` is listed, but the program does not know it; left out",
    ]


def test_other_ways_of_asking(tmp_path):
    body = f"""case "$*" in
-h) cat <<'END'
{ROOT_PAGE}
END
;;
*--help*) echo 'no such option' >&2; exit 2 ;;
"add -h") echo 'Usage: prog add FILE' ;;
*) echo nothing ;;
esac"""
    schema = walk(program(tmp_path, body), "prog").schema
    assert schema["commands"][0]["args"][0]["name"] == "file"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sleep 30", "did not answer within 0.3 s"),
        ("exit 1", "shows no help that can be read"),
        ("head -c 3000 /dev/urandom", "shows no help that can be read"),
        ("echo 'Usage: prog FILE'; echo; echo '  --all  all'", "lists no subcommands"),
    ],
)
def test_a_program_without_help_is_refused_in_one_sentence(tmp_path, body, words):
    with pytest.raises(HelpError, match=words) as caught:
        walk(program(tmp_path, body), "prog", timeout=0.3)
    assert "\n" not in str(caught.value)


def test_names_that_are_no_names_are_not_run(tmp_path):
    commands = "  ../evil  x\n  -rf      y\n  $(id)    z\n  ok       fine"
    page = f"Usage:\n  prog [command]\n\nCommands:\n{commands}"
    body = f"""echo "$*" >> {tmp_path}/asked; [ "$1" = --help ] && cat <<'END'
{page}
END"""
    schema = walk(program(tmp_path, body), "prog").schema
    assert [c["name"] for c in schema["commands"]] == ["ok"]
    asked = (tmp_path / "asked").read_text().split("\n")
    assert set(filter(None, asked)) == {"--help", "ok --help", "ok -h", "help ok"}


def test_depth_and_number_of_pages_are_bounded(tmp_path, monkeypatch):
    body = """echo "Usage: prog $# [command]"; echo; echo Commands:; for i in 1 2 3; do
echo "  c$#x$i  number $i of $#"; done"""
    monkeypatch.setattr(help_walk, "MAX_PAGES", 30)
    found = walk(program(tmp_path, body), "prog")
    assert found.pages == 30
    assert "too much to read" in found.notes[-1]
    monkeypatch.setattr(help_walk, "MAX_DEPTH", 2)
    assert walk(program(tmp_path, body), "prog").pages == 1 + 3 + 9


def test_only_some_commands(tmp_path):
    file = program(tmp_path, script(root=ROOT_PAGE, add="Usage: prog add X"))
    assert [c["name"] for c in walk(file, "prog", only=["add"]).schema["commands"]] == ["add"]
    with pytest.raises(HelpError, match="lists no command `ad`"):
        walk(file, "prog", only=["ad"])


def test_programs_are_found():
    assert find_program(f"{sys.executable} -m pip") == [sys.executable, "-m", "pip"]
    for missing, words in {
        "no-such-program": "on the PATH",
        "": "names no program",
        "'": "names",
    }.items():
        with pytest.raises(HelpError, match=words):
            find_program(missing)


# -- gh: the imported tree against an independent reading of the same pages -----------------------


@pytest.mark.parametrize(
    "only",
    [("pr", "gist", "search"), pytest.param((), marks=pytest.mark.slow, id="all")],
)
def test_flags_of_gh_are_those_of_its_own_help(tmp_path, monkeypatch, only):
    printed: dict[tuple[str, ...], str] = {}

    def remember(argv: list[str], folder: Path, timeout: float):
        answer = run(argv, folder, timeout)
        printed[tuple(w for w in argv[1:] if w not in ("--help", "-h", "help"))] = answer.stdout
        return answer

    monkeypatch.setattr(help_walk, "run", remember)
    found = walk("gh", "gh", only=only)
    schema = loaded(found.schema, tmp_path)
    assert found.seconds < 30
    groups = {path[:-1] for path in printed if path}
    leaves = {path for path in printed if path and path not in groups}
    assert {unit.path for unit in schema.units} == leaves
    right = total = 0
    for unit in schema.units:
        theirs = flags_by_columns(printed[unit.path])
        ours = {(a.name, a.short, True) for a in unit.args if not a.positional}
        ours |= {(f.name, f.short, False) for f in unit.flags}
        total += len(theirs | ours)
        right += len(theirs & ours)
    assert total > (900 if not only else 250)
    assert right / total >= 0.99


def flags_by_columns(page: str) -> set[tuple[str, str | None, bool]]:
    """(name, short, takes a value) of gh's pages, by the columns that pflag prints:
    ``  -s, --name type   words``, three spaces at least between type and words."""
    found: set[tuple[str, str | None, bool]] = set()
    sections = re.split(r"^([A-Z][A-Z ]+)$", page, flags=re.MULTILINE)
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        for line in body.splitlines() if title in ("FLAGS", "INHERITED FLAGS") else ():
            spelled = line.strip().split("   ")[0]
            short = spelled[1] if re.match(r"-\w, ", spelled) else None
            name, _, kind = spelled.partition("--")[2].partition(" ")
            if name and name != "help":
                found.add((name, short, bool(kind) and "[=" not in kind))
    return found


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git(tmp_path):
    schema = loaded(read("git", "git"), tmp_path)
    assert schema.unit("stash", "drop").node.effect == "destructive"
    assert schema.unit("show", None)
    assert schema.unit("remote", "add").arg("url").required
    unit = schema.unit("commit", None)
    assert unit.arg("message").short == "m"
    assert unit.flag("amend")
    assert unit.flag("quiet").short == "q"
    assert len(schema.units) > 100
