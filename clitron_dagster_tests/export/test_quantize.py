"""Quantizing, copying with metadata, and describing what came out."""

from pathlib import Path

import pytest
from gguf import GGUFReader

from clitron_dagster.export.quantize import (
    QuantizeError,
    check_quant,
    copy_with,
    describe,
    quantize,
)
from clitron_dagster.inference.llama import ModelFileError, read_metadata
from clitron_dagster_tests.tiny import tiny_gguf


@pytest.mark.parametrize("quant", ["q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0", "bf16"])
def test_quants(quant: str, tmp_path: Path) -> None:
    quantize(tiny_gguf(), tmp_path / "out.gguf", quant)
    found = describe(tmp_path / "out.gguf")
    assert found["bytes"] == (tmp_path / "out.gguf").stat().st_size
    assert found["parameters"] == describe(tiny_gguf())["parameters"]
    assert read_metadata(tmp_path / "out.gguf")["clitron.cli"] == "notes"
    assert [file.name for file in tmp_path.iterdir()] == ["out.gguf"]


def test_description_agrees_with_the_gguf_package() -> None:
    tensors = GGUFReader(tiny_gguf("q8_0")).tensors
    found = describe(tiny_gguf("q8_0"))
    parameters = sum(int(tensor.n_elements) for tensor in tensors)
    assert found["parameters"] == parameters
    bits = 8 * sum(int(tensor.n_bytes) for tensor in tensors) / parameters
    assert found["bits_per_weight"] == pytest.approx(bits, abs=1e-3)
    names = [tensor.tensor_type.name for tensor in tensors]
    assert found["tensors"] == {name: names.count(name) for name in ("Q8_0", "F32")}


def test_k_quants_fall_back_on_narrow_rows(tmp_path: Path) -> None:
    """The name promises 4 bits; rows of 64 cannot have them, and the description says so."""
    quantize(tiny_gguf(), tmp_path / "out.gguf", "q4_k_m")
    found = describe(tmp_path / "out.gguf")
    assert "Q4_K" not in found["tensors"]
    assert found["bits_per_weight"] > 5


def test_copy_adds_and_replaces_metadata(tmp_path: Path) -> None:
    copy_with(tiny_gguf(), tmp_path / "out.gguf", {"clitron.new": "é" * 100, "general.name": "n"})
    found, before = read_metadata(tmp_path / "out.gguf"), read_metadata(tiny_gguf())
    assert found["clitron.new"] == "é" * 63  # 127 bytes, no half character
    assert found["general.name"] == "n"
    assert found["tokenizer.chat_template"] == before["tokenizer.chat_template"]
    assert describe(tmp_path / "out.gguf")["tensors"] == describe(tiny_gguf())["tensors"]


def test_refusals(tmp_path: Path) -> None:
    assert check_quant("Q4_K_M") == "q4_k_m"
    with pytest.raises(QuantizeError, match="choose from"):
        check_quant("q3")
    with pytest.raises(ModelFileError, match="no model file"):
        quantize(tmp_path / "none.gguf", tmp_path / "out.gguf", "q8_0")
    data = tiny_gguf().read_bytes()
    (tmp_path / "half.gguf").write_bytes(data[: len(data) // 2])
    with pytest.raises(QuantizeError, match="cannot make q8_0 from"):
        quantize(tmp_path / "half.gguf", tmp_path / "out.gguf", "q8_0")
    (tmp_path / "head.gguf").write_bytes(data[:60])
    with pytest.raises(QuantizeError, match="damaged"):
        describe(tmp_path / "head.gguf")
    with pytest.raises(QuantizeError, match="cannot make q8_0"):
        quantize(tiny_gguf(), tmp_path / "no" / "folder.gguf", "q8_0")
    assert not (tmp_path / "out.gguf").exists()
