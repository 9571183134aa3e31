"""What is fresh, what is stale and why: one walk over the store's manifests.

Dagster's own staleness cannot answer this for partitioned assets (docs/decisions.md), so the store
is the single truth, for ``clitron status``, the assets themselves, the schedule and the sensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clitron_dagster.schema import Schema, digest
from clitron_dagster.settings import Settings
from clitron_dagster.stage import StageConfig
from clitron_dagster.stages import STAGES, Parts, Stage
from clitron_dagster.store import Artifact, Manifest

State = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True)
class Recipe:
    """Everything that an artifact depends on; its digest is the fingerprint."""

    stage: Stage
    config: StageConfig
    parts: Parts  # of the schema and of other sources
    inputs: Parts  # upstream asset → data version

    @property
    def fingerprint(self) -> str:
        return digest(
            {
                "asset": self.stage.name,
                "code": self.stage.code_version,
                "config": self.config.model_dump(mode="json"),
                "parts": self.parts,
                "inputs": self.inputs,
            }
        )


@dataclass(frozen=True)
class AssetStatus:
    """One asset's state. ``reasons`` is empty when it is fresh."""

    asset: str
    state: State
    reasons: tuple[str, ...]
    artifact: Artifact | None  # what stands now, fresh or not
    reusable: bool  # an earlier artifact fits, so a run costs milliseconds


def recipe(
    settings: Settings, schema: Schema, stage: Stage, inputs: Parts, file: Path | None = None
) -> Recipe:
    """The recipe of one stage, given its inputs' data versions."""
    config = settings.config(stage, schema)
    source = file or settings.schema_file(schema.cli_name)
    read = stage.schema_part(schema) if stage.schema_part else {}
    parts = {**read, **stage.sources(source, config, settings.store)}
    return Recipe(stage, config, parts, inputs)


def plan(settings: Settings, cli: str) -> list[AssetStatus]:
    """State of every asset of a CLI, in graph order, with named reasons.

    Raises:
        SchemaError, SettingsError: the schema or a setting is not sound.
    """
    schema = settings.load(cli)
    versions: dict[str, str] = {}  # data versions of the assets that are known to be settled
    statuses: list[AssetStatus] = []
    for stage in STAGES:
        current = settings.store.current(cli, stage.name)
        unsettled = [name for name in stage.upstream if name not in versions]
        if unsettled:
            reasons = tuple(f"input {name}" for name in unsettled)
            state: State = "stale" if current else "missing"
            statuses.append(AssetStatus(stage.name, state, reasons, current, reusable=False))
            continue
        wanted = recipe(settings, schema, stage, {name: versions[name] for name in stage.upstream})
        status = _status(settings, cli, wanted, current)
        if status.reusable or status.state == "fresh":
            found = settings.store.find(cli, stage.name, wanted.fingerprint)
            assert found is not None
            versions[stage.name] = found.manifest.data_version
        statuses.append(status)
    return statuses


def _status(settings: Settings, cli: str, wanted: Recipe, current: Artifact | None) -> AssetStatus:
    store, name = settings.store, wanted.stage.name
    found = store.find(cli, name, wanted.fingerprint)
    damage = store.damage(found) if found else None
    if found and damage:
        return AssetStatus(name, "stale", (f"artifact damaged: {damage}",), current, reusable=False)
    if current is None:
        return AssetStatus(name, "missing", ("never made",), None, reusable=found is not None)
    if found and found.manifest.fingerprint == current.manifest.fingerprint:
        return AssetStatus(name, "fresh", (), current, reusable=True)
    reasons = tuple(differences(current.manifest, wanted)) or ("another recipe",)
    return AssetStatus(name, "stale", reasons, current, reusable=found is not None)


def differences(manifest: Manifest, wanted: Recipe) -> list[str]:
    """Why an artifact does not fit a recipe, in words."""
    reasons = [
        f"schema: {name} {_change(name, manifest.schema_part, wanted.parts)}"
        for name in _changed(manifest.schema_part, wanted.parts)
    ]
    config = wanted.config.model_dump(mode="json")
    reasons += [
        f"config: {name} {_short(manifest.config.get(name))}→{_short(config.get(name))}"
        for name in _changed(manifest.config, config)
    ]
    if manifest.code_version != wanted.stage.code_version:
        reasons.append(f"code {manifest.code_version}→{wanted.stage.code_version}")
    reasons += [f"input {name}" for name in _changed(manifest.inputs, wanted.inputs)]
    return reasons


def _changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _change(name: str, old: Parts, new: Parts) -> str:
    if name not in old:
        return "added"
    return "changed" if name in new else "removed"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
