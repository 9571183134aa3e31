"""Saved help pages and small programs that tests ask for help."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from clitron_dagster.schema import Schema, load_schema
from clitron_dagster.schema_import.help_layout import Option, Page
from clitron_dagster.schema_import.help_page import parse_page
from clitron_dagster.schema_import.tidy import tidy

PAGES = Path(__file__).parent / "pages"


def text_of(name: str) -> str:
    return (PAGES / f"{name}.txt").read_text()


def page_of(name: str, *path: str) -> Page:
    """A saved page, read as the page of ``path`` (by default the words of its name)."""
    return parse_page(text_of(name), path or tuple(name.split("-")))


def option(page: Page, name: str) -> Option:
    return next(o for o in page.options if name in (*o.longs, *o.shorts))


def spelled(page: Page) -> list[str]:
    """Positionals in the usual notation: ``<a>`` ``[b]`` ``[c...]`` ``-- [d...]``."""
    found = []
    for p in page.positionals:
        dots = "..." if p.repeatable else ""
        mark = "-- " if p.separator else ""
        found.append(f"{mark}<{p.name}{dots}>" if p.required else f"{mark}[{p.name}{dots}]")
    return found


def program(folder: Path, body: str, name: str = "prog") -> str:
    """A shell script; returns its path."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return str(file)


def loaded(tree: dict[str, Any], folder: Path) -> Schema:
    """A reader's tree as the loader takes it, after ``tidy``."""
    schema, _ = tidy(tree)
    file = folder / f"{schema['cli_name']}.yaml"
    file.write_text(yaml.safe_dump(schema, sort_keys=False))
    return load_schema(file)
