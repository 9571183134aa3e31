"""Greedy decoding of a GGUF by llama.cpp, with log-probabilities: one request or many at once.

llama-cpp-python's own ``Llama`` class needs ``logits_all`` for log-probabilities (which then
computes them for the prompt too), and knows one sequence only; so this speaks to the C API.

Answers do not depend on what was asked before: only the prefix given to :meth:`Engine.keep_prefix`
stays in the KV cache, and a request alone is always decoded in the same chunks.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import llama_cpp
import numpy as np
import numpy.typing as npt

from clitron_dagster.errors import ClitronError
from clitron_dagster.inference import llama
from clitron_dagster.inference.llama import ModelFileError

Until = Callable[[str], int | None]
"""Looks at the text so far; the length at which it is complete, or None to go on."""


Fill = Callable[[str], str]
"""Looks at the text so far; what must follow it, which is then not asked of the model."""


class Advice(Protocol):
    """A second opinion on an answer's tokens (``vote.py``)."""

    def weights(self, text: str, pieces: Sequence[str]) -> list[float] | None:
        """For each piece that may follow ``text``, the most likely first, what is added to its
        log-probability; None without an opinion."""


class TooLongError(ClitronError):
    """A prompt that does not fit into the context window."""


@dataclass(frozen=True)
class Completion:
    """What a model wrote for one prompt.

    ``logprobs`` has one entry per token: natural logarithm of the chosen token's probability over
    the whole vocabulary, also where a grammar ruled other tokens out; 0 for tokens that were filled
    in without the model. ``ended``: the model wrote
    its end token, or a stop rule applied; else the limit cut it off.
    """

    text: str
    tokens: list[int]
    logprobs: list[float]
    latency_ms: float
    ended: bool


@dataclass
class _Slot:
    """One sequence being decoded."""

    index: int
    sequence: int
    room: int
    started: float
    position: int
    last: int = -1
    filled: list[int] = field(default_factory=list)  # behind ``last``, not yet decoded either
    row: int = -1  # where in the batch this slot's logits will be
    text: bytes = b""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    grammar: Any = None
    advice: Advice | None = None
    ended: bool = False
    length: int | None = None


