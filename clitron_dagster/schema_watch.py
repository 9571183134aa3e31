"""What changed in the schema folder since the last look, once it has been quiet for a while.

For each CLI a hash of what its files say, so that comments and layout are no change. A change counts
when two looks, some seconds apart, saw the same files: a storm of edits is one change, and a file
that is being saved is not read as a sentence cut in half. All memory is the cursor, a JSON string.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from clitron_dagster.due import short
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import digest
from clitron_dagster.settings import Settings
from clitron_dagster.store import sha256
from clitron_dagster.validate.rows import BESIDE_SCHEMA


@dataclass(frozen=True)
class Seen:
    """What is remembered of one CLI."""

    stamp: str = ""  # times and sizes of its files; unchanged files are not read again
    hash: str = ""  # of what they say; empty while they are not sound
    settled: str = ""  # the hash that needs no further thought
    since: float = 0.0  # seconds since the epoch: when this stamp was first seen
    fault: str = ""


@dataclass
class Look:
    """The folder now, against the cursor."""

    seen: dict[str, Seen]
    first: bool  # there was no cursor: all that stands is taken as known
    changed: list[str] = field(default_factory=list)  # quiet, to be acted upon
    waiting: dict[str, str] = field(default_factory=dict)  # CLI → why not yet

    def settle(self, clis: Iterable[str]) -> None:
        """These were acted upon, or need nothing."""
        for cli in clis:
            self.seen[cli] = replace(self.seen[cli], settled=self.seen[cli].hash)

    def cursor(self) -> str:
        return json.dumps({cli: asdict(seen) for cli, seen in self.seen.items()})


def look(settings: Settings, cursor: str | None, now: float, quiet: float) -> Look:
    """Compare the folder with the cursor.

    Args:
        now: seconds since the epoch.
        quiet: seconds that a CLI's files must have stood still.
    """
    before = _parse(cursor)
    result = Look(seen={}, first=before is None)
    for cli in settings.cli_names():
        seen = _observe(settings, cli, (before or {}).get(cli, Seen()), now)
        if before is None:
            seen = replace(seen, settled=seen.hash)
        result.seen[cli] = seen
        if seen.fault:
            result.waiting[cli] = seen.fault
        elif seen.hash != seen.settled:
            if now - seen.since >= quiet:
                result.changed.append(cli)
            else:
                result.waiting[cli] = "changed; waiting until its files are quiet"
    return result


def _observe(settings: Settings, cli: str, before: Seen, now: float) -> Seen:
    file = settings.schema_file(cli)
    stamp = _stamp(file)  # before reading: an edit in between shows at the next look
    if stamp == before.stamp and not before.fault:
        # A clock set back would make it wait for hours.
        return replace(before, since=min(before.since, now))
    seen = replace(before, stamp=stamp, since=now, hash="", fault="")
    try:
        return replace(seen, hash=_hash(settings, cli))
    except (ClitronError, OSError) as error:
        return replace(seen, fault=short(str(error)))


def _files(schema_file: Path) -> list[Path]:
    beside = [schema_file.with_suffix(suffix) for suffix in BESIDE_SCHEMA]
    return [schema_file, *(file for file in beside if file.exists())]


def _stamp(schema_file: Path) -> str:
    stamps = []
    for file in _files(schema_file):
        try:
            stat = file.stat()
        except OSError:  # deleted while we look
            continue
        stamps.append([file.name, stat.st_mtime_ns, stat.st_size, stat.st_ino])
    return digest(stamps)


def _hash(settings: Settings, cli: str) -> str:
    schema = settings.load(cli)
    _, *beside = _files(settings.schema_file(cli))
    return digest([schema.hash, {file.name: sha256(file) for file in beside}])


def _parse(cursor: str | None) -> dict[str, Seen] | None:
    """None for no cursor, and for one that another version wrote."""
    try:
        return {cli: Seen(**entry) for cli, entry in json.loads(cursor or "").items()}
    except (ValueError, TypeError, AttributeError):
        return None
