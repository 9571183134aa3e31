"""sft_adapter: fine-tune the base model on the train split, with loss on the answer alone.

Reads ``splits`` (train.jsonl, val.jsonl) and the base model. Writes ``adapter/`` (LoRA, QLoRA) or
``model/`` (full fine-tune, bf16), ``training_config.json``, ``training_metrics.json``,
``curves.png``. Checkpoints lie in the work folder; a killed run goes on from the last one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from clitron_dagster.base_model import WARM_START, copy_tokenizer, resolve_base_model
from clitron_dagster.stage import Job, Metrics, StageConfig
from clitron_dagster.validate.rows import WRITTEN

CODE_VERSION = "1"

# By a recorded search on the embedded model (docs/decisions.md). A LoRA wants about ten times the
# rate of a full fine-tune; seed 004's 2e-5 belongs to larger models.
LEARNING_RATES = {"full": 3e-4, "lora": 1e-3, "qlora": 2e-4}


class SftConfig(StageConfig):
    """Settings of supervised fine-tuning."""

    base_model: str = WARM_START  # embedded name, local folder, or hub id
    method: Literal["lora", "qlora", "full"] = "full"
    epochs: float = 3
    max_rows: int | None = None  # train rows used, written ones before generated; None for all
    max_val_rows: int = 128
    whole_share: float = 0.2  # rows that teach an answer's unvarying end, too (train/encode.py)
    learning_rate: float | None = None  # None: LEARNING_RATES by method
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    bin_length: int = 256  # tokens of a packed bin
    bins_per_step: int = 3  # bins of one optimizer step: about 9 rows
    bins_per_device: int = 3  # bins of one forward pass; lower it when memory is short
    max_length: int = 1024  # tokens; a longer row is an error, never cut
    lora_r: int = 32
    lora_alpha: int = 64
    lora_dropout: float = 0.05
    lora_targets: str = "all-linear"
    checkpoints_per_epoch: int = 1
    compile: bool = False  # torch.compile: needs a C++ compiler and about two minutes at the start
    gradient_checkpointing: bool = False
    frozen_layers: int = 0  # lowest ones left as they are, at most half; method "full" only
    report_to: str = "none"  # or "tensorboard", "wandb"
    seed: int = 17


def run(job: Job[SftConfig]) -> Metrics:
    """Train, keep the checkpoint with the lowest validation loss, and write it."""
    import torch
    from transformers import AutoTokenizer

    from clitron_dagster.train.device import pick_device, supports_bf16, use_all_cores
    from clitron_dagster.train.encode import encode, pack, read_rows
    from clitron_dagster.train.run_trainer import Reporter, TrainingError, write_records
    from clitron_dagster.train.run_trainer import run as run_trainer

    config = job.config
    device = pick_device()
    if config.method == "qlora" and device != "cuda":
        job.log("qlora off CUDA is slow: it is meant for GPUs")
    use_all_cores()
    torch.manual_seed(config.seed)
    base = resolve_base_model(config.base_model)
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = chosen(read_rows(job.inputs["splits"] / "train.jsonl"), config.max_rows)
    val_rows = read_rows(job.inputs["splits"] / "val.jsonl")[: config.max_val_rows]
    if not rows or not val_rows:
        raise TrainingError("the train or the validation split is empty; generate more examples")
    train = encode(tokenizer, job.schema, rows, config.max_length, config.whole_share)
    packed = pack(train, config.bin_length, tokenizer.eos_token_id, config.seed)
    val = encode(tokenizer, job.schema, val_rows, config.max_length)
    packed_val = pack(val, config.bin_length, tokenizer.eos_token_id, config.seed)
    supervised = packed.supervised / packed.unpacked_tokens
    job.log(
        f"{len(rows)} rows, {packed.unpacked_tokens} tokens ({supervised:.0%} supervised) packed "
        f"into {packed.tokens} in {len(packed.bins)} bins"
    )
    model = load_weights(base, config, device, bf16=supports_bf16(device))
    checkpoints = job.work / "checkpoints"
    trainer = make_trainer(
        model, tokenizer, config, packed.bins, packed_val.bins, checkpoints, device
    )
    if config.method != "qlora":
        trainer.vocabulary = tokens_of(packed.bins)
    trainer.add_callback(Reporter("SFT", job.log, job.progress))
    result = run_trainer(trainer, checkpoints, job.log)
    save_weights(trainer.model, base, job.out, config.method)
    history = trainer.state.log_history
    seconds = result.metrics["train_runtime"]
    metrics = {
        "train_loss": result.training_loss,
        "eval_loss": trainer.state.best_metric,
        "train_runtime": seconds,
        "train_samples_per_second": round(len(rows) * trainer.state.epoch / seconds, 2),
        "tokens_per_second": round(packed.unpacked_tokens * trainer.state.epoch / seconds, 1),
        "computed_tokens_per_second": round(packed.tokens * trainer.state.epoch / seconds, 1),
        "supervised_share": round(supervised, 4),
        "epoch": trainer.state.epoch,
        "steps": trainer.state.global_step,
        "best_checkpoint": Path(trainer.state.best_model_checkpoint or "last").name,
        "train_rows": len(rows),
        "validation_rows": len(val_rows),
        "method": config.method,
        "device": device,
    }
    recorded = {**config.model_dump(), "learning_rate": learning_rate(config), "device": device}
    write_records(job.out, recorded, metrics, history)
    return metrics


def chosen(rows: list[dict[str, Any]], count: int | None) -> list[dict[str, Any]]:
    """At most ``count`` rows, in their order; rows that people wrote before generated ones."""
    if count is None or len(rows) <= count:
        return rows
    first = sorted(range(len(rows)), key=lambda n: (rows[n]["source"] not in WRITTEN, n))[:count]
    return [rows[number] for number in sorted(first)]


def learning_rate(config: SftConfig) -> float:
    return config.learning_rate or LEARNING_RATES[config.method]


def load_weights(base: Path, config: SftConfig, device: str, *, bf16: bool) -> Any:
    """fp32 weights (bf16 autocast where native), or NF4 for QLoRA."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    if config.method != "qlora":
        # Over short bins with a mask of their own, torch's fused attention is slower on a CPU.
        attention = "eager" if device == "cpu" else "sdpa"
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, attn_implementation=attention
        )
        if config.method == "full":
            freeze(model, config.frozen_layers)
        return model.to(device)
    compute = torch.bfloat16 if bf16 else torch.float32
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    return AutoModelForCausalLM.from_pretrained(
        base, quantization_config=quantization, device_map={"": device}, dtype=compute
    )


