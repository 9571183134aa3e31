"""Garbage collection: what in the store nobody needs, and deleting it.

Kept, for each asset of a CLI: what ``current`` names; what the best model was made from, by exact
match on requests that people wrote; the newest few; and unfinished work that the next run with the
usual settings goes on from. A CLI that a run is making is left alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from upath import UPath

from clitron_dagster.errors import ClitronError
from clitron_dagster.settings import Settings
from clitron_dagster.stages import STAGE_NAMES, STAGES
from clitron_dagster.staleness import recipe
from clitron_dagster.store import Artifact, Store, StoreError, explain_os_error

BEST_METRIC = "human_model_exact"  # of eval_report
_LEFTOVERS = {
    ".old-": "set aside: damaged, or replaced",
    ".partial-": "half-written by a run that stopped",
    ".work-": "checkpoints and progress of a run that stopped",
}


@dataclass(frozen=True)
class Garbage:
    """One folder that can go."""

    cli: str
    asset: str
    name: str
    path: str
    size: int  # bytes
    why: str
    ended: str = ""  # ISO time, for artifacts
    is_artifact: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Freed:
    """What :func:`free` did."""

    freed: list[Garbage] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # why something was left, in words

    @property
    def bytes(self) -> int:
        return sum(item.size for item in self.freed)


# -- finding --------------------------------------------------------------------------------------


def collect(settings: Settings, cli: str | None = None, keep: int = 1) -> list[Garbage]:
    """What can go, of one CLI or of all in the store, largest first within an asset.

    Raises:
        ClitronError: there is neither a schema nor an artifact of that CLI.
    """
    store = settings.store
    names = clis(store)
    if cli is not None:
        if cli not in names:
            settings.load(cli)  # an unknown name is refused with what there is
        names = [cli] if cli in names else []
    found: list[Garbage] = []
    for name in names:
        if not busy(store, name):
            found += _collect(settings, name, keep)
    return found


def clis(store: Store) -> list[str]:
    """CLIs that have something in the store, with or without a schema."""
    names = {folder.name for root in _roots(store) for folder in _folders(root)}
    return sorted(
        name
        for name in names
        if any((root / name / asset).is_dir() for root in _roots(store) for asset in STAGE_NAMES)
    )


def _collect(settings: Settings, cli: str, keep: int) -> Iterator[Garbage]:
    store = settings.store
    best = best_chain(store, cli)
    resumable = _wanted(settings, cli)
    for asset in STAGE_NAMES:
        artifacts = store.artifacts(cli, asset)
        current = store.current(cli, asset)
        newest = artifacts[-keep:] if keep else []
        kept = {artifact.manifest.fingerprint for artifact in newest}
        kept |= {fingerprint for name, fingerprint in best if name == asset}
        if current:
            kept.add(current.manifest.fingerprint)
        for artifact in artifacts:
            manifest = artifact.manifest
            if manifest.fingerprint not in kept and artifact.location.name == manifest.fingerprint:
                size = sum(entry.size for entry in manifest.files.values())
                yield Garbage(
                    cli, asset, manifest.fingerprint, str(artifact.location), size,
                    f"neither current, nor best, nor among the {keep} newest", manifest.ended, True,
                )  # fmt: skip
        yield from _leftovers(store, cli, asset, resumable)


def _leftovers(store: Store, cli: str, asset: str, resumable: set[str]) -> Iterator[Garbage]:
    for root in _roots(store):
        for folder in _folders(root / cli / asset):
            prefix = next((p for p in _LEFTOVERS if folder.name.startswith(p)), None)
            if prefix is None or (prefix == ".work-" and folder.name[len(prefix) :] in resumable):
                continue
            path = Path(str(folder))
            yield Garbage(cli, asset, folder.name, str(path), _size(path), _LEFTOVERS[prefix])


def best_chain(store: Store, cli: str) -> set[tuple[str, str]]:
    """(asset, fingerprint) of the best model's report, the model, and all it was made from."""
    reports = [
        (score, report)
        for report in store.artifacts(cli, "eval_report")
        if (score := best_score(report.manifest.metrics)) is not None
    ]
    if not reports:
        return set()
    _, best = max(reports, key=lambda pair: (pair[0], pair[1].manifest.ended))
    chain: dict[tuple[str, str], Artifact] = {}
    waiting = [best]
    while waiting:
        artifact = waiting.pop()
        key = (artifact.manifest.asset, artifact.manifest.fingerprint)
        if key in chain:
            continue
        chain[key] = artifact
        for name, version in artifact.manifest.inputs.items():
            made = [a for a in store.artifacts(cli, name) if a.manifest.data_version == version]
            waiting += made[-1:]  # the newest; others hold the same content
    return set(chain)


