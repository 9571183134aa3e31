"""preference_pairs: what the SFT model gets wrong, paired with the right answer.

Reads ``splits`` (train.jsonl) and ``sft_adapter``. Samples several answers a prompt from the model
itself (on-policy); those that differ from the ideal answer become the rejected side. Where it errs
too rarely, corrupted answers fill up, marked ``origin: corrupted``. Writes ``pairs.jsonl``; samples
are kept in the work folder as they come, so that a killed run goes on.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from clitron_dagster.base_model import WARM_START, resolve_base_model
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.train.encode import prompt_text, read_rows
from clitron_dagster.train.errors import corrupt, error_kind

CODE_VERSION = "1"
CHUNK = 32  # prompts sampled between two writes


class PreferencePairsConfig(StageConfig):
    """Settings of sampling."""

    base_model: str = WARM_START  # under an adapter; unused for full weights
    num_prompts: int = 400
    samples_per_prompt: int = 4
    temperature: float = 0.9
    min_pairs: int = 100  # below it, corrupted answers fill up
    max_pairs_per_prompt: int = 2
    max_new_tokens: int = 128
    batch_size: int = 64
    seed: int = 17


def run(job: Job[PreferencePairsConfig]) -> Metrics:
    """Sample, compare, pair."""
    rows = _choose(read_rows(job.inputs["splits"] / "train.jsonl"), job.config)
    samples = _sample(job, rows)
    pairs = pair_up(job.schema, rows, samples, job.config)
    with (job.out / "pairs.jsonl").open("w", encoding="utf-8") as sink:
        sink.writelines(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)
    wrong = Counter(
        error_kind(job.schema, json.loads(row["output"]), text) or "right"
        for row in rows
        for text in samples[row["id"]]
    )
    return {
        "prompts": len(rows),
        "samples": sum(wrong.values()),
        "pairs": len(pairs),
        "sampled_pairs": sum(pair["origin"] == "sampled" for pair in pairs),
        "corrupted_pairs": sum(pair["origin"] == "corrupted" for pair in pairs),
        "samples_by_kind": dict(wrong.most_common()),
        "pairs_by_kind": dict(Counter(pair["error"] for pair in pairs).most_common()),
    }


def _choose(rows: list[dict[str, Any]], config: PreferencePairsConfig) -> list[dict[str, Any]]:
    """Distinct train rows, shuffled; curated rows stand in train several times."""
    distinct = list({row["id"]: row for row in rows}.values())
    random.Random(config.seed).shuffle(distinct)
    return distinct[: config.num_prompts]


def _sample(job: Job[PreferencePairsConfig], rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Sampled answers by row id, resumed from the work folder."""
    file = job.work / "samples.jsonl"
    samples: dict[str, list[str]] = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the line that a kill cut short
            samples[entry["id"]] = entry["answers"]
    missing = [row for row in rows if row["id"] not in samples]
    if not missing:
        return samples
    if samples:
        job.log(f"going on after {len(samples)} sampled prompts")
    from clitron_dagster.evaluate.hf_runner import generate_answers, load_model

    loaded = load_model(*sft_weights(job.inputs["sft_adapter"], job.config.base_model))
    with file.open("a", encoding="utf-8") as sink:
        sink.write("\n")
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            prompts = [prompt_text(loaded.tokenizer, job.schema, row) for row in chunk]
            count = job.config.samples_per_prompt
            answers = generate_answers(
                None,
                None,
                prompts,
                job.config.max_new_tokens,
                job.config.batch_size,
                loaded=loaded,
                do_sample=True,
                temperature=job.config.temperature,
                num_return_sequences=count,
                seed=job.config.seed + start,
            )
            for index, row in enumerate(chunk):
                texts = [a.text for a in answers[index * count : (index + 1) * count]]
                samples[row["id"]] = texts
                sink.write(json.dumps({"id": row["id"], "answers": texts}) + "\n")
            sink.flush()
            done = len(rows) - len(missing) + start + len(chunk)
            job.log(f"sampled {done}/{len(rows)} prompts")
            job.progress({"prompts": done, "of": len(rows)})
    return samples


def sft_weights(artifact: Path, base_model: str) -> tuple[Path, Path | None]:
    """(model folder, adapter folder or None) of an ``sft_adapter`` artifact."""
    if (artifact / "adapter").is_dir():
        return resolve_base_model(base_model), artifact / "adapter"
    return artifact / "model", None


def pair_up(
    schema: Schema,
    rows: list[dict[str, Any]],
    samples: dict[str, list[str]],
    config: PreferencePairsConfig,
) -> list[dict[str, Any]]:
    """Pairs of the ideal answer (chosen) and distinct wrong ones (rejected)."""
    rng = random.Random(config.seed)
    pairs: list[dict[str, Any]] = []
    for row in rows:
        truth = json.loads(row["output"])
        wrong = {text: error_kind(schema, truth, text) for text in samples[row["id"]]}
        # Another wording of a question is no error worth unlearning.
        kept = [(t, kind) for t, kind in wrong.items() if kind and kind != "wrong_clarification"]
        for text, kind in kept[: config.max_pairs_per_prompt]:
            pairs.append(_pair(row, text, kind, "sampled"))
    sampled = {pair["id"] for pair in pairs}
    for row in rows:
        if len(pairs) >= config.min_pairs:
            break
        made = corrupt(schema, json.loads(row["output"]), rng) if row["id"] not in sampled else None
        if made:
            pairs.append(_pair(row, *made, "corrupted"))
    return pairs


def _pair(row: dict[str, Any], rejected: str, kind: str, origin: str) -> dict[str, Any]:
    return {
        "id": row["id"],
        "instruction": row["instruction"],
        "context": row["context"],
        "chosen": row["output"],
        "rejected": rejected,
        "error": kind,
        "origin": origin,
    }
