"""From a source to the file: first import, import again, refusals."""

import json

import pytest

from clitron_dagster.schema import load_schema
from clitron_dagster.schema_import import help_walk, update
from clitron_dagster.schema_import.help_run import HelpError
from clitron_dagster.schema_import.snapshot import last_source, snapshot_file
from clitron_dagster.schema_import.update import ImportFailed, collect, plan, save
from clitron_dagster_tests.schema_import.helpers import program

PAGE = """Usage:
  prog [command]

Available Commands:
  add   Add a thing
  rm    Remove a thing
"""
ADD = "Usage:\n  prog add NAME [flags]\n\nFlags:\n      --kind string   Kind: {big|small}"
RM = "Usage:\n  prog rm ID"


def prog(folder, add: str = ADD, page: str = PAGE) -> str:
    body = f"""case "$1" in add) cat <<'END'
{add}
END
;; rm) echo '{RM}' ;; *) cat <<'END'
{page}
END
esac"""
    return f"help:{program(folder, body)}"


@pytest.fixture
def imported(tmp_path):
    file = tmp_path / "schemas" / "prog.yaml"
    save(plan(file, collect(prog(tmp_path), "prog")))
    return file


def test_a_first_import_makes_a_sound_file_and_a_snapshot(tmp_path, imported):
    schema = load_schema(imported)
    assert [unit.key for unit in schema.units] == ["add", "rm"]
    assert schema.units[0].arg("kind").choices == ("big", "small")
    assert imported.read_text().startswith(
        "# Imported with `clitron schema import prog --from help:"
    )
    snapshot = json.loads(snapshot_file(imported).read_text())
    assert [command["name"] for command in snapshot["schema"]["commands"]] == ["add", "rm"]
    assert last_source(imported) == f"help:{tmp_path}/prog"
    assert sorted(f.name for f in imported.parent.iterdir()) == ["prog.imported.json", "prog.yaml"]


def test_an_import_again_keeps_what_people_did(tmp_path, imported):
    text = imported.read_text()
    mine = text.replace(
        "    description: Add a thing\n",
        '    description: Add one\n    natural_language: ["add {name}"]  # mine\n'
        "    examples:\n      - {request: a big x, args: {name: x, kind: big}}\n"
        "      - {request: a small x, args: {name: x, kind: small}}\n",
    )
    assert mine != text
    imported.write_text(mine)
    again = plan(imported, collect(prog(tmp_path), "prog"))
    assert (again.text, again.merged.of("changed")) == (mine, [])
    new = ADD.replace("{big|small}", "{big|huge}") + "\n      --dry   Only say it"
    save(plan(imported, collect(prog(tmp_path, new), "prog")))
    after = imported.read_text()
    assert '    natural_language: ["add {name}"]  # mine\n' in after
    unit = load_schema(imported).units[0]
    assert unit.node.description == "Add one"
    assert unit.arg("kind").choices == ("big", "huge")
    assert unit.flag("dry").description == "Only say it"
    assert [example.request for example in unit.node.examples] == ["a big x"]  # small is gone


def test_only_some_commands_are_touched(tmp_path, imported):
    source = prog(tmp_path, page=PAGE.replace("rm  ", "ls  "), add=ADD + "\n      --new   New")
    before = imported.read_text()
    made = plan(imported, collect(source, "prog", only=["add"]), only=["add"])
    assert {change.what for change in made.merged.changes} == {"add --new"}
    save(made)
    assert "  - name: rm" in imported.read_text()
    assert "--new" not in before
    both = plan(imported, collect(source, "prog"))
    assert {(c.kind, c.what) for c in both.merged.changes} == {("added", "ls"), ("removed", "rm")}


def test_a_page_that_hangs_removes_nothing(tmp_path, imported):
    source = prog(tmp_path)
    script = tmp_path / "prog"
    script.write_text(script.read_text().replace("add) cat", "add) sleep 9; cat"))
    made = plan(imported, collect(source, "prog", timeout=0.3))
    assert made.text == imported.read_text()
    assert (
        json.loads(made.snapshot)["schema"]
        == json.loads(snapshot_file(imported).read_text())["schema"]
    )


GROUPS = PAGE.replace("add ", "item").replace("rm ", "user")
GROUP = r"printf 'Usage:\n  prog %s [command]\n\nCommands:\n  ls   List\n  rm   Remove' $1"
LEAF = r"printf 'Usage:\n  prog %s %s\n\nFlags:\n      --all   All of it' $1 $2"


def groups(folder, instead: str = "") -> str:
    """Two groups of two commands each; ``instead`` is a case that comes before its pages."""
    body = f"""case "$*" in {instead}
*" ls"*|*" rm"*) {LEAF} ;;
item*|user*) {GROUP} ;;
*) cat <<'END'
{GROUPS}
END
esac"""
    return f"help:{program(folder, body)}"


