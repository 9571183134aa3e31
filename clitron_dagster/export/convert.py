"""Merged weights → f16 GGUF, by llama.cpp's own ``convert_hf_to_gguf.py``.

    python -m clitron_dagster.export.convert --fetch           # get the converter, once
    python -m clitron_dagster.export.convert MODEL OUT.gguf

The converter is no pip package. It stands in llama-cpp-python's source archive, next to the
llama.cpp that was built from it; the archive is fetched by pip (so from whatever index, mirror or
cache pip is set to), checked against the hash below, and three folders of it are kept in the cache.
``LLAMA_CPP_DIR`` names a llama.cpp checkout to use instead.

It runs as a process of its own: its ``gguf`` package is newer than the released one.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from clitron_dagster.base_model import built_once, cache_folder
from clitron_dagster.errors import ClitronError

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
INSIDE = "vendor/llama.cpp/"
WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/gguf/", "LICENSE")
TIMEOUT_S = 1800


class ConvertError(ClitronError):
    """A converter that cannot be had, or a model that it does not take."""


def converter_folder(cache_dir: Path | None = None) -> Path:
    """Folder with ``convert_hf_to_gguf.py``, ``conversion/`` and ``gguf-py/``; fetched if needed.

    Raises:
        ConvertError: it cannot be fetched, or ``LLAMA_CPP_DIR`` is wrong.
    """
    own = os.environ.get("LLAMA_CPP_DIR")
    if own:
        folder = Path(own).expanduser()
        if not (folder / "convert_hf_to_gguf.py").is_file():
            raise ConvertError(f"LLAMA_CPP_DIR={own} has no convert_hf_to_gguf.py; unset it")
        return folder
    folder = (cache_dir or cache_folder()) / f"llama.cpp-{VERSION}"
    return built_once(folder, _fetch)


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        _extract(_download(Path(temporary)), folder)


def _download(folder: Path) -> Path:
    """The source archive, by pip; pip checks the hash before it runs anything of the archive."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--no-binary", PACKAGE, "--dest", str(folder), "-r", str(wanted)]
    hint = "check the network, or set LLAMA_CPP_DIR to a checkout of llama.cpp"
    what = f"cannot fetch llama.cpp's converter ({PACKAGE} {VERSION}, source archive) with pip"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConvertError(f"{what}: {type(error).__name__}; {hint}") from error
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise ConvertError(f"{what}: {errors[-1] if errors else 'pip failed'}; {hint}")
    with archives[0].open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256:
        raise ConvertError(f"{archives[0].name} has the wrong hash {found}; refusing to run it")
    return archives[0]


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            inner = member.name.partition("/")[2]
            path = inner.removeprefix(INSIDE)
            if inner.startswith(INSIDE) and path.startswith(WANTED) and member.isfile():
                member.name = path
                tar.extract(member, folder, filter="data")


def convert(model: Path, out: Path, name: str) -> None:
    """Convert a folder of merged weights to an f16 GGUF named ``name`` in its metadata.

    Raises:
        ConvertError: the converter fails; the last line that it wrote says why.
    """
    folder = converter_folder()
    partial = out.with_name(f".{out.name}.partial")
    command = [sys.executable, str(folder / "convert_hf_to_gguf.py"), str(model.resolve())]
    command += ["--outfile", str(partial.resolve()), "--outtype", "f16", "--model-name", name]
    environment = {**os.environ, "PYTHONPATH": str(folder / "gguf-py")}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        if done.returncode or not partial.is_file():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            reason = lines[-1] if lines else f"exit status {done.returncode}"
            raise ConvertError(f"llama.cpp cannot convert {model}: {reason}")
        partial.replace(out)
    except subprocess.TimeoutExpired as error:
        raise ConvertError(f"converting {model} took more than {TIMEOUT_S} s") from error
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        if sys.argv[1:] in ([], ["--fetch"]):
            print(converter_folder())
        else:
            convert(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[1]).name)
    except ClitronError as error:
        sys.exit(f"error: {error}")
