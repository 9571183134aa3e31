"""The one resource: where schemas and artifacts lie, and what this run overrides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from clitron_dagster.settings import Settings


class ClitronResource(dg.ConfigurableResource[None]):
    """Settings of a run. A field left out comes from the environment, the profile, the schema."""

    profile: str | None = None
    overrides: dict[str, Any] = Field(default={})
    force: list[str] = Field(default=[])
    echo: bool = False  # the `clitron` command shows progress itself
    schemas_dir: str | None = None
    store_url: str | None = None

    def settings(self) -> Settings:
        given: dict[str, Any] = {"overrides": self.overrides}
        if self.profile:
            given["profile"] = self.profile
        if self.schemas_dir:
            given["schemas_dir"] = Path(self.schemas_dir)
        if self.store_url:
            given["store_url"] = self.store_url
        return Settings(**given)
