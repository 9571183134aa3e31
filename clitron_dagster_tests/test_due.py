"""What a tick has to do, by the real plan over fabricated artifacts."""

import dataclasses
import shutil

import pytest

from clitron_dagster.due import WHY_LENGTH, look, short
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.fabricate import add_schema, edit, settings_in, two_fresh


@pytest.fixture
def settings(tmp_path):
    return two_fresh(tmp_path)


def ask(settings, running=None):
    return look(settings, settings.cli_names(), running or {})


def test_nothing_stale_is_said_in_words(settings):
    answer = ask(settings)
    assert not answer.due
    assert not answer.held
    assert answer.words() == "nothing is stale in 2 CLIs"


def test_an_edited_schema_makes_its_own_cli_due_with_the_cause(settings):
    edit(settings, "git", "Show one note", "Print one note")
    (one,) = ask(settings).due
    assert one.cli == "git"
    assert one.assets[0] == "raw_examples"
    assert "raw_examples: schema: show changed" in one.why
    assert "input" not in one.why


def test_only_the_stale_assets_are_due(settings):
    changed = dataclasses.replace(settings, overrides={"dpo_model": {"beta": 0.2}})
    for one in ask(changed).due:
        assert one.assets == ("dpo_model", "gguf_model", "eval_report")
        assert one.why == "dpo_model: config: beta 0.1→0.2"


def test_a_new_cli_is_due_whole(settings):
    add_schema(settings, "jq")
    (one,) = ask(settings).due
    assert one.assets == STAGE_NAMES
    assert one.why == "raw_examples: never made"


def test_a_broken_schema_is_held_with_its_fault_and_the_rest_go_on(settings):
    edit(settings, "gh", "commands:", "commands: 3\nother:")
    edit(settings, "git", "Show one note", "Print one note")
    answer = ask(settings)
    assert [one.cli for one in answer.due] == ["git"]
    (held,) = answer.broken
    assert held.cli == "gh"
    assert "gh.yaml" in held.why


def test_a_wrong_setting_in_a_schema_is_held_too(settings):
    with settings.schema_file("gh").open("a") as sink:
        sink.write("pipeline: {num_exampels: 3}\n")
    (held,) = ask(settings).broken
    assert "num_examples" in held.why


def test_any_other_fault_of_one_cli_is_named_and_stops_no_other(settings, monkeypatch):
    from clitron_dagster import due

    real = due.plan

    def plan(settings, cli):
        if cli == "gh":
            raise ConnectionResetError("store away")
        return real(settings, cli)

    monkeypatch.setattr(due, "plan", plan)
    answer = ask(settings)
    assert answer.fresh == ["git"]
    assert answer.held[0].why == "ConnectionResetError: store away"


def test_a_cli_with_an_unfinished_run_waits(settings):
    edit(settings, "git", "Show one note", "Print one note")
    answer = ask(settings, running={"git": "run 1234 is queued", "gh": "run 5678 is queued"})
    assert not answer.due
    (held,) = answer.held  # gh is fresh, so that nothing waits
    assert held.cli == "git"
    assert "run 1234 is queued" in held.why
    assert not held.broken
    assert answer.words().startswith("nothing is stale in 1 CLI; git: stale, but run 1234")


def test_a_cli_that_another_process_is_making_waits(settings):
    edit(settings, "git", "Show one note", "Print one note")
    with settings.store.lock("git", "raw_examples"):
        answer = ask(settings)
    assert not answer.due
    assert "another process is making its raw_examples" in answer.held[0].why


def test_no_schemas_at_all(tmp_path):
    assert ask(settings_in(tmp_path)).words() == "nothing is stale in 0 CLIs"


def test_reasons_are_short_and_printable():
    assert short("a\n\tb\x1b[31m\u202e") == "a b?[31m?"
    assert len(short("x" * 1000)) == WHY_LENGTH


def test_a_store_that_was_copied_away_and_back_is_as_fresh(settings, tmp_path):
    backup = shutil.copytree(settings.store_url, tmp_path / "backup")
    shutil.rmtree(settings.store_url)
    assert len(ask(settings).due) == 2
    shutil.copytree(backup, settings.store_url, dirs_exist_ok=True)
    assert ask(settings).fresh == ["gh", "git"]
