"""``--context``: what a request may refer to, from the folder, a file, or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clitron_dagster.errors import ClitronError

if TYPE_CHECKING:
    from clitron_dagster.schema import Schema

MAX_CONTEXT_BYTES = 1 << 20


class ContextError(ClitronError):
    """A --context that cannot be used."""


def read_context(text: str, schema: Schema) -> dict[str, Any] | None:
    """The context that ``--context`` names.

    Raises:
        ContextError: no such file, not UTF-8, not JSON, or not an object.
    """
    word = text.strip()
    if word in ("none", "null"):
        return None
    if word == "auto":
        from clitron_dagster.git_context import git_context

        return git_context(Path.cwd(), schema.context) or None
    place = "--context"
    if not word.startswith(("{", "[", '"')):
        place, word = f"context file {text}", _read(Path(text).expanduser(), text)
    try:
        value = json.loads(word)
    except (ValueError, RecursionError) as error:
        said = getattr(error, "msg", str(error)).lower()
        remedy = f"write an object such as {_EXAMPLE}"
        raise ContextError(f"{place} is not JSON ({said}); {remedy}") from None
    if value is not None and not isinstance(value, dict):
        kind = _KINDS[type(value)]
        raise ContextError(f"{place} is a JSON {kind}, not an object such as {_EXAMPLE}")
    return value


_EXAMPLE = '{"git": {"current_branch": "main"}}'
_KINDS = {list: "list", str: "string", int: "number", float: "number", bool: "boolean"}


def _read(file: Path, text: str) -> str:
    try:
        if file.stat().st_size > MAX_CONTEXT_BYTES:
            raise ContextError(f"context file {text} is larger than 1 MiB; keep what matters")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContextError(
            f"context file {text} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None
    except FileNotFoundError:
        raise ContextError(
            f"--context {text}: there is no such file; give auto, none, a file, or a JSON object "
            f"such as {_EXAMPLE}"
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ContextError(f"context file {text} cannot be read: {said.lower()}") from None
