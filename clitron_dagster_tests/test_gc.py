"""Garbage collection: what is kept, what goes, and that nothing in use ever does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clitron_dagster.errors import ClitronError
from clitron_dagster.gc import best_chain, clis, collect, free
from clitron_dagster.settings import Settings
from clitron_dagster.store import Artifact, FileEntry, Manifest, StoreError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store_url=str(tmp_path / "store"), profile="tiny", overrides={})


def put(settings: Settings, asset: str, name: str, age: int = 0, **more: Any) -> Artifact:
    """An artifact of ``git`` whose fingerprint and data version are ``name``; old with ``age``."""
    out = settings.store.out_dir("git", asset, name)
    (out / "data").write_bytes(b"x" * 100)
    known: dict[str, Any] = {
        "asset": asset, "cli": "git", "fingerprint": name, "data_version": name,
        "files": {"data": FileEntry(sha256="", size=100)}, "inputs": {}, "schema_part": {},
        "config": {}, "code_version": "1", "packages": {}, "started": "", "seconds": 1.0,
        "ended": f"2026-01-{28 - age:02d}T00:00:00+00:00", "host": "h", "metrics": {},
    }  # fmt: skip
    return settings.store.commit(out, Manifest(**{**known, **more}))


def found(settings: Settings, keep: int = 1, cli: str | None = None) -> set[str]:
    return {f"{item.asset}/{item.name}" for item in collect(settings, cli, keep)}


def test_empty_store(settings: Settings) -> None:
    assert clis(settings.store) == []
    assert collect(settings) == []
    assert collect(settings, "git") == []
    with pytest.raises(ClitronError, match="did you mean `git`"):
        collect(settings, "gti")


def test_keeps_current_and_newest(settings: Settings) -> None:
    for age, name in enumerate(["newest", "second", "third", "oldest"]):
        put(settings, "splits", name, age)
    oldest = settings.store.find("git", "splits", "oldest")
    assert oldest
    settings.store.make_current(oldest)
    assert found(settings) == {"splits/second", "splits/third"}
    assert found(settings, keep=2) == {"splits/third"}
    assert found(settings, keep=0) == {"splits/newest", "splits/second", "splits/third"}
    assert found(settings, keep=9) == set()


def chain(settings: Settings, name: str, age: int, exact: float | None) -> None:
    """A whole model, from splits to report."""
    put(settings, "splits", f"s-{name}", age)
    put(settings, "dpo_model", f"d-{name}", age, inputs={"splits": f"s-{name}"})
    inputs = {"dpo_model": f"d-{name}", "splits": f"s-{name}"}
    put(settings, "gguf_model", f"g-{name}", age, inputs=inputs)
    metrics = {} if exact is None else {"human_model_exact": exact}
    report = {"gguf_model": f"g-{name}", "splits": f"s-{name}"}
    put(settings, "eval_report", f"e-{name}", age, inputs=report, metrics=metrics)


def test_keeps_the_best_model_and_all_it_was_made_from(settings: Settings) -> None:
    chain(settings, "worse", 3, 0.70)
    chain(settings, "best", 2, 0.81)
    chain(settings, "unmeasured", 1, None)
    chain(settings, "now", 0, 0.79)
    kept = {("eval_report", "e-best"), ("gguf_model", "g-best"), ("dpo_model", "d-best")}
    assert best_chain(settings.store, "git") == {*kept, ("splits", "s-best")}
    assert {name.split("-")[-1] for name in found(settings)} == {"worse", "unmeasured"}
    assert len(found(settings)) == 8


def test_frees_what_was_shown_and_nothing_else(settings: Settings) -> None:
    for age, name in enumerate(["now", "old"]):
        put(settings, "splits", name, age)
    now = settings.store.find("git", "splits", "now")
    assert now
    settings.store.make_current(now)
    folder = Path(settings.store_url) / "git" / "splits"
    for name in (".old-x-1", ".partial-x", ".work-x"):
        (folder / name / "deep").mkdir(parents=True)
        (folder / name / "deep/file").write_bytes(b"y" * 10)
    (folder / "outside").symlink_to(Path(__file__))
    items = collect(settings)
    assert sum(item.size for item in items) == 130
    done = free(settings.store, items)
    assert (done.bytes, done.left) == (130, [])
    names = {entry.name for entry in folder.iterdir()}
    assert names == {"now", "current", ".lock", "outside"}
    assert settings.store.current("git", "splits")
    assert collect(settings) == []


def test_unfinished_work_that_a_run_goes_on_from_is_kept(settings: Settings) -> None:
    from clitron_dagster.stages import BY_NAME
    from clitron_dagster.staleness import recipe

    wanted = recipe(settings, settings.load("git"), BY_NAME["raw_examples"], {}).fingerprint
    settings.store.work_dir("git", "raw_examples", wanted)
    settings.store.work_dir("git", "raw_examples", "another")
    assert found(settings) == {"raw_examples/.work-another"}


def test_store_of_a_cli_without_schema(settings: Settings) -> None:
    folder = Path(settings.store_url) / "gone" / "splits" / ".partial-1"
    folder.mkdir(parents=True)
    (Path(settings.store_url) / "unrelated").mkdir()
    assert clis(settings.store) == ["gone"]
    assert found(settings, cli="gone") == {"splits/.partial-1"}


def test_a_run_under_way_is_left_alone(settings: Settings) -> None:
    put(settings, "splits", "old", 1)
    put(settings, "splits", "now", 0)
    items = collect(settings, keep=0)
    with settings.store.lock("git", "sft_adapter"):
        assert collect(settings, keep=0) == []
        done = free(settings.store, items)
    assert done.freed == []
    assert "a run has begun" in done.left[0]
    assert settings.store.find("git", "splits", "old")


def test_what_became_current_meanwhile_stays(settings: Settings) -> None:
    old = put(settings, "splits", "old", 1)
    put(settings, "splits", "now", 0)
    items = collect(settings, keep=0)
    settings.store.make_current(old)
    done = free(settings.store, items)
    assert done.freed == []
    assert "in use" in done.left[0]


def test_store_that_cannot_be_written(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    put(settings, "splits", "old", 1)
    put(settings, "splits", "now", 0)
    items = collect(settings, keep=0)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("clitron_dagster.gc.shutil.rmtree", refuse)
    with pytest.raises(StoreError, match="it is read-only"):
        free(settings.store, items)


def test_remote_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = Settings(store_url=f"memory://gc-{tmp_path.name}", profile="tiny", overrides={})
    put(settings, "splits", "old", 1)
    put(settings, "splits", "now", 0)
    settings.store.work_dir("git", "splits", "stopped")
    assert found(settings) == {"splits/old", "splits/.work-stopped"}
    done = free(settings.store, collect(settings))
    assert len(done.freed) == 2
    assert settings.store.find("git", "splits", "old") is None
    assert settings.store.current("git", "splits")
    assert collect(settings) == []
