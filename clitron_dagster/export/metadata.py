"""Our own keys in a GGUF: which CLI, schema and prompt a model belongs to."""

from __future__ import annotations

import shutil
from pathlib import Path

from clitron_dagster.base_model import BaseInfo
from clitron_dagster.prompt import PROMPT_VERSION
from clitron_dagster.schema import Schema, digest


def metadata(schema: Schema, base: BaseInfo) -> dict[str, str]:
    """Key → value, as they stand in the file."""
    return {
        "clitron.cli": schema.cli_name,
        "clitron.schema_hash": schema.hash,
        "clitron.legality_hash": digest(schema.legality()),
        "clitron.prompt_version": PROMPT_VERSION,
        "clitron.base_model": base.name,
        "general.license": base.licence or "unknown",
        "general.description": f"Turns plain English into {schema.cli_name} commands as JSON",
    }


def write_metadata(source: Path, out: Path, values: dict[str, str]) -> None:
    """Copy a GGUF with further (or replaced) string keys."""
    from gguf import GGUFReader, GGUFValueType, GGUFWriter

    reader = GGUFReader(source)
    architecture = reader.get_field("general.architecture")
    assert architecture is not None
    partial = out.with_suffix(".part")
    writer = GGUFWriter(partial, str(architecture.contents()), endianess=reader.endianess)
    for field in reader.fields.values():
        # the header's own fields, which the writer makes itself
        if field.name == "general.architecture" or field.name.startswith("GGUF."):
            continue
        if field.name in values:
            continue
        kind = field.types[0]
        element = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=element)
    for key, value in values.items():
        writer.add_string(key, value)
    for tensor in reader.tensors:
        writer.add_tensor_info(
            tensor.name, tensor.data.shape, tensor.data.dtype, tensor.data.nbytes,
            tensor.tensor_type,
        )  # fmt: skip
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        writer.write_tensor_data(tensor.data)
    writer.close()
    shutil.move(partial, out)
