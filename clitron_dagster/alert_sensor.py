"""The sensor ``alert_on_failure``: a run that failed, and that no retry will mend, is told."""

from __future__ import annotations

import os
from collections.abc import Iterable

import dagster as dg

from clitron_dagster import alerts

_PARTITION = "dagster/partition"
_WILL_RETRY = "dagster/will_retry"  # set on a failed run that the daemon starts again
TEXT_LENGTH = 2000


def failure_words(events: Iterable[dg.DagsterEvent], otherwise: str) -> str:
    """What each failed step said, without the stack trace, which stands in the UI."""
    lines = []
    for event in events:
        data = event.step_failure_data
        own = data.user_failure_data.description if data.user_failure_data else None
        error = data.error
        while error and error.cause:
            error = error.cause
        said = own or (error.message if error else "") or event.message or ""
        lines.append(f"{event.step_key}: {said.strip()}")
    text = "\n".join(lines) or otherwise
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}…"


def failure_alert(run: dg.DagsterRun, text: str) -> alerts.Alert:
    cli = run.tags.get(_PARTITION, "")
    started_by = run.tags.get("clitron/started_by") or "a person"
    of = f" of {cli}" if cli else ""
    address = os.environ.get("CLITRON_UI_URL", "").rstrip("/")
    return alerts.Alert(
        kind="run_failure",
        title=f"clitron: {run.job_name}{of} failed (started by {started_by})",
        text=text,
        cli=cli,
        job=run.job_name,
        run_id=run.run_id,
        link=f"{address}/runs/{run.run_id}" if address else "",
    )


# On from the start: by itself it only writes a local file, and an alert that was never switched on
# is missed when it matters.
@dg.run_failure_sensor(
    name="alert_on_failure",
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of a failed run that will not be retried: a line in alerts.jsonl, and a "
    "webhook, mail or own function where CLITRON_ALERT_… names one.",
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    run = context.dagster_run
    if run.tags.get(_WILL_RETRY) == "true":
        return dg.SkipReason(f"run {run.run_id[:8]} starts again by itself")
    text = failure_words(
        context.get_step_failure_events(), context.failure_event.message or "the run died"
    )
    for problem in alerts.send(failure_alert(run, text)):
        context.log.warning(f"alert of run {run.run_id[:8]} was not delivered: {problem}")
    return None
