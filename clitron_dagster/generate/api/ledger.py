"""Everything that was paid for, on disk before anything looks at it.

``<folder>/responses.jsonl``: one line an answer, its body as the server sent it. ``batches.jsonl``:
one line before a Message Batch is created (with what it asks for) and one with its id afterwards.
Each line is flushed to the disk before the next step is taken; a line that a crash cut short is
left out when the file is read again. The folder outlives artifacts and fingerprints, so an answer
serves every later run that asks for the same thing. Keys and headers are never written.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from clitron_dagster.generate.api.backend import without_keys
from clitron_dagster.store import now

Record = dict[str, Any]  # key, at, run, backend, model, mode, contexts, body


class Ledger:
    """The answers of one CLI. Safe for threads of one process; processes take the asset's lock."""

    def __init__(self, folder: Path, run: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.run = run
        self._responses, self._batches = folder / "responses.jsonl", folder / "batches.jsonl"
        self._lock = threading.Lock()
        self.records: dict[str, Record] = {r["key"]: r for r in _read(self._responses, "key")}
        self._open: dict[str, Record] = {}
        for line in _read(self._batches, "intent"):
            merged = {**self._open.get(line["intent"], {}), **line}
            self._open[line["intent"]] = merged

    def add(self, key: str, **record: Any) -> None:
        """Write an answer down; returns when it is on the disk."""
        record["body"] = without_keys(record["body"])
        line = {"key": key, "at": now().isoformat(), "run": self.run, **record}
        with self._lock:
            _append(self._responses, line)
            self.records[key] = line

    # -- batches ----------------------------------------------------------------------------------

    def note_batch(self, intent: str, **facts: Any) -> None:
        """Write down that a batch is about to be made (``asks``), was made (``batch``), is over."""
        with self._lock:
            _append(self._batches, {"intent": intent, "at": now().isoformat(), **facts})
            self._open[intent] = {**self._open.get(intent, {}), **facts, "intent": intent}

    def batches(self, backend_model: str) -> list[Record]:
        """Batches that were begun and are not over: intent, asks, since, perhaps batch."""
        return [
            batch
            for batch in self._open.values()
            if not batch.get("over") and batch.get("for") == backend_model
        ]

    def batch_ids(self) -> set[str]:
        return {batch["batch"] for batch in self._open.values() if batch.get("batch")}


def _append(file: Path, line: Record) -> None:
    """Add one line and wait for the disk; a line that a crash cut short is closed off first."""
    data = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    with file.open("ab+") as stream:
        if stream.tell() and _last_byte(stream) != b"\n":
            data = b"\n" + data
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _last_byte(stream: Any) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return bytes(stream.read(1))


def _read(file: Path, needed: str) -> list[Record]:
    if not file.exists():
        return []
    records = []
    for line in file.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and needed in record:
            records.append(record)
    return records
