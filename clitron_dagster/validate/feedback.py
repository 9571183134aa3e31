"""Feedback: requests whose right answer a user has told, kept in the store and trained on.

File    ``<store>/<cli>/feedback.jsonl``, a line each: ``{"id", "request", "context", "argv",
        "ask", "added"}`` with either ``argv``, the right command as a list, or ``ask``, the question
        to ask back; the other is null. There is one answer to a request and its context: a later
        one replaces it.
Written by ``clitron feedback`` and ``clitron chat``; read by validated_dataset, whose fingerprint
        holds the hash of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from upath import UPath

from clitron_dagster.answer import Answer, canonical, clarification
from clitron_dagster.argv import ArgvError, from_argv, to_argv, to_shell
from clitron_dagster.errors import ClitronError
from clitron_dagster.prompt import messages
from clitron_dagster.schema import Schema, digest
from clitron_dagster.store import Store, now
from clitron_dagster.validate.rows import FEEDBACK, Row, kind_of, parse_jsonl, unit_of
from clitron_dagster.validate.rules import check_row

NAME = "feedback.jsonl"


class FeedbackError(ClitronError):
    """Feedback that cannot be kept, found or read."""


@dataclass(frozen=True)
class Feedback:
    """One request with its right answer; ``added`` is an ISO time."""

    id: str
    request: str
    context: dict[str, Any] | None
    argv: list[str] | None
    ask: str | None
    added: str

    @property
    def answer(self) -> str:
        """The command as a line for a shell, or the question."""
        return to_shell(self.argv) if self.argv else str(self.ask)


def feedback_file(store: Store, cli: str) -> UPath:
    return store.root / cli / NAME


def feedback_parts(file: UPath) -> dict[str, str]:
    """``{"feedback": hash}`` of what the file holds; empty where it holds nothing."""
    content = _bytes(file)
    return {"feedback": hashlib.sha256(content).hexdigest()[:16]} if content.strip() else {}


def read_feedback(file: Path | UPath) -> list[Feedback]:
    """All that is kept, in the order in which it came; empty without a file.

    Raises:
        RowsError, FeedbackError: a line is not feedback.
    """
    return _parse(_bytes(file), file)


def feedback_rows(
    schema: Schema, file: Path | UPath | None, log: Callable[[str], None]
) -> list[Row]:
    """The rows to train on. A command that the schema no longer knows is left out and logged."""
    rows = []
    for item in read_feedback(file) if file is not None else ():
        try:
            rows.append(_row(schema, item))
        except ArgvError as error:
            log(f"feedback {item.id} is left out: {error}; {remedy(schema.cli_name, item.id)}")
    return rows


def remedy(cli: str, id: str) -> str:
    return f"`clitron feedback remove {cli} {id}` removes it"


def add_feedback(
    store: Store,
    schema: Schema,
    request: str,
    context: dict[str, Any] | None = None,
    *,
    argv: list[str] | None = None,
    ask: str | None = None,
) -> tuple[Feedback, Feedback | None]:
    """Keep the right answer to a request: a command, or the question to ask back.

    Returns:
        What is kept, and what it replaces.

    Raises:
        ClitronError: the request, context or answer is not legal, or the store cannot be written.
    """
    item = checked(schema, request, context, argv=argv, ask=ask)
    file = feedback_file(store, schema.cli_name)
    replaced: list[Feedback] = []

    def change(old: bytes) -> bytes:
        kept: list[Feedback] = []
        for other in _parse(old, file):
            (replaced if other.id == item.id else kept).append(other)
        if replaced and replaced[0] == replace(item, added=replaced[0].added):
            return old  # told before: nothing becomes stale
        return _text([*kept, item])

    store.rewrite(schema.cli_name, NAME, change)
    return item, replaced[0] if replaced else None


def remove_feedback(store: Store, cli: str, id: str) -> Feedback:
    """Remove one by its id.

    Raises:
        FeedbackError: there is none of that id.
    """
    file = feedback_file(store, cli)
    removed: list[Feedback] = []

    def change(old: bytes) -> bytes:
        kept: list[Feedback] = []
        for other in _parse(old, file):
            (removed if other.id == id else kept).append(other)
        if not removed:
            hint = f"`clitron feedback list {cli}` shows what there is"
            raise FeedbackError(f"there is no feedback `{id}` on {cli}; {hint}")
        return _text(kept)

    store.rewrite(cli, NAME, change)
    return removed[0]


def checked(
    schema: Schema,
    request: str,
    context: dict[str, Any] | None = None,
    *,
    argv: list[str] | None = None,
    ask: str | None = None,
) -> Feedback:
    """Feedback in the form in which it is kept: argv with long options in schema order.

    Raises:
        ClitronError: the request, context or answer is not legal.
    """
    request = " ".join(request.split())
    messages(schema, request, context)
    if (argv is None) == (ask is None):
        raise FeedbackError("give the right command, or the question to ask back: one of the two")
    if argv is not None:
        try:
            argv = to_argv(schema, from_argv(schema, argv))
        except ArgvError as error:
            line = to_shell(argv or []) or "nothing"
            raise FeedbackError(f"not a {schema.cli_name} command: {line}: {error}") from None
    elif not (ask or "").strip():
        raise FeedbackError("the question is empty")
    id = digest([request, context])[:10]
    item = Feedback(id, request, context, argv, ask, now().isoformat(timespec="seconds"))
    for fault in check_row(schema, _row(schema, item), {}).faults.values():
        raise FeedbackError(f"this cannot be trained on: {fault}")
    return item


def _row(schema: Schema, item: Feedback) -> Row:
    answer: Answer = from_argv(schema, item.argv) if item.argv else clarification(str(item.ask), [])
    return Row(
        unit=unit_of(schema, answer),
        kind=kind_of(answer),
        source=FEEDBACK,
        group=f"{FEEDBACK}:{item.id}",
        instruction=item.request,
        context=item.context,
        output=canonical(answer),
    )


def _bytes(file: Path | UPath) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise FeedbackError(f"{file}: cannot be read ({why}); check its permissions") from None


def _parse(content: bytes, file: Path | UPath) -> list[Feedback]:
    advice = "mend that line, or remove it"
    items = []
    for number, item in parse_jsonl(content, str(file), advice):
        argv, ask = item.get("argv"), item.get("ask")
        texts = [item.get(key) for key in ("id", "request", "added")]
        sound = (
            all(isinstance(text, str) for text in texts)
            and isinstance(item.get("context"), dict | None)
            and (isinstance(ask, str) if argv is None else ask is None and _is_argv(argv))
        )
        if not sound:
            raise FeedbackError(f"{file}:{number}: this is not feedback; {advice}")
        context = item.get("context")
        items.append(Feedback(item["id"], item["request"], context, argv, ask, item["added"]))
    return items


def _is_argv(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _text(items: list[Feedback]) -> bytes:
    return "".join(json.dumps(asdict(i), ensure_ascii=False) + "\n" for i in items).encode()
