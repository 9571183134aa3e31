"""Asset checks: what a person would look at after each stage, with words that say what to do.

Faults that make an artifact unusable stop the stage itself; these speak of artifacts that exist.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from clitron_dagster.stages import Stage
from clitron_dagster.store import Artifact

Verdict = tuple[bool, str]  # passed, and words


@dataclass(frozen=True)
class Check:
    """One question about an artifact."""

    name: str
    description: str
    ask: Callable[[Artifact], Verdict]


def run_checks(stage: Stage, artifact: Artifact) -> Iterator[dg.AssetCheckResult]:
    for check in CHECKS[stage.name]:
        passed, words = check.ask(artifact)
        yield dg.AssetCheckResult(
            asset_key=stage.name,
            check_name=check.name,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=words,
        )


def _history(artifact: Artifact) -> list[dict[str, Any]]:
    file = artifact.local() / "training_metrics.json"
    entries: list[dict[str, Any]] = json.loads(file.read_text())["log_history"]
    return entries


def _loss_fell(artifact: Artifact) -> Verdict:
    losses = [entry["loss"] for entry in _history(artifact) if "loss" in entry]
    if len(losses) < 2:
        return True, "too few steps to tell"
    words = f"train loss {losses[0]:.3f} → {losses[-1]:.3f}"
    if losses[-1] < losses[0]:
        return True, words
    return False, f"{words}: underfitting; raise epochs or learning_rate, and look at the data"


def _no_overfitting(artifact: Artifact) -> Verdict:
    losses = [entry["eval_loss"] for entry in _history(artifact) if "eval_loss" in entry]
    if not losses:
        return False, "no validation loss was recorded; the validation split may be empty"
    words = f"validation loss {losses[-1]:.4f}, best {min(losses):.4f}"
    if losses[-1] <= min(losses) * 1.1:
        return True, words
    return False, f"{words}: overfitting (the best checkpoint was kept); lower epochs or add data"


def _all_units(artifact: Artifact) -> Verdict:
    fewest = artifact.manifest.metrics.get("unit_min", 0)
    if fewest > 0:
        return True, f"every command has at least {fewest} examples"
    return False, "a command has no example; raise num_examples, or give it natural_language"


def _reject_rate(artifact: Artifact) -> Verdict:
    with (artifact.local() / "rejects.jsonl").open(encoding="utf-8") as lines:
        rejected = sum(1 for _ in lines)
    with (artifact.local() / "dataset.jsonl").open(encoding="utf-8") as lines:
        kept = sum(1 for _ in lines)
    share = rejected / max(1, rejected + kept)
    words = f"{rejected} of {rejected + kept} rows rejected ({share:.1%})"
    return share <= 0.1, words if share <= 0.1 else f"{words}; rejects.jsonl has the reasons"


def _diverse(artifact: Artifact) -> Verdict:
    if artifact.manifest.metrics.get("diversity_ok", True):
        return True, "the wording varies enough"
    return False, "the wording repeats; add natural_language and examples to the schema"


def _three_splits(artifact: Artifact) -> Verdict:
    counts = {}
    for name in ("train", "val", "test"):
        with (artifact.local() / f"{name}.jsonl").open(encoding="utf-8") as lines:
            counts[name] = sum(1 for _ in lines)
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    if all(counts.values()):
        return True, words
    return False, f"{words}: a split is empty; raise num_examples"


def _on_policy(artifact: Artifact) -> Verdict:
    metrics = artifact.manifest.metrics
    words = f"{metrics['sampled_pairs']} of {metrics['pairs']} pairs are the model's own errors"
    if metrics["pairs"] and metrics["sampled_pairs"] >= metrics["pairs"] / 2:
        return True, words
    return False, f"{words}; the rest are corruptions: raise num_prompts or temperature"


def _dpo_kept(artifact: Artifact) -> Verdict:
    metrics = artifact.manifest.metrics
    return bool(
        metrics["kept"]
    ), f"{metrics['why']}; the {'DPO' if metrics['kept'] else 'SFT'} model goes on"


def _parity(artifact: Artifact) -> Verdict:
    parity = json.loads((artifact.local() / "parity.json").read_text())
    answers = parity.get("answers", {})
    words = ", ".join(
        f"{quant}: {row.get('same')}/{row.get('of')}" for quant, row in answers.items()
    )
    exact = answers.get("f16", {})
    if not exact or exact.get("same") == exact.get("of"):
        return True, f"tokens agree with training; greedy answers as the merged model's: {words}"
    return False, f"greedy answers differ from the merged model's: {words}; see parity.json"


def _valid_json(artifact: Artifact) -> Verdict:
    share = artifact.manifest.metrics.get("json_validity")
    if share is None:
        return True, "not measured"
    words = f"{share:.1%} of the answers are valid JSON"
    return share >= 0.98, words if share >= 0.98 else f"{words}; train longer"


CHECKS: dict[str, tuple[Check, ...]] = {
    "raw_examples": (Check("every_unit_covered", "Each command has examples.", _all_units),),
    "validated_dataset": (
        Check("few_rejects", "At most a tenth of the rows is rejected.", _reject_rate),
        Check("diverse_wording", "Requests are worded in many ways.", _diverse),
    ),
    "splits": (Check("no_empty_split", "Train, val and test all have rows.", _three_splits),),
    "sft_adapter": (
        Check("loss_fell", "The training loss went down.", _loss_fell),
        Check("no_overfitting", "The validation loss did not turn up.", _no_overfitting),
    ),
    "preference_pairs": (Check("on_policy", "Most pairs are the model's own errors.", _on_policy),),
    "dpo_model": (Check("dpo_helped", "DPO was not worse than SFT on validation.", _dpo_kept),),
    "gguf_model": (Check("answers_match", "The GGUF answers as the trained model.", _parity),),
    "eval_report": (Check("valid_json", "Answers are valid JSON.", _valid_json),),
}
