"""What a CLI does not say of itself: a command's effect, and the kind of value an option takes.

Guesses to be read over: where a word says nothing, a command is taken to write, and an argument to
be what :func:`infer_semantic` makes of its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clitron_dagster.schema.model import Effect
from clitron_dagster.schema.semantics import infer_semantic

_DESTRUCTIVE = frozenset(
    """delete del remove rm rmi rmdir destroy purge prune drop reset uninstall wipe clear clean erase
    flush discard revoke unpublish truncate shred nuke force kill obliterate""".split()
)
_READ = frozenset(
    """list ls get show view status describe search find grep diff log logs version info inspect cat
    print display watch stats top ps history blame whoami tree explain doctor ping query count
    preview verify check checks browse events outdated freeze summary shortlog read tail head help
    completion which whatchanged compare annotate docs token usage lint validate ll dump
    images""".split()
)
_WRITE = frozenset(
    """set add create update edit new init install run rename move copy push pull fetch import export
    upload download apply start stop enable disable write save make mark""".split()
)
_SAYS_READ = re.compile(
    r"(list|show|display|print|view|search|find|describe|inspect|report|output|check(?! out)|verify|"
    r"get|summari[sz]e|query|read|compare|return|examine|look up|test whether)(s|es)?\b(?!,)",
    re.IGNORECASE,
)
_SAYS_DESTRUCTIVE = re.compile(
    r"(delete|remove|destroy|purge|prune|uninstall|erase|wipe|kill|discard|drop)s?\b", re.IGNORECASE
)
_FLAGS = re.compile(
    r"(delete|purge|prune|overwrite|clobber|discard|destroy|wipe|erase|hard|abort)(?!.*-on-)(-.*)?|force(-with-lease)?"
)
_BY_METAVAR = {
    "login": "user", "user": "user", "username": "user", "handle": "user", "person": "user",
    "file": "file", "filename": "file", "files": "file", "dir": "directory",
    "directory": "directory", "folder": "directory", "path": "path", "pathspec": "path",
    "url": "url", "uri": "url", "branch": "branch", "ref": "ref", "refname": "ref",
    "commit-ish": "ref", "tree-ish": "ref", "revision": "ref", "rev": "ref", "object": "ref",
    "commit": "commit", "sha": "commit", "oid": "commit", "remote": "remote", "tag": "tag",
    "repo": "repo", "repository": "repo", "owner": "owner", "duration": "duration",
    "seconds": "duration", "date": "date", "time": "date", "timestamp": "date", "datetime": "date",
    "glob": "pattern", "pattern": "pattern", "regex": "regex", "regexp": "regex",
    "host": "host", "hostname": "host", "port": "port", "email": "email", "label": "label",
    "image": "image", "container": "container", "namespace": "namespace", "query": "query",
    "milestone": "milestone", "version": "version", "template": "template", "format": "format",
    "message": "message", "msg": "message", "title": "title", "percent": "percent",
    "command": "command", "cmd": "command", "key": "key", "name": "name", "id": "id",
}  # fmt: skip
_BY_DESCRIPTION = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"\bjq\b", "jq"),
        (r"\b(maximum|max) number of|\bhow many\b|\bnumber of\b", "count"),
        (r"\bport\b", "port"),
        (r"\btime ?out\b|\bduration\b|\bin seconds\b", "duration"),
        (r"\bYYYY|(?<!to[ -])\bdate\b|\btimestamp\b|\bISO[ -]?8601", "date"),
        (r"\bowner/(repo|name)|\bfull name of (a|the) repo", "repo"),
        (r"\b(name|path) of (a|the) (\w+ )?file|\bfile (to|from|that|with|path)\b|\bfile$", "file"),
        (r"\b(directory|folder)\b", "directory"),
        (r"\bbranch(es)?\b", "branch"),
        (r"\be-?mail\b", "email"),
        (r"\bURL\b", "url"),
        (r"\b(log ?in|username)\b", "user"),
    )
)
_NUMBERED = {"pr": "pr_number", "pull-request": "pr_number", "issue": "issue_number"}


def effect_of(path: Sequence[str], description: str) -> Effect:
    """Effect of a command by its name, else by the first word of its description."""
    words = re.split(r"[-_:]", path[-1].lower())
    ends = (words[0], words[-1])
    if any(word in _DESTRUCTIVE for word in ends):
        return "destructive"
    if words[0] not in _WRITE and any(word in _READ for word in ends):
        return "read"
    if words[0] in _WRITE:
        return "write"
    if _SAYS_DESTRUCTIVE.match(description):
        return "destructive"
    return "read" if _SAYS_READ.match(description) and " and " not in description else "write"


def flag_effect(name: str, of_unit: Effect) -> Effect | None:
    """``destructive`` for a boolean that makes its unit so; None where it changes nothing."""
    if of_unit == "destructive" or not _FLAGS.fullmatch(name):
        return None
    return None if of_unit == "read" and not name.startswith("delete") else "destructive"


def semantic_of(
    name: str, type_name: str, *, metavar: str = "", description: str = "", path: Sequence[str] = ()
) -> str:
    """The kind of a value, or an empty string where the loader infers the same from the name."""
    inferred = infer_semantic(name, type_name)
    if type_name in ("enum", "boolean"):
        return "value" if inferred in ("text", "number") else ""
    kind = inferred
    if name == "number" and path:
        kind = next((_NUMBERED[word] for word in path if word in _NUMBERED), inferred)
    elif inferred in ("text", "number", "name", "value", "format"):
        kind = _kind(metavar, description, type_name) or inferred
    return "" if kind == inferred else kind


def _kind(metavar: str, description: str, type_name: str) -> str:
    plain = metavar.strip("<>[]").lower().replace("_", "-")
    if plain in ("owner/repo", "host/owner/repo"):
        return "repo"
    for word in (plain, re.split(r"[-/ ]", plain)[-1]):
        if word in _BY_METAVAR:
            return _BY_METAVAR[word]
    kind = next((kind for pattern, kind in _BY_DESCRIPTION if pattern.search(description)), "")
    if type_name in ("integer", "number"):
        return kind if kind in ("count", "port", "duration") else ""
    return "" if kind in ("count", "port") else kind
