"""Changes in the schema folder: what counts, and when."""

import json

import pytest

from clitron_dagster.schema_watch import look
from clitron_dagster_tests.fabricate import add_schema, edit, settings_in

QUIET = 5


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path, "gh", "git")


class Watcher:
    """Looks again and again, as the sensor does: acts on what changed, keeps the cursor."""

    def __init__(self, settings, now=1000.0):
        self.settings, self.now, self.cursor = settings, now, None

    def after(self, seconds, act=True):
        self.now += seconds
        seen = look(self.settings, self.cursor, self.now, QUIET)
        if act:
            seen.settle(seen.changed)
        self.cursor = seen.cursor()
        return seen


@pytest.fixture
def watcher(settings):
    watcher = Watcher(settings)
    watcher.after(0)
    return watcher


def test_the_first_look_takes_what_stands_as_known(settings):
    seen = look(settings, None, 0.0, QUIET)
    assert seen.first
    assert not seen.changed
    assert set(seen.seen) == {"gh", "git"}


def test_an_edit_is_acted_upon_once_when_quiet(settings, watcher):
    edit(settings, "git", "Show one note", "Print one note")
    seen = watcher.after(1)
    assert not seen.changed
    assert "quiet" in seen.waiting["git"]
    assert watcher.after(15).changed == ["git"]
    assert not watcher.after(15).changed


def test_a_storm_of_edits_is_one_change(settings, watcher):
    for number in range(20):
        edit(settings, "git", "Show one note", f"{number} Show one note")
        edit(settings, "gh", "Show one note", f"{number} Show one note")
        assert not watcher.after(2).changed
    assert watcher.after(5).changed == ["gh", "git"]
    assert not watcher.after(15).changed


def test_comments_and_layout_are_no_change(settings, watcher):
    file = settings.schema_file("git")
    file.write_text("# nothing new\n\n" + file.read_text())
    watcher.after(15)
    seen = watcher.after(15)
    assert not seen.changed
    assert not seen.waiting


def test_an_edit_that_is_undone_is_no_change(settings, watcher):
    edit(settings, "git", "Show one note", "Print one note")
    watcher.after(1)
    edit(settings, "git", "Print one note", "Show one note")
    assert not watcher.after(15).changed
    assert not watcher.after(15).changed


def test_rows_beside_the_schema_count(settings, watcher):
    (settings.schemas_dir / "git.eval.jsonl").write_text("{}\n")
    watcher.after(1)
    assert watcher.after(15).changed == ["git"]


def test_a_file_cut_in_half_waits_with_its_fault_until_it_is_whole(settings, watcher):
    file = settings.schema_file("git")
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2] + "\n  - [")
    watcher.after(1)
    seen = watcher.after(15)
    assert not seen.changed
    assert "git.yaml" in seen.waiting["git"]
    file.write_text(whole.replace("Show one note", "Print one note"))
    watcher.after(1)
    assert watcher.after(15).changed == ["git"]


def test_a_new_schema_is_a_change_and_a_deleted_one_is_forgotten(settings, watcher):
    add_schema(settings, "jq")
    settings.schema_file("gh").unlink()
    watcher.after(1)
    seen = watcher.after(15)
    assert seen.changed == ["jq"]
    assert set(json.loads(watcher.cursor)) == {"git", "jq"}


def test_a_change_that_is_not_settled_comes_again(settings, watcher):
    edit(settings, "git", "Show one note", "Print one note")
    watcher.after(1)
    assert watcher.after(15, act=False).changed == ["git"]
    assert watcher.after(15).changed == ["git"]


def test_a_clock_set_back_delays_by_the_quiet_time_only(settings, watcher):
    edit(settings, "git", "Show one note", "Print one note")
    watcher.after(1)
    watcher.after(-7200)
    assert watcher.after(6).changed == ["git"]


@pytest.mark.parametrize("cursor", ["", "{", "[]", "3", '{"git": 3}', '{"git": {"old": 1}}'])
def test_a_cursor_of_another_version_is_a_first_look(settings, cursor):
    assert look(settings, cursor, 0.0, QUIET).first


def test_files_that_did_not_change_are_not_read_again(settings, watcher, monkeypatch):
    from clitron_dagster import schema_watch

    monkeypatch.setattr(schema_watch, "_hash", lambda *_: pytest.fail("read again"))
    assert not watcher.after(15).waiting
