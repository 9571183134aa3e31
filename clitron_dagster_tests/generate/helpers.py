"""What the generator's tests share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clitron_dagster.generate import RawExamplesConfig, run
from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.stage import Job
from clitron_dagster_tests.paths import NOTES

BARE = Path(__file__).with_name("ship.yaml")
Row = dict[str, Any]


def notes() -> Schema:
    return load_schema(NOTES)


def bare() -> Schema:
    return load_schema(BARE)


def schema_of(**unit: Any) -> Schema:
    """A CLI ``t`` with the one command that the keywords describe, and a context of git facts."""
    context = {
        "git.branch": {"semantic": "branch"},
        "git.pr": {"semantic": "pr_number"},
        "git.owner": {"semantic": "owner"},
        "git.repo_name": {"semantic": "name"},
    }
    command = {"name": "merge", "description": "Merge a pull request", **unit}
    return Schema.model_validate({"cli_name": "t", "context": context, "commands": [command]})


def make(schema: Schema, folder: Path, **config: Any) -> tuple[dict[str, Any], list[Row]]:
    """Run the stage; its metrics and the rows of ``examples.jsonl``."""
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    job = Job(
        schema, NOTES, RawExamplesConfig(**config), {}, out, folder / "work", log=lambda _: None
    )
    return run(job), read(out / "examples.jsonl")


def read(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def answer_of(row: Row) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(row["output"])
    return answer


def values_of(row: Row) -> list[Any]:
    values = answer_of(row).get("args", {}).values()
    return [item for value in values for item in (value if isinstance(value, list) else [value])]
