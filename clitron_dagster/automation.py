"""What starts runs by itself: the schedule ``nightly`` and the sensor ``schemas_changed``.

Both ask the store's manifests what is stale (:mod:`clitron_dagster.due`) and request one run for
each stale CLI, with exactly its stale assets. Dagster's own staleness cannot do this for partitioned
assets (docs/decisions.md). How to switch them on: docs/operations.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timezone

import dagster as dg

from clitron_dagster import alerts, due, schema_watch
from clitron_dagster.automation_settings import AutomationSettings
from clitron_dagster.jobs import train
from clitron_dagster.resources import ClitronResource
from clitron_dagster.settings import SettingsError

PARTITION = "dagster/partition"
# NOT_STARTED is left out: such a run is about to be queued, or its launch died and it never ends.
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def make_nightly(given: AutomationSettings) -> dg.ScheduleDefinition:
    """The schedule.

    Raises:
        SettingsError: the cron line or the time zone means nothing.
    """
    try:

        @dg.schedule(
            name="nightly",
            job=train,
            cron_schedule=given.cron,
            execution_timezone=given.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING
            if given.nightly
            else dg.DefaultScheduleStatus.STOPPED,
            description="Looks at every CLI and starts one run for each that is stale, with exactly "
            "its stale assets; tag clitron/why says why. Skips CLIs with a broken schema or an "
            "unfinished run, and says so in the tick's log.",
        )
        def nightly(
            context: dg.ScheduleEvaluationContext, clitron: ClitronResource
        ) -> list[dg.RunRequest] | dg.SkipReason:
            settings = clitron.settings()
            answer = due.look(settings, settings.cli_names(), running(context.instance))
            for held in answer.held:
                context.log.warning(f"{held.cli} is skipped: {held.why}")
            if answer.broken:
                tell(answer.broken)
            # One tick is one instant: evaluated again after a crash, it asks for the same keys.
            instant = context.scheduled_execution_time.astimezone(timezone.utc).isoformat()
            requests = [_request(one, "nightly", f"{one.cli}@{instant}") for one in answer.due]
            return requests or dg.SkipReason(answer.words())

    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(
            f"CLITRON_NIGHTLY_CRON `{given.cron}` or CLITRON_NIGHTLY_TIMEZONE `{given.timezone}` "
            f"cannot be used: {error}"
        ) from None
    return nightly


def make_schemas_changed(given: AutomationSettings) -> dg.SensorDefinition:
    """The sensor over the schema folder."""

    @dg.sensor(
        name="schemas_changed",
        job=train,
        minimum_interval_seconds=given.watch_every_s,
        default_status=dg.DefaultSensorStatus.RUNNING
        if given.watch
        else dg.DefaultSensorStatus.STOPPED,
        description="Watches schemas/ and starts a run for each CLI whose schema says something "
        "new, once its files have been quiet, with exactly the stale assets. What stood there "
        "when it was switched on is left to the nightly schedule.",
    )
    def schemas_changed(
        context: dg.SensorEvaluationContext, clitron: ClitronResource
    ) -> dg.SensorResult:
        settings = clitron.settings()
        seen = schema_watch.look(settings, context.cursor, time.time(), given.quiet_s)
        # Only a change costs the question what runs.
        unfinished = running(context.instance) if seen.changed else {}
        answer = due.look(settings, seen.changed, unfinished)
        requests = [
            _request(
                one,
                "schemas_changed",
                # From the cursor alone: a tick that is evaluated again asks for the same run.
                f"{one.cli}@{seen.seen[one.cli].hash}@{seen.seen[one.cli].since}",
            )
            for one in answer.due
        ]
        seen.settle([*answer.fresh, *(one.cli for one in answer.due)])
        waiting = {**seen.waiting, **{held.cli: held.why for held in answer.held}}
        for cli, why in waiting.items():
            context.log.info(f"{cli}: {why}")
        cursor = seen.cursor()
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _why_not(seen, waiting),
            cursor=cursor if cursor != context.cursor else None,
        )

    return schemas_changed


def _why_not(seen: schema_watch.Look, waiting: Mapping[str, str]) -> str:
    if waiting:
        return due.listing(waiting)
    if seen.first:
        return f"from now on watching {len(seen.seen)} CLIs"
    if seen.changed:
        return f"changed, but nothing is stale: {', '.join(seen.changed)}"
    return f"no change in {len(seen.seen)} CLIs"


def _request(one: due.Due, origin: str, key: str) -> dg.RunRequest:
    # The partition as a tag, not as `partition_key`: dagster refuses a key that the loaded code
    # location does not know, and with it the whole tick. A schema that was added since is known to
    # the run, which is a process of its own.
    return dg.RunRequest(
        run_key=key,
        asset_selection=[dg.AssetKey(name) for name in one.assets],
        tags={PARTITION: one.cli, "clitron/why": one.why, "clitron/started_by": origin},
    )


def tell(broken: list[due.Held]) -> None:
    """CLIs that were left out until a person mends them: nobody reads a tick's log in the morning.

    The tick's log has them as well, so that an alert that goes astray is no loss.
    """
    names = ", ".join(held.cli for held in broken)
    text = "\n".join(f"{held.cli}: {held.why}" for held in broken)
    alerts.send(alerts.Alert("skipped", f"clitron: nightly left out {due.short(names)}", text))


def running(instance: dg.DagsterInstance) -> dict[str, str]:
    """CLI → words for its run that is queued or in progress, whoever started it."""
    return {
        run.tags[PARTITION]: f"run {run.run_id[:8]} is {run.status.value.lower()}"
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED))
        if PARTITION in run.tags
    }


_given = AutomationSettings.from_environment()
nightly = make_nightly(_given)
schemas_changed = make_schemas_changed(_given)
