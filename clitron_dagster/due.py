"""What a tick has to do: the CLIs with stale assets, and those that wait, each with a reason.

Reads the store's manifests through :func:`clitron_dagster.staleness.plan`; writes nothing and knows
nothing of dagster. The schedule and the sensor turn the answer into run requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from clitron_dagster.errors import ClitronError
from clitron_dagster.gc import busy
from clitron_dagster.settings import Settings
from clitron_dagster.staleness import AssetStatus, plan

WHY_LENGTH = 200  # a tag is read in a table's cell


@dataclass(frozen=True)
class Due:
    """A CLI that a run would change."""

    cli: str
    assets: tuple[str, ...]  # exactly those that are not fresh, in graph order
    why: str


@dataclass(frozen=True)
class Held:
    """A CLI that may be stale and is left alone this time."""

    cli: str
    why: str
    broken: bool = False  # a person has to mend it; otherwise time does


@dataclass(frozen=True)
class Answer:
    due: list[Due] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[Held]:
        return [held for held in self.held if held.broken]

    def words(self) -> str:
        """Why nothing is requested, for a person who wonders."""
        count = len(self.fresh)
        settled = f"nothing is stale in {count} CLI{'' if count == 1 else 's'}"
        waiting = listing({held.cli: held.why for held in self.held})
        return "; ".join(
            part for part in (settled if count or not waiting else "", waiting) if part
        )


def look(
    settings: Settings,
    clis: Iterable[str],
    running: Mapping[str, str],
) -> Answer:
    """Ask the plan for each CLI.

    Args:
        running: CLI → words for its run that is queued or in progress.
    """
    answer = Answer()
    for cli in clis:
        try:
            stale = [status for status in plan(settings, cli) if status.state != "fresh"]
        except ClitronError as error:
            answer.held.append(Held(cli, short(str(error)), broken=True))
            continue
        except Exception as error:  # noqa: BLE001 (one CLI's fault must not stop the others)
            why = short(f"{type(error).__name__}: {error}")
            answer.held.append(Held(cli, why, broken=True))
            continue
        if not stale:
            answer.fresh.append(cli)
        elif cli in running:
            answer.held.append(Held(cli, f"stale, but {running[cli]}; one run of a CLI at a time"))
        elif held := busy(settings.store, cli):
            why = f"stale, but another process is making its {', '.join(held[cli])}"
            answer.held.append(Held(cli, why))
        else:
            answer.due.append(Due(cli, tuple(status.asset for status in stale), why_of(stale)))
    return answer


def why_of(stale: Iterable[AssetStatus]) -> str:
    """The causes in a few words; assets that are stale only because their input is are left out."""
    causes = []
    for status in stale:
        own = [reason for reason in status.reasons if not reason.startswith("input ")]
        more = f" and {len(own) - 3} more" if len(own) > 3 else ""
        if own:
            causes.append(f"{status.asset}: {', '.join(own[:3])}{more}")
    return short("; ".join(causes))


def listing(reasons: Mapping[str, str], most: int = 10) -> str:
    """``cli: reason; cli: reason``, and how many more there are."""
    lines = [f"{cli}: {why}" for cli, why in list(reasons.items())[:most]]
    more = [f"and {len(reasons) - most} more"] if len(reasons) > most else []
    return "; ".join(lines + more)


def short(text: str, length: int = WHY_LENGTH) -> str:
    """One printable line of at most ``length`` characters, whatever a schema or a file name says."""
    line = " ".join(text.split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= length else f"{line[: length - 1]}…"
