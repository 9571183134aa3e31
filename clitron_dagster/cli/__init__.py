"""The ``clitron`` command: one file for each subcommand, imported when it is called."""

from __future__ import annotations


def main() -> None:
    """Entry point."""
    from clitron_dagster.cli.root import clitron

    clitron()
