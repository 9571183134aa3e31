"""f16 GGUF → a smaller one, by the quantizer inside llama.cpp's library; and what came out.

    python -m clitron_dagster.export.quantize F16.gguf OUT.gguf q4_k_m

A quant's name is a wish: rows whose width is not a multiple of 256 cannot be stored in a K format,
and llama.cpp falls back to a larger one. So the report gives real bits and types of tensors.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError

QUANTS = {  # name → llama_ftype, https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
    "f32": 0, "f16": 1, "bf16": 32, "q8_0": 7, "q6_k": 18, "q5_k_m": 17, "q5_k_s": 16, "q5_1": 9,
    "q5_0": 8, "q4_k_m": 15, "q4_k_s": 14, "q4_1": 3, "q4_0": 2, "iq4_nl": 25, "iq4_xs": 30,
    "q3_k_l": 13, "q3_k_m": 12, "q3_k_s": 11, "q2_k": 10,
}  # fmt: skip


class QuantizeError(ClitronError):
    """A quantization that llama.cpp does not know or does not finish."""


def check_quant(quant: str) -> str:
    """The quant's name in lower case.

    Raises:
        QuantizeError: llama.cpp has no such quantization.
    """
    name = quant.lower()
    if name not in QUANTS:
        raise QuantizeError(f"unknown quantization `{quant}`; choose from {', '.join(QUANTS)}")
    return name


def quantize(source: Path, target: Path, quant: str, threads: int | None = None) -> None:
    """Quantize ``source`` (f16) to ``target``, which is there whole or not at all.

    Raises:
        QuantizeError: unknown quant, damaged source, full disk.
    """
    import llama_cpp

    from clitron_dagster.inference.engine import physical_cores

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = QUANTS[check_quant(quant)]
    params.nthread = threads or physical_cores()
    _run(source, target, params, quant)


def copy_with(source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """Copy a GGUF, with texts added to or replaced in its metadata.

    llama.cpp takes at most 127 bytes of a text; longer ones are cut on a character.

    Raises:
        QuantizeError: damaged source, full disk.
    """
    import llama_cpp

    overrides = (llama_cpp.llama_model_kv_override * (len(metadata) + 1))()  # ends at an empty key
    for slot, (key, value) in zip(overrides, metadata.items(), strict=False):
        slot.key = key.encode()
        slot.tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
        slot.value.val_str = value.encode()[:127].decode(errors="ignore").encode()
    params = llama_cpp.llama_model_quantize_default_params()
    params.only_copy = True
    params.kv_overrides = overrides
    _run(source, target, params, "its copy")


def _run(source: Path, target: Path, params: Any, what: str) -> None:
    import llama_cpp

    from clitron_dagster.inference import llama

    llama.check_file(source)
    llama.clear_log()
    partial = target.with_name(f".{target.name}.partial")
    try:
        status = llama_cpp.llama_model_quantize(
            str(source).encode(), str(partial).encode(), ctypes.byref(params)
        )
        if status != 0 or not partial.is_file():
            reason = llama.last_words()
            raise QuantizeError(f"llama.cpp cannot make {what} from {source}: {reason}")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


class _InitParams(ctypes.Structure):
    """``gguf_init_params`` of ggml's gguf.h."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def describe(file: Path) -> dict[str, Any]:
    """What is in a GGUF: ``bytes``, ``parameters``, ``bits_per_weight``, ``tensors`` by type.

    Bits are those of all tensors together, without the file's metadata. Read by ggml itself: the
    gguf package's reader takes seconds for the vocabulary alone.

    Raises:
        ModelFileError: it is not a GGUF.
        QuantizeError: its head is damaged.
    """
    from clitron_dagster.inference import llama

    llama.check_file(file)
    ggml = _ggml()
    found = ggml.gguf_init_from_file(str(file).encode(), _InitParams(True, None))
    if not found:
        raise QuantizeError(f"{file} is a damaged GGUF ({llama.last_words()})")
    types: Counter[str] = Counter()
    parameters = size = 0
    for index in range(ggml.gguf_get_n_tensors(found)):
        kind = ggml.gguf_get_tensor_type(found, index)
        held = ggml.gguf_get_tensor_size(found, index)
        types[ggml.ggml_type_name(kind).decode().upper()] += 1
        parameters += held // ggml.ggml_type_size(kind) * ggml.ggml_blck_size(kind)
        size += held
    ggml.gguf_free(found)
    return {
        "bytes": file.stat().st_size,
        "parameters": parameters,
        "bits_per_weight": round(8 * size / max(parameters, 1), 3),
        "tensors": dict(types.most_common()),
    }


@functools.cache
def _ggml() -> Any:
    """ggml's own library, which llama-cpp-python carries but does not bind."""
    import llama_cpp

    folder = Path(llama_cpp.__file__).parent / "lib"
    file = next(folder.glob("libggml-base.*"), None) or next(folder.glob("ggml-base.dll"), None)
    if file is None:
        raise QuantizeError(f"llama-cpp-python in {folder} has no ggml library; install it again")
    library = ctypes.CDLL(str(file))
    pointer, index, kind = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int
    for name, result, arguments in (
        ("gguf_init_from_file", pointer, [ctypes.c_char_p, _InitParams]),
        ("gguf_get_n_tensors", index, [pointer]),
        ("gguf_get_tensor_type", kind, [pointer, index]),
        ("gguf_get_tensor_size", ctypes.c_size_t, [pointer, index]),
        ("gguf_free", None, [pointer]),
        ("ggml_type_name", ctypes.c_char_p, [kind]),
        ("ggml_type_size", ctypes.c_size_t, [kind]),
        ("ggml_blck_size", index, [kind]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


if __name__ == "__main__":
    try:
        quantize(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
        print(describe(Path(sys.argv[2])))
    except ClitronError as error:
        sys.exit(f"error: {error}")
