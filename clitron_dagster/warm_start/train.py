"""Train the warm start anew: ``python -m clitron_dagster.warm_start.train SPECS OUT``.

SPECS is the folder of npm's ``@withfig/autocomplete`` (``npm pack @withfig/autocomplete@2.692.3``,
unpacked). The schemas of the CLIs in ``clis.txt`` are read from there, requests for them come from
the offline generator and, for some CLIs, from ``rows/`` (written for this purpose). About half an hour
on two cores; OUT/adapter then belongs into this folder.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import yaml

from clitron_dagster.base_model import EMBEDDED, SMOLLM2, resolve_base_model
from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.raw_examples import run as generate
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.schema_import import fig
from clitron_dagster.stage import Job
from clitron_dagster.validate.rows import read_curated

HERE = Path(__file__).parent
ROWS_PER_CLI = 70  # generated ones; and three more to validate on
LONGEST = 240  # tokens; rare longer rows are left out
SETTINGS: dict[str, Any] = {
    "method": "lora",
    "base_model": EMBEDDED,
    "epochs": 1,
    "learning_rate": 1e-3,
    "lora_r": 64,
    "lora_alpha": 128,
    "lora_dropout": 0.0,
    "bins_per_step": 4,
    "bins_per_device": 4,
    "checkpoints_per_epoch": 2,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clitron_dagster.warm_start.train")
    parser.add_argument("specs", type=Path, help="folder of @withfig/autocomplete")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    train(corpus(options.specs, options.out / "work"), options.out)


def corpus(specs: Path, work: Path) -> list[tuple[Schema, list[dict[str, Any]]]]:
    """Schema and rows of each CLI; one whose spec cannot be read is named and left out."""
    found = []
    for name in sorted((HERE / "clis.txt").read_text().split()):
        folder = work / name
        file = folder / f"{name}.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            text = yaml.safe_dump(fig.read(specs, name), sort_keys=False, allow_unicode=True)
            file.write_text(text, encoding="utf-8")
            schema = load_schema(file)
        except ClitronError as error:
            print(f"{name} left out: {str(error).splitlines()[0]}", flush=True)
            continue
        config = RawExamplesConfig(num_examples=min(60 + 3 * len(schema.units), 260))
        quiet = Job(schema, file, config, {}, folder, folder / "work", log=lambda _: None)
        generate(quiet)
        found.append((schema, _rows(schema, folder / "examples.jsonl")))
    return found


def _rows(schema: Schema, generated: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in generated.read_text(encoding="utf-8").splitlines()]
    random.Random(schema.cli_name).shuffle(rows)
    written = read_curated(schema, HERE / "rows" / f"{schema.cli_name}.examples.jsonl")
    return [*rows[: ROWS_PER_CLI + 3], *(row.to_json() for row in written)]


def train(rows: list[tuple[Schema, list[dict[str, Any]]]], out: Path) -> None:
    """Write ``out/adapter`` and ``out/training_metrics.json``."""
    import torch
    from transformers import AutoTokenizer

    from clitron_dagster.train import sft
    from clitron_dagster.train.device import pick_device, supports_bf16, use_all_cores
    from clitron_dagster.train.encode import encode, pack
    from clitron_dagster.train.run_trainer import Reporter, plot_curves
    from clitron_dagster.train.run_trainer import run as run_trainer

    config = sft.SftConfig(**SETTINGS)
    use_all_cores()
    torch.manual_seed(config.seed)
    base = resolve_base_model(config.base_model)
    tokenizer = AutoTokenizer.from_pretrained(base)
    bins: list[Any] = []
    held_out: list[Any] = []
    count = 0
    for schema, own in rows:  # bins of one CLI each: their rows share its system line
        encoded = [e for e in encode(tokenizer, schema, own, 4096) if len(e) <= LONGEST]
        if len(encoded) < 8:
            continue
        packed = pack(encoded[3:], config.bin_length, tokenizer.eos_token_id, config.seed)
        bins += packed.bins
        count += packed.rows
        held_out += pack(encoded[:3], config.bin_length, tokenizer.eos_token_id, config.seed).bins
    random.Random(1).shuffle(bins)
    print(f"{count} rows of {len(rows)} CLIs in {len(bins)} bins", flush=True)
    device = pick_device()
    model = sft.load_weights(base, config, device, bf16=supports_bf16(device))
    checkpoints = out / "checkpoints"
    trainer = sft.make_trainer(model, tokenizer, config, bins, held_out, checkpoints, device)
    trainer.add_callback(Reporter("warm start", print, lambda _: None))
    run_trainer(trainer, checkpoints, print)
    sft.save_weights(trainer.model, base, out, config.method)
    _round(out / "adapter")
    history = trainer.state.log_history
    metrics = {"rows": count, "clis": len(rows), "settings": SETTINGS, "log_history": history}
    (out / "training_metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    plot_curves(history, out / "curves.png")


def _round(adapter: Path) -> None:
    """To bf16, as the base model is: half the size. And no path of this machine in the config."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(adapter / "adapter_model.safetensors")
    rounded = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    save_file(rounded, adapter / "adapter_model.safetensors", metadata={"format": "pt"})
    file = adapter / "adapter_config.json"
    config = json.loads(file.read_text()) | {"base_model_name_or_path": SMOLLM2.name}
    file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
