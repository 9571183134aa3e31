"""Small questions about English: is this an order, what is the thing called, what is its plural."""

from __future__ import annotations

import re

from clitron_dagster.generate import lexicon
from clitron_dagster.schema import Arg, Flag, Unit
from clitron_dagster.schema.semantics import FREE_TEXT

# What people call a value of a kind; the first one is used when the program asks for it.
NOUNS: dict[str, tuple[str, ...]] = {
    "branch": ("branch",), "remote": ("remote",), "ref": ("commit", "ref"), "commit": ("commit",),
    "tag": ("tag",), "range": ("range",), "stash_ref": ("stash",), "file": ("file",),
    "directory": ("folder", "directory", "dir"), "path": ("file", "path"), "pattern": ("pattern",),
    "url": ("url", "link"), "repo": ("repo", "repository"), "owner": ("owner", "org"),
    "user": ("user",), "team": ("team",), "email": ("email",), "host": ("host",),
    "pr_number": ("pull request", "PR", "pr"), "issue_number": ("issue", "ticket"),
    "run_id": ("run", "build", "workflow run"),
    "port": ("port",), "duration": ("duration",), "date": ("date",), "version": ("version",),
    "key": ("key",), "label": ("label",), "milestone": ("milestone",), "project": ("project",),
    "workflow": ("workflow",), "job": ("job",), "environment": ("environment",),
    "secret_name": ("secret",), "variable_name": ("variable",), "image": ("image",),
    "container": ("container",), "namespace": ("namespace",),
}  # fmt: skip
IMPERATIVES = (
    frozenset(word.split()[0] for verb, others in lexicon.VERBS.items() for word in (verb, *others))
    | lexicon.MORE_VERBS
) - {"new", "pr", "status"}
_FINITE = re.compile(
    r"(?<!that )(?<!which )(?<!what )(?<!who )(?<!if )(?<!when )(?<!\w's )"
    r"\b(is|are|was|were|isn't|aren't|should|shouldn't|needs|must|has|have|lacks|moved|fails?|failed|"
    r"worked|works|broke|can|can't|doesn't|don't)\b"
)
_SHORT = re.compile(r"\s*\([^)]*\)|;.*|\be\.g\..*|\bi\.e\..*")


def options_of(unit: Unit) -> tuple[Arg | Flag, ...]:
    return (*unit.args, *unit.flags)


def spoken(name: str) -> str:
    """``delete-branch`` as people say it."""
    return name.replace("-", " ").replace("_", " ").strip()


def first_word(text: str) -> str:
    return re.split(r"[\s,:?!]", text.strip().lower(), maxsplit=1)[0]


def mood(text: str, commands: frozenset[str] = frozenset()) -> str:
    """``order`` (delete the branch), ``question``, ``thing`` (open issues), else ``statement``."""
    word = first_word(text)
    words = text.lower().split()
    if word in lexicon.QUESTION_WORDS:
        return "question"
    if word in lexicon.STATEMENT_WORDS:
        return "statement"
    verb = _FINITE.search(" ".join(words[:6]))
    if verb and verb.start() > 0 and "," not in text[: verb.start()]:
        return "statement"
    if words[:2] in (["pull", "request"], ["pull", "requests"]):
        return "thing" if words[1] == "requests" else "statement"
    if word in ("please", "pls", "how", "ok", "hey", "just", "now", "no", "not", "oh"):
        return "statement"
    if word in IMPERATIVES or word.split("-")[0] in IMPERATIVES or word in commands:
        return "order"
    if word.endswith("ly"):
        return "order"
    return "thing" if _is_thing(words) else "statement"


def _is_thing(words: list[str]) -> bool:
    if not words or "," in " ".join(words):
        return False
    heads = words[1:4] if words[0] in lexicon.THING_ADJECTIVES else words[:1]
    return any(
        word in lexicon.THING_HEADS or (len(word) > 3 and re.fullmatch(r"[a-z]+[^s'\W]s", word))
        for word in heads
    )


def plural(noun: str) -> str:
    if re.search(r"(s|x|ch|sh)$", noun):
        return noun if noun.endswith("s") else noun + "es"
    return noun[:-1] + "ies" if re.search(r"[^aeiou]y$", noun) else noun + "s"


def with_article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def from_description(text: str, max_words: int = 9) -> str:
    """A description as a request: first sentence, no brackets, an order where it can be.

    ``Shows the working tree status.`` → ``show the working tree status``. Empty when nothing short
    and whole can be made of it.
    """
    text = _SHORT.sub("", text).strip()
    text = re.split(r"(?<=[a-z\"'])[.!?](?:\s|$)|\s[-–—]\s|:\s|\n", text)[0].strip(" .,")
    words = text.split()
    if len(words) > max_words:
        cut = re.split(r",\s| which | so that | in order to | instead of ", text)[0].strip()
        if len(cut.split()) > max_words or len(cut.split()) < 2:
            return ""
        text, words = cut, cut.split()
    if not words or re.search(r"[<>|{}\[\]`]", text):
        return ""
    head = words[0]
    if head[1:].islower() or len(head) == 1:
        head = head.lower()
    for ending, put in (("ies", "y"), ("es", ""), ("s", "")):
        if head.endswith(ending) and head not in IMPERATIVES:
            stem = head[: -len(ending)] + put
            if stem in IMPERATIVES or stem + "e" in IMPERATIVES:
                head = stem if stem in IMPERATIVES else stem + "e"
                break
    return " ".join([head, *words[1:]])


def nouns_of_unit(unit: Unit) -> tuple[str, ...]:
    """What the unit acts on: its group's name and other words (``pr``, ``pull request``)."""
    if not unit.parents:
        return ()
    group = unit.parents[-1]
    names = [spoken(name) for name in (group.name, *group.aliases)]
    singular = [n for n in names if not (n.endswith("s") and n[:-1] in names)]
    return tuple(dict.fromkeys(singular))


def noun_of_arg(unit: Unit, arg: Arg) -> str:
    """What the program asks for when the value is missing."""
    if arg.semantic in NOUNS:
        return NOUNS[arg.semantic][0]
    if arg.positional and arg.semantic in ("number", "id", "name", "text", "resource"):
        nouns = nouns_of_unit(unit)
        if nouns and arg is unit.positionals[0]:
            return nouns[-1] if arg.semantic in ("number", "id") else nouns[0]
    return spoken(arg.name)


def asked_for(unit: Unit, arg: Arg) -> str:
    """The short, always equal question for a missing value."""
    return f"{'What' if arg.semantic in FREE_TEXT else 'Which'} {noun_of_arg(unit, arg)}?"


def sibling_words(unit: Unit, names: frozenset[str]) -> frozenset[str]:
    """Names of other commands, which must not slip into this unit's requests as synonyms."""
    own = {word for name in (*unit.path, *unit.node.aliases) for word in name.lower().split("-")}
    return frozenset(name for name in names if name not in own)
