"""A stand-in for a loaded model, and for the programs that a command would run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.answer import clarification, command_answer, suggestion
from clitron_dagster.argv import to_argv
from clitron_dagster.cli import model as model_module

REAL = model_module.Model


class Scripted:
    """A model that knows its answers by request."""

    warnings: tuple[str, ...] = ()
    confidence = 0.87
    asked: list[tuple[str, Any]]

    def __init__(self, schema: Any, file: Path, *, constrained: bool = True) -> None:
        self.schema, self.constrained = schema, constrained
        Scripted.asked = []

    def answer(self, rows: Any) -> Any:
        for row in rows:
            Scripted.asked.append((row.get("nl"), row.get("context")))
            if row.get("nl") == "fail":
                yield {**row, "response": None, "argv": None, "error": "no idea"}
                continue
            response = self._response(row["nl"])
            argv = to_argv(self.schema, response)
            numbers = {"confidence": self.confidence, "latency_ms": 12.5}
            yield {**row, "response": response, "argv": argv, **numbers}

    def ask(self, request: str, context: Any) -> Any:
        return REAL.ask(self, request, context)  # type: ignore[arg-type]

    def _response(self, request: str) -> Any:
        if request.startswith("say "):
            unit = self.schema.unit("commit", None)
            return command_answer(self.schema, unit, {"message": request[4:]}, [])
        if request.startswith("exec "):
            unit = self.schema.unit("rebase", None)
            return command_answer(self.schema, unit, {"upstream": "x", "exec": request[5:]}, [])
        if request == "something":
            unit = self.schema.unit("status", None)
            return clarification("What do you mean?", [suggestion(unit)])
        unit = self.schema.unit("reset", None)
        flags = ["hard"] if "hard" in request else ["soft"]
        return command_answer(self.schema, unit, {"commit": "HEAD~1"}, flags)

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Program:
    """A program on the PATH that writes down the items it is given."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.calls_file = folder / "calls.jsonl"
        self.file = folder / name
        self.exits_with(0)
        monkeypatch.setenv("PATH", str(folder))

    def exits_with(self, code: int) -> None:
        self.file.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"with open({str(self.calls_file)!r}, 'a') as sink:\n"
            "    print(json.dumps([os.getcwd(), *sys.argv[1:]]), file=sink)\n"
            f"sys.exit({code})\n"
        )
        self.file.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """Of each run the items behind the program's name."""
        return [line[1:] for line in self._lines()]

    @property
    def folders(self) -> list[str]:
        return [line[0] for line in self._lines()]

    def _lines(self) -> list[list[str]]:
        if not self.calls_file.exists():
            return []
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]
