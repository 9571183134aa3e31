"""Answers to argv and back: long option names, every value an inert item, never a shell string."""

from __future__ import annotations

import json
import shlex
from typing import Any

from clitron_dagster.answer import Answer, close_match, command_answer, problems, unit_of
from clitron_dagster.errors import ClitronError
from clitron_dagster.schema.model import Arg, Command, Flag, Schema, Unit


class ArgvError(ClitronError):
    """An argv that is no command of the schema."""


def to_argv(schema: Schema, answer: Answer) -> list[str] | None:
    """Render a legal command answer to argv; None for a clarification.

    Long option names; an option with a value is two items, a boolean one; positionals last, in
    schema order, behind ``--`` where the schema says so or a value would read as an option.

    Raises:
        ArgvError: the answer is not legal for the schema.
    """
    if isinstance(answer, dict) and answer.get("type") == "clarification":
        return None
    faults = problems(schema, answer)
    if faults:
        raise ArgvError(faults[0])
    unit = unit_of(schema, answer)
    assert unit is not None
    args = answer["args"]
    argv = [schema.cli_name, *unit.path]
    for arg in unit.args:
        if arg.name in args and not arg.positional:
            for value in _values(arg, args[arg.name]):
                argv += [_dashed(arg.name), value]
    argv += [_dashed(flag.name) for flag in unit.flags if flag.name in answer["flags"]]
    plain = [v for a in _given(unit, args, separator=False) for v in _values(a, args[a.name])]
    behind = [v for a in _given(unit, args, separator=True) for v in _values(a, args[a.name])]
    if any(value.startswith("-") for value in plain):
        return [*argv, "--", *plain, *behind]
    return [*argv, *plain, *(["--", *behind] if behind else [])]


def to_shell(argv: list[str]) -> str:
    """One line for a POSIX shell, every item quoted as needed."""
    return shlex.join(argv)


def _given(unit: Unit, args: dict[str, Any], *, separator: bool) -> list[Arg]:
    return [a for a in unit.positionals if a.name in args and a.separator is separator]


def _dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def _values(arg: Arg, value: Any) -> list[str]:
    items = value if arg.repeatable else [value]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]


def from_argv(schema: Schema, argv: list[str]) -> Answer:
    """Parse argv (long or short options, ``--name=value``, bundled shorts, aliases) to an answer.

    Raises:
        ArgvError: argv names no unit, an unknown option, or a value of the wrong type.
    """
    words = argv[1:] if argv and argv[0] == schema.cli_name else list(argv)
    unit, rest = _find_unit(schema, words)
    options: dict[str, Arg | Flag] = {}
    named: list[Arg | Flag] = [*(a for a in unit.args if not a.positional), *unit.flags]
    for option in named:
        options[_dashed(option.name)] = option
        if option.short:
            options[f"-{option.short}"] = option
    args: dict[str, Any] = {}
    flags: list[str] = []
    plain: list[str] = []
    behind: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            behind, rest = rest, []
        elif word.startswith("-") and word != "-":
            _take_option(unit, options, word, rest, args, flags)
        else:
            plain.append(word)
    _take_positionals(unit, plain, behind, args)
    answer = command_answer(schema, unit, args, flags)
    faults = problems(schema, answer)
    if faults:
        raise ArgvError(faults[0])
    return answer


def _find_unit(schema: Schema, words: list[str]) -> tuple[Unit, list[str]]:
    nodes, parents = schema.commands, []
    rest = list(words)
    while nodes:
        if not rest:
            raise ArgvError(f"`{' '.join(words) or schema.cli_name}` is not a whole command")
        word = rest.pop(0)
        node: Command | None = next((n for n in nodes if word == n.name or word in n.aliases), None)
        if node is None:
            raise ArgvError(
                f"there is no command `{word}`{close_match(word, [n.name for n in nodes])}"
            )
        parents.append(node.name)
        nodes = node.subcommands
    unit = schema.unit(parents[0], " ".join(parents[1:]) or None)
    assert unit is not None
    return unit, rest


def _take_option(
    unit: Unit,
    options: dict[str, Arg | Flag],
    word: str,
    rest: list[str],
    args: dict[str, Any],
    flags: list[str],
) -> None:
    name, equals, inline = word.partition("=")
    option = options.get(name if equals else word)
    if option is None and not word.startswith("--") and len(word) > 2:  # -am, -n5
        option, name, equals, inline = options.get(word[:2]), word[:2], "", word[2:]
        if isinstance(option, Flag):
            rest.insert(0, f"-{inline}")
            inline = ""
        elif option is not None:
            equals = "="
    if option is None:
        raise ArgvError(f"`{unit.key}` has no option `{word}`{close_match(word, list(options))}")
    if isinstance(option, Flag):
        if equals:
            raise ArgvError(f"`{name}` takes no value")
        flags.append(option.name)
        return
    if not equals and not rest:
        raise ArgvError(f"`{name}` needs a value")
    value = _typed(option, inline if equals else rest.pop(0))
    if option.repeatable:
        args.setdefault(option.name, []).append(value)
    else:
        args[option.name] = value


def _take_positionals(
    unit: Unit, plain: list[str], behind: list[str], args: dict[str, Any]
) -> None:
    separated = [arg for arg in unit.positionals if arg.separator]
    if not separated:
        plain, behind = [*plain, *behind], []
    _assign([a for a in unit.positionals if not a.separator], plain, args, unit)
    _assign(separated, behind, args, unit)


def _assign(slots: list[Arg], words: list[str], args: dict[str, Any], unit: Unit) -> None:
    for index, arg in enumerate(slots):
        if not words:
            return
        reserved = sum(later.required for later in slots[index + 1 :])
        if not arg.repeatable:
            args[arg.name] = _typed(arg, words[0])
            words = words[1:]
        else:
            taken = max(len(words) - reserved, 1)
            args[arg.name] = [_typed(arg, word) for word in words[:taken]]
            words = words[taken:]
    if words:
        raise ArgvError(f"`{unit.key}` has no place for `{words[0]}`")


def _typed(arg: Arg, text: str) -> Any:
    if arg.type in ("string", "enum"):
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = text
    return value