@pytest.mark.parametrize(
    ("instead", "limits"),
    [
        ("item*) echo 'error connecting to api.example.com' >&2; exit 1 ;;", {}),
        ("item*) echo 'To get started, please log in' >&2; exit 4 ;;", {}),
        ("item*) ;;", {}),
        ("item*) sleep 9 ;;", {"MAX_TIMEOUTS": 1}),
        ("", {"MAX_PAGES": 1}),
        ("", {"MAX_PAGES": 2}),
        ("", {"MAX_PAGES": 4}),
    ],
)
def test_pages_that_were_not_read_remove_nothing(tmp_path, monkeypatch, instead, limits):
    file = tmp_path / "prog.yaml"
    save(plan(file, collect(groups(tmp_path), "prog")))
    assert [u.key for u in load_schema(file).units] == ["item ls", "item rm", "user ls", "user rm"]
    mine = file.read_text().replace(
        "      - name: rm\n",
        '      - name: rm\n        natural_language: ["drop it"]  # mine\n'
        "        examples:\n          - {request: drop all, flags: [all]}\n",
    )
    file.write_text(mine)
    for name, value in limits.items():
        monkeypatch.setattr(help_walk, name, value)
    timeout = 0.3 if "sleep" in instead else 10
    save(plan(file, collect(groups(tmp_path, instead), "prog", timeout=timeout)))
    assert file.read_text() == mine
    monkeypatch.undo()
    again = plan(file, collect(groups(tmp_path), "prog"))
    assert (again.text, again.merged.changes) == (mine, [])


def test_commands_without_a_page_are_imported_and_filled_in_later(tmp_path):
    file = tmp_path / "prog.yaml"
    down = "add*|rm*) echo 'no network' >&2; exit 1 ;;"
    source = prog(tmp_path)
    script = tmp_path / "prog"
    whole = script.read_text()
    script.write_text(whole.replace('case "$1" in', f'case "$1" in {down}'))
    save(plan(file, collect(source, "prog")))
    assert [(u.key, u.node.description) for u in load_schema(file).units] == [
        ("add", "Add a thing"),
        ("rm", "Remove a thing"),
    ]
    assert "unread" not in file.read_text() + snapshot_file(file).read_text()
    script.write_text(whole)
    save(plan(file, collect(source, "prog")))
    assert load_schema(file).units[0].arg("kind").choices == ("big", "small")


def test_text_in_lines_costs_no_comment(tmp_path, imported):
    mine = imported.read_text().replace(
        "    description: Add a thing\n", "    description: >\n      Add one\n    # mine\n"
    )
    assert "# mine" in mine
    imported.write_text(mine)
    made = plan(imported, collect(prog(tmp_path, ADD + "\n      --dry   Only say it"), "prog"))
    assert (made.layout_kept, made.lost_comments) == (True, [])
    assert "    description: >\n      Add one\n    # mine\n" in made.text
    assert "- {name: dry," in made.text


def test_a_file_that_takes_writing_anew_loses_no_comment(tmp_path, imported):
    top, commands = imported.read_text().split("\ncommands:\n")
    shared = commands.replace("Add a thing", "&d Add a thing")
    shared += "  - {name: extra, description: *d}\n"
    source = prog(tmp_path, page=PAGE.replace("Add a thing", "Add things"))

    def again(text: str):
        imported.write_text(text)
        return plan(imported, collect(source, "prog"))

    made = again(f"{top}\ncommands:\n  # mine\n{shared}")
    assert not made.layout_kept
    line = made.lost_comments[0][0]
    assert made.lost_comments == [(line, "# mine")]
    before = imported.read_text(), snapshot_file(imported).read_text()
    with pytest.raises(ImportFailed, match=rf"line {line}: # mine\), so nothing was written"):
        save(made)
    assert (imported.read_text(), snapshot_file(imported).read_text()) == before
    made = again(f"# a\n\n# mine\n{top}\ncommands:\n{shared}")
    assert (made.layout_kept, made.lost_comments) == (False, [])
    save(made)
    assert "# mine\n" in imported.read_text()
    assert "Add things" in imported.read_text()


def test_a_result_that_would_not_load_is_not_written(tmp_path, imported):
    before = imported.read_text()
    found = collect(prog(tmp_path), "prog")
    found.schema["commands"][0]["args"].insert(0, {"name": "x", "type": "enum"})
    with pytest.raises(ImportFailed, match=r"nothing was written: prog\.yaml:"):
        plan(imported, found, overwrite=True)
    assert imported.read_text() == before
    imported.write_text("cli_name: [")
    with pytest.raises(Exception, match="not valid YAML"):
        plan(imported, found)


def test_a_broken_snapshot_counts_as_none(tmp_path, imported):
    for text in ("{", "[]", '{"schema": {}}', '{"schema": {"commands": 3}}'):
        snapshot_file(imported).write_text(text)
        assert last_source(imported) is None
        assert plan(imported, collect(prog(tmp_path), "prog")).text == imported.read_text()


@pytest.mark.parametrize("source", ["hlep", "python", "usage:", "", "fig"])
def test_no_source(source):
    with pytest.raises(ImportFailed, match="is no source; write help"):
        collect(source, "x")


def test_every_kind_of_source_is_read(tmp_path, monkeypatch):
    with pytest.raises(HelpError, match="no program `none-such`"):
        collect("help", "none-such")
    (tmp_path / "s.kdl").write_text('cmd "a"\ncmd "b"\n')
    found = collect(f"usage:{tmp_path}/s.kdl", "x", only=["b"])
    assert [command["name"] for command in found.schema["commands"]] == ["b"]
    found = collect("python:clitron_dagster_tests.schema_import.programs:cli", "x")
    assert len(found.schema["commands"]) == 2
    with pytest.raises(ImportFailed, match="no command"):
        collect(f"usage:{tmp_path}/s.kdl", "x", only=["c"])
    assert update.KINDS == ("help", "python", "usage", "fig")
