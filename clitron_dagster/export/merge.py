"""Adapter or full weights → one folder of merged weights with the base model's tokenizer.

python -m clitron_dagster.export.merge BASE ADAPTER_OR_MODEL OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from clitron_dagster.base_model import check_folder, copy_tokenizer, quiet_transformers
from clitron_dagster.errors import ClitronError

Precision = Literal["bfloat16", "float32"]


class MergeError(ClitronError):
    """Weights that cannot be merged."""


def merge_adapter(
    base: Path, adapter_or_model: Path, out: Path, dtype: Precision = "bfloat16"
) -> None:
    """Write merged weights, tokenizer and chat template to ``out``, which must not hold any.

    Merged in fp32 and never into 4-bit weights (a QLoRA adapter is merged into the base model that
    it was made for, unquantized); rounded to ``dtype`` once, at the end. Full weights are taken as
    they are. The tokenizer's files are the base model's own, byte for byte: llama.cpp's converter
    recognizes a pre-tokenizer by what it does.

    Raises:
        MergeError: neither adapter nor weights, or an adapter for a model of another shape.
    """
    import torch
    from transformers import AutoModelForCausalLM

    check_folder(base)
    is_adapter = (adapter_or_model / "adapter_config.json").is_file()
    if not is_adapter and not (adapter_or_model / "config.json").is_file():
        raise MergeError(f"{adapter_or_model} holds neither a LoRA adapter nor model weights")
    source = base if is_adapter else adapter_or_model
    with quiet_transformers():
        model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        if is_adapter:
            model = _merged(model, adapter_or_model)
        model = model.to(getattr(torch, dtype))
        out.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(out)
    copy_tokenizer(base, out)


def _merged(model: object, adapter: Path) -> object:
    from peft import PeftModel

    kind = json.loads((adapter / "adapter_config.json").read_text()).get("peft_type")
    if kind != "LORA":
        raise MergeError(f"{adapter} is a {kind} adapter; only LoRA ones can be merged")
    try:
        return PeftModel.from_pretrained(model, adapter).merge_and_unload(safe_merge=True)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MergeError(f"adapter {adapter} does not fit its base model: {reason}") from error


if __name__ == "__main__":
    try:
        merge_adapter(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    except ClitronError as error:
        sys.exit(f"error: {error}")
