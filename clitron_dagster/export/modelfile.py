"""The Modelfile: how Ollama runs the model with the prompt that it was trained on.

Format: https://github.com/ollama/ollama/blob/main/docs/modelfile.md
"""

from __future__ import annotations

from typing import Any

from clitron_dagster import prompt
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema import Schema

_SYSTEM, _PROMPT = "CLITRON-SYSTEM", "CLITRON-PROMPT"


def template(tokenizer: Any) -> str:
    """Ollama's Go template, derived from the base model's chat template by rendering it once.

    Raises:
        ClitronError: the chat template changes or drops what it is given.
    """
    chat = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _PROMPT}]
    text = prompt.render(tokenizer, chat)
    if text.count(_SYSTEM) != 1 or text.count(_PROMPT) != 1:
        raise ClitronError(
            "the base model's chat template does not take a system line; choose another"
        )
    bos = tokenizer.bos_token_id
    if bos is not None and tokenizer("x")["input_ids"][0] == bos:
        text = text.removeprefix(tokenizer.bos_token)  # Ollama writes it itself
    return text.replace(_SYSTEM, "{{ .System }}").replace(_PROMPT, "{{ .Prompt }}")


def modelfile(schema: Schema, tokenizer: Any, gguf_name: str) -> str:
    """Text of the Modelfile for one GGUF beside it."""
    return "\n".join(
        [
            f"# ollama create clitron-{schema.cli_name} -f Modelfile",
            f"FROM ./{gguf_name}",
            f'TEMPLATE """{template(tokenizer)}{{{{ .Response }}}}"""',
            f'SYSTEM """{prompt.system_line(schema.cli_name)}"""',
            f'PARAMETER stop "{tokenizer.eos_token}"',
            "PARAMETER temperature 0",
            "PARAMETER num_predict 256",
            "",
        ]
    )
