"""Which settings a run has: stage defaults, then the profile, the schema's ``pipeline:``, the run.

The same keys everywhere: ``{asset: {field: value}}``. A field at the top level goes to every stage
that has it (``num_examples: 4000``, ``seed: 3``, ``base_model: …``), and ``profile:`` picks the
profile.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clitron_dagster.errors import ClitronError
from clitron_dagster.profiles import PROFILES
from clitron_dagster.schema import Schema, SchemaError, load_schema
from clitron_dagster.stage import StageConfig
from clitron_dagster.stages import BY_NAME, STAGES, Stage
from clitron_dagster.store import Store

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DEFAULT_PROFILE = "quick"


class SettingsError(ClitronError):
    """A setting that does not exist or has the wrong type."""


@dataclass(frozen=True)
class Settings:
    """Where things lie, and what this run overrides."""

    schemas_dir: Path = field(
        default_factory=lambda: Path(os.environ.get("CLITRON_SCHEMAS", PROJECT_ROOT / "schemas"))
    )
    store_url: str = field(
        default_factory=lambda: os.environ.get("CLITRON_STORE", str(PROJECT_ROOT / "store"))
    )
    profile: str | None = field(default_factory=lambda: os.environ.get("CLITRON_PROFILE"))
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def store(self) -> Store:
        return Store(self.store_url)

    def cli_names(self) -> list[str]:
        """The CLIs that have a schema file: the partition keys."""
        return sorted(file.stem for file in self.schemas_dir.glob("*.yaml"))

    def schema_file(self, cli: str) -> Path:
        return self.schemas_dir / f"{cli}.yaml"

    def load(self, cli: str) -> Schema:
        """Load the schema of a CLI.

        Raises:
            SettingsError: there is no schema of that name.
            SchemaError: the schema is not sound.
        """
        names = self.cli_names()
        if cli not in names:
            close = difflib.get_close_matches(cli, names, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(names)}."
            raise SettingsError(
                f"no schema for `{cli}` in {self.schemas_dir}; {hint} "
                f"Add {cli}.yaml there to make it a CLI (docs/schema-format.md)"
            )
        return load_schema(self.schema_file(cli))

    def profile_name(self, schema: Schema) -> str:
        """The profile by precedence: the run's, the schema's, the default."""
        name = self.profile or schema.pipeline.get("profile") or DEFAULT_PROFILE
        if name not in PROFILES:
            raise SettingsError(f"there is no profile `{name}`; there are: {', '.join(PROFILES)}")
        return str(name)

    def config(self, stage: Stage, schema: Schema) -> StageConfig:
        """The stage's settings for this CLI and run.

        Raises:
            SettingsError: a key is unknown, or a value has the wrong type.
        """
        values: dict[str, Any] = {}
        profile = self.profile_name(schema)
        layers = {
            f"profile {profile}": PROFILES[profile],
            f"{schema.cli_name}.yaml, `pipeline:`": schema.pipeline,
            "this run's settings": self.overrides,
        }
        for origin, layer in layers.items():
            values.update(_for_stage(stage, layer, origin))
        try:
            return stage.config(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingsError(
                f"{stage.name}.{name} is {first.get('input')!r}: {first['msg'].lower()}"
            ) from None


def _for_stage(stage: Stage, layer: Mapping[str, Any], origin: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in layer.items():
        if key == "profile":
            continue
        if key in BY_NAME:
            if not isinstance(value, Mapping):
                raise SettingsError(f"{origin}: `{key}` is not a mapping of settings")
            for name in value:
                if name not in BY_NAME[key].config.model_fields:
                    raise SettingsError(_unknown(origin, f"{key}.{name}", BY_NAME[key].config))
            if key == stage.name:
                values.update(value)
        elif key in stage.config.model_fields:
            values.setdefault(key, value)
        elif not any(key in other.config.model_fields for other in STAGES):
            raise SettingsError(_unknown(origin, key, *(other.config for other in STAGES)))
    return values


def _unknown(origin: str, key: str, *configs: type[StageConfig]) -> str:
    known = sorted({name for config in configs for name in config.model_fields})
    close = difflib.get_close_matches(key.rsplit(".", 1)[-1], known, n=1)
    hint = f"did you mean `{close[0]}`?" if close else f"known are: {', '.join(known)}"
    return f"{origin}: there is no setting `{key}`; {hint}"


__all__ = ["PROJECT_ROOT", "SchemaError", "Settings", "SettingsError"]