def best_score(metrics: dict[str, Any]) -> float | None:
    """Exact match on requests that people wrote, from a report's metrics."""
    value = metrics.get(BEST_METRIC)
    return float(value) if isinstance(value, int | float) else None


def _wanted(settings: Settings, cli: str) -> set[str]:
    """Fingerprints that a run with the usual settings would make, as far as they are known."""
    try:
        schema = settings.load(cli)
        versions: dict[str, str] = {}
        wanted = set()
        for stage in STAGES:
            if any(name not in versions for name in stage.upstream):
                continue
            inputs = {name: versions[name] for name in stage.upstream}
            fingerprint = recipe(settings, schema, stage, inputs).fingerprint
            wanted.add(fingerprint)
            found = settings.store.find(cli, stage.name, fingerprint)
            if found:
                versions[stage.name] = found.manifest.data_version
        return wanted
    except ClitronError:  # a CLI without a sound schema goes on from nothing
        return set()


def busy(store: Store, cli: str | None = None) -> dict[str, list[str]]:
    """CLIs that a run is making, with the assets that it holds."""
    held: dict[str, list[str]] = {}
    for name in [cli] if cli else clis(store):
        for asset in STAGE_NAMES:
            if _held(_scratch(store) / name / asset / ".lock"):
                held.setdefault(name, []).append(asset)
    return held


def _held(file: Path) -> bool:
    if not file.exists():
        return False
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:  # a read-only store: nobody is making anything in it
        return False
    lock.release()
    return False


# -- deleting -------------------------------------------------------------------------------------


def free(store: Store, items: Iterable[Garbage]) -> Freed:
    """Delete, asset by asset under its lock.

    An artifact is renamed before it is deleted, so that no half of one is ever found. One that
    became current meanwhile is left.

    Raises:
        StoreError: the store cannot be written.
    """
    done = Freed()
    for item in items:
        if busy(store, item.cli):
            done.left.append(f"{item.cli} {item.asset} {item.name} is left: a run has begun")
            continue
        try:
            with store.lock(item.cli, item.asset):
                current = store.current(item.cli, item.asset)
                if item.is_artifact and current and current.manifest.fingerprint == item.name:
                    done.left.append(f"{item.cli} {item.asset} {item.name} is left: it is in use")
                    continue
                _delete(store, item)
        except OSError as error:
            raise explain_os_error(error, str(store.root)) or StoreError(
                f"{item.path} cannot be deleted: {(error.strerror or str(error)).lower()}"
            ) from error
        done.freed.append(item)
    return done


def _delete(store: Store, item: Garbage) -> None:
    if item.is_artifact and not store.is_local:
        folder = store.root / item.cli / item.asset / item.name
        (folder / "manifest.json").unlink()  # without it the artifact does not exist
        folder.rmdir(recursive=True)
        shutil.rmtree(_scratch(store) / item.cli / item.asset / item.name, ignore_errors=True)
        return
    path = Path(item.path)
    if item.is_artifact:
        path = path.rename(path.with_name(f".old-{path.name}-gc"))
    shutil.rmtree(path)


# -- folders --------------------------------------------------------------------------------------


def _roots(store: Store) -> list[Path | UPath]:
    """The store's root, and where its local work lies if that is another place."""
    return [store.root] if store.is_local else [store.root, _scratch(store)]


def _scratch(store: Store) -> Path:
    """Where locks, unfinished work and fetched copies lie: the root itself on a local disk."""
    return store._scratch


def _folders(folder: Path | UPath) -> list[Path | UPath]:
    return sorted((e for e in folder.iterdir() if e.is_dir()), key=str) if folder.is_dir() else []


def _size(folder: Path) -> int:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files)
