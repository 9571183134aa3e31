"""llama.cpp's own converter: where it comes from, and what it says when it fails."""

import hashlib
import importlib.metadata
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from clitron_dagster.base_model import BaseModelError
from clitron_dagster.errors import ClitronError
from clitron_dagster.export import convert
from clitron_dagster.export.convert import ConvertError, converter_folder


def test_pinned_to_the_installed_library() -> None:
    assert importlib.metadata.version(convert.PACKAGE) == convert.VERSION


def test_fetched_converter_is_complete() -> None:
    folder = converter_folder()
    assert (folder / "convert_hf_to_gguf.py").is_file()
    assert (folder / "conversion" / "llama.py").is_file()
    assert (folder / "gguf-py" / "gguf" / "gguf_writer.py").is_file()


def test_own_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLAMA_CPP_DIR", str(tmp_path))
    with pytest.raises(ConvertError, match="has no convert_hf_to_gguf"):
        converter_folder()
    (tmp_path / "convert_hf_to_gguf.py").touch()
    assert converter_folder() == tmp_path


def test_only_the_converter_is_extracted(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "p-1/vendor/llama.cpp/convert_hf_to_gguf.py",
            "p-1/vendor/llama.cpp/conversion/a.py",
            "p-1/vendor/llama.cpp/src/llama.cpp",
            "p-1/vendor/llama.cpp/conversion/../../../../evil.py",
            "p-1/setup.py",
        ):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"#"))
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(tarfile.OutsideDestinationError):
        convert._extract(archive, out)
    assert not list(tmp_path.rglob("evil.py"))
    assert not (out / "src").exists()
    assert (out / "conversion" / "a.py").is_file()


def test_wrong_hash_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"something else")
    done = subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ConvertError, match="wrong hash"):
        convert._download(tmp_path)
    monkeypatch.setattr(convert, "SHA256", hashlib.sha256(b"something else").hexdigest())
    assert convert._download(tmp_path).name == "x.tar.gz"


def test_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LLAMA_CPP_DIR", raising=False)
    stderr = "WARNING: x\nERROR: No matching distribution found for llama-cpp-python\n"
    done = subprocess.CompletedProcess([], 1, "", stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ConvertError) as error:
        converter_folder(tmp_path)
    assert "No matching distribution" in str(error.value)
    assert "LLAMA_CPP_DIR" in str(error.value)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


def test_model_that_it_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["NoSuchModel"]}')
    with pytest.raises(ConvertError, match="NoSuchModel"):
        convert.convert(tmp_path, tmp_path / "x.gguf", "x")
    assert not list(tmp_path.glob("*gguf*"))
    assert issubclass(BaseModelError, ClitronError)
