"""Our own keys in a GGUF: which CLI, schema and prompt a model belongs to."""

from __future__ import annotations

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
