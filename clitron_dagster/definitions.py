"""The code location: assets, the jobs over them, and the one place of cross-cutting policy.

Launch it: ``dagster dev``, ``dg launch --job train --partition git``, or
``dagster job execute -m clitron_dagster.definitions -j train --tags '{"dagster/partition":"git"}'``.
"""

from __future__ import annotations

import warnings

import dagster as dg

from clitron_dagster.assets import assets
from clitron_dagster.resources import ClitronResource

warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(
        *(a.key for a in assets if isinstance(a, dg.AssetsDefinition))
    ),
    description="Everything from the schema to the report, for one CLI; only what is stale is "
    "computed.",
)

defs = dg.Definitions(
    assets=assets,
    jobs=[train],
    resources={"clitron": ClitronResource()},
    # Stages share torch and a warm model cache, and a fresh pipeline costs two seconds, not twelve.
    executor=dg.in_process_executor,
)
