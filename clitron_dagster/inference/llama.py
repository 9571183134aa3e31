"""What the engine and the exporter share over llama.cpp's C API: its log, loading, metadata.

llama.cpp writes to stderr through one global hook; importing this module replaces it by a buffer
of the last warnings, which errors quote.
"""

from __future__ import annotations

import collections
import ctypes
from pathlib import Path
from typing import Any

import llama_cpp

from clitron_dagster.errors import ClitronError

_WARN, _ERROR = 3, 4  # GGML_LOG_LEVEL_*
_log: collections.deque[str] = collections.deque(maxlen=50)


class ModelFileError(ClitronError):
    """A GGUF that is missing, damaged, or made for something else."""


def _keep(level: int, text: bytes, _: Any) -> None:
    if level in (_WARN, _ERROR):
        _log.append(text.decode(errors="replace").strip())


_callback = llama_cpp.llama_log_callback(_keep)  # kept: C holds no reference to it
llama_cpp.llama_log_set(_callback, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()


def clear_log() -> None:
    _log.clear()


def last_words() -> str:
    """llama.cpp's last warnings and errors, for the end of a message of ours."""
    return "; ".join(line for line in _log if line)[-300:]


def load_model(path: Path, *, vocab_only: bool = False) -> Any:
    """A ``llama_model *``; the caller frees it with ``llama_model_free``.

    Raises:
        ModelFileError: the file is missing, not a GGUF, or damaged.
    """
    check_file(path)
    clear_log()
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = vocab_only
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise ModelFileError(
            f"model {path} is damaged or incomplete; make it again ({last_words()})"
        )
    return model


def check_file(path: Path) -> None:
    """Refuse what is no GGUF at all before llama.cpp sees it."""
    if not path.exists():
        raise ModelFileError(f"there is no model file {path}; train one, or give --model")
    if not path.is_file():
        raise ModelFileError(f"model {path} is a folder; give the .gguf file inside it")
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise ModelFileError(f"cannot read model {path}: {error.strerror}") from error
    if magic != b"GGUF":
        raise ModelFileError(f"{path} is not a GGUF model file")


def metadata_of(model: Any) -> dict[str, str]:
    """The scalar metadata of a loaded model; arrays (the vocabulary) are cut by llama.cpp."""
    found = {}
    for index in range(llama_cpp.llama_model_meta_count(model)):
        key = _string(llama_cpp.llama_model_meta_key_by_index, model, index)
        if not key.startswith("tokenizer.ggml.") or key.endswith((".pre", ".model", "_id")):
            found[key] = _string(llama_cpp.llama_model_meta_val_str_by_index, model, index)
    return found


def read_metadata(path: Path) -> dict[str, str]:
    """The scalar metadata of a GGUF file, without loading its weights."""
    model = load_model(path, vocab_only=True)
    try:
        return metadata_of(model)
    finally:
        llama_cpp.llama_model_free(model)


def _string(function: Any, model: Any, index: int) -> str:
    buffer = ctypes.create_string_buffer(256)
    length = function(model, index, buffer, len(buffer))
    if length >= len(buffer):
        buffer = ctypes.create_string_buffer(length + 1)
        function(model, index, buffer, len(buffer))
    return buffer.value.decode(errors="replace")