class _Crew:
    """How many threads to decode with.

    llama.cpp's threads wait for each other by spinning, several hundred times a token. When another
    process takes a core away, two threads on two cores fall from 94 tokens/s to 2–20 (measured),
    while one thread keeps its 74. A shared core shows as less CPU time than threads × wall time;
    then the crew is halved, and grows again after a pause that doubles while it proves too early.
    The number of threads does not change results.
    """

    def __init__(self, most: int, *, adapts: bool) -> None:
        self.most = self.size = most
        self._adapts = adapts
        self._pause = 1.0  # seconds
        self._until = 0.0

    def worked(self, wall: float, cpu: float) -> None:
        if not self._adapts or self.most == 1:
            return
        now = time.perf_counter()
        if self.size > 1 and wall > 0.002 and cpu < 0.8 * wall * self.size:
            self.size = max(1, self.size // 2)
            self._pause = min(self._pause * 2, 60.0)
            self._until = now + self._pause
        elif self.size < self.most and now > self._until:
            self.size = min(self.most, self.size * 2)
        elif self.size == self.most and now > self._until + self._pause:
            self._pause = 1.0


class Engine:
    """A loaded model. Not safe for use by two threads at once.

    Args:
        path: the GGUF file.
        n_ctx: room of one request, prompt and answer, in tokens.
        threads: a fixed number; default the free ones of the cores that this process may use.
        parallel: how many requests :meth:`complete_batch` decodes at once.

    Raises:
        ModelFileError: the file is missing, not a GGUF, or damaged.
    """

    def __init__(
        self, path: Path | str, *, n_ctx: int = 1024, threads: int | None = None, parallel: int = 1
    ) -> None:
        self.path = Path(path)
        self.n_ctx = n_ctx
        self.parallel = parallel
        self._crew = _Crew(threads or physical_cores(), adapts=threads is None)
        self._free = contextlib.ExitStack()
        self._model = llama.load_model(self.path)
        self._free.callback(llama_cpp.llama_model_free, self._model)
        self.metadata: Mapping[str, str] = llama.metadata_of(self._model)
        self._context = self._new_context()
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._vocab: Any = llama_cpp.llama_model_get_vocab(self._model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._most_filled = self._n_batch // (2 * self.parallel) - 1  # all slots fit into a batch
        self._batch = llama_cpp.llama_batch_init(self._n_batch, 0, 1)
        self._free.callback(llama_cpp.llama_batch_free, self._batch)
        self._prefix: list[int] = []
        self._grammars: dict[str, Any] = {}
        self._template: Any = None

    def _new_context(self) -> Any:
        params = llama_cpp.llama_context_default_params()
        self._n_batch = max(self.n_ctx, 512)
        params.n_ctx = self.n_ctx * (self.parallel + 1)
        params.n_batch = self._n_batch
        params.n_ubatch = 512
        params.n_seq_max = self.parallel + 1  # sequence 0 holds the kept prefix
        params.kv_unified = True  # so that sequences share the prefix's cells
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(self._model, params)
        if not context:
            self.close()
            raise ModelFileError(f"cannot run model {self.path} ({llama.last_words()})")
        self._free.callback(llama_cpp.llama_free, context)
        return context

    def close(self) -> None:
        """Free the memory; the engine cannot be used afterwards."""
        for grammar in getattr(self, "_grammars", {}).values():
            llama_cpp.llama_sampler_free(grammar)
        self._grammars = {}
        self._free.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- text and tokens --------------------------------------------------------------------------

    def tokenize(self, text: str, *, special: bool = True) -> list[int]:
        """Tokens of a text; adds no BOS, because the chat template writes one where it belongs."""
        data = text.encode()
        size = len(data) + 8
        buffer = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), buffer, size, False, special)
        if count < 0:
            raise ModelFileError(f"model {self.path} cannot tokenize {text[:40]!r}")
        return list(buffer[:count])

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """Bytes that a token stands for; control tokens stand for nothing unless ``special``."""
        buffer = ctypes.create_string_buffer(256)
        count = llama_cpp.llama_token_to_piece(
            self._vocab, llama_cpp.llama_token(token), buffer, len(buffer), 0, special
        )
        return buffer.raw[: max(count, 0)]

    def is_end(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def apply_chat_template(
        self,
        chat: list[dict[str, str]],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = True,
    ) -> str:
        """The GGUF's chat template, as transformers renders it, so that ``prompt.render`` takes
        an engine in the tokenizer's place."""
        assert not tokenize
        if self._template is None:
            self._template = _compile_template(self.metadata, self.path)
        special = {
            f"{name}_token": self.piece(int(self.metadata[key]), special=True).decode()
            for name in ("bos", "eos")
            if (key := f"tokenizer.ggml.{name}_token_id") in self.metadata
        }
        return str(
            self._template.render(
                messages=chat, add_generation_prompt=add_generation_prompt, **special
            )
        )

    # -- decoding ---------------------------------------------------------------------------------

    def keep_prefix(self, prompts: Sequence[str]) -> int:
        """Keep the tokens that all ``prompts`` begin with in the KV cache; returns how many.

        One token at least is left to each prompt, for its logits.
        """
        columns = zip(*(self.tokenize(prompt)[:-1] for prompt in prompts), strict=False)
        same = itertools.takewhile(lambda column: len(set(column)) == 1, columns)
        self._prefix = [column[0] for column in same][: self.n_ctx // 2]
        llama_cpp.llama_memory_clear(self._memory, True)
        if self._prefix:
            for position, token in enumerate(self._prefix):
                self._put(token, position, 0, logits=False)
            self._decode()
        return len(self._prefix)

    def complete(
        self,
        prompt: str,
        max_tokens: int = 256,
        stop: Sequence[str] = (),
        grammar: str | None = None,
        until: Until | None = None,
        fill: Fill | None = None,
        advice: Advice | None = None,
    ) -> Completion:
        """Greedy completion of one prompt.

        Args:
            stop: the answer ends before the first of these strings.
            grammar: GBNF; tokens that it forbids are passed over.
            until: see :data:`Until`.
            fill: see :data:`Fill`; what it says has to be what the grammar leaves.
            advice: see :class:`Advice`; its opinion counts beside the model's.

        Raises:
            TooLongError: the prompt leaves no room for an answer.
        """
        return self.complete_batch([prompt], max_tokens, stop, grammar, until, fill, [advice])[0]

    def complete_batch(
        self,
        prompts: Sequence[str],
        max_tokens: int = 256,
        stop: Sequence[str] = (),
        grammar: str | None = None,
        until: Until | None = None,
        fill: Fill | None = None,
        advice: Sequence[Advice | None] = (),
    ) -> list[Completion]:
        """Completions of many prompts, ``parallel`` of them at a time, in the prompts' order;
        ``advice`` has one entry for each prompt, or none at all."""
        waiting = collections.deque(
            (index, self.fitting(prompt)) for index, prompt in enumerate(prompts)
        )
        master = self._grammar(grammar) if grammar is not None else None
        head = self.tokenize(fill(""), special=False)[:-1] if fill is not None else []
        stops = [text.encode() for text in stop]
        done: dict[int, Completion] = {}
        active: list[_Slot] = []
        free = list(range(1, self.parallel + 1))
        try:
            while waiting or active:
                for slot in active:
                    self._put_last(slot)
                while free and waiting and self._fits(waiting[0][1], len(head)):
                    index, tokens = waiting.popleft()
                    slot = self._start(index, tokens, free.pop(), max_tokens, master, head)
                    slot.advice = advice[index] if advice else None
                    active.append(slot)
                self._decode()
                for slot in active:
                    self._step(slot, stops, until)
                    if fill is not None and not slot.ended:
                        self._fill(slot, fill, until)
                for slot in [slot for slot in active if slot.ended or slot.room <= 0]:
                    active.remove(slot)
                    free.append(slot.sequence)
                    done[slot.index] = self._finish(slot)
        finally:
            self._batch.n_tokens = 0
            for slot in active:
                self._finish(slot)
        return [done[index] for index in range(len(prompts))]

    def score(self, prompt: str, answer: str) -> list[float]:
        """Log-probability of each token of ``answer`` and of the end token after ``prompt``."""
        tokens = self.fitting(prompt)
        end = [llama_cpp.llama_vocab_eos(self._vocab)]
        wanted = [*self.tokenize(answer, special=False), *end]
        if len(tokens) + len(wanted) > self.n_ctx:
            raise TooLongError(f"prompt and answer have more than {self.n_ctx} tokens")
        slot = self._start(0, tokens, 1, 1, None)
        rows = [slot.row]
        for offset, token in enumerate(wanted[:-1]):
            rows.append(self._put(token, slot.position + offset, slot.sequence))
        self._decode()
        scores = []
        for row, token in zip(rows, wanted, strict=True):
            logits = self._logits(row)
            scores.append(float(logits[token]) - _log_sum_exp(logits))
        self._finish(slot)
        return scores

    def fitting(self, prompt: str) -> list[int]:
        """Tokens of a prompt that leaves at least a quarter of the window for the answer.

        Raises:
            TooLongError: it does not.
        """
        tokens = self.tokenize(prompt)
        limit = self.n_ctx * 3 // 4
        if len(tokens) > limit:
            raise TooLongError(f"the request has {len(tokens)} tokens; at most {limit} fit")
        if not tokens:
            raise TooLongError("the prompt is empty")
        return tokens

    # -- one step ---------------------------------------------------------------------------------

    def _fits(self, tokens: list[int], more: int) -> bool:
        return bool(self._batch.n_tokens + len(tokens) + more <= self._n_batch)

    def _start(
        self,
        index: int,
        prompt: list[int],
        sequence: int,
        max_tokens: int,
        master: Any,
        head: Sequence[int] = (),
    ) -> _Slot:
        """Lay a prompt into the batch, and ``head``, with which every answer begins."""
        started = time.perf_counter()
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        tokens = [*prompt, *head]
        kept = len(self._prefix)
        if kept and kept < len(tokens) and tokens[:kept] == self._prefix:
            llama_cpp.llama_memory_seq_cp(self._memory, 0, sequence, 0, kept)
        else:
            kept = 0
        for position in range(kept, len(tokens) - 1):
            self._put(tokens[position], position, sequence, logits=False)
        row = self._put(tokens[-1], len(tokens) - 1, sequence)
        room = min(max_tokens, self.n_ctx - len(tokens))
        slot = _Slot(index, sequence, room, started, len(tokens), row=row)
        slot.grammar = llama_cpp.llama_sampler_clone(master) if master else None
        for token in head:
            self._take(slot, token, 0.0)
        return slot

    def _take(self, slot: _Slot, token: int, logprob: float) -> None:
        """Add a token, which the grammar allows, to the answer."""
        if slot.grammar is not None:
            llama_cpp.llama_sampler_accept(slot.grammar, token)
        slot.tokens.append(token)
        slot.logprobs.append(logprob)
        slot.text += self.piece(token)
        slot.room -= 1

    def _put_last(self, slot: _Slot) -> None:
        """Lay the last token, and what was filled in behind it, into the batch."""
        tokens = [slot.last, *slot.filled]
        for token in tokens[:-1]:
            self._put(token, slot.position, slot.sequence, logits=False)
            slot.position += 1
        slot.row = self._put(tokens[-1], slot.position, slot.sequence)
        slot.position += 1
        slot.filled = []

    def _put(self, token: int, position: int, sequence: int, *, logits: bool = True) -> int:
        row = int(self._batch.n_tokens)
        self._batch.token[row] = token
        self._batch.pos[row] = position
        self._batch.n_seq_id[row] = 1
        self._batch.seq_id[row][0] = sequence
        self._batch.logits[row] = logits
        self._batch.n_tokens = row + 1
        return row

    def _decode(self) -> None:
        llama_cpp.llama_set_n_threads(self._context, self._crew.size, self._crew.size)
        wall, cpu = time.perf_counter(), time.process_time()
        status = llama_cpp.llama_decode(self._context, self._batch)
        self._crew.worked(time.perf_counter() - wall, time.process_time() - cpu)
        self._batch.n_tokens = 0
        if status != 0:
            raise ModelFileError(
                f"model {self.path} cannot be run: llama.cpp reports {status} {llama.last_words()}"
            )

    def _logits(self, row: int) -> npt.NDArray[np.float32]:
        pointer = llama_cpp.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))

    def _step(self, slot: _Slot, stops: list[bytes], until: Until | None) -> None:
        logits = self._logits(slot.row)
        token = int(logits.argmax())
        if slot.advice is not None:
            token = self._advised(slot, slot.advice, logits, token)
        if slot.grammar is not None and not self._allowed(slot.grammar, token):
            token = self._best_allowed(slot.grammar, logits)
        logprob = float(logits[token]) - _log_sum_exp(logits)
        slot.last = token
        if self.is_end(token):
            slot.tokens.append(token)
            slot.logprobs.append(logprob)
            slot.ended = True
            return
        self._take(slot, token, logprob)
        cuts = [cut for text in stops if (cut := slot.text.find(text)) >= 0]
        if until is not None:
            found = until(slot.text.decode(errors="ignore"))
            if found is not None:
                cuts.append(len(slot.text.decode(errors="ignore")[:found].encode()))
        if cuts:
            slot.length, slot.ended = min(cuts), True

    def _advised(
        self, slot: _Slot, advice: Advice, logits: npt.NDArray[np.float32], best: int
    ) -> int:
        """The best of the likeliest tokens that the grammar takes, by model and advice together;
        ``best``, the model's own choice, where the advice has no opinion."""
        try:
            text = slot.text.decode()
        except UnicodeDecodeError:  # in the middle of a character, and so of a value
            return best
        if advice.weights(text, [self.piece(best).decode(errors="replace")]) is None:
            return best
        tokens = np.argpartition(-logits, _ADVISED_TOKENS)[:_ADVISED_TOKENS]
        tokens = tokens[np.argsort(-logits[tokens], kind="stable")]
        if slot.grammar is not None:
            tokens = tokens[self._mask(slot.grammar, tokens)]
        pieces = [self.piece(int(token)).decode(errors="replace") for token in tokens]
        weights = advice.weights(text, pieces) if pieces else None
        if weights is None:
            return best
        return int(tokens[int((logits[tokens] + np.array(weights, np.float32)).argmax())])

    def _fill(self, slot: _Slot, fill: Fill, until: Until | None) -> None:
        """Take over what must follow: whole where that ends the answer, else up to its last token,
        which in the model's own spelling may hold what comes after it, too."""
        try:
            text = slot.text.decode()
        except UnicodeDecodeError:  # in the middle of a character
            return
        forced = fill(text)
        if not forced:
            return
        if until is not None and until(text + forced) is not None:
            slot.text, slot.ended = (text + forced).encode(), True
            return
        written = len(slot.tokens)
        tokens = self.tokenize(text + forced, special=False)
        if tokens[:written] != slot.tokens:  # the model has spelled the text in its own way
            written, tokens = 0, self.tokenize(forced, special=False)
        for token in tokens[written:-1][: max(0, min(self._most_filled, slot.room - 1))]:
            if slot.grammar is not None and not self._allowed(slot.grammar, token):
                return
            slot.filled.append(token)
            self._take(slot, token, 0.0)

    def _finish(self, slot: _Slot) -> Completion:
        llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
        if slot.grammar is not None:
            llama_cpp.llama_sampler_free(slot.grammar)
        return Completion(
            text=slot.text[: slot.length].decode(errors="replace"),
            tokens=slot.tokens,
            logprobs=slot.logprobs,
            latency_ms=(time.perf_counter() - slot.started) * 1000,
            ended=slot.ended,
        )

    # -- grammar ----------------------------------------------------------------------------------

    def _grammar(self, text: str) -> Any:
        """The parsed grammar; requests work on clones of it (a reset would parse it again)."""
        if text not in self._grammars:
            llama.clear_log()
            sampler = llama_cpp.llama_sampler_init_grammar(self._vocab, text.encode(), b"root")
            if not sampler:
                raise ClitronError(f"llama.cpp refuses the grammar ({llama.last_words()})")
            self._grammars[text] = sampler
        return self._grammars[text]

    def accepts(self, grammar: str, text: str) -> bool:
        """Whether a text, as this model tokenizes it, is exactly what the grammar describes."""
        sampler = llama_cpp.llama_sampler_clone(self._grammar(grammar))
        try:
            for token in self.tokenize(text, special=False):
                if not self._allowed(sampler, token):
                    return False
                llama_cpp.llama_sampler_accept(sampler, token)
            return self._allowed(sampler, llama_cpp.llama_vocab_eos(self._vocab))
        finally:
            llama_cpp.llama_sampler_free(sampler)

    def _allowed(self, grammar: Any, token: int) -> bool:
        return bool(self._mask(grammar, np.array([token]))[0])

    def _best_allowed(self, grammar: Any, logits: npt.NDArray[np.float32]) -> int:
        """The likeliest token that the grammar takes: of the best 64, else of all."""
        for count in (64, self.n_vocab):
            best = np.argpartition(-logits, count - 1)[:count] if count < self.n_vocab else None
            tokens = np.arange(self.n_vocab) if best is None else best
            tokens = tokens[np.argsort(-logits[tokens], kind="stable")]
            allowed = self._mask(grammar, tokens)
            if allowed.any():
                return int(tokens[int(allowed.argmax())])
        raise ClitronError("the grammar leaves no token to go on with; decode without it")

    def _mask(self, grammar: Any, tokens: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        candidates = np.zeros(len(tokens), dtype=_CANDIDATE)
        candidates["id"] = tokens
        array = llama_cpp.llama_token_data_array(
            data=candidates.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token_data)),
            size=len(tokens),
            selected=-1,
            sorted=False,
        )
        llama_cpp.llama_sampler_apply(grammar, ctypes.byref(array))
        return np.asarray(np.isfinite(candidates["logit"]))


_ADVISED_TOKENS = 128  # so many of the likeliest are looked at
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)


def _log_sum_exp(logits: npt.NDArray[np.float32]) -> float:
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def physical_cores() -> int:
    """Physical cores that this process may use; at most 8, a small model has no work for more."""
    import psutil  # type: ignore[import-untyped]

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(usable or 1, psutil.cpu_count(logical=False) or usable or 1, 8))


def _compile_template(metadata: Mapping[str, str], path: Path) -> Any:
    """Compile the chat template with the environment that transformers uses for them."""
    import jinja2.ext
    import jinja2.sandbox

    if "tokenizer.chat_template" not in metadata:
        raise ModelFileError(f"model {path} has no chat template; convert it again with one")
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )

    def refuse(message: str) -> None:
        raise ClitronError(f"the chat template of {path} refuses the prompt: {message}")

    def now(pattern: str) -> str:
        return time.strftime(pattern)

    environment.globals.update(raise_exception=refuse, strftime_now=now)
    return environment.from_string(metadata["tokenizer.chat_template"])
