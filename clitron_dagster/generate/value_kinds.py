"""One maker of realistic text for each semantic. Combinatorial: a model has to copy, not recall."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from clitron_dagster.generate import value_words as w

Sampler = Callable[[Random], str]


def of_semantic(semantic: str, rng: Random) -> str:
    """Text of one kind (``docs/schema-format.md``); slugs for kinds that are not known."""
    return SAMPLERS.get(semantic, _name)(rng)


def integer(semantic: str, rng: Random) -> int:
    if semantic == "count":
        small, tens = rng.randint(1, 12), rng.choice((15, 20, 25, 30, 40, 50, 100, 200))
        return rng.choice((small, small, tens, rng.randint(2, 99)))
    if semantic == "run_id":
        return rng.randint(10**8, 10**10)
    if semantic == "port":
        return rng.choice((80, 443, 3000, 5432, 8000, 8080, rng.randint(1024, 65535)))
    if semantic == "percent":
        return rng.randint(1, 100)
    if semantic == "duration":
        return rng.choice((5, 10, 15, 30, 45, 60, 90, 120, 300, 600, rng.randint(2, 999)))
    digits = rng.choices((1, 2, 3, 4, 5), (10, 34, 34, 18, 4))[0]
    return rng.randint(10 ** (digits - 1), 10**digits - 1)


def _slug(rng: Random) -> str:
    parts = [rng.choice(w.THINGS)]
    if rng.random() < 0.75:
        parts.insert(0, rng.choice(w.ADJECTIVES + w.ACTIONS + w.THINGS))
    if rng.random() < 0.25:
        parts.append(rng.choice((*w.THINGS, "v2", "2", "api", "page", "tests", "flow")))
    return rng.choices(("-", "_"), (85, 15))[0].join(parts)


def _name(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.55:
        return _slug(rng)
    if roll < 0.7:
        return rng.choice(w.THINGS)
    if roll < 0.8:
        return _slug(rng).title().replace("-", "").replace("_", "")
    if roll < 0.9:
        return f"{rng.choice(w.THINGS)}{rng.choice('-_')}{rng.randint(1, 999)}"
    return rng.choice(w.THINGS).upper() + f"_{rng.choice(w.THINGS).upper().replace('-', '_')}"


def _ticket(rng: Random) -> str:
    prefix = rng.choice(("JIRA", "PROJ", "ABC", "WEB", "OPS", "CORE", "DEV", "PAY", "APP", "BE"))
    return f"{prefix}-{rng.randint(1, 9999)}"


def _branch(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.24:
        return rng.choices(("main", "master", "develop", "dev", "staging"), (40, 20, 20, 12, 8))[0]
    if roll < 0.60:
        kinds = ("feature", "feature", "feat", "fix", "bugfix", "hotfix", "chore", "docs", "test")
        tail = f"{_ticket(rng)}-{_slug(rng)}" if rng.random() < 0.12 else _slug(rng)
        return f"{rng.choice(kinds)}/{_ticket(rng) if rng.random() < 0.1 else tail}"
    if roll < 0.78:
        return _slug(rng)
    if roll < 0.84:
        return f"release{rng.choice('/-')}{rng.randint(0, 12)}.{rng.randint(0, 20)}"
    if roll < 0.91:
        return f"{rng.choice(w.FIRST)}/{_slug(rng)}"
    if roll < 0.94:
        ecosystem = rng.choice(("npm_and_yarn", "pip", "cargo", "github_actions"))
        return f"dependabot/{ecosystem}/{rng.choice(w.PACKAGES)}-{_version(rng, 0)}"
    if roll < 0.97:
        return rng.choice(w.THINGS)
    return rng.choice(
        (_ticket(rng), f"{_user(rng)}-patch-{rng.randint(1, 9)}", f"wip-{_slug(rng)}")
    )


def _version(rng: Random, prefix: float = 0.35) -> str:
    text = ".".join(str(rng.randint(0, 24)) for _ in range(rng.choice((2, 3, 3, 3))))
    if rng.random() < 0.12:
        text += rng.choice(("-rc", "-beta.", "-alpha.")) + str(rng.randint(1, 9))
    return f"v{text}" if rng.random() < prefix else text


def _tag(rng: Random) -> str:
    if rng.random() < 0.85:
        return _version(rng, 0.8)
    return rng.choice((f"release-{rng.randint(2019, 2026)}.{rng.randint(1, 12)}", "latest",
                       f"{_slug(rng)}-{rng.randint(1, 9)}",
                       f"build-{rng.randint(10, 9999)}"))  # fmt: skip


def _commit(rng: Random) -> str:
    length = rng.choices((7, 8, 10, 40), (70, 15, 7, 8))[0]
    text = "".join(rng.choice("0123456789abcdef") for _ in range(length))
    return text if not text.isdigit() else "a" + text[1:]


def _head(rng: Random) -> str:
    steps = rng.choices((1, 2, 3, 4, 5, 7, 10), (30, 24, 18, 10, 8, 5, 5))[0]
    return rng.choice(("HEAD", "HEAD^", f"HEAD~{steps}", f"HEAD~{steps}", f"HEAD~{steps}"))


def _ref(rng: Random) -> str:
    return rng.choices((_head, _commit, _branch, _tag), (35, 27, 25, 13))[0](rng)


def _range(rng: Random) -> str:
    kind = rng.choices((_branch, _commit, _tag, _head), (45, 15, 25, 15))[0]
    end = "HEAD" if kind is _head else kind(rng)
    return f"{kind(rng)}{rng.choice(('..', '..', '...'))}{end}"


def _directory(rng: Random) -> str:
    parts = [rng.choice(w.DIRECTORIES)]
    parts += [
        rng.choice(w.DIRECTORIES + w.THINGS) for _ in range(rng.choices((0, 1, 2), (5, 4, 1))[0])
    ]
    start = rng.choices(("", "./", "../", "~/"), (84, 6, 5, 5))[0]
    return start + "/".join(parts) + ("/" if rng.random() < 0.25 else "")


def _file(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.14:
        return rng.choice(w.FIXED_FILES)
    stem = rng.choice(w.STEMS) if rng.random() < 0.6 else _slug(rng).replace("-", rng.choice("-_"))
    name = f"{stem}.{rng.choice(w.EXTENSIONS)}"
    if roll < 0.55:
        return name
    return _directory(rng).rstrip("/") + "/" + name


def _path(rng: Random) -> str:
    return (_file if rng.random() < 0.72 else _directory)(rng)


def _pattern(rng: Random) -> str:
    ext, folder = rng.choice(w.EXTENSIONS), rng.choice(w.DIRECTORIES)
    word = rng.choice(w.THINGS)
    return rng.choice((f"*.{ext}", f"*.{ext}", f"{folder}/*.{ext}", f"{folder}/**/*.{ext}",
                       f"{word}*", f"**/{word}.{ext}", f"*{word}*", f"v{rng.randint(0, 9)}.*",
                       f"feature/{word}*", f"{rng.choice(w.FIRST)}/*"))  # fmt: skip


def _user(rng: Random) -> str:
    first, last, n = rng.choice(w.FIRST), rng.choice(w.LAST), rng.randint(1, 99)
    return rng.choice((first, first, f"{first[0]}{last}", f"{first}{last}", f"{first}-{last}",
                       f"{first}{n}", f"{last}{n}", rng.choice(w.HANDLES), f"{first}-dev",
                       f"{first.title()}{last.title()}"))  # fmt: skip


def _owner(rng: Random) -> str:
    return rng.choice(w.ORGS) if rng.random() < 0.65 else _user(rng)


def _project(rng: Random) -> str:
    return rng.choice(w.PROJECTS) if rng.random() < 0.55 else _slug(rng)


def _repo(rng: Random) -> str:
    return f"{_owner(rng)}/{_project(rng)}"


def _url(rng: Random) -> str:
    host = rng.choice(w.HOSTS) if rng.random() < 0.45 else "github.com"
    if rng.random() < 0.28:
        return f"git@{host}:{_repo(rng)}.git"
    return f"https://{host}/{_repo(rng)}{'.git' if rng.random() < 0.6 else ''}"


def _email(rng: Random) -> str:
    domain = rng.choice((f"{rng.choice(w.ORGS)}.com", "example.com", "gmail.com", "users.dev"))
    dot = rng.choice((".", "", "_"))
    return f"{rng.choice(w.FIRST)}{dot}{rng.choice(w.LAST)}@{domain}"


def _date(rng: Random) -> str:
    unit = rng.choice(("day", "week", "month", "hour", "year", "minute"))
    n = rng.randint(2, 20)
    day = f"{rng.randint(2019, 2026)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    weekday = rng.choice(("monday", "tuesday", "wednesday", "thursday", "friday", "sunday"))
    month = rng.choice(("january", "march", "june", "september", "november"))
    return rng.choices(
        (f"{n} {unit}s ago", day, "yesterday", f"last {weekday}", f"1 {unit} ago", "last week",
         f"{month} {rng.randint(1, 28)}", "last month", "today", f"{day[:7]}-01"),
        (30, 27, 11, 7, 6, 6, 3, 4, 2, 4))[0]  # fmt: skip


def _duration(rng: Random) -> str:
    n = rng.choice((1, 2, 3, 5, 10, 15, 30, 45, 60, 90))
    return rng.choice(
        (f"{n}s", f"{n}m", f"{n}h", f"{n} minutes", f"{n} seconds", f"{n}d", f"{n}m30s")
    )


def message(rng: Random) -> str:
    """A commit message or the like: two to eleven words, in the styles people use."""
    a, b = rng.choice(w.THINGS), rng.choice(w.THINGS)
    adjective, act = rng.choice(w.ADJECTIVES), rng.choice(w.ACTIONS)
    pack = rng.choice(w.PACKAGES)
    text = rng.choice((
        f"{act} {a}", f"{act} {a} {b}", f"{act} {adjective} {a}", f"fix {adjective} {a} in {b}",
        f"fix {a} crash when {b} is empty", f"add {a} to {b}", f"bump {pack} to {_version(rng, 0)}",
        f"{act} {a} and {b}", f"fix typo in {a}", f"{act} {a} for {b} page",
        f"remove unused {a} code",
        f"add tests for {a} {b}", f"handle {adjective} {a} response", f"update {a} docs",
        f"wip {a}", f"make {a} {adjective}", f"use {pack} for {a}", f"{a} {b} cleanup",
        f"first version of {a} {b}", f"don't {act} {a} twice", f"prevent {a} from breaking {b}",
        f"refactor {a} {b} to use {pack}", f"{act} {a} on {rng.choice(w.ENVIRONMENTS)}",
    ))  # fmt: skip
    roll = rng.random()
    if roll < 0.15:
        scope = f"({b})" if rng.random() < 0.35 else ""
        kind = rng.choice(("feat", "fix", "chore", "docs", "refactor", "test", "ci"))
        return f"{kind}{scope}: {text}"
    if roll < 0.20:
        return f"{_ticket(rng)}: {text}"
    if roll < 0.24:
        return rng.choice(
            ("wip", "initial commit", "typo", "cleanup", "first draft", "tests", "fix")
        )
    return text[0].upper() + text[1:] if roll < 0.52 else text


def _title(rng: Random) -> str:
    a, b = rng.choice(w.THINGS), rng.choice(w.THINGS)
    extra = (f"{a} page is {rng.choice(('blank', 'slow', 'broken', 'down'))}", f"{a} not working",
             f"Add {rng.choice(w.ADJECTIVES)} {a}", f"App crashes on {a}", f"{a.title()} {b}",
             f"{a} fails on {rng.choice(('Windows', 'Safari', 'mobile', 'arm64'))}")  # fmt: skip
    return rng.choice(extra) if rng.random() < 0.45 else message(rng)


def _body(rng: Random) -> str:
    a, b = rng.choice(w.THINGS), rng.choice(w.THINGS)
    user = rng.choice(w.FIRST)
    text = rng.choice((
        "looks good to me", "LGTM", "thanks for the report", f"please add tests for {a}",
        "nice work",
        f"this breaks the {a} {b}", f"can you rebase on {_branch(rng)}", f"ping {user}",
        "fixed now",
        f"see {_ticket(rng)} for details", f"needs more work on {a}",
        f"I can reproduce this on {b}",
        f"blocked by the {a} migration", f"duplicate of #{rng.randint(1, 999)}", "ready for review",
        f"this adds {a} support for {b}", f"steps to reproduce: open {a} and click {b}",
    ))  # fmt: skip
    return text if rng.random() < 0.75 else message(rng)


def _query(rng: Random) -> str:
    a, b = rng.choice(w.THINGS), rng.choice(w.THINGS)
    return rng.choice((a, f"{a} {b}", f"{a} error", f"{a} {rng.choice(w.ADJECTIVES)}", "TODO",
    "memory leak",
                       f"{rng.choice(w.ADJECTIVES)} {a}", f"{a}_{b}", f"get{a.title()}",
                       "null pointer"))  # fmt: skip


def _regex(rng: Random) -> str:
    a = rng.choice(w.THINGS)
    return rng.choice(
        (
            f"^{a}",
            f"{a}.*{rng.choice(w.THINGS)}",
            f"{a}$",
            r"\d+",
            f"[A-Z]+-{rng.randint(1, 99)}",
            a,
        )
    )


def _jq(rng: Random) -> str:
    field = rng.choice(("number", "title", "name", "url", "id", "state", "author.login"))
    return rng.choice((f".[].{field}", f".{field}", f"map(.{field})", ".[0]", "length"))


def _variable(rng: Random) -> str:
    words = [rng.choice(w.THINGS), rng.choice(("key", "token", "url", "secret", "host", "id"))]
    return "_".join(words).upper().replace("-", "_")


def _key(rng: Random) -> str:
    return f"{rng.choice(w.KEY_SECTIONS)}.{rng.choice(w.KEY_NAMES)}"


def _value(rng: Random) -> str:
    full = f"{rng.choice(w.FIRST).title()} {rng.choice(w.LAST).title()}"
    return rng.choice(("true", "false", "vim", "nano", "code --wait", "main", str(rng.randint(1,
    9999)),
                       _email(rng), full, _name(rng), "input", "simple", "always",
                       "current"))  # fmt: skip


def _shell(rng: Random) -> str:
    tool = rng.choice(("npm test", "make", "make test", "pytest", "cargo build", "go vet ./...",
                       "npm run build", "ls -la", "cat"))  # fmt: skip
    return tool if rng.random() < 0.6 else f"{tool} {_file(rng)}"


def _milestone(rng: Random) -> str:
    return rng.choice((_version(rng), f"Q{rng.randint(1, 4)} {rng.randint(2023, 2027)}", "beta",
    "MVP",
                       f"Sprint {rng.randint(1, 60)}", _slug(rng), "Launch",
                       f"{rng.choice(w.THINGS)} rewrite"))  # fmt: skip


def _workflow(rng: Random) -> str:
    base = rng.choice(
        ("ci", "build", "deploy", "release", "test", "lint", "nightly", "docs", _slug(rng))
    )
    return rng.choice(
        (f"{base}.yml", f"{base}.yaml", base, base.upper() if len(base) < 4 else base.title())
    )


def _image(rng: Random) -> str:
    name = rng.choice((_project(rng), _repo(rng), rng.choice(w.PACKAGES)))
    return f"{name}:{rng.choice(('latest', _version(rng, 0)))}"


SAMPLERS: dict[str, Sampler] = {
    "branch": _branch, "ref": _ref, "commit": _commit, "tag": _tag, "range": _range, "file": _file,
    "directory": _directory, "path": _path, "pattern": _pattern, "url": _url, "repo": _repo,
    "owner": _owner, "user": _user, "email": _email, "date": _date, "duration": _duration,
    "version": _version, "name": _name, "key": _key, "value": _value, "milestone": _milestone,
    "workflow": _workflow, "secret_name": _variable, "variable_name": _variable, "image": _image,
    "message": message, "title": _title, "body": _body, "description": _title, "query": _query,
    "regex": _regex, "command": _shell, "jq": _jq, "text": _title,
    "remote": lambda r: "origin" if r.random() < 0.55 else r.choice((*w.REMOTES, _user(r))),
    "stash_ref": lambda r: f"stash@{{{r.randint(0, 9)}}}",
    "team": lambda r: f"{r.choice(w.ORGS)}/{r.choice(w.THINGS)}-team",
    "host": lambda r: r.choice((r.choice(w.HOSTS), f"{r.choice(w.THINGS)}.{r.choice(w.ORGS)}.com")),
    "project": lambda r: r.choice((_project(r), f"{r.choice(w.THINGS).title()} Board", "Roadmap")),
    "label": lambda r: r.choice(w.LABELS) if r.random() < 0.6 else _slug(r),
    "job": lambda r: r.choice((_slug(r), f"build-{r.choice(w.LANGUAGES)}", "lint", "unit-tests")),
    "environment": lambda r: r.choice(w.ENVIRONMENTS),
    "container": lambda r: f"{r.choice(w.THINGS)}-{r.randint(0, 9)}",
    "namespace": lambda r: r.choice((r.choice(w.ENVIRONMENTS), _slug(r), "kube-system", "default")),
    "resource": lambda r: f"{r.choice(w.THINGS)}-{_commit(r)[:5]}",
    "format": lambda r: r.choice(("%h %s", "%H", "%an <%ae>", "%cd", "oneline", "short", "json",
    "csv")),
    "template": lambda r: r.choice(("{{.name}}", "{{.title}}", f"{r.choice(w.THINGS)}.tmpl")),
    "id": lambda r: r.choice((str(integer("id", r)), _commit(r))),
    **{kind: lambda r, kind=kind: str(integer(kind, r)) for kind in  # type: ignore[misc]
       ("number", "count", "pr_number", "issue_number", "run_id", "port", "percent")},
}  # fmt: skip
