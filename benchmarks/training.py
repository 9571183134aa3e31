"""What each way to save training time brings: ``python benchmarks/training.py [CLI]``.

Steps of the quick profile over the CLI's curated rows, with the shipped base model, each variant beside
the plain one (all layers, fused attention, the whole vocabulary) in the same run. The fastest of
``--steps`` counts, as other load only ever adds. Nothing is kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from clitron_dagster.base_model import resolve_base_model
from clitron_dagster.schema import load_schema
from clitron_dagster.train import sft
from clitron_dagster.train.device import use_all_cores
from clitron_dagster.train.encode import encode, pack
from clitron_dagster.train.trainer import collate
from clitron_dagster.validate.rows import curated_file, read_curated

# name: (frozen layers, attention, softmax over the data's tokens alone, share of whole rows)
VARIANTS = {
    "plain": (0, "sdpa", False, 1.0),
    "lower half frozen": (15, "sdpa", False, 1.0),
    "unfused attention": (0, "eager", False, 1.0),
    "the data's vocabulary": (0, "sdpa", True, 1.0),
    "four of five rows cut": (0, "sdpa", False, 0.2),
    "all four": (15, "eager", True, 0.2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cli", nargs="?", default="git")
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    use_all_cores()
    baseline = 0.0
    print(f"{'':24}{'s a step':>10}{'rows a s':>10}{'ratio':>8}")
    for name, variant in VARIANTS.items():
        seconds, rows = measure(options.cli, options.steps, *variant)
        baseline = baseline or rows / seconds
        print(f"{name:24}{seconds:10.2f}{rows / seconds:10.2f}{rows / seconds / baseline:8.2f}")


def measure(
    cli: str, steps: int, frozen: int, attention: str, own_vocabulary: bool, whole_share: float
) -> tuple[float, float]:
    """Seconds of the fastest step, and rows in a step on average."""
    schema_file = Path("schemas", f"{cli}.yaml")
    schema = load_schema(schema_file)
    base = resolve_base_model(sft.WARM_START)
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = sft.SftConfig(frozen_layers=frozen)
    rows = [
        {"instruction": row.instruction, "context": row.context, "output": row.output}
        for row in read_curated(schema, curated_file(schema_file))[:1000]
    ]
    encoded = encode(tokenizer, schema, rows, config.max_length, whole_share)
    packed = pack(encoded, config.bin_length, tokenizer.eos_token_id, config.seed)
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, attn_implementation=attention
    )
    sft.freeze(model, frozen)
    with tempfile.TemporaryDirectory() as folder:
        trainer = sft.make_trainer(
            model, tokenizer, config, packed.bins, packed.bins[:3], Path(folder), "cpu"
        )
        trainer.vocabulary = sft.tokens_of(packed.bins) if own_vocabulary else None
        trainer.state.global_step = 1  # every eighth step takes the whole vocabulary
        optimizer = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad], fused=True
        )
        size = config.bins_per_step
        times = [
            step(trainer, optimizer, packed.bins[size * i : size * (i + 1)]) for i in range(steps)
        ]
    return min(times), size * packed.rows / len(packed.bins)


def step(trainer: Any, optimizer: Any, bins: list[dict[str, list[int]]]) -> float:
    trainer.model.train()
    start = time.perf_counter()
    trainer.compute_loss(trainer.model, collate(bins)).backward()
    torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
