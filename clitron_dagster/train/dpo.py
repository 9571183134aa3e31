"""dpo_model: direct preference optimization on the SFT model, kept only if it does no harm.

Reads ``splits`` (val.jsonl), ``sft_adapter`` and ``preference_pairs``. The SFT model is merged first
and a fresh LoRA is trained on it, so that the reference is the SFT model itself (arXiv 2305.18290);
its log-probabilities are computed once. Writes ``model/`` (merged, bf16), ``training_config.json``,
``training_metrics.json`` (with ``kept``), ``curves.png``.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from clitron_dagster.base_model import WARM_START, copy_tokenizer, resolve_base_model
from clitron_dagster.schema import Schema
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.train.encode import EncodingError, prompt_text, read_rows
from clitron_dagster.train.errors import error_kind

CODE_VERSION = "1"


class DpoConfig(StageConfig):
    """Settings of preference optimization."""

    base_model: str = WARM_START  # under an adapter; unused for full weights
    enabled: bool = True  # False: the SFT model goes on
    beta: float = 0.1  # weight of the KL penalty
    loss_types: tuple[str, ...] = ("sigmoid", "sft")  # sft keeps the chosen answers likely
    loss_weights: tuple[float, ...] = (1.0, 0.5)
    learning_rate: float = 5e-5
    epochs: float = 1
    max_pairs: int | None = None
    batch_size: int = 8  # pairs of one optimizer step
    per_device_batch_size: int = 8
    warmup_ratio: float = 0.1
    lora_r: int = 16
    lora_alpha: int = 32
    lora_targets: str = "all-linear"
    max_length: int = 1024  # tokens
    max_val_rows: int = 128  # rows of the exact-match gate
    max_new_tokens: int = 128
    seed: int = 17


def run(job: Job[DpoConfig]) -> Metrics:
    """Merge, train, compare with the SFT model, keep the better one."""
    from clitron_dagster.export.merge import merge_adapter

    config = job.config
    merged = job.work / "sft_merged"
    if not (merged / "config.json").exists():
        job.log("merging the SFT model")
        partial = job.work / "sft_merging"
        shutil.rmtree(partial, ignore_errors=True)
        artifact = job.inputs["sft_adapter"]
        if (artifact / "adapter").is_dir():
            merge_adapter(resolve_base_model(config.base_model), artifact / "adapter", partial)
        else:
            shutil.copytree(artifact / "model", partial)
        partial.rename(merged)
    pairs = read_rows(job.inputs["preference_pairs"] / "pairs.jsonl")[: config.max_pairs]
    if not config.enabled or not pairs:
        why = "switched off" if not config.enabled else "no pairs: the SFT model made no error"
        return _finish(job, merged, {"kept": False, "why": why, "pairs": len(pairs)}, [])
    tuned = job.work / "dpo_merged"
    records = job.work / "dpo_records.json"
    if not records.exists():
        metrics, history = _train(job, merged, pairs, tuned)
        records.write_text(json.dumps([metrics, history], default=str))
    metrics, history = json.loads(records.read_text())
    metrics |= _gate(job, merged, tuned)
    return _finish(job, tuned if metrics["kept"] else merged, metrics, history)


def _train(
    job: Job[DpoConfig], merged: Path, pairs: list[dict[str, Any]], tuned: Path
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    from clitron_dagster.train.device import pick_device, supports_bf16, use_all_cores
    from clitron_dagster.train.run_trainer import Reporter
    from clitron_dagster.train.run_trainer import run as run_trainer

    config = job.config
    device = pick_device()
    use_all_cores()
    torch.manual_seed(config.seed)
    tokenizer = AutoTokenizer.from_pretrained(merged)
    model = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32).to(device)
    rows = preference_rows(tokenizer, job.schema, pairs, config.max_length)
    per_device = min(config.per_device_batch_size, config.batch_size, len(rows))
    accumulation = max(1, config.batch_size // per_device)
    steps = max(1, round(config.epochs * len(rows) / (per_device * accumulation)))
    checkpoints = job.work / "checkpoints"
    args = DPOConfig(
        output_dir=str(checkpoints),
        beta=config.beta,
        loss_type=list(config.loss_types),
        loss_weights=list(config.loss_weights),
        precompute_ref_log_probs=True,
        max_steps=steps,
        per_device_train_batch_size=per_device,
        gradient_accumulation_steps=accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(config.warmup_ratio * steps),
        bf16=supports_bf16(device),
        use_cpu=device == "cpu",
        gradient_checkpointing=False,
        max_length=config.max_length,
        save_strategy="steps",
        save_steps=max(1, steps // 3),
        save_total_limit=1,
        logging_steps=max(1, steps // 10),
        report_to="none",
        disable_tqdm=True,
        seed=config.seed,
        data_seed=config.seed,
    )
    adapter = LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        target_modules=config.lora_targets,
        task_type="CAUSAL_LM",
    )
    trainer = DPOTrainer(
        model=model,
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=[Reporter("DPO", job.log, job.progress)],
    )
    result = run_trainer(trainer, checkpoints, job.log)
    shutil.rmtree(tuned, ignore_errors=True)
    whole = trainer.model.merge_and_unload().to(torch.bfloat16)
    whole.save_pretrained(tuned)
    copy_tokenizer(merged, tuned)
    history = trainer.state.log_history
    last = {key: value for entry in history for key, value in entry.items()}
    metrics = {
        "pairs": len(rows),
        "train_loss": result.training_loss,
        "train_runtime": result.metrics["train_runtime"],
        "steps": trainer.state.global_step,
        "reward_accuracy": last.get("rewards/accuracies"),
        "reward_margin": last.get("rewards/margins"),
        "reward_chosen": last.get("rewards/chosen"),
        "reward_rejected": last.get("rewards/rejected"),
    }
    return metrics, history


def preference_rows(
    tokenizer: Any, schema: Schema, pairs: list[dict[str, Any]], max_length: int
) -> list[dict[str, str]]:
    """Pairs as TRL reads them: prompt text, and both answers with EOS.

    Raises:
        EncodingError: a side is longer than ``max_length`` tokens; cutting would change the pair.
    """
    rows = []
    for pair in pairs:
        prompt = prompt_text(tokenizer, schema, pair)
        row = {side: pair[side] + tokenizer.eos_token for side in ("chosen", "rejected")}
        longest = max(len(tokenizer(prompt + text)["input_ids"]) for text in row.values())
        if longest > max_length:
            raise EncodingError(
                f'the pair of "{pair["instruction"]:.60}" takes {longest} tokens and `max_length` '
                f"is {max_length}; raise it"
            )
        rows.append({"prompt": prompt, **row})
    return rows


def _gate(job: Job[DpoConfig], sft: Path, dpo: Path) -> dict[str, Any]:
    """Greedy exact match of both models on the same validation rows."""
    rows = read_rows(job.inputs["splits"] / "val.jsonl")[: job.config.max_val_rows]
    before, after = (_exact(job, model, rows) for model in (sft, dpo))
    kept = sum(after) >= sum(before)
    outcome = f"exact match on {len(rows)} validation rows: SFT {sum(before)}, DPO {sum(after)}"
    job.log(f"{outcome}; {'DPO is kept' if kept else 'the SFT model goes on'}")
    return {
        "kept": kept,
        "why": outcome,
        "validation_rows": len(rows),
        "sft_exact": sum(before) / len(rows),
        "dpo_exact": sum(after) / len(rows),
        "only_sft_right": sum(b and not a for b, a in zip(before, after, strict=True)),
        "only_dpo_right": sum(a and not b for b, a in zip(before, after, strict=True)),
    }


def _exact(job: Job[DpoConfig], model: Path, rows: list[dict[str, Any]]) -> list[bool]:
    from clitron_dagster.evaluate.hf_runner import generate_answers, load_model

    loaded = load_model(model)
    prompts = [prompt_text(loaded.tokenizer, job.schema, row) for row in rows]
    answers = generate_answers(None, None, prompts, job.config.max_new_tokens, 64, loaded=loaded)
    right = (None, "wrong_clarification")  # asking back is right, whatever the words
    return [
        error_kind(job.schema, json.loads(row["output"]), answer.text) in right
        for row, answer in zip(rows, answers, strict=True)
    ]


def _finish(
    job: Job[DpoConfig], model: Path, metrics: dict[str, Any], history: list[dict[str, Any]]
) -> Metrics:
    from clitron_dagster.train.run_trainer import write_records

    shutil.copytree(model, job.out / "model")
    write_records(job.out, job.config.model_dump(), metrics, history)
    return metrics
