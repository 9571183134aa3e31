"""Read a click, typer or argparse object into the schema format (docs/schema-format.md).

``python:pkg.module:app`` imports the module, which runs its code: name only what you would run.
``app`` may be a dotted name, or a function without arguments that returns the object.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from clitron_dagster.errors import ClitronError
from clitron_dagster.schema_import import python_argparse, python_click

Node = dict[str, Any]


class PythonObjectError(ClitronError):
    """An object that cannot be imported, or is of no kind that can be read."""


def read(source: str, name: str) -> Node:
    """Schema of the CLI ``name`` from the object at ``source`` (``pkg.module:app``).

    Raises:
        PythonObjectError: it cannot be imported, is of another kind, or has no subcommands.
    """
    found = _load(source)
    if isinstance(found, argparse.ArgumentParser):
        commands, description = python_argparse.commands(found), found.description
    else:
        command = python_click.command_of(found)
        if command is None:
            raise PythonObjectError(
                f"`{source}` is a {type(found).__name__}; it takes a click command, a typer app, "
                "an argparse parser, or a function that returns one"
            )
        commands, description = python_click.commands(command), command.help
    if not commands:
        raise PythonObjectError(f"`{source}` has no subcommands; a schema needs at least one")
    words = python_click.sentence(description)
    return {"cli_name": name, "description": words, "commands": commands}


def _load(source: str) -> Any:
    module_name, colon, attribute = source.partition(":")
    if not module_name or not colon or not attribute:
        raise PythonObjectError(f"`{source}` is not of the form pkg.module:object")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python -m` does
    try:
        found: Any = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
        raise _failed(f"`{module_name}` cannot be imported", error) from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise PythonObjectError(f"`{module_name}` has no `{attribute}`")
        found = getattr(found, part)
    if isinstance(found, argparse.ArgumentParser) or python_click.command_of(found) is not None:
        return found
    if callable(found) and not _needs_arguments(found):
        try:
            return found()
        except BaseException as error:  # noqa: BLE001
            raise _failed(f"`{source}` fails when it is called", error) from None
    return found


def _failed(what: str, error: BaseException) -> PythonObjectError | KeyboardInterrupt:
    if isinstance(error, KeyboardInterrupt):
        return error
    said = " ".join(str(error).split())[:200]
    return PythonObjectError(f"{what}: {type(error).__name__}{f': {said}' if said else ''}")


def _needs_arguments(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    needed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.default is p.empty and p.kind in (*needed, p.KEYWORD_ONLY) for p in parameters)
