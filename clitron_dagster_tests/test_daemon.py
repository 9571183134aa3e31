"""The real daemon, with runs that are held in the queue or find all they need: nothing is trained."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from clitron_dagster.stages import STAGE_NAMES
from clitron_dagster_tests.fabricate import add_schema, edit, make_fresh, two_fresh
from clitron_dagster_tests.paths import ROOT

pytestmark = pytest.mark.slow

HOLD = "concurrency: {runs: {max_concurrent_runs: 0}}\ntelemetry: {enabled: false}\n"
SHIPPED = (ROOT / "deploy" / "dagster.yaml").read_text()


class Daemon:
    def __init__(self, settings, home):
        self.environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "CLITRON_SCHEMAS": str(settings.schemas_dir),
            "CLITRON_STORE": settings.store_url,
            "CLITRON_PROFILE": "tiny",
            "CLITRON_NIGHTLY": "on",
            "CLITRON_NIGHTLY_CRON": "* * * * *",
            "CLITRON_WATCH": "on",
            "CLITRON_WATCH_EVERY_S": "5",
        }
        self.log = (home / "daemon.log").open("ab")

    def start(self):
        command = [
            str(Path(sys.executable).with_name("dagster-daemon")), "run",
            "-m", "clitron_dagster.definitions", "-d", str(ROOT),
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def settings(tmp_path):
    return two_fresh(tmp_path)


@pytest.fixture
def instance(request, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(request.param)
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        yield instance


@pytest.fixture
def daemon(settings, instance, tmp_path):
    daemon = Daemon(settings, tmp_path / "home")
    yield daemon
    daemon.kill()


def wait_for(ask, what, seconds=150, every=1.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(every)
    pytest.fail(f"no {what} within {seconds} s")


def skips(instance):
    """Words of the ticks that asked for nothing, newest first."""
    return [
        tick.skip_reason or ""
        for state in instance.all_instigator_state()
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
    ]


@pytest.mark.parametrize("instance", [HOLD], indirect=True)
def test_a_night_and_a_morning(settings, instance, daemon, tmp_path):
    store = settings.store
    for asset in ("gguf_model", "eval_report"):
        store.set_aside(store.current("git", asset))
    edit(settings, "gh", "commands:", "commands: 3\nother:")
    daemon.start()

    # The stale CLI gets one run of its stale assets; the broken one is left out, and told.
    (run,) = wait_for(instance.get_runs, "run")
    assert run.status is dg.DagsterRunStatus.QUEUED
    assert run.tags["dagster/partition"] == "git"
    assert run.tags["dagster/schedule_name"] == "nightly"
    assert {key.to_user_string() for key in run.asset_selection} == {"gguf_model", "eval_report"}
    alert = json.loads((tmp_path / "home" / "alerts.jsonl").read_text().splitlines()[0])
    assert alert["title"] == "clitron: nightly left out gh"

    # Killed and started again, it asks for nothing twice: the run still waits in the queue.
    daemon.kill()
    daemon.start()
    words = f"run {run.run_id[:8]} is queued"
    wait_for(lambda: any(words in skip for skip in skips(instance)), "skip because of the run")
    assert len(instance.get_runs()) == 1

    # The schema is mended, with a new description: the sensor or the next tick starts one run.
    edit(settings, "gh", "commands: 3\nother:", "commands:")
    edit(settings, "gh", "Show one note", "Print one note")
    wait_for(lambda: len(instance.get_runs()) == 2, "run of the mended CLI")
    mended = instance.get_runs()[0]
    assert mended.tags["dagster/partition"] == "gh"
    assert {key.to_user_string() for key in mended.asset_selection} == set(STAGE_NAMES)
    time.sleep(65)  # one more tick of each
    assert len(instance.get_runs()) == 2


@pytest.mark.parametrize("instance", [SHIPPED], indirect=True)
def test_a_schema_added_while_the_daemon_runs_needs_no_reload(settings, instance, daemon):
    daemon.start()
    wait_for(lambda: "nothing is stale in 2 CLIs" in skips(instance), "skip with nothing stale")
    add_schema(settings, "jq")
    make_fresh(settings, "jq")
    # The report stands in the store, but is not the current one: its run has nothing to compute.
    (settings.store.root / "jq" / "eval_report" / "current").unlink()
    (run,) = wait_for(instance.get_runs, "run")
    assert run.tags["dagster/partition"] == "jq"
    wait_for(lambda: instance.get_run_by_id(run.run_id).is_finished, "end of the run")
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.SUCCESS
    assert settings.store.current("jq", "eval_report")
    assert instance.get_materialized_partitions(dg.AssetKey("eval_report")) == {"jq"}
    time.sleep(65)
    assert len(instance.get_runs()) == 1  # and the tick after it finds nothing to do


def run_process(daemon):
    """The process of a run: the code server starts it, in the daemon's session."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
        except OSError:  # it ended while we looked
            continue
        if session == daemon.process.pid and b"spawn_main" in command:
            return int(folder.name)
    return None


@pytest.mark.parametrize("instance", [SHIPPED], indirect=True)
def test_a_run_that_is_killed_starts_again_and_ends_well(settings, instance, daemon, tmp_path):
    (settings.store.root / "git" / "eval_report" / "current").unlink()
    daemon.start()
    pid = wait_for(lambda: run_process(daemon), "process of a run", every=0.1)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(instance.get_runs()) == 2, "second try")
    second, first = instance.get_runs()
    assert second.parent_run_id == first.run_id
    wait_for(lambda: instance.get_run_by_id(second.run_id).is_finished, "end of the second try")
    assert instance.get_run_by_id(first.run_id).status is dg.DagsterRunStatus.FAILURE
    assert instance.get_run_by_id(second.run_id).status is dg.DagsterRunStatus.SUCCESS
    assert settings.store.current("git", "eval_report")
    time.sleep(20)  # the alert sensor looks
    assert not (tmp_path / "home" / "alerts.jsonl").exists()


@pytest.mark.parametrize("instance", [SHIPPED], indirect=True)
def test_a_failed_run_is_told(instance, daemon, tmp_path):
    daemon.start()
    started = "Initiating alert_on_failure"  # it tells of failures after its first tick
    wait_for(lambda: any(started in skip for skip in skips(instance)), "first tick of the sensor")
    command = [
        str(Path(sys.executable).with_name("dagster")), "job", "launch",
        "-m", "clitron_dagster.definitions", "-j", "evaluate",
        "--tags", json.dumps({"dagster/partition": "gitt"}),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, env=daemon.environment, check=True, capture_output=True)
    file = tmp_path / "home" / "alerts.jsonl"
    wait_for(file.exists, "alert")
    alert = json.loads(file.read_text())
    assert alert["title"] == "clitron: evaluate of gitt failed (started by a person)"
    assert "did you mean `git`" in alert["text"]
