"""The whole export of the untrained model: files, metadata, parity, and going on after a crash."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from clitron_dagster import prompt
from clitron_dagster.answer import canonical, clarification
from clitron_dagster.base_model import TINY, resolve_base_model
from clitron_dagster.export import gguf_model, parity
from clitron_dagster.export.gguf_model import GgufModelConfig
from clitron_dagster.export.modelfile import modelfile, template
from clitron_dagster.export.quantize import QuantizeError
from clitron_dagster.inference import structure_prior
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.llama import read_metadata
from clitron_dagster.inference.predict import check_model, prior_of, warnings_of
from clitron_dagster.schema import digest
from clitron_dagster.stage import Job
from clitron_dagster_tests.paths import NOTES
from clitron_dagster_tests.tiny import notes, tiny_gguf


def row(number: int) -> dict[str, Any]:
    answer = {"type": "command", "command": "list", "subcommand": None, "args": {"limit": number}}
    return {
        "id": str(number), "unit": "list", "kind": "command", "source": "offline", "group": "g",
        "instruction": f"show me the last {number} notes", "context": None,
        "output": json.dumps({**answer, "flags": [], "confidence": 0.95}),
    }  # fmt: skip


def make_job(folder: Path, **settings: Any) -> Job[GgufModelConfig]:
    for name in ("splits", "out", "work", "dpo"):
        (folder / name).mkdir()
    for split in ("train", "val", "test"):
        lines = [json.dumps(row(number)) + "\n" for number in range(1, 7)]
        if split == "train":
            answer = clarification("Which one?", [])
            lines.append(json.dumps(row(7) | {"output": canonical(answer)}) + "\n")
        (folder / "splits" / f"{split}.jsonl").write_text("".join(lines))
    shutil.copytree(resolve_base_model(TINY), folder / "dpo" / "model")
    inputs = {"dpo_model": folder / "dpo", "splits": folder / "splits"}
    defaults = {"parity_prompts": 3, "quants": ("q8_0",), "max_new_tokens": 16}
    config = GgufModelConfig(**{**defaults, **settings})
    return Job(notes(), NOTES, config, inputs, folder / "out", folder / "work", log=lambda _: None)


def test_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(tmp_path)
    metrics = gguf_model.run(job)
    names = {"clitron-notes-f16.gguf", "clitron-notes-q8_0.gguf"}
    assert {file.name for file in job.out.iterdir()} == {
        *names, "Modelfile", "README.md", "parity.json", "calibration.json", structure_prior.FILE,
    }  # fmt: skip
    assert metrics["prompts_with_equal_tokens"] == 6
    assert metrics["answers"]["f16"]["drift"] < 0.005
    assert metrics["quants"]["q8_0"]["bits_per_weight"] == pytest.approx(8.5, abs=0.1)
    for name in names:
        found = read_metadata(job.out / name)
        assert found["clitron.schema_hash"] == notes().hash
        assert found["clitron.legality_hash"] == digest(notes().legality())
        assert found["clitron.prompt_version"] == prompt.PROMPT_VERSION
        assert found["general.name"] == "clitron-notes"
        assert check_model(notes(), job.out / name) == []
        with Engine(job.out / name) as engine:
            assert prior_of(notes(), engine) is not None
            assert not any(structure_prior.FILE in one for one in warnings_of(notes(), engine))
    card = (job.out / "README.md").read_text()
    assert "7 train" in card
    assert notes().hash in card
    assert json.loads((job.out / "parity.json").read_text())["answers"]["q8_0"]["of"] == 3

    lonely = tmp_path / "clitron-notes-q8_0.gguf"
    shutil.copyfile(job.out / lonely.name, lonely)
    with Engine(lonely) as engine:
        assert any(structure_prior.FILE in one for one in warnings_of(notes(), engine))

    # killed behind the conversion: it is not done again
    shutil.rmtree(job.out)
    job.out.mkdir()
    monkeypatch.setattr(gguf_model, "convert", lambda *_: pytest.fail("converted again"))
    gguf_model.run(job)
    assert names <= {file.name for file in job.out.iterdir()}


def test_unknown_quant_is_refused_before_any_work(tmp_path: Path) -> None:
    job = make_job(tmp_path, quants=("q9",))
    with pytest.raises(QuantizeError, match="q9"):
        gguf_model.run(job)
    assert not list(job.work.iterdir())


def test_other_tokenizer_is_noticed() -> None:
    """Digits that are not split, as transformers rebuilds this tokenizer from a GGUF."""
    from tokenizers import pre_tokenizers

    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(TINY))
    prompts = ["the last  12 notes"]
    assert parity.check_tokens(tiny_gguf(), tokenizer, prompts) == 1
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    with pytest.raises(parity.ParityError, match="reads a prompt otherwise than training did"):
        parity.check_tokens(tiny_gguf(), tokenizer, prompts)


def test_drift_of_a_wrong_conversion_is_refused() -> None:
    with pytest.raises(parity.ParityError, match="other probabilities"):
        parity.check_drift(Path("x.gguf"), 0.4)


def test_modelfile_renders_the_training_prompt() -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(TINY))
    chat = prompt.messages(notes(), "show note 7", {"notes": {"current_note": 3}})
    text = template(tokenizer)
    for name, message in zip(("System", "Prompt"), chat, strict=True):
        text = text.replace(f"{{{{ .{name} }}}}", message["content"])
    assert text == prompt.render(tokenizer, chat)
    lines = modelfile(notes(), tokenizer, "clitron-notes-q8_0.gguf")
    assert "FROM ./clitron-notes-q8_0.gguf" in lines
    assert f'SYSTEM """{chat[0]["content"]}"""' in lines
    assert 'PARAMETER stop "<|im_end|>"' in lines
    assert "PARAMETER temperature 0" in lines


def test_modelfile_leaves_bos_to_ollama() -> None:
    """A tokenizer that adds BOS itself: the template must not write a second one."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(TINY))
    tokenizer.bos_token = "<|endoftext|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    assert template(tokenizer).startswith("<|im_start|>system")
