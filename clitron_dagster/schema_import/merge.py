"""Merge an import into a schema that people have worked on.

Three versions meet: the file (``old``), what the CLI says now (``new``), and what it said at the
import before (``base``). What only the CLI changed is taken over, what only people changed is kept,
and where both did, people have the last word on wording and meaning, the CLI on its own facts.
Without a base nobody knows who changed what: then the merge only adds, and says what differs.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from typing import Any

from clitron_dagster.schema_import.changes import (
    Change,
    Kind,
    Merged,
    shown,
    spelled,
    strip,
    units_of,
)

Node = dict[str, Any]
FACTS = (
    "short", "type", "choices", "required", "positional", "separator", "repeatable", "default",
)  # fmt: skip
_UNIT_LISTS = ("subcommands", "args", "flags")


def merge(old: Node, new: Node, base: Node | None = None, *, overwrite: bool = False) -> Merged:
    """Merge ``new`` into a copy of ``old``; none of the three is changed.

    ``overwrite`` takes the CLI's facts (type, short, default …) and removals even where no base
    tells that they are its own. What people add (effects, phrases, examples, kinds, context,
    pipeline) is kept in any case.
    """
    merger = _Merger(overwrite)
    merged = copy.deepcopy(old)
    merger.values(merged, new, base, ("description",), merged.get("cli_name", ""))
    merged["commands"] = merger.nodes(
        old.get("commands") or [], new.get("commands") or [], (base or {}).get("commands"), ()
    )
    return Merged(strip(merged), merger.changes)


class _Merger:
    def __init__(self, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.changes: list[Change] = []

    def note(self, kind: Kind, what: str, detail: str = "") -> None:
        self.changes.append(Change(kind, what, detail))

    def notes(self, kind: Kind, node: Node, path: tuple[str, ...]) -> None:
        """A note for each unit of a command."""
        for unit in units_of(node, path):
            self.note(kind, unit)

    def nodes(
        self, old: Sequence[Node], new: Sequence[Node], base: Any, path: tuple[str, ...]
    ) -> list[Node]:
        """Commands of one group: old order, additions behind their neighbour in the CLI's order."""
        theirs, before = _by_name(new), _by_name(base or ())
        unread = {node["name"] for node in new if node.get("unread")}
        made: list[Node] = []
        for node in old:
            name = node["name"]
            mine = (*path, name)
            if name in theirs:
                said = _with_aliases(theirs[name], node, unread)
                made.append(self.node(node, said, before.get(name), mine))
            elif name in before or self.overwrite:
                self.notes("removed", node, mine)
            else:
                self.note("kept", " ".join(mine), "the CLI does not list it")
                made.append(node)
        known = {name for node in old for name in (node["name"], *(node.get("aliases") or ()))}
        for node in new:
            if node["name"] in known or (node["name"] in before and not self.overwrite):
                continue  # somebody took it out after the import before
            self.notes("added", node, (*path, node["name"]))
            _insert(made, copy.deepcopy(node), new)
        return made

    def node(self, old: Node, new: Node, base: Node | None, path: tuple[str, ...]) -> Node:
        """One command."""
        unit = " ".join(path)
        made = copy.deepcopy(old)
        if new.get("unread"):
            if new.get("description"):  # its group's list was read
                self.values(made, new, base, ("description",), unit)
            if any(old.get(key) for key in _UNIT_LISTS):
                self.note("kept", unit, "its help could not be read this time")
            return made
        self.values(made, new, base, ("description", "aliases", "effect"), unit)
        if bool(old.get("subcommands")) != bool(new.get("subcommands")):
            was_group = bool((base or {}).get("subcommands"))
            if (base is None or was_group != bool(old.get("subcommands"))) and not self.overwrite:
                words = "a group" if new.get("subcommands") else "a command without subcommands"
                self.note("kept", unit, f"the CLI has it as {words}")
                return made
            for key in (*_UNIT_LISTS, "examples"):
                made.pop(key, None)
            self.notes("removed", old, path)
            self.notes("added", new, path)
            return made | {key: copy.deepcopy(new[key]) for key in _UNIT_LISTS if key in new}
        if new.get("subcommands"):
            made["subcommands"] = self.nodes(
                old["subcommands"], new["subcommands"], (base or {}).get("subcommands"), path
            )
            return made
        self.options(made, new, base, unit)
        return made

    def options(self, made: Node, new: Node, base: Node | None, unit: str) -> None:
        """Args and flags of one unit, in place."""
        mine, theirs, before = _options(made), _options(new), _options(base or {})
        order = self._positionals(made, new, base, unit)
        if order is None:  # theirs are not looked at
            mine = {name: pair for name, pair in mine.items() if not pair[1].get("positional")}
            theirs = {name: pair for name, pair in theirs.items() if not pair[1].get("positional")}
        gone = []
        for name, (key, option) in mine.items():
            what = f"{unit} {spelled(option)}"
            if name in theirs:
                was = before.get(name, (key, None))[1]
                if theirs[name][0] != key:
                    if (base is None or before.get(name, ("",))[0] != key) and not self.overwrite:
                        self.note("kept", what, f"the CLI has it among its {theirs[name][0]}")
                        continue
                    self._move(made, key, option, theirs[name])
                    self.note("changed", what, f"now among the {theirs[name][0]}")
                else:
                    keys = ("description", "semantic", "effect", "conflicts", "requires", *FACTS)
                    self.values(option, theirs[name][1], was, keys, what)
            elif name in before or self.overwrite:
                made[key] = [one for one in made[key] if one is not option]
                gone.append(name)
                self.note("removed", what)
            else:
                self.note("kept", what, "the CLI does not list it")
        for name, (key, option) in theirs.items():
            if name not in mine and (name not in before or self.overwrite):
                made.setdefault(key, [])
                _insert(made[key], copy.deepcopy(option), new[key])
                self.note("added", f"{unit} {spelled(option)}")
        _forget(made, gone)
        if order:
            made["args"].sort(
                key=lambda arg: order.index(arg["name"]) if arg["name"] in order else -1
            )
        for key in ("args", "flags"):
            if key in made and not made[key]:
                del made[key]

    def _positionals(self, made: Node, new: Node, base: Node | None, unit: str) -> list[str] | None:
        """The order of positionals to take over, as it decides what each of them means; None where
        people changed them and the CLI has others, for then theirs stay as they are."""
        mine, theirs, before = (_positional_names(node) for node in (made, new, base or {}))
        if mine == theirs or self.overwrite or (base is not None and mine == before):
            return theirs
        if base is None or theirs != before:
            words = " ".join(theirs) or "none"
            self.note(
                "kept", unit, f"positionals: {' '.join(mine) or 'none'}, the CLI says {words}"
            )
        return None

    @staticmethod
    def _move(made: Node, key: str, option: Node, theirs: tuple[str, Node]) -> None:
        made[key].remove(option)
        words = {k: v for k, v in option.items() if k not in FACTS}
        made.setdefault(theirs[0], []).append({**copy.deepcopy(theirs[1]), **words})

    def values(
        self, old: Node, new: Node, base: Node | None, keys: Iterable[str], what: str
    ) -> None:
        """The plain values of one node, in place."""
        for key in keys:
            mine, theirs = old.get(key), new.get(key)
            if mine == theirs:
                continue
            if base is None:
                take = (self.overwrite and key in FACTS) or (mine is None and key == "description")
            else:
                before = base.get(key)
                mine_is_new = mine != before
                take = theirs != before and (not mine_is_new or key in FACTS)
                take = take or (self.overwrite and key in FACTS)
            if take:
                self.note("changed", what, f"{key}: {shown(mine)} → {shown(theirs)}")
                if theirs is None:
                    del old[key]
                else:
                    old[key] = copy.deepcopy(theirs)
            elif base is None and key in FACTS and theirs is not None:
                self.note("kept", what, f"{key}: {shown(mine)}, the CLI says {shown(theirs)}")


