"""The untrained model as a GGUF for the CLI `notes`: made once per version of the code, kept."""

import functools
import hashlib
from pathlib import Path

from clitron_dagster.base_model import (
    TINY,
    base_model_id,
    built_once,
    cache_folder,
    describe,
    resolve_base_model,
)
from clitron_dagster.export.convert import convert
from clitron_dagster.export.metadata import metadata
from clitron_dagster.export.quantize import copy_with, quantize
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster_tests.paths import NOTES, ROOT

CODE = ("export/convert.py", "export/metadata.py", "export/quantize.py", "prompt.py")


@functools.cache
def notes() -> Schema:
    return load_schema(NOTES)


@functools.cache
def tiny_gguf(quant: str = "f16") -> Path:
    """`f16` or `q8_0`."""
    state = hashlib.sha256(base_model_id(TINY).encode() + NOTES.read_bytes())
    for name in CODE:
        state.update((ROOT / "clitron_dagster" / name).read_bytes())
    folder = built_once(cache_folder() / f"test-gguf-{state.hexdigest()[:12]}", _build)
    return folder / f"clitron-notes-{quant}.gguf"


def _build(folder: Path) -> None:
    base = resolve_base_model(TINY)
    convert(base, folder / "raw.gguf", "clitron-notes")
    f16 = folder / "clitron-notes-f16.gguf"
    copy_with(folder / "raw.gguf", f16, metadata(notes(), describe(base)))
    (folder / "raw.gguf").unlink()
    quantize(f16, folder / "clitron-notes-q8_0.gguf", "q8_0")
