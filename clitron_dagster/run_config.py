"""Launchpad settings of each asset: every field of the stage's config, all optional."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import dagster as dg
from pydantic import create_model

from clitron_dagster.stages import Stage


def run_config(stage: Stage) -> type[dg.Config]:
    """A dagster Config with the stage's fields; one left out comes from profile and schema."""
    fields: dict[str, Any] = {
        name: (_plain(info.annotation) | None, None)
        for name, info in stage.config.model_fields.items()
    }
    made = create_model(f"{stage.config.__name__}Run", __base__=dg.Config, **fields)
    made.__doc__ = f"What this run changes of {stage.name}'s settings."
    return made


def _plain(annotation: Any) -> Any:
    """The nearest type that dagster's config system knows (no Literal, no tuple)."""
    origin = get_origin(annotation)
    if origin is Literal:
        return str
    if origin is tuple:
        return list[_plain(get_args(annotation)[0])]  # type: ignore[misc]
    if origin in (Union, types.UnionType):
        return _plain(next(a for a in get_args(annotation) if a is not type(None)))
    return annotation if annotation in (str, int, float, bool) else dict[str, Any]
