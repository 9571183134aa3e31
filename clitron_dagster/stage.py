"""What a stage of the pipeline is given and gives back. Stages import no dagster and run alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from upath import UPath

from clitron_dagster.schema import Schema


class StageConfig(BaseModel):
    """Base of every stage's typed settings. Unknown keys are refused, so that a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def pays(self) -> bool:
        """Whether the stage asks for what costs money, and keeps it in ``Job.keep``."""
        return False


ConfigT = TypeVar("ConfigT", bound=StageConfig)


def _print(message: str) -> None:
    print(message, flush=True)


@dataclass(frozen=True)
class Job(Generic[ConfigT]):
    """One computation of one asset for one CLI.

    A stage reads ``schema``, ``config`` and the folders of its ``inputs`` (by asset name), keeps
    what a restart can go on from in ``work`` (the same folder for the same fingerprint, kept over a
    crash), and what must never be lost, such as answers that cost money, in ``keep`` (one folder for
    all fingerprints). It writes the files of the artifact into ``out`` (empty at the start), and
    returns its metrics: JSON-able, the numbers that a person would look at first.
    """

    schema: Schema
    schema_file: Path
    config: ConfigT
    inputs: Mapping[str, Path]
    out: Path
    work: Path
    log: Callable[[str], None] = _print
    progress: Callable[[dict[str, Any]], None] = field(default=lambda _: None)
    feedback: Path | UPath | None = None  # what users told (validate/feedback.py); may not exist
    kept: Path | None = None  # None: beside ``work``

    @property
    def keep(self) -> Path:
        return self.kept or self.work.parent / "kept"

    @property
    def cli(self) -> str:
        return self.schema.cli_name


Metrics = dict[str, Any]
