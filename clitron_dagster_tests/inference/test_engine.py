"""The engine on the embedded model (real weights) and on the untrained one."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from clitron_dagster import prompt
from clitron_dagster.base_model import TINY, embedded_gguf, resolve_base_model
from clitron_dagster.errors import ClitronError
from clitron_dagster.inference.engine import Engine, TooLongError, _Crew
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.inference.llama import ModelFileError, read_metadata
from clitron_dagster_tests.tiny import notes, tiny_gguf

REQUESTS = ["What is the capital of France?", "Say hello.", "Count to five.", "Name a colour."]


def chat(engine: Engine, request: str) -> str:
    system = {"role": "system", "content": "You are a helpful AI assistant named SmolLM."}
    return prompt.render(engine, [system, {"role": "user", "content": request}])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(embedded_gguf(), n_ctx=256, parallel=4) as engine:
        yield engine


def test_it_speaks(engine: Engine) -> None:
    done = engine.complete(chat(engine, REQUESTS[0]), 32)
    assert "Paris" in done.text
    assert done.ended
    assert engine.is_end(done.tokens[-1])
    assert len(done.logprobs) == len(done.tokens)
    assert all(value <= 1e-6 for value in done.logprobs)


def test_template_is_the_tokenizers(engine: Engine) -> None:
    tokenizer = AutoTokenizer.from_pretrained(resolve_base_model(TINY))
    for request in ("list", "two words"):
        messages = prompt.messages(notes(), request, {"notes": {"current_note": 3}})
        assert prompt.render(engine, messages) == prompt.render(tokenizer, messages)


def test_kept_prefix_changes_no_answer(engine: Engine) -> None:
    prompts = [chat(engine, request) for request in REQUESTS]
    engine.keep_prefix([])
    without = [engine.complete(text, 12) for text in prompts]
    assert engine.keep_prefix(prompts) > 8
    kept = [engine.complete(text, 12) for text in prompts]
    assert [c.tokens for c in kept] == [c.tokens for c in without]
    again = [engine.complete(text, 12) for text in reversed(prompts)]
    assert [c.logprobs for c in reversed(again)] == [c.logprobs for c in kept]


def test_a_single_prompt_can_be_its_own_prefix(engine: Engine) -> None:
    text = chat(engine, REQUESTS[0])
    engine.keep_prefix([text])
    assert "Paris" in engine.complete(text, 32).text
    engine.keep_prefix([])


def test_batch_keeps_the_order_and_limits() -> None:
    with Engine(tiny_gguf(), n_ctx=128, parallel=3) as engine:
        prompts = [chat(engine, f"request number {i}") for i in range(8)]
        done = engine.complete_batch(prompts, 10)
        alone = [engine.complete(text, 10) for text in prompts]
    assert [c.tokens for c in done] == [c.tokens for c in alone]
    assert all(len(c.tokens) <= 10 for c in done)


def test_stop_and_until(engine: Engine) -> None:
    text = chat(engine, REQUESTS[0])
    whole = engine.complete(text, 32).text
    assert engine.complete(text, 32, stop=["Paris"]).text == whole.partition("Paris")[0]
    cut = engine.complete(text, 32, until=lambda so_far: 3 if len(so_far) > 5 else None)
    assert cut.text == whole[:3]
    assert cut.ended
    assert not engine.complete(text, 1).ended


def test_grammar_is_obeyed_and_probabilities_are_not_renormalized(engine: Engine) -> None:
    text = chat(engine, REQUESTS[0])
    done = engine.complete(text, 32, grammar='root ::= "Ber" ("lin" | "ne")')
    assert done.text in ("Berlin", "Berne")
    assert sum(done.logprobs) < math.log(0.5)
    with pytest.raises(ClitronError, match="refuses the grammar"):
        engine.complete(text, 4, grammar="root ::= nothing")


def test_what_must_follow_is_filled_in(engine: Engine) -> None:
    """Fewer questions to the model, and still its own choice; alone and together with others."""
    grammar = 'root ::= "The city of Ber" ("lin" | "ne") " is a fine place to be" "."?'
    behind = " is a fine place to be"

    def fill(text: str) -> str:
        if len(text) < 15:
            return "The city of Ber"[len(text) :]
        ending = text.partition("lin")[2] if "lin" in text else text.partition("ne")[2]
        named = "lin" in text or "ne" in text[15:]
        return behind[len(ending) :] if named else ""

    prompts = [chat(engine, request) for request in REQUESTS]
    filled = [engine.complete(text, 32, grammar=grammar, fill=fill) for text in prompts]
    for one in filled:
        assert engine.accepts(grammar, one.text)
        assert len(one.logprobs) == len(one.tokens)
        assert one.logprobs.count(0.0) > len(one.tokens) / 2
        assert b"".join(map(engine.piece, one.tokens)).decode() == one.text
    with Engine(engine.path, n_ctx=256, parallel=3) as together:
        batch = together.complete_batch(prompts, 32, grammar=grammar, fill=fill)
    assert [one.text for one in batch] == [one.text for one in filled]
    done = engine.complete(prompts[0], 32, grammar=grammar, fill=fill, until=lambda text: (
        len(text) if text.endswith("to be") else None
    ))  # fmt: skip
    assert done.ended
    assert done.text.endswith(behind)


def test_schema_grammar_makes_an_untrained_model_legal_json() -> None:
    from clitron_dagster.answer import answer_end

    grammar = schema_grammar(notes())
    with Engine(tiny_gguf(), n_ctx=256) as engine:
        done = engine.complete(chat(engine, "list"), 200, grammar=grammar, until=answer_end)
    assert done.text.startswith('{"type":"')


def test_logprobs_are_those_of_transformers() -> None:
    """Against an independent implementation on the same weights (f16 against fp32)."""
    folder = resolve_base_model(TINY)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with Engine(tiny_gguf(), n_ctx=128) as engine:
        text = chat(engine, "show 12 notes")
        done = engine.complete(text, 6)
        ids = torch.tensor([engine.tokenize(text) + done.tokens])
        with torch.no_grad():
            logprobs = model(ids).logits[0].log_softmax(-1)
        start = ids.shape[1] - len(done.tokens)
        theirs = [float(logprobs[start + i - 1, t]) for i, t in enumerate(done.tokens)]
        assert done.logprobs == pytest.approx(theirs, abs=5e-3)
        answer = '{"type":"command"}'
        said = [*tokenizer(answer)["input_ids"], tokenizer.eos_token_id]
        ids = torch.tensor([engine.tokenize(text) + said])
        with torch.no_grad():
            logprobs = model(ids).logits[0].log_softmax(-1)
        start = ids.shape[1] - len(said)
        theirs = [float(logprobs[start + i - 1, t]) for i, t in enumerate(said)]
        assert engine.score(text, answer) == pytest.approx(theirs, abs=5e-3)


def test_too_long_prompt(engine: Engine) -> None:
    with pytest.raises(TooLongError, match="at most 192 fit"):
        engine.complete("word " * 300)
    assert engine.complete(chat(engine, REQUESTS[0]), 32).text  # and it goes on working


def test_refused_files(tmp_path: Path) -> None:
    good = tiny_gguf("q8_0").read_bytes()
    cases = {
        "text.gguf": (b"hello", "not a GGUF"),
        "empty.gguf": (b"", "not a GGUF"),
        "short.gguf": (good[: len(good) // 2], "damaged or incomplete"),
        "head.gguf": (good[:100], "damaged or incomplete"),
    }
    for name, (data, says) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelFileError, match=says):
            Engine(tmp_path / name)
    with pytest.raises(ModelFileError, match="no model file"):
        Engine(tmp_path / "missing.gguf")
    with pytest.raises(ModelFileError, match="is a folder"):
        Engine(tmp_path)


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with Engine(tiny_gguf(), n_ctx=64) as engine:
        engine.complete("x", 2)
    assert capfd.readouterr() == ("", "")


def test_metadata_without_weights() -> None:
    found = read_metadata(tiny_gguf())
    assert found["clitron.cli"] == "notes"
    assert found["tokenizer.ggml.pre"] == "smollm"
    assert found["general.license"] == "apache-2.0"


def test_crew_gives_way_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    crew = _Crew(4, adapts=True)
    crew.worked(0.01, 0.04)
    assert crew.size == 4
    crew.worked(0.01, 0.02)
    assert crew.size == 2
    crew.worked(0.01, 0.02)
    assert crew.size == 2
    clock[0] += 5
    crew.worked(0.01, 0.02)
    assert crew.size == 4
    fixed = _Crew(4, adapts=False)
    fixed.worked(0.01, 0.01)
    assert fixed.size == 4
