"""The artifact store: where every asset's files and manifest live, and the one truth of staleness.

Layout: ``<root>/<cli>/<asset>/<fingerprint>/`` with the files and ``manifest.json``;
``<root>/<cli>/<asset>/current`` names the fingerprint in use. On a local disk an artifact is written
to a sibling folder and renamed into place, and ``current`` is switched last, so that a crash leaves
the old or the new artifact. On object storage (``s3://…`` through universal-pathlib) the manifest is
uploaded last: an artifact without one does not exist.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_cache_path
from pydantic import BaseModel
from upath import UPath

from clitron_dagster.errors import ClitronError

MANIFEST = "manifest.json"
REWRITE_SECONDS = 30.0  # to wait for another writer of a small file
_CHUNK = 1 << 20
_RENEWED = "renewed"  # in a folder of what is kept: it was begun anew, and no artifact stands yet


class StoreError(ClitronError):
    """The store cannot be read or written."""


class FileEntry(BaseModel):
    sha256: str
    size: int


class Manifest(BaseModel):
    """What an artifact is and how it came to be."""

    asset: str
    cli: str
    fingerprint: str
    data_version: str  # hash of the content files; what downstream stages depend on
    files: dict[str, FileEntry]
    inputs: dict[str, str]  # upstream asset → its data version
    schema_part: dict[str, str]  # named parts of the schema → hash
    config: dict[str, Any]
    code_version: str
    packages: dict[str, str]
    started: str
    ended: str
    seconds: float
    host: str
    metrics: dict[str, Any]


class Artifact:
    """A finished artifact."""

    def __init__(self, store: Store, location: UPath, manifest: Manifest):
        self._store, self.location, self.manifest = store, location, manifest

    def local(self) -> Path:
        """A local folder with the files; fetched once where the store is remote."""
        return self._store.fetch(self)


class Store:
    """Artifacts under one root: a local path, or any URL that fsspec knows."""

    def __init__(self, root: str | Path):
        self.root = UPath(root)
        self.is_local = self.root.protocol in ("", "file")
        if self.is_local:
            self.root = UPath(Path(str(root)).expanduser().resolve())
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        self._scratch = (
            Path(str(self.root))
            if self.is_local
            else user_cache_path("clitron-dagster") / "store" / name
        )

    # -- reading ----------------------------------------------------------------------------------

    def find(self, cli: str, asset: str, fingerprint: str) -> Artifact | None:
        """The artifact of this fingerprint, whole or damaged; None if it was never finished."""
        location = self.root / cli / asset / fingerprint
        try:
            text = (location / MANIFEST).read_text(encoding="utf-8")
            return Artifact(self, location, Manifest.model_validate_json(text))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None

    def current(self, cli: str, asset: str) -> Artifact | None:
        """The artifact that this CLI's asset stands at."""
        try:
            pointer = (self.root / cli / asset / "current").read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return self.find(cli, asset, pointer) if pointer else None

    def artifacts(self, cli: str, asset: str) -> list[Artifact]:
        """All finished artifacts of an asset, oldest first."""
        folder = self.root / cli / asset
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        fingerprints = [name for name in names if name != "current" and not name.startswith(".")]
        found = [self.find(cli, asset, name) for name in fingerprints]
        return sorted((a for a in found if a), key=lambda a: a.manifest.ended)

    def damage(self, artifact: Artifact) -> str | None:
        """What is wrong with an artifact's files, or None.

        Contents are hashed once; after that a file whose size and time are unchanged is believed,
        as git's index does, so that a rerun over gigabytes costs milliseconds.
        """
        for name, entry in artifact.manifest.files.items():
            path = artifact.location / name
            try:
                stat = path.stat()
            except FileNotFoundError:
                return f"`{name}` is missing"
            if stat.st_size != entry.size:
                return f"`{name}` has {stat.st_size} bytes, not {entry.size}"
        if not self.is_local:
            return None
        return self._local_damage(Path(str(artifact.location)), artifact.manifest)

    def _local_damage(self, folder: Path, manifest: Manifest) -> str | None:
        stamp_file = folder / ".verified.json"
        try:
            stamps = json.loads(stamp_file.read_text())
        except (OSError, ValueError):
            stamps = {}
        fresh = {}
        for name, entry in manifest.files.items():
            fresh[name] = [entry.sha256, (folder / name).stat().st_mtime_ns]
            if stamps.get(name) != fresh[name] and sha256(folder / name) != entry.sha256:
                return f"the content of `{name}` is not what was written"
        if fresh != stamps:
            with contextlib.suppress(OSError):  # a read-only store is checked anew each time
                write_atomically(stamp_file, json.dumps(fresh))
        return None

    def fetch(self, artifact: Artifact) -> Path:
        if self.is_local:
            return Path(str(artifact.location))
        manifest = artifact.manifest
        target = self._scratch / manifest.cli / manifest.asset / manifest.fingerprint
        for name, entry in manifest.files.items():
            file = target / name
            if file.exists() and file.stat().st_size == entry.size:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f"{file.name}.part")
            with (artifact.location / name).open("rb") as source, partial.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
            partial.replace(file)
        return target

    # -- writing ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, cli: str, asset: str) -> Iterator[None]:
        """Hold one asset of one CLI; the kernel frees it when the process dies.

        Raises:
            StoreError: another process is making it, or the store cannot be written.
        """
        folder = self._scratch / cli / asset
        with _explained(self.root):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise StoreError(
                    f"another run is making {asset} of {cli} (lock {folder / '.lock'}); wait until "
                    "it has ended, then run this again: what it finished is reused"
                ) from None
        try:
            yield
        finally:
            lock.release()

    def work_dir(self, cli: str, asset: str, fingerprint: str) -> Path:
        """A local folder that survives crashes, for progress and checkpoints of one computation."""
        folder = self._scratch / cli / asset / f".work-{fingerprint}"
        with _explained(self.root):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep_dir(self, cli: str, asset: str) -> Path:
        """A local folder for what outlives fingerprints; it may not exist. ``gc`` leaves it alone."""
        return self._scratch / cli / asset / ".kept"

    def renew_keep_dir(self, cli: str, asset: str) -> None:
        """Begin anew with an empty one; the old one is set aside, and stays.

        Until :meth:`settle_keep_dir`, the next call finds the begun one and leaves it in place, so
        that a try that stopped goes on with what it has paid for.
        """
        folder = self.keep_dir(cli, asset)
        if (folder / _RENEWED).exists():
            return
        with _explained(self.root):
            if folder.exists():
                stamp = now().strftime("%Y%m%dT%H%M%S%f")
                folder.rename(folder.with_name(f"{folder.name}-{stamp}"))
            folder.mkdir(parents=True)
            (folder / _RENEWED).touch()

    def settle_keep_dir(self, cli: str, asset: str) -> None:
        """What was begun anew has become an artifact."""
        with _explained(self.root):
            (self.keep_dir(cli, asset) / _RENEWED).unlink(missing_ok=True)

    def out_dir(self, cli: str, asset: str, fingerprint: str) -> Path:
        """An empty local folder for the files of an artifact that is being made."""
        folder = self._scratch / cli / asset / f".partial-{fingerprint}"
        with _explained(self.root):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        return folder

    def commit(self, out: Path, manifest: Manifest) -> Artifact:
        """Move a finished folder into place and make it current."""
        location = self.root / manifest.cli / manifest.asset / manifest.fingerprint
        text = manifest.model_dump_json(indent=1)
        with _explained(self.root):
            if self.is_local:
                write_atomically(out / MANIFEST, text)
                _set_aside(Path(str(location)))
                out.rename(Path(str(location)))
            else:
                for name in manifest.files:
                    (location / name).parent.mkdir(parents=True, exist_ok=True)
                    with (out / name).open("rb") as source, (location / name).open("wb") as sink:
                        shutil.copyfileobj(source, sink, _CHUNK)
                (location / MANIFEST).write_text(text, encoding="utf-8")
                shutil.rmtree(out)
            artifact = Artifact(self, location, manifest)
            self.make_current(artifact)
            work = self._scratch / manifest.cli / manifest.asset / f".work-{manifest.fingerprint}"
            shutil.rmtree(work, ignore_errors=True)
        return artifact

    def make_current(self, artifact: Artifact) -> None:
        pointer = self.root / artifact.manifest.cli / artifact.manifest.asset / "current"
        fingerprint = artifact.manifest.fingerprint
        with _explained(self.root):
            if pointer.exists() and pointer.read_text(encoding="utf-8").strip() == fingerprint:
                return
            if self.is_local:
                write_atomically(Path(str(pointer)), fingerprint + "\n")
            else:
                pointer.write_text(fingerprint + "\n", encoding="utf-8")

    def rewrite(self, cli: str, name: str, change: Callable[[bytes], bytes]) -> None:
        """Replace a small file of a CLI by ``change`` of it, one writer at a time.

        A reader sees the old file or the new one. One that does not exist counts as empty.

        Raises:
            StoreError: another process holds it for long, or the store cannot be written.
        """
        file = self.root / cli / name
        with _explained(self.root):
            (self._scratch / cli).mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._scratch / cli / f".{name}.lock", timeout=REWRITE_SECONDS)
            try:
                lock.acquire()
            except Timeout:
                raise StoreError(f"another process is writing {file}; try again") from None
            try:
                new = change(file.read_bytes() if file.exists() else b"")
                if self.is_local:
                    write_atomically(Path(str(file)), new.decode())
                else:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(new)
            finally:
                lock.release()

    def set_aside(self, artifact: Artifact) -> None:
        """Move a damaged or unwanted artifact out of the way; nothing is deleted."""
        if self.is_local:
            with _explained(self.root):
                _set_aside(Path(str(artifact.location)))
        else:
            (artifact.location / MANIFEST).rename(artifact.location / f"{MANIFEST}.old")


