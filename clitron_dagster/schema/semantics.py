"""The kinds of value an argument can take, and a guess of the kind from a name.

A kind decides how training values look, how they are phrased, and which context key stands in for
them. ``docs/schema-format.md`` lists the kinds for authors of schemas.
"""

FREE_TEXT = frozenset(
    "message title body description query regex command format jq template text value".split()
)
SEMANTICS = FREE_TEXT | frozenset(
    """branch remote ref commit tag range stash_ref file directory path pattern url repo owner user
    team email host number count pr_number issue_number run_id id port percent duration date version
    name key label milestone project workflow job environment secret_name variable_name image
    container namespace resource""".split()
)

# Names that differ from their kind; looked up after the exact kind, by the name's last word.
_BY_NAME = {
    "base": "branch", "head": "branch", "source-branch": "branch", "upstream": "branch",
    "sha": "commit", "hash": "commit", "revision": "ref", "rev": "ref", "commit-ish": "ref",
    "start-point": "ref", "filename": "file", "files": "file", "paths": "path", "pathspec": "path",
    "dir": "directory", "folder": "directory", "destination": "directory", "output": "file",
    "repository": "repo", "org": "owner", "organization": "owner", "username": "user",
    "assignee": "user", "author": "user", "reviewer": "user", "actor": "user", "login": "user",
    "limit": "count", "max-count": "count", "lines": "count", "tail": "count", "replicas": "count",
    "depth": "count", "since": "date", "until": "date", "after": "date", "before": "date",
    "timeout": "duration", "interval": "duration", "msg": "message", "comment": "body",
    "subject": "title", "notes": "body", "search": "query", "labels": "label", "link": "url",
    "uri": "url", "hostname": "host", "pr": "pr_number", "issue": "issue_number", "run": "run_id",
    "current-branch": "branch", "current-pr": "pr_number", "repo-owner": "owner",
    "repo-name": "name", "default-branch": "branch",
}  # fmt: skip


def infer_semantic(name: str, type_name: str) -> str:
    """Kind of value by an argument's (or context key's) name, else by its type.

    ``type_name`` is a value type of the schema, or ``context`` for a context key, which has no
    fallback: an unknown fact of the surroundings stands in for nothing.
    """
    plain = name.strip("-").lower().replace("_", "-")
    candidates = (plain, plain.rsplit("-", 1)[-1])
    for candidate in candidates:
        kind = candidate.replace("-", "_")
        if kind in SEMANTICS:
            return kind
        if candidate in _BY_NAME:
            return _BY_NAME[candidate]
    if type_name == "context":
        return ""
    return {"integer": "number", "number": "number"}.get(type_name, "text")
