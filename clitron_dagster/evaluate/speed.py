"""Measure the runner against ``model.generate``, on the human-phrased requests of a CLI.

python -m clitron_dagster.evaluate.speed schemas/git.yaml [MODEL] [--rows 64] [--tokens 45]

MODEL is a base model's name or a folder. Both write the same number of tokens for each row (EOS is
ignored), so that the figures compare work and not luck.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from clitron_dagster.base_model import EMBEDDED, resolve_base_model
from clitron_dagster.evaluate.hf_runner import Loaded, generate_answers, load_model
from clitron_dagster.evaluate.human_rows import load_human_rows
from clitron_dagster.evaluate.predictions import prompts
from clitron_dagster.schema import load_schema
from clitron_dagster.train.device import use_all_cores
from clitron_dagster.validate.rows import eval_file


def plain_generate(loaded: Loaded, texts: list[str], tokens: int, batch_size: int) -> None:
    """``model.generate``, greedy, left-padded, in batches sorted by length."""
    loaded.tokenizer.padding_side = "left"
    texts = sorted(texts, key=len)
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        encoded = loaded.tokenizer(
            batch, return_tensors="pt", padding=True, add_special_tokens=False
        )
        with torch.inference_mode():
            loaded.model.generate(
                **encoded, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure batched generation.")
    parser.add_argument("schema", type=Path)
    parser.add_argument("model", nargs="?", default=EMBEDDED)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=45)
    options = parser.parse_args()
    use_all_cores()
    schema = load_schema(options.schema)
    rows, note = load_human_rows(schema, eval_file(options.schema))
    if not rows:
        parser.error(str(note))
    loaded = load_model(resolve_base_model(options.model))
    texts = prompts(loaded.tokenizer, schema, rows[: options.rows])
    written = len(texts) * options.tokens

    def show(name: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        print(f"{name}: {seconds:.1f} s, {written / seconds:.0f} answer tokens/s", flush=True)

    generate_answers(None, None, texts[:4], 4, loaded=loaded)  # warm up
    for size in (16, 32, 64):
        show(
            f"generate_answers, batch {size}",
            lambda size=size: generate_answers(  # type: ignore[misc]
                None, None, texts, options.tokens, size, loaded=loaded, ignore_eos=True
            ),
        )
        show(
            f"model.generate, batch {size}",
            lambda size=size: plain_generate(loaded, texts, options.tokens, size),  # type: ignore[misc]
        )


if __name__ == "__main__":
    main()
