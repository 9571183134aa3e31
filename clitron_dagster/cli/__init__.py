"""The ``clitron`` command. Each subcommand has a file of its own; nothing is imported before use."""

from __future__ import annotations


def main() -> None:
    """Entry point."""
    from clitron_dagster.cli.root import clitron

    clitron()
