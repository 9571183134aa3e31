"""Failed runs become alerts: real runs of small jobs on a real instance."""

import json

import dagster as dg
import pytest

from clitron_dagster.alert_sensor import TEXT_LENGTH, alert_on_failure


@dg.op
def refuses():
    raise dg.Failure("git.yaml:3: no commands; add one", allow_retries=False)


@dg.op
def crashes():
    raise ValueError("x" * 3000)


@dg.job
def refusing():
    refuses()


@dg.job
def crashing():
    crashes()


@pytest.fixture
def alert_of(tmp_path, monkeypatch):
    """Run a job that fails, evaluate the sensor on it, and read what it told."""
    file = tmp_path / "alerts.jsonl"
    monkeypatch.setenv("CLITRON_ALERT_FILE", str(file))
    monkeypatch.setenv("CLITRON_UI_URL", "http://127.0.0.1:3000/")

    def fail(job, **tags):
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
            assert not result.success
            context = dg.build_run_status_sensor_context(
                sensor_name="alert_on_failure",
                dagster_event=result.get_run_failure_event(),
                dagster_instance=instance,
                dagster_run=result.dagster_run,
            ).for_run_failure()
            alert_on_failure(context)
        return json.loads(file.read_text()) if file.exists() else None

    return fail


def test_a_failed_run_is_told_with_the_words_of_its_step(alert_of):
    alert = alert_of(refusing, **{"dagster/partition": "git", "clitron/started_by": "nightly"})
    assert alert["title"] == "clitron: refusing of git failed (started by nightly)"
    assert alert["text"] == "refuses: git.yaml:3: no commands; add one"
    assert alert["cli"] == "git"
    assert alert["link"] == f"http://127.0.0.1:3000/runs/{alert['run_id']}"


def test_a_crash_is_told_by_its_cause_and_not_at_any_length(alert_of):
    alert = alert_of(crashing)
    assert alert["title"] == "clitron: crashing failed (started by a person)"
    assert alert["text"].startswith("crashes: ValueError: xxx")
    assert len(alert["text"]) <= TEXT_LENGTH


def test_a_run_that_starts_again_by_itself_is_no_alert(alert_of):
    assert alert_of(refusing, **{"dagster/will_retry": "true"}) is None


def test_it_is_on_from_the_start():
    assert alert_on_failure.default_status is dg.DefaultSensorStatus.RUNNING
