"""Read one option: its spelling (``-a, --assignee login``) and what its description adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from clitron_dagster.schema_import.help_layout import Block, Option, entries, summary

_NAME = re.compile(
    r"--\[(?P<no>no-?)\](?P<both>[A-Za-z0-9][\w-]*(?:[.:][\w-]+)*)"
    r"|--(?P<long>[A-Za-z0-9][\w-]*(?:[.:][\w-]+)*)"
    r"|-(?P<short>[A-Za-z0-9?@#](?![\w-]))"
    r"|-(?P<odd>[A-Za-z][\w-]+)"  # -version, as Go's own flag package has it
)
_START = re.compile(r"-{1,2}[A-Za-z0-9?@#\[]")
_OPTIONAL = re.compile(r"\[=(?P<a>[^\]]*)\]|\[(?P<b><[^\]]*>)\](?!\.)|[\w-]+\[=\"(?P<c>[^\"]*)\"\]")
_CHOICE = r"[\w.+:@/-]+"
_CHOICES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\[possible values: ([^\]]+)\]",
        r"\[choices: ([^\]]+)\]",
        r"\{(\w[\w.+:@/-]*(?:\s*\|\s*" + _CHOICE + r"(?: \w+)?)*)\}",  # gh: {open|not planned}
        r"\{(\w[\w.+:@/-]*(?:,\s*" + _CHOICE + r")+)\}",
        r"\bone of:?\s*\(?((?:[\"'`]?" + _CHOICE + r"[\"'`]?(?:,\s*(?:or\s+)?|\s+or\s+|\s*\|\s*))+"
        r"[\"'`]?[\w.+:@/-]*[\w+][\"'`]?)\)?",
        r"\(((?:\w[\w+-]*\|)+\w[\w+-]*)\)",  # docker: (host|private)
        r"\(((?:\"\w[\w+-]*\",\s*)+\"\w[\w+-]*\")\)",
    )
)
_DEFAULT = re.compile(
    r"\((?:default|Default)(?:s to|:|\sis)?\s*:?\s*(?:\"([^\"]*)\"|'([^']*)'|([^()\[\]]*?))\)"
    r"|\[default:\s*(?:\"([^\"]*)\"|([^\[\];]*))[\];]",
)
_REPEAT = re.compile(
    r"(?:can|may) be (?:specified|used|repeated|given|passed|supplied|set)"
    r"(?: multiple times| more than once| repeatedly| several times)|"
    r"(?:may|can) be repeated|\brepeatable\b|(?:specify|use|repeat) (?:this|it)? ?(?:option |flag )?"
    r"multiple times|option multiple times|multiple (?:uses|use) (?:is|are) allowed",
    re.IGNORECASE,
)
_NOTES = re.compile(
    r"\s*\[(?:env|env var|default|possible values|aliases|alias|short aliases|required|x[<>]=?|"
    r"choices)\b[^\]]*\]"
    r"|\s*\((?:default|Default)\b[^()]*\)|\s*\[required\]|\s*:?\s*\{[\w.+:@/-]+(?:[|,]\s*[\w.+:@/-]+)*\}"
)
_KINDS = frozenset(  # alternatives of kinds, <pkg|glob>, are no values
    """path file dir directory folder url uri name number num id branch commit glob pattern pkg
    package tag user date host ref value string str n key spec version addr address""".split()
)
_MEASURE = re.compile(r"^(duration|bytes|u?int(eger)?\d*|float\d*|n|num)$", re.IGNORECASE)
_LISTS = re.compile(r"^(strings?(array|slice)|strings|ints|uints|list|map|stringtostring)$", re.I)


def starts_option(line: str) -> bool:
    return bool(_START.match(line))


def options_of(
    blocks: Iterable[Block], adapt: Callable[[str, str], tuple[str, str]] = lambda *entry: entry
) -> list[Option]:
    """Every option that the blocks list; ``adapt`` puts a style's spelling into the common one."""
    return [
        option
        for block in blocks
        if not block.is_prose and block.title != "usage"
        for head, description in entries(block.lines, starts_option)
        if (option := read_option(*adapt(head, description)))
    ]


def read_option(head: str, description: str) -> Option | None:
    """An option from its spelling and description; None for what is no option (or is ``-help``)."""
    option = Option()
    rest, negative = head.strip(), False
    while match := _NAME.match(rest):
        names = match.groupdict()
        rest = rest[match.end() :]
        if names["both"]:
            option.longs.append(names["both"])
            option.negations.append(f"no-{names['both']}")
        elif names["long"]:
            (option.negations if negative else option.longs).append(names["long"])
        elif names["short"] and not negative:
            option.shorts.append(names["short"])
        pair = r"|\s(?=--\w)" if names["short"] else ""  # git: -a --text
        cut = re.search(rf"\s*(?:,\s*|\|\s*|\s/\s{pair})(?=-)", rest)
        value, behind = (rest[: cut.start()], rest[cut.end() :]) if cut else (rest, "")
        negative = negative or bool(cut and "/" in cut[0])
        _take_value(option, value)
        rest = behind
    if not (option.longs or option.shorts) or option.longs[:1] == ["help"]:
        return None
    if not option.longs and option.negations:
        return None
    _split_negation(option)
    _take_description(option, description)
    return option


