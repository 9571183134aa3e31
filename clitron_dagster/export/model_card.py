"""The model card: what the model is, where it came from, and how to run it."""

from __future__ import annotations

from typing import Any

from clitron_dagster import prompt
from clitron_dagster.base_model import BaseInfo
from clitron_dagster.schema import Schema


def model_card(
    schema: Schema,
    base: BaseInfo,
    rows: dict[str, int],
    files: dict[str, dict[str, Any]],
    parity: dict[str, Any],
    metadata: dict[str, str],
) -> str:
    """Markdown with the front matter that model hubs read."""
    cli = schema.cli_name
    quants = "\n".join(
        f"| {name} | {file['bytes'] / 2**20:.0f} MiB | {file['bits_per_weight']} | "
        f"{', '.join(f'{kind} ×{count}' for kind, count in file['tensors'].items())} | "
        f"{_same(parity, name)} |"
        for name, file in files.items()
    )
    lineage = "\n".join(f"- `{key}`: `{value}`" for key, value in metadata.items())
    note = f" ({base.note})" if base.note else ""
    counts = ", ".join(f"{count} {split}" for split, count in rows.items())
    return f"""---
license: {base.licence or "unknown"}
base_model: {base.url or base.name}
library_name: gguf
tags: [clitron, {cli}, text-to-command]
---
# clitron-{cli}

Turns plain English into commands of `{cli}` ({schema.description}) as JSON. It knows
{len(schema.units)} commands and nothing else.

- Base model: {base.name}{note}
- Licence of the base model: {base.licence or "unknown"}
- Rows: {counts}
- Prompt: system line "{prompt.system_line(cli)}", context lines, the request

| quant | size | bits a weight | tensors | same greedy answer as the trained model |
|---|---|---|---|---|
{quants}

## Run it

`clitron ask {cli} "..."` holds the answer to the schema, reads the context, and lets the structure
prior beside the file (`structure_prior.safetensors`: copy both together) vote on command and options.
Without these three, and so with weaker answers: `ollama create clitron-{cli} -f Modelfile`, or any
llama.cpp program with the chat template in the file and temperature 0.

## Limits

An answer is a suggestion: read it before you run it. Scores with their intervals are in the
evaluation report made with this model.

## Lineage

{lineage}
"""


def _same(parity: dict[str, Any], quant: str) -> str:
    found = parity["answers"].get(quant)
    return f"{found['same']} of {found['of']}" if found else "not compared"
