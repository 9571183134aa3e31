"""The jobs: the whole graph, and parts of it for people who want to look before they train.

Every job is for one CLI (a partition) and computes only what is stale.
"""

from __future__ import annotations

import dagster as dg

from clitron_dagster.stages import STAGE_NAMES, STAGES

train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(*STAGE_NAMES),
    description="Everything from the schema to the report, for one CLI; only what is stale is "
    "computed.",
)
data = dg.define_asset_job(
    "data",
    selection=dg.AssetSelection.assets(*(s.name for s in STAGES if s.group == "data")),
    description="From the schema to train, validation and test rows, for one CLI. Seconds, no "
    "model: run it after editing a schema and read the rows before you train on them.",
)
release = dg.define_asset_job(
    "release",
    selection=dg.AssetSelection.assets("gguf_model"),
    description="The trained model as GGUF files, for one CLI: another quant needs no training. "
    "Needs dpo_model; run train once before.",
)
evaluate = dg.define_asset_job(
    "evaluate",
    selection=dg.AssetSelection.assets("eval_report"),
    description="The report of the model that stands, for one CLI: after new rows in "
    "<cli>.eval.jsonl, say. Needs gguf_model; run train or release once before.",
)
jobs = [data, train, release, evaluate]