def _split_negation(option: Option) -> None:
    """``--foo, --no-foo`` on one line is one switch with two positions."""
    for long in option.longs[1:]:
        if option.longs[0] in (long.removeprefix("no-"), long.removeprefix("no")):
            option.longs.remove(long)
            option.negations.append(long)


def _take_value(option: Option, text: str) -> None:
    """Read what stands behind a name: ``...``, `` FILE``, ``=<file>``, ``[=<when>]``, ``{a,b}``."""
    spaced = text.startswith(" ")
    text = text.strip()
    if text in ("...", "…", "*"):  # -v, --verbose...: counts, still a boolean
        if spaced and text != "*":  # git: --resolvemsg ...
            option.metavar = "value"
        return
    if match := _OPTIONAL.fullmatch(text):
        option.optional_value = option.optional_value or match["b"] is None
        option.metavar = option.metavar or (match["a"] or match["b"] or "value").strip("<>=")
    elif text and not re.fullmatch(r"[a-z]+(?: [a-z]+){2,}\.?", text):  # else a description
        option.repeatable = option.repeatable or text.endswith(("...", "…"))
        bare = text.lstrip("=").rstrip("….").strip()
        option.choices = option.choices or choices_of(bare)
        option.metavar = re.sub(r"[<>\[\]]", "", bare).strip() or option.metavar
        option.repeatable = option.repeatable or bool(_LISTS.match(option.metavar))
        if match := re.match(r"(?:(\S+) )?\[(<?\w[\w-]*>?)(?: ?\.\.\.| ?…)\]", text):
            option.repeatable, option.metavar = True, (match[1] or match[2]).strip("<>")


def choices_of(metavar: str) -> list[str]:
    """``{a,b}``, ``[a|b]``, ``<a|b>``, ``(a|b)``: literal values, unless they name kinds of value."""
    inner = re.fullmatch(r"[{\[(<]+([^{}\[\]()<>]+)[}\])>]+", metavar)
    if not inner:
        return []
    parts = [part.strip() for part in re.split(r"[|,]", inner[1])]
    braces = metavar.startswith("{")
    literal = all(re.fullmatch(_CHOICE, part) for part in parts)
    kinds = not braces and (all(p.isupper() for p in parts) or not _KINDS.isdisjoint(parts))
    return (
        list(dict.fromkeys(parts)) if literal and (braces or len(parts) > 1) and not kinds else []
    )


def _take_description(option: Option, description: str) -> None:
    description = description[:4000]  # what follows is read by patterns, and this may be anything
    flat = " ".join(description.split())
    if option.metavar and not option.optional_value:
        if not _MEASURE.search(option.metavar):  # duration (ms|s|m|h)
            option.choices = option.choices or _described_choices(description)
        option.repeatable = option.repeatable or bool(_REPEAT.search(flat)) or _plural(option, flat)
        option.required = bool(re.search(r"[\[;(]\s*required\s*[\])]", flat, re.IGNORECASE))
        if match := _DEFAULT.search(flat):
            option.default = next((g for g in match.groups() if g is not None), "").strip() or None
    option.description = describe(description)


def _plural(option: Option, description: str) -> bool:
    """``--label name  Add labels by name``: cobra hides that a value with a name of its own repeats."""
    noun = re.escape((option.longs or ["-"])[0].split("-")[-1])
    verbs = r"(?:Add|Remove|Specify|Set|Include|Exclude|Request|List of|Extra)"
    return bool(re.match(rf"{verbs}\b[^.,;]*\b{noun}(?:s|es)\b", description, re.IGNORECASE))


def describe(description: str) -> str:
    """A description without the notes that the schema says in keys of its own."""
    return summary(_NOTES.sub("", description[:4000]))


def _described_choices(description: str) -> list[str]:
    listed = re.search(r"Possible values:\n((?:- .*\n?)+)", description)  # clap's long help
    if listed:
        return re.findall(r"^- ([\w.+-]+)", listed[1], re.MULTILINE)
    flat = " ".join(description.split())
    for pattern in _CHOICES:
        if match := pattern.search(flat):
            parts = [
                p.strip(" \"'`.") for p in re.split(r"\s*\|\s*|,\s*(?:or\s+)?|\s+or\s+", match[1])
            ]
            parts = [part for part in parts if re.fullmatch(_CHOICE + r"(?: \w+)?", part)]
            return list(dict.fromkeys(parts)) if len(parts) > 1 else []
    return []
