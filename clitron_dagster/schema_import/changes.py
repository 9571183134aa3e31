"""What a merge reports: units and options that were added, removed, changed or left as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Node = dict[str, Any]
Kind = Literal["added", "removed", "changed", "kept"]
LISTS = ("commands", "subcommands", "args", "flags")


@dataclass(frozen=True)
class Change:
    """One difference: ``what`` is a unit (``pr list``) or an option (``pr list --limit``)."""

    kind: Kind
    what: str
    detail: str = ""


@dataclass
class Merged:
    """The merged schema, and how it differs from the old one; ``kept`` are differences left."""

    schema: Node
    changes: list[Change] = field(default_factory=list)

    def of(self, kind: str) -> list[Change]:
        return [change for change in self.changes if change.kind == kind]


def strip(schema: Node) -> Node:
    """A copy without the marks that readers leave for the merge (``unread``)."""
    return {
        key: [strip(item) if isinstance(item, dict) else item for item in value]
        if key in LISTS and isinstance(value, list)
        else value
        for key, value in schema.items()
        if key != "unread"
    }


def units_of(node: Node, path: tuple[str, ...]) -> list[str]:
    children = node.get("subcommands") or ()
    found = [unit for child in children for unit in units_of(child, (*path, child["name"]))]
    return found or [" ".join(path)]


def spelled(option: Node) -> str:
    name = option["name"]
    return (
        f"<{name}>" if option.get("positional") else f"-{name}" if len(name) == 1 else f"--{name}"
    )


def shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("enum", value)
    text = (
        "none"
        if value is None
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )
    return text if len(text) <= 60 else text[:59] + "…"
