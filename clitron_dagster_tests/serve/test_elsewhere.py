"""The same files under other programs, as docs/serving.md says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clitron_dagster import prompt
from clitron_dagster.base_model import TINY, resolve_base_model
from clitron_dagster.inference.engine import Engine
from clitron_dagster.inference.grammar import schema_grammar
from clitron_dagster.schema import load_schema
from clitron_dagster_tests.paths import ROOT, SCHEMAS
from clitron_dagster_tests.tiny import notes, tiny_gguf

LLAMA_SERVER = """
import json, sys, urllib.request, xllamacpp
file, grammar, body = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.warmup = file, 1024, 1, False
params.sampling.temp = 0.0
kind = xllamacpp.common_grammar_type.COMMON_GRAMMAR_TYPE_USER
params.sampling.grammar = xllamacpp.CommonGrammar(kind, grammar)
server = xllamacpp.Server(params)
url = server.listening_address + "/v1/chat/completions"
request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})
open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
print("\\nREPLY", open_(request).read().decode())
"""


def test_llama_server_answers_as_our_engine() -> None:
    pytest.importorskip("xllamacpp")
    file, grammar = tiny_gguf("f16"), schema_grammar(notes())
    chat = prompt.messages(notes(), "remember buy milk")
    body = json.dumps({"messages": chat, "max_tokens": 40})
    command = [sys.executable, "-c", LLAMA_SERVER, str(file), grammar, body]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    reply = json.loads(done.stdout.split("\nREPLY ")[1].splitlines()[0])
    with Engine(file) as engine:
        text = prompt.render(engine, chat)
        ours = engine.complete(text, max_tokens=40, grammar=grammar)
        assert reply["usage"]["prompt_tokens"] == len(engine.tokenize(text))
    assert ours.text.startswith('{"type":"')
    assert reply["choices"][0]["message"]["content"] == ours.text


def test_the_lines_for_transformers(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "serving.md").read_text()
    code = next(c for c in re.findall(r"```python\n(.*?)```", page, re.S) if "transformers" in c)
    folder = resolve_base_model(TINY)
    assert Path(folder).is_dir()
    code = code.replace('"model"', repr(str(folder))).replace("=256", "=3")
    names: dict[str, object] = {}
    exec(code, names)
    git, context = load_schema(SCHEMAS / "git.yaml"), {"git": {"current_branch": "main"}}
    chat = prompt.messages(git, "push this", context)
    assert names["text"] == prompt.render(names["tokenizer"], chat)
    assert len(capsys.readouterr().out) > 1
