"""Context from a folder: real repositories, and folders that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clitron_dagster import git_context as module
from clitron_dagster.git_context import git_context, owner_and_name


def git(folder: Path, *command: str) -> None:
    env = {
        **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    subprocess.run(["git", *command], cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--initial-branch", "main")
    git(tmp_path, "commit", "--allow-empty", "-m", "one")
    return tmp_path


def test_a_plain_repository(repo: Path) -> None:
    assert git_context(repo) == {
        "git": {
            "current_branch": "main",
            "default_branch": "main",
            "has_uncommitted_changes": False,
        }
    }


def test_remote_branch_and_changes(repo: Path) -> None:
    git(repo, "remote", "add", "fork", "https://github.com/me/api.git")
    git(repo, "remote", "add", "origin", "git@github.com:acme/api.git")
    git(repo, "update-ref", "refs/remotes/origin/trunk", "HEAD")
    git(repo, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    git(repo, "switch", "--create", "feat/x")
    (repo / "new file").write_text("x")
    (repo / "below").mkdir()
    context = git_context(repo / "below")["git"]
    assert context == {
        "current_branch": "feat/x",
        "default_branch": "trunk",
        "remote": "origin",
        "has_uncommitted_changes": True,
        "repo_owner": "acme",
        "repo_name": "api",
    }
    git(repo, "config", "branch.feat/x.remote", "fork")
    assert git_context(repo)["git"]["remote"] == "fork"
    assert git_context(repo)["git"]["repo_owner"] == "me"


def test_only_what_is_asked_for(repo: Path) -> None:
    assert git_context(repo, ["git.current_branch", "k8s.namespace"]) == {
        "git": {"current_branch": "main"}
    }
    assert git_context(repo, ["k8s.namespace"]) == {}


def test_no_commit_yet_and_detached(tmp_path: Path) -> None:
    git(tmp_path, "init", "--initial-branch", "dev")
    assert git_context(tmp_path)["git"]["current_branch"] == "dev"
    git(tmp_path, "commit", "--allow-empty", "-m", "one")
    git(tmp_path, "switch", "--detach")
    assert "current_branch" not in git_context(tmp_path)["git"]


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_context(tmp_path) == {}
    assert git_context(tmp_path / "missing") == {}
    monkeypatch.setenv("PATH", "")
    assert git_context(tmp_path) == {}


def test_a_repository_cannot_make_us_run_its_programs(repo: Path) -> None:
    program = repo / "evil"
    program.write_text(f"#!/bin/sh\ntouch {repo}/ran\n")
    program.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(program))
    git_context(repo)
    assert not (repo / "ran").exists()


def test_nothing_is_written(repo: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in repo.rglob("*")}
    git_context(repo)
    assert {file: file.stat().st_mtime_ns for file in repo.rglob("*")} == before


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/api.git", ("acme", "api")),
        ("https://user:token@github.com/acme/api", ("acme", "api")),
        ("https://github.com/acme/api/", ("acme", "api")),
        ("git@github.com:acme/api.git", ("acme", "api")),
        ("github.com:acme/api", ("acme", "api")),
        ("ssh://git@host:2222/acme/api.git", ("acme", "api")),
        ("https://gitlab.com/group/sub/api.git", ("group/sub", "api")),
        ("git@host:api.git", (None, "api")),
        ("/srv/git/api.git", (None, "api")),
        ("../api", (None, "api")),
        ("file:///srv/git/api.git", (None, "api")),
        ("C:/code/api", (None, "api")),
        ("", (None, None)),
    ],
)
def test_owner_and_name(url: str, expected: tuple[str | None, str | None]) -> None:
    assert owner_and_name(url) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo '{\"number\": 42}'", 42),
        ("echo no; exit 1", None),
        ("echo nonsense", None),
        ("echo '[]'", None),
        ("exec sleep 5", None),
    ],
)
def test_pull_request_by_gh(
    repo: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: int | None
) -> None:
    git(repo, "remote", "add", "origin", "git@github.com:acme/api.git")
    gh = repo / ".git" / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(f"#!/bin/sh\n{script}\n")
    gh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gh.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(module, "GH_SECONDS", 0.5)
    assert git_context(repo)["git"].get("current_pr") == expected
    assert "current_pr" not in git_context(repo, ["git.current_branch"])["git"]


def test_runs_alone(repo: Path) -> None:
    command = [sys.executable, "-m", "clitron_dagster.git_context", str(repo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"current_branch": "main"' in done.stdout
