"""Adapters and full weights become one plain model folder."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from clitron_dagster.base_model import TINY, check_folder, describe, resolve_base_model
from clitron_dagster.export.merge import MergeError, merge_adapter


@pytest.fixture(scope="module")
def base() -> Path:
    return resolve_base_model(TINY)


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.arange(40, 60)[None]).logits


def test_adapter_is_merged(base: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    before = logits(model)
    torch.manual_seed(0)
    settings = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    tuned = get_peft_model(model, settings)
    tuned.save_pretrained(tmp_path / "adapter")
    wanted = logits(tuned)
    merge_adapter(base, tmp_path / "adapter", tmp_path / "merged", dtype="float32")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert merged.dtype == torch.float32
    torch.testing.assert_close(logits(merged), wanted, atol=1e-4, rtol=1e-4)
    assert (wanted - before).abs().max() > 0.01
    check_folder(tmp_path / "merged")
    assert describe(tmp_path / "merged") == describe(base)
    tokenizers = [
        (folder / "tokenizer.json").read_bytes() for folder in (base, tmp_path / "merged")
    ]
    assert tokenizers[0] == tokenizers[1]
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").eos_token_id == 2


def test_full_weights_are_taken_as_they_are(base: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    model.model.norm.weight.data.fill_(2.0)
    model.save_pretrained(tmp_path / "full")
    merge_adapter(base, tmp_path / "full", tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert merged.dtype == torch.bfloat16
    assert merged.model.norm.weight.unique().tolist() == [2.0]
    check_folder(tmp_path / "merged")


def test_adapter_of_another_shape_is_refused(base: Path, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    other = LlamaForCausalLM(LlamaConfig(vocab_size=99, num_attention_heads=2, **shape))
    get_peft_model(other, LoraConfig(r=2, target_modules="all-linear")).save_pretrained(tmp_path)
    with pytest.raises(MergeError, match="does not fit its base model"):
        merge_adapter(base, tmp_path, tmp_path / "merged")


def test_neither_adapter_nor_weights(base: Path, tmp_path: Path) -> None:
    with pytest.raises(MergeError, match="neither a LoRA adapter nor model weights"):
        merge_adapter(base, tmp_path, tmp_path / "merged")
