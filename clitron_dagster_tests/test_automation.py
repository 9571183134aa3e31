"""The schedule and the sensor, evaluated as the daemon does, on a real instance and store."""

import json
from datetime import datetime, timezone

import dagster as dg
import pytest

from clitron_dagster import automation
from clitron_dagster.definitions import defs
from clitron_dagster.resources import ClitronResource
from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.fabricate import add_schema, edit, make_fresh, two_fresh
from clitron_dagster_tests.paths import ROOT

NIGHT = datetime(2026, 11, 21, 2, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def alert_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CLITRON_ALERT_FILE", str(tmp_path / "alerts.jsonl"))
    return tmp_path / "alerts.jsonl"


@pytest.fixture
def settings(tmp_path):
    return two_fresh(tmp_path)


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "home").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "home")) as instance:
        yield instance


def known_to(settings, instance):
    return {
        "instance": instance,
        "repository_def": defs.get_repository_def(),
        "resources": {
            "clitron": ClitronResource(
                profile="tiny",
                schemas_dir=str(settings.schemas_dir),
                store_url=settings.store_url,
            )
        },
    }


@pytest.fixture
def tick(settings, instance):
    """One evaluation of the schedule."""

    def evaluate(at=NIGHT):
        context = dg.build_schedule_context(
            scheduled_execution_time=at, **known_to(settings, instance)
        )
        return defs.resolve_schedule_def("nightly").evaluate_tick(context)

    return evaluate


def change(settings, cli):
    edit(settings, cli, "Show one note", "Print one note")


def keys(request):
    return tuple(key.to_user_string() for key in request.asset_selection)


# -- nightly --------------------------------------------------------------------------------------


def test_nothing_stale_is_a_skip_with_words(tick):
    data = tick()
    assert not data.run_requests
    assert data.skip_message == "nothing is stale in 2 CLIs"


def test_a_stale_cli_gets_one_run_of_exactly_its_stale_assets(settings, tick):
    change(settings, "git")
    (request,) = tick().run_requests
    assert keys(request) == STAGE_NAMES
    assert request.tags["dagster/partition"] == "git"
    assert request.tags["dagster/schedule_name"] == "nightly"
    assert request.tags["clitron/started_by"] == "nightly"
    assert "schema: show changed" in request.tags["clitron/why"]


def test_assets_that_stand_are_left_out(settings, tick):
    store = settings.store
    for asset in ("gguf_model", "eval_report"):
        store.set_aside(store.current("gh", asset))
    (request,) = tick().run_requests
    assert request.tags["dagster/partition"] == "gh"
    assert keys(request) == ("gguf_model", "eval_report")


def test_the_same_tick_asks_for_the_same_runs_and_the_next_for_others(settings, tick):
    change(settings, "git")
    change(settings, "gh")
    first = {request.run_key for request in tick().run_requests}
    assert len(first) == 2
    assert {request.run_key for request in tick().run_requests} == first
    later = {request.run_key for request in tick(NIGHT.replace(day=22)).run_requests}
    assert not later & first


def test_a_broken_schema_is_skipped_and_told_and_the_rest_run(settings, tick, alert_file):
    edit(settings, "gh", "commands:", "commands: 3\nother:")
    change(settings, "git")
    (request,) = tick().run_requests
    assert request.tags["dagster/partition"] == "git"
    (line,) = alert_file.read_text().splitlines()
    alert = json.loads(line)
    assert alert["title"] == "clitron: nightly left out gh"
    assert "gh.yaml" in alert["text"]
    make_fresh(settings, "git")
    assert "gh.yaml" in tick().skip_message


def test_a_schema_that_dagster_has_not_loaded_yet_gets_its_run(settings, tick):
    add_schema(settings, "jq")
    (request,) = tick().run_requests
    assert request.tags["dagster/partition"] == "jq"
    assert keys(request) == STAGE_NAMES


