"""Fitting the structure prior: it knows the words it was given, and survives its file."""

import json
from typing import Any

import pytest

from clitron_dagster.errors import ClitronError
from clitron_dagster.export.fit_prior import fit
from clitron_dagster.inference import structure_prior
from clitron_dagster.inference.structure_prior import ASK, StructurePrior, load
from clitron_dagster_tests.tiny import notes


def row(request: str, command: str, *args: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"type": "command", "command": command, "subcommand": None}
    answer |= {"args": dict.fromkeys(args, 7), "flags": [], "confidence": 0.95}
    return {"instruction": request, "output": json.dumps(answer)}


ASKED = {"type": "clarification", "message": "Which note?", "suggestions": [], "confidence": 0.4}
ROWS = [
    *(row(f"{verb} note {n}", "show", "id") for verb in ("open", "read") for n in range(8)),
    *(row(f"{verb} all my notes", "list") for verb in ("list", "enumerate", "give me", "what are")),
    *(row(f"{verb} only {n} of my notes", "list", "limit") for verb in ("list", "give me")
      for n in range(8)),
    *({"instruction": f"{words} weather", "output": json.dumps(ASKED)}
      for words in ("how is the", "today's", "the", "tell me the")),
]  # fmt: skip


@pytest.fixture(scope="module")
def prior() -> StructurePrior:
    found = fit(notes(), ROWS)
    assert found is not None
    return found


def likeliest(shares: dict[str, float]) -> str:
    return max(shares, key=lambda label: shares[label])


def test_commands_by_their_words(prior: StructurePrior) -> None:
    for request, label in (
        ("read me note 12", "show"),
        ("enumerate notes", "list"),
        ("what weather", ASK),
    ):
        units = prior.of(request).units
        assert sum(units.values()) == pytest.approx(1, abs=1e-4)
        assert likeliest(units) == label


def test_options_by_their_words(prior: StructurePrior) -> None:
    with_limit = prior.of("give me only 5").options("list")["limit"]
    without = prior.of("enumerate all").options("list")["limit"]
    assert with_limit > 0.5 > without


def test_other_words_are_no_fault(prior: StructurePrior) -> None:
    for request in ("", "日本語 ♥", "x" * 5000):
        reading = prior.of(request)
        assert sum(reading.units.values()) == pytest.approx(1, abs=1e-4)
        assert all(0 < p < 1 for p in reading.options("list").values())
    assert reading.options("no such unit") == {}


def test_a_unit_without_rows_has_options_all_the_same(prior: StructurePrior) -> None:
    unit = next(u for u in notes().units if u.key not in ("show", "list") and (u.args or u.flags))
    found = prior.of("read note 3").options(unit.key)
    assert set(found) == {option.name for option in (*unit.args, *unit.flags)}


def test_the_file_says_the_same(prior: StructurePrior, tmp_path: Any) -> None:
    file = tmp_path / structure_prior.FILE
    prior.save(file, "notes")
    again = load(file, "notes", structure_prior.checksum_of(file))
    assert again is not None
    for request in ("read note 3", "give me only 4 of them", "weather"):
        assert again.of(request).units == prior.of(request).units
        for key in prior.options:
            assert again.of(request).options(key) == prior.of(request).options(key)


def test_a_file_that_does_not_belong(prior: StructurePrior, tmp_path: Any) -> None:
    file = tmp_path / structure_prior.FILE
    assert load(file, "notes", "0" * 16) is None
    prior.save(file, "notes")
    with pytest.raises(ClitronError, match="not the one that was made with the model"):
        load(file, "notes", "0" * 16)
    with pytest.raises(ClitronError, match="made for `notes`, not for `git`"):
        load(file, "git", structure_prior.checksum_of(file))


def test_one_command_alone_needs_no_prior() -> None:
    assert fit(notes(), ROWS[:16]) is None


def test_the_same_rows_give_the_same_file(prior: StructurePrior, tmp_path: Any) -> None:
    again = fit(notes(), ROWS)
    assert again is not None
    for name, one in (("a", prior), ("b", again)):
        one.save(tmp_path / name, "notes")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
