"""Context for a request, read from the folder that the user stands in.

    python -m clitron_dagster.git_context [FOLDER]      # prints all that is known, as JSON

Only git commands that read, each with a time limit; no network. The number of the pull request
comes from ``gh``, and only when it is asked for, installed, and quick.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

GIT_SECONDS = 3.0
GH_SECONDS = 2.0
KEYS = (
    "git.current_branch", "git.default_branch", "git.remote", "git.has_uncommitted_changes",
    "git.repo_owner", "git.repo_name", "git.current_pr",
)  # fmt: skip
# A folder's own configuration must not make a reading command run programs.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def git_context(folder: Path, keys: Iterable[str] = KEYS) -> dict[str, Any]:
    """The facts among ``keys`` that hold in ``folder``, nested by the keys' dots.

    Facts that are not known are left out; outside of a repository the result is empty. Never
    raises: a context is a help, not a condition.
    """
    wanted = [key for key in keys if key in KEYS]
    facts = _facts(folder, set(wanted)) if wanted else {}
    nested: dict[str, Any] = {}
    for key in wanted:
        if facts.get(key) is not None:
            group, _, name = key.partition(".")
            nested.setdefault(group, {})[name] = facts[key]
    return nested


def _facts(folder: Path, wanted: set[str]) -> dict[str, Any]:
    status = _git(folder, "status", "--porcelain=v2", "--branch")
    if status is None:  # no repository, or a tree too large for the time limit
        head = _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
        if head is None:
            return {}
        branch, dirty = head, None
    else:
        lines = status.splitlines()
        heads = [line.split(" ", 2)[2] for line in lines if line.startswith("# branch.head ")]
        branch = heads[0] if heads and heads[0] != "(detached)" else ""
        dirty = any(not line.startswith("#") for line in lines)
    remote = _remote(folder, branch)
    url = _git(folder, "remote", "get-url", remote) if remote else None
    owner, name = owner_and_name(url or "")
    facts: dict[str, Any] = {
        "git.current_branch": branch or None,
        "git.has_uncommitted_changes": dirty,
        "git.remote": remote,
        "git.repo_owner": owner,
        "git.repo_name": name,
    }
    if "git.default_branch" in wanted:
        facts["git.default_branch"] = _default_branch(folder, remote)
    if "git.current_pr" in wanted and branch and url:
        facts["git.current_pr"] = _pull_request(folder)
    return facts


def _remote(folder: Path, branch: str) -> str | None:
    """The branch's own remote, else origin, else the only one."""
    remotes = (_git(folder, "remote") or "").split()
    own = _git(folder, "config", "--get", f"branch.{branch}.remote") if branch else None
    if own in remotes:
        return own
    if "origin" in remotes:
        return "origin"
    return remotes[0] if len(remotes) == 1 else None


def _default_branch(folder: Path, remote: str | None) -> str | None:
    if remote:
        head = _git(folder, "symbolic-ref", "--quiet", "--short", f"refs/remotes/{remote}/HEAD")
        if head:
            return head.removeprefix(f"{remote}/")
    pattern = "--format=%(refname:short)"
    branches = (_git(folder, "for-each-ref", pattern, "refs/heads") or "").split()
    known = [name for name in ("main", "master", "trunk", "develop") if name in branches]
    return known[0] if known else None


def owner_and_name(url: str) -> tuple[str | None, str | None]:
    """Owner and name of the repository that a remote's URL stands for; None where it says none.

    >>> owner_and_name("git@github.com:acme/api.git")
    ('acme', 'api')
    """
    url = url.strip()
    scp = re.match(r"^(?:[^@/:]+@)?[^/:]{2,}:(?!//)(?P<path>.+)$", url)
    web = re.match(r"^[a-z][a-z+]*://[^/]*/(?P<path>.+)$", url, re.IGNORECASE)
    hosted = web if "://" in url else scp
    if url.lower().startswith("file://") or hosted is None:
        name = url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
        return None, name or None
    parts = hosted["path"].split("?")[0].strip("/").removesuffix(".git").split("/")
    return "/".join(parts[:-1]) or None, parts[-1] or None


def _pull_request(folder: Path) -> int | None:
    gh = shutil.which("gh")
    if gh is None:
        return None
    answer = _run([gh, "pr", "view", "--json", "number"], folder, GH_SECONDS)
    try:
        number = json.loads(answer or "null")["number"]
    except (ValueError, TypeError, KeyError):
        return None
    return number if isinstance(number, int) else None


def _git(folder: Path, *command: str) -> str | None:
    """Output of a git command without the last newline, None when it fails."""
    return _run(["git", *_SAFE, "-C", str(folder), *command], folder, GIT_SECONDS)


def _run(command: list[str], folder: Path, seconds: float) -> str | None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **_QUIET, "GH_PROMPT_DISABLED": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.decode(errors="replace").rstrip("\n") if done.returncode == 0 else None


def _main() -> None:
    import sys

    print(json.dumps(git_context(Path(*sys.argv[1:2])), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    _main()
