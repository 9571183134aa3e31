"""f16 GGUF → a smaller one, by the quantizer inside llama.cpp's library; and what came out.

    python -m clitron_dagster.export.quantize F16.gguf OUT.gguf q4_k_m

A quant's name is a wish: rows whose width is not a multiple of 256 cannot be stored in a K format,
and llama.cpp falls back to a larger one. So the report gives real bits and types of tensors.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clitron_dagster.errors import ClitronError

QUANTS = {  # name → llama_ftype, https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
    "f32": 0, "f16": 1, "bf16": 32, "q8_0": 7, "q6_k": 18, "q5_k_m": 17, "q5_k_s": 16, "q5_1": 9,
    "q5_0": 8, "q4_k_m": 15, "q4_k_s": 14, "q4_1": 3, "q4_0": 2, "iq4_nl": 25, "iq4_xs": 30,
    "q3_k_l": 13, "q3_k_m": 12, "q3_k_s": 11, "q2_k": 10,
}  # fmt: skip
_TEXT_LIMIT = 127  # bytes of a metadata text that llama.cpp's override takes


class QuantizeError(ClitronError):
    """A quantization that llama.cpp does not know or does not finish."""


@dataclass(frozen=True)
class GgufReport:
    """What is in a GGUF file."""

    bytes: int
    parameters: int
    bits_per_weight: float  # of all tensors, without metadata
    tensor_types: dict[str, int]  # "Q8_0" → tensors of that type

    def fallbacks(self, quant: str) -> int:
        """Quantized tensors that have another type than the quant's name says."""
        wanted = quant.upper().removesuffix("_M").removesuffix("_S").removesuffix("_L")
        plain = {wanted, "F32", "F16", "BF16"}
        return sum(count for name, count in self.tensor_types.items() if name not in plain)


def check_quant(quant: str) -> str:
    """The quant's name in lower case.

    Raises:
        QuantizeError: llama.cpp has no such quantization.
    """
    name = quant.lower()
    if name not in QUANTS:
        raise QuantizeError(f"unknown quantization `{quant}`; choose from {', '.join(QUANTS)}")
    return name


def quantize(
    source: Path,
    target: Path,
    quant: str,
    *,
    metadata: Mapping[str, str | int] | None = None,
    threads: int | None = None,
) -> None:
    """Quantize ``source`` (f16) to ``target``; metadata is added to that of the source.

    With ``quant`` equal to the source's type tensors are copied.

    Raises:
        QuantizeError: unknown quant, damaged source, or llama.cpp fails.
    """
    import llama_cpp

    from clitron_dagster.inference import llama
    from clitron_dagster.inference.engine import physical_cores

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = QUANTS[check_quant(quant)]
    params.nthread = threads or physical_cores()
    overrides = _overrides(metadata or {})
    if metadata:
        params.kv_overrides = overrides
    llama.check_file(source)
    llama.clear_log()
    partial = target.with_name(f".{target.name}.partial")
    try:
        status = llama_cpp.llama_model_quantize(
            str(source).encode(), str(partial).encode(), ctypes.byref(params)
        )
        if status != 0 or not partial.is_file():
            reason = llama.last_words()
            raise QuantizeError(f"llama.cpp cannot quantize {source} to {quant}: {reason}")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _overrides(metadata: Mapping[str, str | int]) -> ctypes.Array[ctypes.Structure]:
    """A C array of metadata, ended by an empty key. Longer texts are cut on a character."""
    import llama_cpp

    array = (llama_cpp.llama_model_kv_override * (len(metadata) + 1))()
    for slot, (key, value) in zip(array, metadata.items(), strict=False):
        slot.key = key.encode()
        if isinstance(value, int):
            slot.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_INT
            slot.value.val_i64 = value
        else:
            slot.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
            data = value.encode()[:_TEXT_LIMIT]
            slot.value.val_str = data.decode(errors="ignore").encode()
    return array


def report(file: Path) -> GgufReport:
    """Read a GGUF's tensors (not their data).

    Raises:
        QuantizeError: it is not a whole GGUF.
    """
    from gguf import GGUFReader

    try:
        tensors = GGUFReader(file).tensors
    except (ValueError, IndexError, OSError) as error:
        raise QuantizeError(f"{file} is not a whole GGUF file: {error}") from error
    parameters = sum(int(tensor.n_elements) for tensor in tensors)
    size = sum(int(tensor.n_bytes) for tensor in tensors)
    types = Counter(tensor.tensor_type.name for tensor in tensors)
    return GgufReport(
        bytes=file.stat().st_size,
        parameters=parameters,
        bits_per_weight=round(8 * size / parameters, 3),
        tensor_types=dict(types.most_common()),
    )


if __name__ == "__main__":
    try:
        quantize(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
        print(report(Path(sys.argv[2])))
    except ClitronError as error:
        sys.exit(f"error: {error}")
