"""SFT on the tiny model: every method, precision, checkpoints, and what is written."""

import json
from pathlib import Path

import pytest
import torch

from clitron_dagster.base_model import TINY, resolve_base_model
from clitron_dagster.schema import load_schema
from clitron_dagster.stage import Job
from clitron_dagster.train import sft
from clitron_dagster.train.run_trainer import last_checkpoint
from clitron_dagster_tests.paths import NOTES

ROWS = [
    {
        "instruction": f"show note {i}",
        "source": "offline",
        "context": None,
        "output": json.dumps({"id": i, "x": "y" * 9}),
    }
    for i in range(24)
]


@pytest.fixture
def job(tmp_path):
    splits = tmp_path / "splits"
    splits.mkdir()
    for name, rows in (("train", ROWS), ("val", ROWS[:6])):
        (splits / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "out").mkdir()
    (tmp_path / "work").mkdir()

    def make(**changes):
        config = sft.SftConfig(base_model=TINY, bin_length=128, epochs=3, **changes)
        inputs = {"splits": splits}
        return Job(load_schema(NOTES), NOTES, config, inputs, tmp_path / "out", tmp_path / "work")

    return make


def test_a_full_fine_tune_learns_and_writes_its_records(job):
    made = job(method="full", learning_rate=5e-3)
    metrics = sft.run(made)
    config = json.loads((made.out / "training_config.json").read_text())
    records = json.loads((made.out / "training_metrics.json").read_text())
    losses = [entry["loss"] for entry in records["log_history"] if "loss" in entry]
    assert losses[-1] < losses[0] - 1
    assert records["eval_loss"] == metrics["eval_loss"] > 0
    assert config["learning_rate"] == 5e-3
    assert (made.out / "curves.png").read_bytes().startswith(b"\x89PNG")
    names = {file.name for file in (made.out / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not list(made.out.rglob("*.bin"))  # no pickles
    assert not list(made.out.rglob("*.pt"))


def test_rows_that_people_wrote_come_first():
    rows = [{"n": n, "source": "curated" if n % 3 == 0 else "offline"} for n in range(12)]
    assert [row["n"] for row in sft.chosen(rows, 6)] == [0, 1, 2, 3, 6, 9]
    assert [row["n"] for row in sft.chosen(rows, 3)] == [0, 3, 6]
    assert sft.chosen(rows, None) == sft.chosen(rows, 12) == rows


def test_frozen_layers_and_the_embeddings_stay_as_they_are(job):
    from transformers import AutoModelForCausalLM

    made = job(method="full", learning_rate=5e-3, frozen_layers=1)
    sft.run(made)
    before, after = (
        AutoModelForCausalLM.from_pretrained(place, dtype=torch.bfloat16).state_dict()
        for place in (resolve_base_model(TINY), made.out / "model")
    )
    changed = {name for name in before if not before[name].equal(after[name])}
    assert any("layers.1." in name for name in changed)
    assert not any("layers.0." in name or "embed_tokens" in name for name in changed)


def test_lora_writes_an_adapter(job):
    made = job(method="lora", lora_r=4)
    sft.run(made)
    assert (made.out / "adapter" / "adapter_model.safetensors").exists()
    assert not (made.out / "model").exists()


def test_the_same_seed_gives_the_same_weights(job, tmp_path):
    from clitron_dagster.store import sha256

    hashes = []
    for name in ("a", "b"):
        made = job(method="full", seed=3)
        out, work = tmp_path / name, tmp_path / f"work-{name}"
        out.mkdir()
        work.mkdir()
        sft.run(Job(made.schema, NOTES, made.config, made.inputs, out, work))
        hashes.append(sha256(out / "model" / "model.safetensors"))
    assert hashes[0] == hashes[1]


def test_bf16_reaches_the_matrix_products(job, monkeypatch):
    """accelerate's autocast wraps model.forward only; the trainer calls the backbone itself."""
    from clitron_dagster.train import device
    from clitron_dagster.train.trainer import ResponseOnlyTrainer

    monkeypatch.setattr(device, "supports_bf16", lambda _: True)
    seen = []
    hidden = ResponseOnlyTrainer._hidden

    def spy(self, model, inputs):
        states = hidden(self, model, inputs)
        layer = model.get_decoder().layers[0].mlp
        with self._autocast(torch.device("cpu")):
            seen.append(layer(torch.ones(1, 1, 64)).dtype)
        return states

    monkeypatch.setattr(ResponseOnlyTrainer, "_hidden", spy)
    sft.run(job(method="full"))
    assert set(seen) == {torch.bfloat16}


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="NF4 is meant for GPUs; see the slow test"
)
def test_qlora_on_a_gpu(job):
    made = job(method="qlora", lora_r=4)
    sft.run(made)
    assert (made.out / "adapter").is_dir()


def test_qlora_runs_the_nf4_path_on_a_tiny_model(job):
    made = job(method="qlora", lora_r=4)
    metrics = sft.run(made)
    assert metrics["method"] == "qlora"
    assert (made.out / "adapter" / "adapter_model.safetensors").exists()


def test_half_written_checkpoints_are_passed_over(tmp_path):
    whole, half = tmp_path / "checkpoint-5", tmp_path / "checkpoint-9"
    whole.mkdir()
    half.mkdir()
    (whole / "trainer_state.json").write_text("{}")
    (half / "trainer_state.json").write_text('{"step')
    assert last_checkpoint(tmp_path) == whole
    assert not Path(half).exists()


def _trainer(tmp_path, attention=None):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from clitron_dagster.train.encode import encode, pack

    base = resolve_base_model(TINY)
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = sft.SftConfig(base_model=TINY)
    bins = pack(encode(tokenizer, load_schema(NOTES), ROWS, 200), 128, 2, seed=1).bins
    model = sft.load_weights(base, config, "cpu", bf16=False)
    if attention:
        model = AutoModelForCausalLM.from_pretrained(base, attn_implementation=attention)
    trainer = sft.make_trainer(model, tokenizer, config, bins, bins, tmp_path, "cpu")
    return trainer, bins


def test_either_attention_gives_the_same_loss(tmp_path):
    from clitron_dagster.train.trainer import collate

    losses = []
    for attention in (None, "sdpa"):
        trainer, bins = _trainer(tmp_path, attention)
        trainer.args.bf16 = False
        losses.append(trainer.compute_loss(trainer.model, collate(bins[:2])).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_fewer_competitors_leave_the_targets_in_place(tmp_path):
    """Over the data's tokens alone, the loss is that of the whole softmax renormalized."""
    from clitron_dagster.train.trainer import collate

    trainer, bins = _trainer(tmp_path)
    trainer.args.bf16 = False
    trainer.model.train()
    batch = collate(bins[:2])
    whole = trainer.compute_loss(trainer.model, batch).item()
    trainer.vocabulary = sft.tokens_of(bins)
    assert trainer.compute_loss(trainer.model, batch).item() == pytest.approx(whole)  # step 0
    trainer.state.global_step = 1
    part = trainer.compute_loss(trainer.model, batch).item()
    assert part < whole
    trainer.vocabulary = torch.arange(trainer.model.config.vocab_size)
    assert trainer.compute_loss(trainer.model, batch).item() == pytest.approx(whole, rel=1e-5)