@pytest.mark.parametrize("status", ["QUEUED", "STARTING", "STARTED", "CANCELING"])
def test_runs_of_a_cli_never_overlap(settings, instance, tick, status):
    change(settings, "git")
    run = begin(instance, "git", dg.DagsterRunStatus[status])
    data = tick()
    assert not data.run_requests
    assert f"run {run.run_id[:8]} is {status.lower()}" in data.skip_message


def test_a_finished_run_is_no_obstacle(settings, instance, tick):
    change(settings, "git")
    begin(instance, "git", dg.DagsterRunStatus.FAILURE)
    assert len(tick().run_requests) == 1


def begin(instance, cli, status):
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

    location = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__")
    return instance.create_run_for_job(
        defs.resolve_job_def("train"),
        tags={"dagster/partition": cli},
        status=status,
        remote_job_origin=location.get_job_origin("train"),  # a queued run must have one
    )


# -- schemas_changed ------------------------------------------------------------------------------


@pytest.fixture
def watch(settings, instance, monkeypatch):
    """One evaluation of the sensor, some seconds after the last."""
    state = {"now": 1000.0, "cursor": None}
    monkeypatch.setattr(automation.time, "time", lambda: state["now"])

    def evaluate(seconds=15, keep_cursor=True):
        state["now"] += seconds
        context = dg.build_sensor_context(
            cursor=state["cursor"], sensor_name="schemas_changed", **known_to(settings, instance)
        )
        data = defs.resolve_sensor_def("schemas_changed").evaluate_tick(context)
        if keep_cursor:
            state["cursor"] = data.cursor
        return data

    evaluate()
    return evaluate


def test_no_change_is_a_skip_with_words(watch):
    data = watch()
    assert not data.run_requests
    assert data.skip_message == "no change in 2 CLIs"


def test_a_storm_of_edits_becomes_one_run_per_cli_within_a_minute(settings, watch):
    for number in range(5):
        for cli in ("gh", "git"):
            edit(settings, cli, "Show one note", f"{number} Show one note")
        assert not watch(3).run_requests
    requests = watch().run_requests
    assert sorted(request.tags["dagster/partition"] for request in requests) == ["gh", "git"]
    for request in requests:
        assert keys(request) == STAGE_NAMES
        assert request.tags["dagster/sensor_name"] == "schemas_changed"
        assert "show changed" in request.tags["clitron/why"]
    assert not watch().run_requests


def test_a_tick_that_is_evaluated_again_asks_for_the_same_run(settings, watch):
    change(settings, "git")
    watch()
    (first,) = watch(keep_cursor=False).run_requests
    (again,) = watch().run_requests
    assert first.run_key == again.run_key


def test_an_edit_that_makes_nothing_stale_starts_nothing(settings, watch):
    change(settings, "git")
    make_fresh(settings, "git")
    watch()
    data = watch()
    assert not data.run_requests
    assert data.skip_message == "changed, but nothing is stale: git"
    assert watch().skip_message == "no change in 2 CLIs"


def test_a_change_during_a_run_is_not_forgotten(settings, instance, watch):
    run = begin(instance, "git", dg.DagsterRunStatus.STARTED)
    change(settings, "git")
    watch()
    assert run.run_id[:8] in watch().skip_message
    instance.report_run_failed(run)
    assert len(watch().run_requests) == 1


def test_a_broken_schema_says_so_in_the_skip(settings, watch):
    edit(settings, "gh", "commands:", "commands: 3\nother:")
    assert "gh.yaml" in watch().skip_message


# -- deploy/dagster.yaml --------------------------------------------------------------------------


def test_the_shipped_instance_settings_load_and_cap_runs_per_cli(tmp_path):
    from dagster._utils.tags import TagConcurrencyLimitsCounter

    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        limits = instance.get_concurrency_config().run_queue_config.tag_concurrency_limits
        started = begin(instance, "git", dg.DagsterRunStatus.STARTED)
        counter = TagConcurrencyLimitsCounter(limits, [started])
        assert counter.is_blocked(begin(instance, "git", dg.DagsterRunStatus.QUEUED))
        assert not counter.is_blocked(begin(instance, "gh", dg.DagsterRunStatus.QUEUED))
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled
