"""Read one help page of whatever style."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from clitron_dagster.schema_import import (
    help_argparse,
    help_clap,
    help_click,
    help_cobra,
    help_git,
    help_npm,
)
from clitron_dagster.schema_import.help_layout import Page
from clitron_dagster.schema_import.help_run import Output

Parse = Callable[[str, Sequence[str]], Page]
_STYLES: tuple[tuple[str, Callable[[str], bool], Parse], ...] = (
    ("npm", help_npm.matches, help_npm.parse),
    ("argparse", help_argparse.matches, help_argparse.parse),
    ("click", help_click.matches, help_click.parse),
    ("clap", help_clap.matches, help_clap.parse),
    ("git", help_git.matches, help_git.parse),
)
_HELP = re.compile(
    r"^\s{0,2}usage\b|^\s{0,2}(options|flags|commands|arguments|available commands)\b|^\s{1,8}--?\w",
    re.IGNORECASE | re.MULTILINE,
)
_UNKNOWN = re.compile(
    r"(unknown|unrecogni[sz]ed|no such|invalid) (sub)?command|is not an? .*command", re.IGNORECASE
)


def style_of(text: str) -> str:
    """Which style a page has: npm, argparse, click, clap, git, or cobra for anything else."""
    return next((name for name, matches, _ in _STYLES if matches(text)), "cobra")


def parse_page(text: str, path: Sequence[str]) -> Page:
    """What the page of ``path`` (the program and the command's words) says."""
    parse = next((parse for _, matches, parse in _STYLES if matches(text)), help_cobra.parse)
    return parse(text, path)


def help_text(output: Output) -> str:
    """The stream that holds the help: some programs print it on stderr, or warn on either."""
    for text in (output.stdout, output.stderr):
        if is_help(text):
            return text
    return f"{output.stdout}\n{output.stderr}"


def is_help(text: str) -> bool:
    """Whether a text reads as a help page at all."""
    return bool(_HELP.search(text))


def is_unknown(text: str) -> bool:
    """Whether a program says that it has no such command."""
    return bool(_UNKNOWN.search(text[:400]))
