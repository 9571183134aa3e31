"""Ask a program for its pages, several at a time, from the root down.

What a program shows for a word that it does not know (its root's page, say) is not taken for a page
of that word, so that a program that prints the same help for everything does not go on for ever.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from clitron_dagster.schema_import import help_git
from clitron_dagster.schema_import.help_layout import Listed, Option, Page
from clitron_dagster.schema_import.help_page import help_text, is_help, is_unknown, parse_page
from clitron_dagster.schema_import.help_run import HelpError, Output, run

MAX_DEPTH = 6  # of subcommands
MAX_PAGES = 2000
MAX_TIMEOUTS = 16  # then the program is taken to hang on every page
WORKERS = 8
_FORMS = ("--help", "-h", "help")
_NAME = re.compile(r"[A-Za-z0-9][\w.:-]*")


@dataclass
class Visit:
    """One command: how its parent lists it, and what its own page says, if it has one."""

    listed: Listed
    path: tuple[str, ...]
    parent: Visit | None
    page: Page | None = None
    text: str = ""
    children: list[Visit] = field(default_factory=list)
    problem: str = ""  # timeout, unknown, none (no page of its own); also empty: not asked


class Walker:
    """One walk: what was asked, how this program wants to be asked, and what went wrong."""

    def __init__(
        self, argv: list[str], name: str, folder: Path, timeout: float, workers: int
    ) -> None:
        self.argv, self.folder, self.timeout, self.workers = argv, folder, timeout, workers
        self.program = name
        self.called = Path(argv[0]).name  # as its usage lines call it
        self.forms: Sequence[str] = _FORMS
        self.pages = 0
        self.timeouts = 0
        self.notes: list[str] = []
        self.shared: list[Option] = []

    def walk(self, only: tuple[str, ...]) -> Visit:
        root = Visit(Listed(self.program), (), None)
        while root.page is None and self.forms:  # later pages are asked the way that worked
            self._take(root, self._ask_as(self.forms[0], ()))
            self.forms = self.forms if root.page else self.forms[1:]
        self.pages = 1
        if root.page is None:
            why = {
                "timeout": f"did not answer within {self.timeout:g} s",
                "none": "shows no help that can be read",
            }.get(root.problem, "shows no help")
            raise HelpError(f"`{shlex.join(self.argv)} --help` {why}; describe the CLI by hand")
        if help_git.lists_with_help_a(root.text, self.called):
            self._follow_git(root)
        self._read_globals(root)
        children = self._children(root)
        if only:
            missing = set(only) - {child.listed.name for child in children}
            if missing:
                raise HelpError(f"`{self.program}` lists no command `{min(missing)}`")
            children = [child for child in children if child.listed.name in only]
        if not children:
            raise HelpError(
                f"`{self.program}` lists no subcommands, and a schema needs at least one; "
                "describe it by hand (docs/schema-format.md)"
            )
        root.children = children
        self._visit_all(children)
        return root

    def _follow_git(self, root: Visit) -> None:
        """git shows manuals on --help, and some commands need a repository even for -h."""
        assert root.page is not None
        run([*self.argv, "init", "-q", "."], self.folder, self.timeout)
        listing = run([*self.argv, *help_git.LIST_ALL], self.folder, self.timeout)
        root.page.commands = help_git.parse_list(help_text(listing)) or root.page.commands
        self.forms = ("-h",)

    def _read_globals(self, root: Visit) -> None:
        """kubectl lists on a page of its own what every command takes: `kubectl options`."""
        if re.search(rf"\b{re.escape(self.called)} options\W+for a list of global", root.text):
            listing = help_text(run([*self.argv, "options"], self.folder, self.timeout))
            self.shared = parse_page(listing, (self.called, "options")).options
            self.pages += 1

    def _visit_all(self, first: list[Visit]) -> None:
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: dict[Future[Output], Visit] = {}
            queue = list(first)
            while queue or waiting:
                while queue and len(waiting) < self.workers and self._may_go_on():
                    visit = queue.pop(0)
                    self.pages += 1
                    waiting[pool.submit(self._ask, visit.path)] = visit
                if not waiting:
                    self.notes.append(f"{len(queue)} commands were not looked at: too much to read")
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    visit = waiting.pop(future)
                    self._take(visit, future.result())
                    visit.children = self._children(visit)
                    queue += visit.children

    def _may_go_on(self) -> bool:
        return self.pages < MAX_PAGES and self.timeouts < MAX_TIMEOUTS

    def _ask(self, path: tuple[str, ...]) -> Output:
        """The first form of asking that gets help; else the last answer."""
        answer = Output("", "", None)
        for form in self.forms:
            answer = self._ask_as(form, path)
            text = help_text(answer)
            if answer.timed_out or is_help(text) or is_unknown(text):
                break
        return answer

    def _ask_as(self, form: str, path: tuple[str, ...]) -> Output:
        words = [form, *path] if form == "help" else [*path, form]
        return run([*self.argv, *words], self.folder, self.timeout)

    def _take(self, visit: Visit, answer: Output) -> None:
        """Read an answer; ``visit.page`` stays None where the command has no page of its own."""
        text, visit.problem = help_text(answer), ""
        shown = " ".join((self.program, *visit.path))
        if not is_help(text):
            visit.problem = "unknown" if is_unknown(text) else "none"
            if answer.timed_out:
                visit.problem = "timeout"
                self.timeouts += 1
                self.notes.append(f"`{shown}` did not answer within {self.timeout:g} s")
            return
        path = (self.called, *visit.path)
        page = parse_page(text, path)
        own = {name for option in page.options for name in option.longs}
        page.options += [one for one in self.shared if own.isdisjoint(one.longs)]
        listed = _listing(page)
        for above in _ancestors(visit):  # what a program shows for a word it does not know
            if text.split() == above.text.split() or (listed and listed == _listing(above.page)):
                visit.problem = "none"
                visit.page = above.page and help_git.parse_usage_of(above.page.usages, path)
                return
        visit.page, visit.text = page, text

    def _children(self, visit: Visit) -> list[Visit]:
        if visit.page is None or visit.problem or len(visit.path) >= MAX_DEPTH:
            return []
        return [
            Visit(command, (*visit.path, command.name), visit)
            for command in visit.page.commands
            if _NAME.fullmatch(command.name)
        ]


def _listing(page: Page | None) -> list[tuple[str, str]]:
    return [(command.name, command.description) for command in page.commands] if page else []


def _ancestors(visit: Visit) -> Iterator[Visit]:
    above = visit.parent
    while above is not None:
        yield above
        above = above.parent