def _by_name(nodes: Iterable[Node]) -> dict[str, Node]:
    return {node["name"]: node for node in nodes if isinstance(node, dict) and "name" in node}


def _with_aliases(new: Node, old: Node, unread: set[str]) -> Node:
    """Only its page tells that a command is another's alias: unread, it is what it was."""
    there = new.get("aliases") or []
    lost = [a for a in old.get("aliases") or () if a in unread and a not in there]
    return {**new, "aliases": [*there, *lost]} if lost else new


def _options(node: Node) -> dict[str, tuple[str, Node]]:
    return {o["name"]: (key, o) for key in ("args", "flags") for o in node.get(key) or ()}


def _positional_names(node: Node) -> list[str]:
    return [arg["name"] for arg in node.get("args") or () if arg.get("positional")]


def _insert(made: list[Node], node: Node, order: Sequence[Node]) -> None:
    """Put ``node`` behind the nearest of its predecessors in ``order`` that is there."""
    names = [one["name"] for one in order]
    places = {one["name"]: index for index, one in enumerate(made)}
    for name in reversed(names[: names.index(node["name"])]):
        if name in places:
            made.insert(places[name] + 1, node)
            return
    made.insert(0, node)


def _forget(unit: Node, gone: list[str]) -> None:
    """Take removed options out of relations, phrases and examples of their unit."""
    if not gone:
        return
    for _, option in _options(unit).values():
        for relation in ("conflicts", "requires"):
            if relation in option:
                option[relation] = [name for name in option[relation] if name not in gone]
                if not option[relation]:
                    del option[relation]
    slots = re.compile(r"\{(" + "|".join(map(re.escape, gone)) + r")\}")
    phrases = unit.get("natural_language")
    if isinstance(phrases, list):
        unit["natural_language"] = [p for p in phrases if not slots.search(str(p))]
    if unit.get("examples"):
        unit["examples"] = [
            example
            for example in unit["examples"]
            if not ({*(example.get("args") or ()), *(example.get("flags") or ())} & set(gone))
        ]
