"""Change a YAML file in as few places as possible, so that comments and layout stay.

The file is composed to nodes with their places in the text; where the wanted schema differs, the
value, the line or the item is replaced, and everything else is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import yaml

from clitron_dagster.schema_import.tidy import KEYS
from clitron_dagster.schema_import.write import COMMAND, TOP, flow, item_line, ordered, pair_lines
from clitron_dagster.schema_import.write import command_lines as new_command

_NAMED = ("commands", "subcommands", "args", "flags")
Edit = tuple[int, int, str]  # from, to, instead


def splice(text: str, wanted: dict[str, Any]) -> str | None:
    """``text`` with the data of ``wanted``; None where that takes writing it anew."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    old = yaml.safe_load(text)
    if not isinstance(root, yaml.MappingNode) or not isinstance(old, dict):
        return None
    editor = _Editor(text)
    editor.mapping(root, old, wanted, TOP)
    spliced = editor.result()
    try:
        return spliced if yaml.safe_load(spliced) == wanted else None
    except yaml.YAMLError:
        return None


class _Editor:
    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[Edit] = []

    def result(self) -> str:
        text = self.text
        order = sorted(range(len(self.edits)), key=lambda i: (self.edits[i][0], i))
        for index in reversed(order):  # of two insertions at one place, the first made comes first
            start, end, instead = self.edits[index]
            text = text[:start] + instead + text[end:]
        return text

    def mapping(
        self, node: yaml.MappingNode, old: dict[str, Any], new: dict[str, Any], order: Sequence[str]
    ) -> None:
        pairs = {key.value: (key, value) for key, value in node.value}
        for key, (_, value) in pairs.items():
            if key not in new:
                self._remove_pair(node, key)
            elif new[key] != old.get(key):
                self._replace(key, value, old.get(key), new[key], pairs[key][0])
        for key in new:
            if key not in pairs:
                self._add_pair(node, key, new[key], order)

    def _replace(self, key: str, node: yaml.Node, old: Any, new: Any, key_node: yaml.Node) -> None:
        block = isinstance(node, yaml.SequenceNode) and not node.flow_style
        if key in _NAMED and block and isinstance(old, list):
            assert isinstance(node, yaml.SequenceNode)
            self._items(key, node, old, new)
            return
        gone = _left_out(old, new) if block else None
        if gone is not None:
            assert isinstance(node, yaml.SequenceNode)
            for index in gone:
                self._remove_lines(node.value[index])
            return
        start = key_node.end_mark.index + 1
        self.edits.append((start, self._end(node, start), f" {flow(new)}"))

    def _items(self, key: str, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> None:
        wanted = {item["name"]: item for item in new}
        before, after = ([str(item["name"]) for item in items] for items in (old, new))
        in_order = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        staying = {name for block in in_order for name in before[block.a : block.a + block.size]}
        there: dict[str, int] = {}  # end of each item that stays
        for item_node, item in zip(node.value, old, strict=True):
            if item["name"] not in staying:
                self._remove_lines(item_node)
                continue
            there[item["name"]] = self._line_end(self._end(item_node))
            if item != wanted[item["name"]]:
                order = COMMAND if key in ("commands", "subcommands") else KEYS
                self.mapping(item_node, item, wanted[item["name"]], order)
        indent = node.start_mark.column
        at = self.text.rfind("\n", 0, node.start_mark.index)
        additions: dict[int, list[str]] = {}
        for item in new:
            if item["name"] in there:
                at = there[item["name"]]
            else:
                is_command = key in ("commands", "subcommands")
                lines = new_command(item, indent) if is_command else [item_line(item, indent)]
                additions.setdefault(at, []).extend(lines)
        self.edits += [
            (at, at, "".join(f"\n{line}" for line in lines)) for at, lines in additions.items()
        ]

    def _remove_lines(self, node: yaml.Node) -> None:
        start = self.text.rfind("\n", 0, node.start_mark.index) + 1
        self.edits.append((start, min(self._line_end(self._end(node)) + 1, len(self.text)), ""))

    def _remove_pair(self, node: yaml.MappingNode, key: str) -> None:
        index = next(i for i, (name, _) in enumerate(node.value) if name.value == key)
        key_node, value = node.value[index]
        if not node.flow_style:
            start = self.text.rfind("\n", 0, key_node.start_mark.index) + 1
            end = self._end(value, key_node.end_mark.index + 1)
            self.edits.append((start, min(self._line_end(end) + 1, len(self.text)), ""))
        elif index:
            self.edits.append((self._end(node.value[index - 1][1]), self._end(value), ""))
        else:
            behind = node.value[1][0].start_mark.index if len(node.value) > 1 else self._end(value)
            self.edits.append((key_node.start_mark.index, behind, ""))

    def _add_pair(self, node: yaml.MappingNode, key: str, value: Any, order: Sequence[str]) -> None:
        before = order[: order.index(key)] if key in order else order
        places = {name.value: (name, inner) for name, inner in node.value}
        anchor = next((places[name] for name in reversed(before) if name in places), node.value[0])
        end = self._end(anchor[1], anchor[0].end_mark.index + 1)
        if node.flow_style:
            self.edits.append((end, end, f", {flow(key)}: {flow(ordered(value))}"))
            return
        lines = pair_lines(key, value, node.start_mark.column)
        end = self._line_end(end)
        self.edits.append((end, end, "".join(f"\n{line}" for line in lines)))

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _end(self, node: yaml.Node, start: int = 0) -> int:
        """Where a node's own text ends; PyYAML counts the comments behind a block to it, and to
        text in lines (``|``, ``>``) the line breaks up to what comes next."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            if isinstance(last, tuple):
                return self._end(last[1], last[0].end_mark.index + 1)
            return self._end(last)
        end = int(node.end_mark.index)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            begin = int(node.start_mark.index)
            behind = len(self.text[begin:end]) - len(self.text[begin:end].rstrip("\n"))
            if re.match(r"[|>]\d?\+", self.text[begin:end]):  # the empty lines are part of it
                behind = min(behind, 1)
            end -= behind
        return max(end, start)


def _left_out(old: Any, new: Any) -> list[int] | None:
    """Places of the items that ``new`` leaves out of ``old``; None where more than that differs."""
    if not isinstance(old, list) or not isinstance(new, list) or not new:
        return None
    gone, rest = [], list(new)
    for index, item in enumerate(old):
        if rest and item == rest[0]:
            rest.pop(0)
        else:
            gone.append(index)
    return None if rest else gone
