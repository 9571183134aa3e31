"""The code location: assets, jobs, schedule and sensors, and the one place of cross-cutting policy.

Launch it: ``dagster dev``, ``dg launch --job train --partition git``, or
``dagster job execute -m clitron_dagster.definitions -j train --tags '{"dagster/partition":"git"}'``.
"""

from __future__ import annotations

import warnings

import dagster as dg

from clitron_dagster.alert_sensor import alert_on_failure
from clitron_dagster.assets import assets
from clitron_dagster.automation import nightly, schemas_changed
from clitron_dagster.jobs import jobs
from clitron_dagster.resources import ClitronResource

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

defs = dg.Definitions(
    assets=assets,
    jobs=jobs,
    schedules=[nightly],
    sensors=[schemas_changed, alert_on_failure],
    resources={"clitron": ClitronResource()},
    # Stages share torch and a warm model cache, and a fresh pipeline costs two seconds, not twelve.
    executor=dg.in_process_executor,
)
