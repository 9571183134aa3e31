"""Which options of a command may still follow, when they are written one by one in schema order.

An automaton over a unit's args and flags: a state is the next option and what the ones before it
left behind. It knows what a list of options alone does not say: conflicts, requirements, and that
a positional needs the positionals before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clitron_dagster.schema import Unit

MOST_STATES = 5_000  # of one unit; everyday commands have 10 to 120


@dataclass(frozen=True)
class State:
    """Before option ``index`` (args, then flags). ``excluded`` and ``pending`` hold later options
    that must not, and that must, be written."""

    index: int
    excluded: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """Where writing the next option leads, and leaving it out; None where that is not legal."""

    take: State | None
    skip: State | None


def option_states(unit: Unit) -> dict[State, Step]:
    """Every state from which a legal answer can be finished, the first one first.

    Empty where a unit has no legal answer at all (it requires what it excludes). Relations so
    tangled that they make more than ``MOST_STATES`` states are left to ``answer.problems``.
    """
    return _explore(_Rules(unit)) or _explore(_Rules(unit, related=False)) or {}


def _explore(rules: _Rules) -> dict[State, Step] | None:
    """None where there are too many states."""
    feasible: dict[State, bool] = {}
    steps: dict[State, Step] = {}
    # Depth first without recursion: a unit may have more options than Python has stack.
    stack = [rules.start]
    while stack:
        state = stack[-1]
        ways = rules.ways(state)
        unseen = [way for way in ways if way is not None and way not in feasible]
        if unseen:
            if rules.related and len(steps) + len(stack) > MOST_STATES:
                return None
            stack += unseen
            continue
        stack.pop()
        take, skip = (way if way is not None and feasible[way] else None for way in ways)
        steps[state] = Step(take, skip)
        feasible[state] = state.index == len(rules.names) or bool(take or skip)
    ordered = dict(reversed(steps.items()))
    return {state: step for state, step in ordered.items() if feasible[state]}


class _Rules:
    """The relations of one unit, ready to be asked option by option."""

    def __init__(self, unit: Unit, *, related: bool = True) -> None:
        options = [*unit.args, *unit.flags]
        self.related = related
        self.names = [option.name for option in options]
        self.start = State(0)
        self._place = {name: index for index, name in enumerate(self.names)}
        self._needed = {arg.name for arg in unit.args if arg.required}
        self._requires: dict[str, set[str]] = {name: set() for name in self.names}
        self._conflicts: dict[str, set[str]] = {name: set() for name in self.names}
        self._requirers: dict[str, set[str]] = {name: set() for name in self.names}
        for option in options if related else ():
            self._requires[option.name] |= set(option.requires)
            for other in set(option.conflicts) & self._place.keys():
                self._conflicts[option.name].add(other)
                self._conflicts[other].add(option.name)
            for other in set(option.requires) & self._place.keys():
                self._requirers[other].add(option.name)
        words = [arg.name for arg in unit.positionals if not arg.separator]
        self._behind = {name: set(words[place + 1 :]) for place, name in enumerate(words)}

    def ways(self, state: State) -> tuple[State | None, State | None]:
        if state.index == len(self.names):
            return None, None
        name = self.names[state.index]
        take = skip = None
        if name not in state.excluded:
            take = self._next(
                state,
                excluded=state.excluded | self._conflicts[name],
                pending=state.pending | self._requires[name],
            )
        if name not in self._needed and name not in state.pending:
            lost = self._requirers[name] | self._behind.get(name, set())
            skip = self._next(state, excluded=state.excluded | lost, pending=state.pending)
        return take, skip

    def _next(self, state: State, excluded: Iterable[str], pending: Iterable[str]) -> State | None:
        index = state.index + 1

        def later(names: Iterable[str]) -> frozenset[str]:
            return frozenset(name for name in names if self._place.get(name, -1) >= index)

        made = State(index, later(excluded), later(pending))
        return None if made.excluded & made.pending else made
