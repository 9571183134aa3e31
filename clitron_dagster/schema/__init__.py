"""A CLI's schema: typed model, loader with refusals, canonical hashes."""

from clitron_dagster.schema.load import Fault, SchemaError, load_schema, schema_warnings
from clitron_dagster.schema.model import Arg, Command, Example, Flag, Schema, Unit, digest

__all__ = [
    "Arg", "Command", "Example", "Fault", "Flag", "Schema", "SchemaError", "Unit", "digest",
    "load_schema", "schema_warnings",
]  # fmt: skip