def freeze(model: Any, layers: int) -> None:
    """Leave the embeddings and the lowest ``layers`` as they are: no backward pass reaches them.

    At most half of the model's layers, so that a setting for one model does not stop another.
    """
    stack = getattr(model.get_decoder(), "layers", ())
    layers = min(layers, len(stack) // 2)
    if layers:
        for module in (model.get_input_embeddings(), *stack[:layers]):
            module.requires_grad_(False)


def make_trainer(
    model: Any,
    tokenizer: Any,
    config: SftConfig,
    bins: list[dict[str, list[int]]],
    val_bins: list[dict[str, list[int]]],
    checkpoints: Path,
    device: str,
) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig

    from clitron_dagster.train.device import supports_bf16
    from clitron_dagster.train.trainer import ResponseOnlyTrainer, collate

    per_device = min(config.bins_per_device, config.bins_per_step, len(bins))
    accumulation = max(1, config.bins_per_step // per_device)
    # Every checkpoint ends a stretch of equal length, so that the last step is evaluated, too.
    stretches = max(1, round(config.epochs * config.checkpoints_per_epoch))
    rounds = config.epochs * len(bins) / (per_device * accumulation)
    save_steps = max(1, round(rounds / stretches))
    total_steps = save_steps * stretches
    args = SFTConfig(
        output_dir=str(checkpoints),
        max_steps=total_steps,
        per_device_train_batch_size=per_device,
        per_device_eval_batch_size=per_device,
        gradient_accumulation_steps=accumulation,
        learning_rate=learning_rate(config),
        lr_scheduler_type="cosine",
        warmup_steps=round(config.warmup_ratio * total_steps),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=supports_bf16(device),
        use_cpu=device == "cpu",
        gradient_checkpointing=config.gradient_checkpointing,
        eval_strategy="steps",
        eval_steps=save_steps,
        save_strategy="steps",
        save_steps=save_steps,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=max(1, min(10, total_steps // 10)),
        report_to=config.report_to,
        disable_tqdm=True,
        dataloader_drop_last=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        completion_only_loss=False,  # our bins carry their own labels
        remove_unused_columns=False,
        max_length=None,
        seed=config.seed,
        data_seed=config.seed,
    )
    adapter = None
    if config.method != "full" and not hasattr(model, "peft_config"):
        adapter = LoraConfig(
            r=config.lora_r,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=config.lora_targets,
            task_type="CAUSAL_LM",
        )
    trainer = ResponseOnlyTrainer(
        model=model,
        args=args,
        train_dataset=Dataset.from_list(bins),
        eval_dataset=Dataset.from_list(val_bins),
        processing_class=tokenizer,
        data_collator=collate,
        peft_config=adapter,
    )
    if config.compile:
        trainer.compiled_backbone = torch.compile(trainer.backbone())
    return trainer


def tokens_of(bins: list[dict[str, list[int]]]) -> Any:
    """The tokens that occur in ``bins``, ascending: the only ones that can be right there."""
    import torch

    return torch.tensor(sorted({token for one in bins for token in one["input_ids"]}))


def save_weights(model: Any, base: Path, out: Path, method: str) -> None:
    """Weights with the base model's own tokenizer files; no pickles."""
    import torch

    folder = out / ("model" if method == "full" else "adapter")
    folder.mkdir()
    if method == "full":
        model.to(torch.bfloat16).save_pretrained(folder)
        model.to(torch.float32)
        copy_tokenizer(base, folder)
    else:
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
