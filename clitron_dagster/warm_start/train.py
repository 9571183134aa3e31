"""Train the warm start: ``python -m clitron_dagster.warm_start.train SPECS OUT [--start ADAPTER]``.

Two kinds of rows. Generated ones: SPECS is the folder of npm's ``@withfig/autocomplete`` (``npm pack
@withfig/autocomplete@2.692.3``, unpacked); the schemas of the CLIs in ``clis.txt`` are read from there,
the offline generator makes requests for them. Written ones: ``rows/<cli>.jsonl``, for this purpose;
those in ``rows/<cli>@3.jsonl`` were written for the third run. OUT/adapter then belongs into this
folder. ``--start`` goes on from an adapter that is there, which is how the shipped one came about, in
three runs of an hour or more each on two cores (docs/decisions.md).
"""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path
from typing import Any

import yaml

from clitron_dagster.answer import canonical
from clitron_dagster.base_model import EMBEDDED, SMOLLM2, resolve_base_model
from clitron_dagster.errors import ClitronError
from clitron_dagster.generate.config import RawExamplesConfig
from clitron_dagster.generate.raw_examples import run as generate
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.schema_import import fig
from clitron_dagster.stage import Job

HERE = Path(__file__).parent
GENERATED_PER_CLI = 15
LATEST = "@3"  # files of rows that no earlier run has seen
PASSES = {"latest": 2, "earlier": 0}  # over the written rows, packed differently each time
HELD_OUT = 4  # written rows of each CLI to validate on
LONGEST = 240  # tokens; rare longer rows are left out
WHOLE = 0.2  # share of rows with the end that is always the same
FROZEN_LAYERS = 8  # the lowest: little to learn there, and a quarter of the time
SETTINGS: dict[str, Any] = {
    "method": "lora",
    "base_model": EMBEDDED,
    "epochs": 1,
    "learning_rate": 8e-4,
    "lora_r": 64,
    "lora_alpha": 128,
    "lora_dropout": 0.0,
    "bins_per_step": 4,
    "bins_per_device": 4,
    "checkpoints_per_epoch": 3,
}
Rows = list[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m clitron_dagster.warm_start.train")
    parser.add_argument("specs", type=Path, help="folder of @withfig/autocomplete")
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="adapter to go on from")
    options = parser.parse_args()
    generated = generated_rows(options.specs, options.out / "work")
    train(generated, written_rows(HERE / "rows"), options.out, options.start)


def generated_rows(specs: Path, work: Path) -> list[tuple[Schema, Rows]]:
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
        generate(Job(schema, file, config, {}, folder, folder / "work", log=lambda _: None))
        lines = (folder / "examples.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        random.Random(name).shuffle(rows)
        found.append((schema, rows[:GENERATED_PER_CLI]))
    return found


def written_rows(folder: Path) -> list[tuple[Schema, Rows, int]]:
    """Rows of each file, ``{"request", "context"?, "answer"}``, with as much of a schema as a
    prompt needs: the CLI's name and the keys of its context. And how often to pass over them."""
    found = []
    for file in sorted(folder.glob("*.jsonl")):
        items = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        keys = dict.fromkeys(key for item in items for key in item.get("context") or ())
        schema = Schema.model_validate(
            {
                "cli_name": file.stem.removesuffix(LATEST),
                "context": {key: {} for key in keys},
                "commands": [{"name": "any"}],
            }
        )
        rows = [
            {
                "instruction": item["request"],
                "context": item.get("context"),
                "output": canonical(item["answer"]),
            }
            for item in items
        ]
        random.Random(file.stem).shuffle(rows)
        found.append((schema, rows, PASSES["latest" if LATEST in file.stem else "earlier"]))
    return found


def train(
    generated: list[tuple[Schema, Rows]],
    written: list[tuple[Schema, Rows, int]],
    out: Path,
    start: Path | None,
) -> None:
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

    def put(schema: Schema, rows: Rows, into: list[Any], seed: int = config.seed) -> int:
        """Bins of one CLI each: their rows share its system line."""
        encoded = [e for e in encode(tokenizer, schema, rows, 4096, WHOLE) if len(e) <= LONGEST]
        if len(encoded) > 1:
            into += pack(encoded, config.bin_length, tokenizer.eos_token_id, seed).bins
        return len(encoded)

    counts = {"generated": sum(put(schema, rows, bins) for schema, rows in generated)}
    counts["held_out"] = sum(put(schema, rows[:HELD_OUT], held_out) for schema, rows, _ in written)
    for seed in range(max(PASSES.values())):
        found = [
            put(schema, rows[HELD_OUT:], bins, seed) for schema, rows, n in written if seed < n
        ]
        counts[f"pass {seed + 1}"] = sum(found)
    random.Random(1).shuffle(bins)
    print(f"{counts} rows, {len(bins)} bins", flush=True)
    device = pick_device()
    model = _adapted(base, config, start, bf16=supports_bf16(device)).to(device)
    checkpoints = out / "checkpoints"
    trainer = sft.make_trainer(model, tokenizer, config, bins, held_out, checkpoints, device)
    trainer.vocabulary = sft.tokens_of(bins)
    trainer.add_callback(Reporter("warm start", print, lambda _: None))
    run_trainer(trainer, checkpoints, print)
    sft.save_weights(trainer.model, base, out, config.method)
    _round(out / "adapter")
    history = trainer.state.log_history
    clis = {"generated": len(generated), "written": len(written)}
    metrics = {"rows": counts, "clis": clis, "settings": SETTINGS, "log_history": history}
    (out / "training_metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    plot_curves(history, out / "curves.png")


def _adapted(base: Path, config: Any, start: Path | None, *, bf16: bool) -> Any:
    """The base model, unchanging and so in bf16, with a LoRA whose lowest layers stay as they are."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if bf16 else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, attn_implementation="eager")
    if start is not None:
        model = PeftModel.from_pretrained(model, start, is_trainable=True)
    else:
        shape = {"r": config.lora_r, "lora_alpha": config.lora_alpha}
        lora = LoraConfig(**shape, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, lora)
    for name, weights in model.named_parameters():
        layer = re.search(r"\.layers\.(\d+)\.", name)
        if layer and int(layer[1]) < FROZEN_LAYERS:
            weights.requires_grad_(False)
    return model


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
