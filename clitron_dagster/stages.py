"""The graph as a table: what each stage reads, by which settings, and which code runs it.

The one list that the assets, the staleness plan, the command line and the docs are made from. Stage
modules keep heavy imports inside their functions, so that this table loads at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster import splits, validate
from clitron_dagster.base_model import base_model_id
from clitron_dagster.evaluate import eval_report
from clitron_dagster.export import gguf_model
from clitron_dagster.generate import config as generate_config
from clitron_dagster.generate import raw_examples
from clitron_dagster.prompt import PROMPT_VERSION
from clitron_dagster.schema import Schema, digest
from clitron_dagster.stage import Job, StageConfig
from clitron_dagster.store import Store, sha256
from clitron_dagster.train import dpo, preferences, sft
from clitron_dagster.validate.feedback import feedback_file, feedback_parts
from clitron_dagster.validate.rows import BESIDE_SCHEMA, CALIBRATION, EVAL

Parts = dict[str, str]  # named part of the schema or of another source → hash


@dataclass(frozen=True)
class Stage:
    """One asset of the graph."""

    name: str
    group: str
    description: str
    upstream: tuple[str, ...]
    config: type[StageConfig]
    run: Callable[[Job[Any]], dict[str, Any]]
    code_version: str
    content: tuple[str, ...]  # globs of the files that make the data version; others are reports
    schema_part: Callable[[Schema], Parts] | None  # None: it does not read the schema
    sources: Callable[[Path, Any, Store], Parts] = lambda _file, _config, _store: {}
    trains: bool = False


def _words(schema: Schema) -> Parts:
    """All that examples are made from, one part per unit."""
    return {
        "cli": digest([schema.cli_name, schema.description]),
        "context": digest([(k, v.model_dump()) for k, v in schema.context.items()]),
        **schema.unit_hashes(),
    }


def _legality(schema: Schema) -> Parts:
    """What decides whether an answer is legal, and what its values may be."""
    examples = [[e.model_dump(mode="json") for e in u.node.examples] for u in schema.units]
    semantics = [[arg.semantic for arg in unit.args] for unit in schema.units]
    return {
        "options": digest(schema.legality()),
        "examples": digest(examples),
        "semantics": digest(semantics),
        **_prompt(schema),
    }


def _prompt(schema: Schema) -> Parts:
    return {"prompt": digest([PROMPT_VERSION, schema.cli_name, list(schema.context)])}


def _release(schema: Schema) -> Parts:
    return {
        "schema": digest(schema.model_dump(mode="json", exclude={"pipeline"})),
        **_prompt(schema),
    }


def _beside(*suffixes: str) -> Callable[[Path, Any, Store], Parts]:
    """Hashes of ``<cli><suffix>`` files that stand beside the schema."""

    def sources(schema_file: Path, _config: Any, _store: Store) -> Parts:
        files = [schema_file.with_suffix(suffix) for suffix in suffixes]
        return {file.name: sha256(file)[:16] for file in files if file.exists()}

    return sources


def _dataset(schema_file: Path, config: Any, store: Store) -> Parts:
    rows = _beside(*BESIDE_SCHEMA)
    beside = rows(schema_file, config, store)
    return {**beside, **feedback_parts(feedback_file(store, schema_file.stem))}


def _base_model(_file: Path, config: Any, _store: Store) -> Parts:
    return {"base model": base_model_id(config.base_model)}


def _evaluation(schema_file: Path, config: Any, store: Store) -> Parts:
    beside = _beside(EVAL)(schema_file, config, store)
    return {**beside, **_base_model(schema_file, config, store)}


STAGES: tuple[Stage, ...] = (
    Stage(
        name="raw_examples",
        group="data",
        description="Requests in plain English with their answers, generated unit by unit from "
        "the schema.",
        upstream=(),
        config=generate_config.RawExamplesConfig,
        run=raw_examples.run,
        code_version=raw_examples.CODE_VERSION,
        content=("examples.jsonl",),
        schema_part=_words,
    ),
    Stage(
        name="validated_dataset",
        group="data",
        description="Rows that hold against the schema: parsed, legal, supported by the request, "
        "deduplicated, and free of evaluation rows. Rejects are kept with their reasons.",
        upstream=("raw_examples",),
        config=validate.ValidatedDatasetConfig,
        run=validate.run,
        code_version=validate.CODE_VERSION,
        content=("dataset.jsonl",),
        schema_part=_legality,
        sources=_dataset,
    ),
    Stage(
        name="splits",
        group="data",
        description="Train, validation and test rows: stratified, no paraphrase across splits, "
        "stable as the data grows, curated rows and feedback always in train.",
        upstream=("validated_dataset",),
        config=splits.SplitsConfig,
        run=splits.run,
        code_version=splits.CODE_VERSION,
        content=("train.jsonl", "val.jsonl", "test.jsonl"),
        schema_part=None,
    ),
    Stage(
        name="sft_adapter",
        group="training",
        description="The base model fine-tuned on the train split, loss on the answer alone: a "
        "LoRA adapter, or full weights.",
        upstream=("splits",),
        config=sft.SftConfig,
        run=sft.run,
        code_version=sft.CODE_VERSION,
        content=("adapter/*", "model/*"),
        schema_part=_prompt,
        sources=_base_model,
        trains=True,
    ),
    Stage(
        name="preference_pairs",
        group="training",
        description="Answers sampled from the tuned model that differ from the right one, paired "
        "with it.",
        upstream=("splits", "sft_adapter"),
        config=preferences.PreferencePairsConfig,
        run=preferences.run,
        code_version=preferences.CODE_VERSION,
        content=("pairs.jsonl",),
        schema_part=_legality,
        trains=True,
    ),
    Stage(
        name="dpo_model",
        group="training",
        description="The SFT model after DPO on the pairs, merged; or the SFT model itself where "
        "DPO did not help on the validation rows.",
        upstream=("splits", "sft_adapter", "preference_pairs"),
        config=dpo.DpoConfig,
        run=dpo.run,
        code_version=dpo.CODE_VERSION,
        content=("model/*",),
        schema_part=_prompt,
        trains=True,
    ),
    Stage(
        name="gguf_model",
        group="release",
        description="The model as GGUF files, one per quantization, with Modelfile and model card; "
        "token parity with training is checked.",
        upstream=("splits", "dpo_model"),
        config=gguf_model.GgufModelConfig,
        run=gguf_model.run,
        code_version=gguf_model.CODE_VERSION,
        content=("*.gguf", "*.safetensors", "Modelfile"),
        schema_part=_release,
        sources=_beside(CALIBRATION),
    ),
    Stage(
        name="eval_report",
        group="release",
        description="How good the model is: base, SFT, DPO and every quant, on generated test rows "
        "and on requests that people wrote, with intervals.",
        upstream=("splits", "sft_adapter", "dpo_model", "gguf_model"),
        config=eval_report.EvalReportConfig,
        run=eval_report.run,
        code_version=eval_report.CODE_VERSION,
        content=("metrics.json", "comparison.json"),
        schema_part=_release,
        sources=_evaluation,
    ),
)
BY_NAME = {stage.name: stage for stage in STAGES}
STAGE_NAMES = tuple(BY_NAME)
