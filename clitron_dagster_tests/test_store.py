"""The store: atomic, honest about damage, locked against two writers, and not tied to local disk."""

import json
import multiprocessing
import os
import subprocess
import sys

import pytest

from clitron_dagster.store import Manifest, Store, StoreError, describe, write_atomically


def manifest(out, fingerprint="f1", **changes):
    fields = {
        "asset": "splits", "cli": "x", "fingerprint": fingerprint, "data_version": "d",
        "files": describe(out), "inputs": {}, "schema_part": {}, "config": {}, "code_version": "1",
        "packages": {}, "started": "s", "ended": fingerprint, "seconds": 1.0, "host": "h",
        "metrics": {},
    }  # fmt: skip
    return Manifest(**{**fields, **changes})


def put(store, fingerprint="f1", text="hello"):
    out = store.out_dir("x", "splits", fingerprint)
    (out / "sub").mkdir()
    (out / "a.txt").write_text(text)
    (out / "sub" / "b.txt").write_text("deep")
    return store.commit(out, manifest(out, fingerprint))


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    if request.param == "local":
        return Store(tmp_path / "store")
    return Store(f"memory://{tmp_path.name}")


def test_what_is_put_is_found_and_current(store):
    put(store, "f1")
    artifact = put(store, "f2", "other")
    assert store.current("x", "splits").manifest.fingerprint == "f2"
    assert store.find("x", "splits", "f1").manifest.files.keys() == {"a.txt", "sub/b.txt"}
    assert (artifact.local() / "a.txt").read_text() == "other"
    assert (artifact.local() / "sub" / "b.txt").read_text() == "deep"
    assert [a.manifest.fingerprint for a in store.artifacts("x", "splits")] == ["f1", "f2"]
    assert store.damage(artifact) is None
    store.make_current(store.find("x", "splits", "f1"))
    assert store.current("x", "splits").manifest.fingerprint == "f1"


def test_nothing_is_there_at_first(store):
    assert store.current("x", "splits") is None
    assert store.find("x", "splits", "f1") is None
    assert store.artifacts("x", "splits") == []


@pytest.fixture
def local(tmp_path):
    return Store(tmp_path / "store")


def test_damage_is_seen_by_size_content_and_absence(local):
    artifact = put(local)
    file = artifact.local() / "a.txt"
    assert local.damage(artifact) is None
    file.write_text("jello")  # the same size
    assert "content of `a.txt`" in local.damage(artifact)
    file.write_text("longer than before")
    assert "bytes" in local.damage(artifact)
    file.unlink()
    assert "missing" in local.damage(artifact)


def test_an_artifact_without_manifest_does_not_exist(local):
    artifact = put(local)
    (artifact.local() / "manifest.json").write_text("{half")
    assert local.find("x", "splits", "f1") is None


def test_replacing_keeps_the_old_one_aside(local):
    first = put(local).local()
    put(local, text="again")
    kept = list(first.parent.glob(".old-f1-*"))
    assert [(folder / "a.txt").read_text() for folder in kept] == ["hello"]


def _hold(root, ready, done):
    with Store(root).lock("x", "splits"):
        ready.set()
        done.wait(30)


def test_two_writers_of_one_asset_are_refused_and_a_dead_one_frees_it(local):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(local.root), ready, done))
    other.start()
    assert ready.wait(60)
    with (
        pytest.raises(StoreError, match="another run is making splits of x"),
        local.lock("x", "splits"),
    ):
        pass
    other.kill()
    other.join()
    with local.lock("x", "splits"):
        pass


def test_a_crash_at_any_instant_leaves_the_old_or_the_new(tmp_path):
    """Kill a writer at every system-visible step of its commit."""
    script = """
import os, sys
from clitron_dagster import store as s
from clitron_dagster_tests.test_store import put
count = [0]
limit = int(sys.argv[2])
def bomb(function):
    def wrapped(*args, **kwargs):
        count[0] += 1
        if count[0] == limit: os._exit(9)
        return function(*args, **kwargs)
    return wrapped
os.fsync = bomb(os.fsync); s.Path.replace = bomb(s.Path.replace)
s.Path.rename = bomb(s.Path.rename); s.Path.mkdir = bomb(s.Path.mkdir)
put(s.Store(sys.argv[1]), "f2", "new")
"""
    died = 0
    for limit in range(1, 30):
        root = tmp_path / str(limit)
        store = Store(root)
        put(store, "f1", "old")
        result = subprocess.run([sys.executable, "-c", script, str(root), str(limit)], check=False)
        current = store.current("x", "splits")
        assert current is not None
        assert store.damage(current) is None
        expected = {"f1": "old", "f2": "new"}[current.manifest.fingerprint]
        assert (current.local() / "a.txt").read_text() == expected
        if result.returncode == 0:
            break
        died += 1
        assert put(store, "f2", "new").manifest.fingerprint == "f2"  # starting again works
    assert died >= 4
    assert result.returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_store_is_told_in_words(tmp_path):
    (tmp_path / "ro").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="CLITRON_STORE"):
        put(Store(tmp_path / "ro"))


def test_a_file_in_place_of_the_store_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        put(Store(tmp_path / "file"))


def test_write_atomically_replaces(tmp_path):
    write_atomically(tmp_path / "f", "a")
    write_atomically(tmp_path / "f", json.dumps({"b": 1}))
    assert (tmp_path / "f").read_text() == '{"b": 1}'
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
