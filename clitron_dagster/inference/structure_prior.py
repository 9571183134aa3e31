"""Which command and which options a request may mean, by its words alone: a second opinion.

A small language model that has read each training row once is unsure of the structure of an answer;
logistic regressions over character and word n-grams, fitted on the same rows to convergence in
seconds, err elsewhere. One chooses among the commands (and asking back), one for each option of a
command says whether it belongs there. ``vote.py`` brings them into decoding; values are the model's
alone.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clitron_dagster.errors import ClitronError
from clitron_dagster.store import sha256

FILE = "structure_prior.safetensors"  # beside the GGUF files that it was made with
KEY = "clitron.structure_prior"  # in their metadata: the file's checksum
ASK = "?"  # in a command's place: a question back
_BUCKETS = 1 << 18
_VALUE = re.compile(r"\S*[\d/._@~-]\S*")  # file names, hashes, versions: not what decides
_CHARS, _WORDS = (2, 5), (1, 2)  # lengths of n-grams
Floats = npt.NDArray[np.float32]


def label_of(answer: Mapping[str, Any]) -> str:
    """The unit key of an answer object, or :data:`ASK`."""
    if answer.get("type") != "command":
        return ASK
    return " ".join(filter(None, (answer["command"], answer["subcommand"])))


def ngrams(request: str) -> tuple[Counter[int], Counter[int]]:
    """Hashes of a request's character n-grams (within words) and word n-grams, with their counts."""
    words = _VALUE.sub("VAL", request.lower()).split()
    chars: Counter[int] = Counter()
    for word in words:
        padded = f" {word} "
        for size in range(_CHARS[0], min(_CHARS[1], len(padded)) + 1):
            starts = range(len(padded) - size + 1)
            chars.update(_hash("c" + padded[start : start + size]) for start in starts)
    together: Counter[int] = Counter()
    for size in range(_WORDS[0], _WORDS[1] + 1):
        starts = range(len(words) - size + 1)
        together.update(_hash("w" + " ".join(words[start : start + size])) for start in starts)
    return chars, together


def _hash(text: str) -> int:
    return zlib.crc32(text.encode()) % _BUCKETS


@dataclass(frozen=True)
class Ngrams:
    """The n-grams that are known: ``buckets`` (features,) are their hashes, ascending, ``idf``
    (features,) their inverse document frequencies."""

    buckets: npt.NDArray[np.int32]
    idf: Floats

    def features(self, request: str) -> tuple[npt.NDArray[np.int32], Floats]:
        """Places of a request's known n-grams and their tf-idf, each of the two kinds of length 1."""
        places, values = [], []
        for counts in ngrams(request):
            hashes = np.fromiter(counts, np.int32, len(counts))
            where, known = _find(self.buckets, hashes)
            often = np.fromiter(counts.values(), np.float32, len(counts))[known]
            value = (1 + np.log(often)) * self.idf[where]
            places.append(where)
            values.append(value / max(float(np.linalg.norm(value)), 1e-9))
        return np.concatenate(places).astype(np.int32), np.concatenate(values).astype(np.float32)


@dataclass(frozen=True)
class OptionPrior:
    """One unit's options: ``weights`` (places, options) and ``bias`` (options,) of a logistic
    regression each; ``places`` says which n-grams the unit's requests have, ascending."""

    names: tuple[str, ...]
    places: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float16]
    bias: Floats

    def probabilities(self, places: npt.NDArray[np.int32], values: Floats) -> dict[str, float]:
        scores = self.bias
        if len(self.places):
            where, known = _find(self.places, places)
            scores = scores + values[known] @ self.weights[where].astype(np.float32)
        found = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        return dict(zip(self.names, map(float, found), strict=True))


@dataclass(frozen=True)
class StructurePrior:
    """``weights`` (features, labels) and ``bias`` (labels,) choose among ``labels``, which are unit
    keys and :data:`ASK`; ``options`` are by unit key."""

    ngrams: Ngrams
    labels: tuple[str, ...]
    weights: npt.NDArray[np.float16]
    bias: Floats
    options: Mapping[str, OptionPrior]

    def of(self, request: str) -> Reading:
        return Reading(self, *self.ngrams.features(request))

    def save(self, file: Path, cli: str) -> None:
        """Write one safetensors file; the units' parts lie behind one another in its arrays."""
        from safetensors.numpy import save_file

        parts = list(self.options.values())
        arrays = {
            "buckets": self.ngrams.buckets,
            "idf": self.ngrams.idf,
            "weights": self.weights,
            "bias": self.bias,
            "option_places": _joined([part.places for part in parts], np.int32),
            "option_weights": _joined([part.weights.ravel() for part in parts], np.float16),
            "option_bias": _joined([part.bias for part in parts], np.float32),
        }
        units = [[key, part.names, len(part.places)] for key, part in self.options.items()]
        # One key: safetensors writes several in an order that changes from run to run.
        about = {"about": json.dumps({"cli": cli, "labels": self.labels, "units": units})}
        save_file({name: np.ascontiguousarray(one) for name, one in arrays.items()}, file, about)


class Reading:
    """What a prior says of one request."""

    def __init__(
        self, prior: StructurePrior, places: npt.NDArray[np.int32], values: Floats
    ) -> None:
        self._prior, self._places, self._values = prior, places, values
        self._options: dict[str, dict[str, float]] = {}

    @cached_property
    def units(self) -> dict[str, float]:
        """Each label's probability."""
        prior = self._prior
        scores = prior.bias + self._values @ prior.weights[self._places].astype(np.float32)
        shares = np.exp(scores - scores.max())
        return dict(zip(prior.labels, map(float, shares / shares.sum()), strict=True))

    def options(self, unit: str) -> Mapping[str, float]:
        """The probability that an option belongs to the answer, if the command is ``unit``."""
        if unit not in self._options:
            part = self._prior.options.get(unit)
            found = part.probabilities(self._places, self._values) if part else {}
            self._options[unit] = found
        return self._options[unit]


def load(file: Path, cli: str, checksum: str) -> StructurePrior | None:
    """What :meth:`StructurePrior.save` wrote; None where there is no such file.

    Raises:
        ClitronError: the file is another one than ``checksum`` says, or belongs to another CLI.
    """
    from safetensors import safe_open

    if not file.is_file():
        return None
    if checksum_of(file) != checksum:
        raise ClitronError(
            f"{file} is not the one that was made with the model beside it; copy both together"
        )
    with safe_open(file, "np") as held:
        about = json.loads(held.metadata()["about"])
        arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    if about.get("cli") != cli:
        raise ClitronError(f"{file} was made for `{about.get('cli')}`, not for `{cli}`")
    options = {}
    place = weight = bias = 0
    for key, names, count in about["units"]:
        size = count * len(names)
        options[key] = OptionPrior(
            tuple(names),
            arrays["option_places"][place : place + count],
            arrays["option_weights"][weight : weight + size].reshape(count, len(names)),
            arrays["option_bias"][bias : bias + len(names)],
        )
        place, weight, bias = place + count, weight + size, bias + len(names)
    return StructurePrior(
        Ngrams(arrays["buckets"], arrays["idf"]),
        tuple(about["labels"]),
        arrays["weights"],
        arrays["bias"],
        options,
    )


def checksum_of(file: Path) -> str:
    return sha256(file)[:16]


def _find(
    among: npt.NDArray[np.int32], wanted: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where those of ``wanted`` stand that are ``among`` ascending numbers; which of them are."""
    where = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    known = among[where] == wanted
    return where[known], known


def _joined(arrays: list[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
