"""``clitron predict``: a file of requests, answered. Others build on its rows."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import click

from clitron_dagster.cli.common import make_settings
from clitron_dagster.errors import ClitronError

_NOT_UTF8 = "not utf-8"  # marks a row on its way to the output


class RowsError(ClitronError):
    """An input or output that cannot be used."""


@click.command()
@click.argument("cli", metavar="CLI")
@click.option(
    "--input",
    "source",
    required=True,
    type=click.Path(),
    metavar="IN.jsonl",
    help="Rows to answer; - for standard input.",
)
@click.option(
    "--output",
    "target",
    required=True,
    type=click.Path(),
    metavar="OUT.jsonl",
    help="Where the answered rows go; - for standard output.",
)
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="FILE.gguf", help="Another model file."
)
@click.option(
    "--unconstrained", is_flag=True, help="Let the model write freely, without the grammar."
)
def predict(cli: str, source: str, target: str, model: Path | None, unconstrained: bool) -> None:
    """Answer every request of a JSONL file with the model of CLI.

    \b
    clitron predict git --input in.jsonl --output out.jsonl
    echo '{"id": 1, "nl": "what changed?", "context": null}' \\
      | clitron predict git --input - --output -

    \b
    A row in:   {"id", "nl", "context": null or an object}
    A row out:  the same, and "response" (the answer), "argv" (a list, null for a clarification),
                "confidence", "latency_ms"; or "error" where it failed. The rest goes on.
    """  # fmt: skip
    from clitron_dagster.cli.model import Model, find_model

    settings = make_settings()
    schema = settings.load(cli)
    file = find_model(settings, cli, model)
    rows: Iterator[dict[str, Any]] = read_rows(source)
    if source != "-":
        rows = iter(list(rows))  # a file that cannot be read is refused before a model is loaded
    done = failed = 0
    not_utf8: list[str] = []
    with _sink(target) as sink, Model(schema, file, constrained=not unconstrained) as loaded:
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
        for row in _answered(loaded.answer, rows):
            done += 1
            failed += "error" in row
            if row.pop(_NOT_UTF8, False):
                not_utf8.append(row["error"])
            sink.write(json.dumps(row, ensure_ascii=False) + "\n")
            sink.flush()
    words = f"{done} rows, {failed} failed" if failed else f"{done} rows"
    click.echo(words + ("" if target == "-" else f" → {target}"), err=True)
    if not_utf8:  # the rest is answered, but a file in another encoding is no small matter
        raise RowsError(not_utf8[0])


def _answered(
    answer: Callable[[Iterable[dict[str, Any]]], Iterator[dict[str, Any]]],
    rows: Iterator[dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Answers in the rows' order; a line that could not be read passes as it is."""
    waiting: deque[dict[str, Any] | None] = deque()  # None: a row that is being answered

    def readable() -> Iterator[dict[str, Any]]:
        for row in rows:
            if "error" in row:
                waiting.append(row)
            else:
                waiting.append(None)
                yield row

    for result in answer(readable()):
        while (unreadable := waiting.popleft()) is not None:
            yield unreadable
        yield result
    yield from (row for row in waiting if row is not None)


def read_rows(source: str) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file; a line that is no row becomes one with ``error``.

    Raises:
        RowsError: the file cannot be read.
    """
    place = "standard input" if source == "-" else source
    try:
        with contextlib.ExitStack() as stack:
            stream: IO[bytes] = (
                sys.stdin.buffer if source == "-" else stack.enter_context(Path(source).open("rb"))
            )
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield _row(place, number, line)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise RowsError(f"{place} cannot be read: {said}") from None


def _row(place: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        words = f"{place}, line {number}: byte {error.start} is not UTF-8; save the file as UTF-8"
        return {**_unreadable(number, words), _NOT_UTF8: True}
    except (ValueError, RecursionError) as error:
        said = getattr(error, "msg", str(error)).lower()
        return _unreadable(number, f"line {number} is not JSON ({said})")
    if not isinstance(row, dict):
        return _unreadable(number, f"line {number} is not a JSON object")
    row.pop("error", None)
    return row


def _unreadable(number: int, error: str) -> dict[str, Any]:
    nothing = {"response": None, "argv": None, "confidence": 0.0, "latency_ms": 0.0}
    return {"id": None, "line": number, **nothing, "error": error}


@contextlib.contextmanager
def _sink(target: str) -> Iterator[IO[str]]:
    """Where answers go: standard output, or a file that appears when it is whole.

    What was answered before a failure or Ctrl-C stays in ``<target>.partial``.
    """
    if target == "-":
        yield sys.stdout
        return
    file = Path(target)
    partial = file.with_name(f"{file.name}.partial")
    try:
        sink = partial.open("w", encoding="utf-8")
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise RowsError(f"{target} cannot be written: {said}; give another --output") from None
    try:
        with sink:
            yield sink
        partial.replace(file)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise RowsError(f"{target} cannot be written: {said}") from None
