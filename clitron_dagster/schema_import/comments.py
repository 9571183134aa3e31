"""The comments of a YAML file: what a file that is written anew would lose."""

from __future__ import annotations

import re
from collections import Counter

import yaml

_COMMENT = re.compile(r"#.*")
_TEXT_IN_LINES = re.compile(r"[|>][^\n]*?(#.*)")  # `description: >  # why`


def lost(before: str, after: str) -> list[tuple[int, str]]:
    """(line, comment) for each comment of ``before`` that is not in ``after``."""
    left = Counter(comment for _, comment in comments(after))
    found = []
    for line, comment in comments(before):
        if left[comment]:
            left[comment] -= 1
        else:
            found.append((line, comment))
    return found


def comments(text: str) -> list[tuple[int, str]]:
    """(line, comment) in the order of the text; a ``#`` inside a value is none."""
    places: list[tuple[int, str]] = []
    end = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        start = int(token.start_mark.index)
        gap = _COMMENT.finditer(text, end, max(start, end))
        places += [(match.start(), match[0].rstrip()) for match in gap]
        in_lines = isinstance(token, yaml.ScalarToken) and token.style in ("|", ">")
        if in_lines and (head := _TEXT_IN_LINES.match(text, start)):
            places.append((head.start(1), head[1].rstrip()))
        end = max(end, int(token.end_mark.index))
    return [(text.count("\n", 0, place) + 1, comment) for place, comment in places]
