"""Base models: embedded, tiny, folders, hub ids, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from clitron_dagster import base_model, warm_start
from clitron_dagster.base_model import (
    EMBEDDED,
    TINY,
    WARM_START,
    BaseModelError,
    base_model_id,
    built_once,
    describe,
    resolve_base_model,
)
from clitron_dagster.inference.engine import Engine

TEXTS = [
    "merge PR 1234 with squash",
    "don't  do   that\n\nx 12.5% ½ ²³ ٣٤ Ⅷ ünïcödé 日本語 😀👍🏽 tabs\t\t x",
    "<|im_start|>user\nhi 2<|im_end|>\n<repo_name>",
    '{"type":"command","command":"log","subcommand":null,"args":{"max-count":12},"flags":[]}',
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(resolve_base_model(TINY), tmp_path / "model"))


@pytest.mark.parametrize("name", [WARM_START, EMBEDDED, TINY])
def test_embedded_tokenizer_is_llama_cpps(name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(name))
    with Engine(base_model.embedded_gguf(), n_ctx=64) as engine:
        for text in TEXTS:
            ids = tokenizer(text)["input_ids"]
            assert ids == engine.tokenize(text)
            assert tokenizer.decode(ids) == text
    assert tokenizer.chat_template
    assert tokenizer.eos_token_id == tokenizer.pad_token_id == 2


def test_embedded_weights_are_complete() -> None:
    model = AutoModelForCausalLM.from_pretrained(resolve_base_model(EMBEDDED))
    assert sum(p.numel() for p in model.parameters()) == 134_515_008
    assert model.generation_config.eos_token_id == 2
    assert not hasattr(model.config, "quantization_config")
    assert describe(resolve_base_model(EMBEDDED)).licence == "apache-2.0"


def test_warm_start_is_the_embedded_model_with_other_weights() -> None:
    folders = [resolve_base_model(name) for name in (WARM_START, EMBEDDED)]
    warm, plain = (AutoModelForCausalLM.from_pretrained(one).state_dict() for one in folders)
    assert warm.keys() == plain.keys()
    changed = {name for name in warm if not warm[name].equal(plain[name])}
    assert any("q_proj" in name for name in changed)
    assert not any("embed_tokens" in name for name in changed)
    assert describe(folders[0]).name == WARM_START
    assert base_model_id(WARM_START) != base_model_id(EMBEDDED)


def test_warm_start_knows_nothing_of_the_measured_clis() -> None:
    folder = warm_start.FOLDER.parent
    generated = set((folder / "clis.txt").read_text().split())
    written = {file.stem.partition("@")[0] for file in (folder / "rows").glob("*.jsonl")}
    assert len(generated) > 80
    assert len(written) > 60
    assert not (generated | written) & {"git", "gh", "hub", "git-flow", "gt", "tig", "lazygit"}


def test_written_rows_of_the_warm_start_make_prompts() -> None:
    from transformers import AutoTokenizer

    from clitron_dagster.train.encode import encode
    from clitron_dagster.warm_start.train import written_rows

    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(TINY))
    found = written_rows(warm_start.FOLDER.parent / "rows")
    assert sum(len(rows) for _, rows, _ in found) > 10_000
    schema, rows = next((s, rows) for s, rows, _ in found if s.cli_name == "kubectl")
    row = next(row for row in rows if row["context"])
    encoded = encode(tokenizer, schema, [row], 4096)[0]
    text = tokenizer.decode(encoded.prompt_ids)
    assert "kubectl" in text
    assert all(f"{key}: {value}" in text for key, value in row["context"].items())


def test_second_resolve_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = resolve_base_model(TINY)
    monkeypatch.setattr(base_model, "tiny_model", lambda _: pytest.fail("built again"))
    assert resolve_base_model(TINY) == first


def test_folder_is_taken_as_it_is(folder: Path) -> None:
    assert resolve_base_model(str(folder)) == folder.resolve()
    before = base_model_id(str(folder))
    assert before == base_model_id(str(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rope_theta": 1.0}))
    assert base_model_id(str(folder)) != before


def test_folder_id_notices_other_weights_of_the_same_shape(folder: Path) -> None:
    before = base_model_id(str(folder))
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(bytes(data))
    assert base_model_id(str(folder)) != before


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no *.safetensors"),
        ("tokenizer.json", "no tokenizer"),
        ("chat_template.jinja", "no chat template"),
    ],
)
def test_incomplete_folder_is_refused(folder: Path, missing: str, says: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(BaseModelError) as error:
        resolve_base_model(str(folder))
    assert says in str(error.value)


def test_adapter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(BaseModelError, match="LoRA adapter"):
        resolve_base_model(str(tmp_path))


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "just-a-word"])
def test_missing_folder_is_refused(name: str) -> None:
    with pytest.raises(BaseModelError, match="no such folder"):
        resolve_base_model(name)


def test_unreachable_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(BaseModelError, match="cannot be reached"):
        resolve_base_model("nobody/nothing")
    assert base_model_id("nobody/nothing") == "hub:nobody/nothing@unfetched"


def test_damaged_cache_is_built_anew(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "weights").write_bytes(b"whole")

    folder = built_once(tmp_path / "thing", build)
    (folder / "weights").write_bytes(b"wh")
    assert (built_once(tmp_path / "thing", build) / "weights").read_bytes() == b"whole"


def test_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    with pytest.raises(BaseModelError, match="No space left on device"):
        built_once(tmp_path / "thing", build)
    assert [file.name for file in tmp_path.iterdir()] == ["thing.lock"]