def describe(folder: Path) -> dict[str, FileEntry]:
    """Name, hash and size of every file below ``folder``, manifest and hidden files apart."""
    return {
        file.relative_to(folder).as_posix(): FileEntry(
            sha256=sha256(file), size=file.stat().st_size
        )
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != MANIFEST and not file.name.startswith(".")
    }


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_atomically(file: Path, text: str) -> None:
    """Write a small file so that readers see the old or the new text, never a part."""
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, prefix=f".{file.name}-", delete=False, encoding="utf-8"
    ) as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    Path(stream.name).chmod(0o644)  # a nightly may run as somebody else
    Path(stream.name).replace(file)


def now() -> datetime:
    return datetime.now(timezone.utc)


def host_name() -> str:
    return socket.gethostname()


def _set_aside(location: Path) -> None:
    if location.exists():
        stamp = now().strftime("%Y%m%dT%H%M%S%f")
        location.rename(location.with_name(f".old-{location.name}-{stamp}"))


@contextlib.contextmanager
def _explained(root: UPath) -> Iterator[None]:
    """Turn the operating system's refusals into words."""
    try:
        yield
    except OSError as error:
        explained = explain_os_error(error, str(root))
        if explained is None:
            raise
        raise explained from error


def explain_os_error(error: OSError, place: str) -> StoreError | None:
    """Words for the faults that a user can mend, None for others."""
    remedy = {
        errno.ENOSPC: "the disk is full; `clitron gc` shows what can be freed, then run this again",
        errno.EDQUOT: "the disk quota is used up; free space (`clitron gc`), then run this again",
        errno.EROFS: "it is read-only; mount it writable, or set CLITRON_STORE to another place",
        errno.EACCES: "no permission to write; mend it, or set CLITRON_STORE to another place",
        errno.EPERM: "no permission to write; mend it, or set CLITRON_STORE to another place",
        errno.ENOTDIR: "a file stands where a folder is needed; set CLITRON_STORE to another place",
        errno.EEXIST: "a file stands where a folder is needed; set CLITRON_STORE to another place",
    }.get(error.errno or 0)
    return StoreError(f"the store {place} cannot be written: {remedy}") if remedy else None
