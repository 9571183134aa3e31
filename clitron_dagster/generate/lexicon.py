"""English that the generator speaks: verbs with their synonyms, frames, fillers. Only data."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words people use for what a command's name says. First word: the command's own.
VERBS: dict[str, tuple[str, ...]] = {
    "list": ("list", "show", "show me", "display", "give me", "get", "get me", "print", "see",
    "list out"),
    "ls": ("list", "show", "show me", "ls"),
    "view": ("view", "show", "show me", "display", "open", "look at", "see", "check", "pull up"),
    "show": ("show", "display", "view", "show me", "print", "see", "look at"),
    "get": ("get", "show", "fetch", "show me", "print", "read", "give me"),
    "create": ("create", "make", "add", "open", "set up", "start"),
    "new": ("create", "make", "add"),
    "init": ("init", "initialize", "set up", "start", "create"),
    "add": ("add", "create", "include"),
    "delete": ("delete", "remove", "get rid of", "drop", "kill", "nuke", "erase", "trash"),
    "remove": ("remove", "delete", "get rid of", "drop"),
    "rm": ("remove", "delete", "rm", "get rid of"),
    "drop": ("drop", "delete", "throw away", "remove", "discard"),
    "clear": ("clear", "wipe", "empty", "delete all", "clean out"),
    "edit": ("edit", "change", "update", "modify"),
    "update": ("update", "refresh"),
    "set": ("set", "change", "update", "define", "configure"),
    "unset": ("unset", "clear", "remove", "delete"),
    "close": ("close", "shut"),
    "reopen": ("reopen", "open again", "re-open"),
    "open": ("open", "bring up", "pull up"),
    "merge": ("merge", "land"),
    "checkout": ("check out", "checkout", "switch to"),
    "switch": ("switch to", "go to", "change to", "jump to", "move to"),
    "clone": ("clone", "grab", "download", "copy"),
    "fork": ("fork",),
    "download": ("download", "fetch", "grab", "get", "save"),
    "upload": ("upload", "attach", "push up"),
    "fetch": ("fetch", "get", "download", "grab"),
    "rename": ("rename", "change the name of"),
    "move": ("move", "transfer"),
    "mv": ("move", "rename", "mv"),
    "copy": ("copy", "duplicate"),
    "transfer": ("transfer", "move"),
    "run": ("run", "trigger", "start", "kick off", "launch", "execute"),
    "rerun": ("rerun", "re-run", "run again", "retry"),
    "cancel": ("cancel", "stop", "abort", "kill"),
    "watch": ("watch", "follow", "monitor", "keep an eye on"),
    "start": ("start", "launch", "begin", "fire up"),
    "stop": ("stop", "halt", "shut down", "kill"),
    "restart": ("restart", "bounce"),
    "enable": ("enable", "turn on", "activate"),
    "disable": ("disable", "turn off", "deactivate"),
    "lock": ("lock",), "unlock": ("unlock",), "pin": ("pin",), "unpin": ("unpin",),
    "comment": ("comment on", "leave a comment on", "reply to", "add a comment to"),
    "review": ("review",), "approve": ("approve",), "ready": ("mark as ready",),
    "search": ("search", "search for", "look for", "find"),
    "find": ("find", "search for", "look for", "locate"),
    "login": ("log in", "login", "sign in"), "logout": ("log out", "logout", "sign out"),
    "sync": ("sync", "synchronize", "bring up to date"),
    "archive": ("archive",), "unarchive": ("unarchive", "restore"),
    "import": ("import", "bring in", "load"), "export": ("export", "save", "dump"),
    "apply": ("apply",), "pop": ("pop",), "prune": ("prune", "clean up"),
    "install": ("install", "set up"), "uninstall": ("uninstall", "remove"),
    "upgrade": ("upgrade", "update"), "verify": ("verify", "check", "validate"),
    "browse": ("browse", "open"), "describe": ("describe",), "deploy": ("deploy", "ship",
    "release"),
    "push": ("push", "send up"), "pull": ("pull",), "commit": ("commit",), "rebase": ("rebase",),
    "revert": ("revert",), "reset": ("reset",), "restore": ("restore",), "bisect": ("bisect",),
    "tag": ("tag",), "stash": ("stash",), "build": ("build",), "test": ("test",),
    "develop": ("develop",), "link": ("link",), "unlink": ("unlink",),
}  # fmt: skip
CREATING = frozenset(["create", "new", "add", "init"])
LISTING = frozenset(["list", "ls"])

# Base forms that start an imperative; the keys and values above count as well.
MORE_VERBS = word_set("""
    un-add un-close annotate ask backport be bin bisect box collapse destroy do don't embed end
    fire fold hand hit hook hunt linearize nest park paste peek ping point prepare propose queue
    raise replay retire retitle reuse reverse revive reword spin ship scrap tack tick tidy toss
    unassign undelete undraft unfreeze unshelve wind abandon abort accept act amend append
    assign attach authenticate begin blow bring bump call cat catch change check cherry-pick
    clean combine compare compress configure connect continue convert convey count cut dial
    discard disconnect discover do dump duplicate empty ensure erase exclude execute expand
    explain extract file filter find finish fix flag flush follow force format forget generate
    give go grab group grep handle have help hide highlight hold ignore include inspect invite
    join jump keep kick kill label land launch leave let limit load locate log look make manage
    mark match maintain mirror modify monitor move name notify obtain omit opt order overwrite
    pack pass pick pin place post preserve preview print proceed process produce publish purge
    put query quit read rebuild receive record redo refresh register reject reload remind remote
    render repair repeat replace reply report request require resolve resume retry retrieve
    return rewind rewrite roll save say scan scrap see select send separate set share shelve
    ship sign skip snapshot sort specify split squash stage stick stop store submit subscribe
    suppress switch take tell throw toggle track transfer trigger trim try turn undo unstage
    unstash untrack update use view wait walk want warn wipe write zip
""")
QUESTION_WORDS = word_set("""
    what what's whats who who's which how where when why is are am was were do does did can
    could should would will has have whose any anything
""")
# Phrases that start with these are things that one can be shown.
THING_HEADS = word_set("""
    history list overview leaderboard difference details detail changelog tarball graph status
    tip diff contents content size name url count number stats statistics output url link
    everything info information summary report version author owner
""")
THING_ADJECTIVES = word_set("""
    open closed merged recent last latest newest oldest all draft my the local remote red green
    failed running active pending private public secret every
""")
STATEMENT_WORDS = word_set("""
    i i'm i've i'd im my we let's lets there it this that oops whoops somebody someone
""")
PREPOSITIONS = word_set("""
    with without in on for from to by as at of into onto since until before after using
    including excluding via through under against over per than across inside within but and
    then so also plus only except ignoring
""")

# (weight, pattern); {x} is the imperative.
FRAMES: tuple[tuple[int, str], ...] = (
    (520, "{x}"),
    (34, "please {x}"), (14, "pls {x}"), (40, "can you {x}"), (20, "could you {x}"),
    (10, "can you please {x}"), (4, "could u {x}"), (8, "would you {x}"), (16, "{x} please"),
    (8, "{x} pls"), (16, "{x} for me"), (5, "{x}, thanks"), (3, "{x} thx"),
    (36, "i need to {x}"), (34, "i want to {x}"), (22, "i'd like to {x}"), (14, "need to {x}"),
    (9, "i wanna {x}"), (8, "i have to {x}"), (6, "we need to {x}"), (5, "gotta {x}"),
    (12, "let's {x}"), (5, "lets {x}"), (6, "i want you to {x}"), (4, "time to {x}"),
    (32, "how do i {x}"), (16, "how can i {x}"), (16, "how to {x}"), (5, "how would i {x}"),
    (6, "what's the command to {x}"), (5, "is there a way to {x}"), (4, "can i {x}"),
    (10, "help me {x}"), (4, "show me how to {x}"), (4, "command to {x}"), (4, "trying to {x}"),
    (9, "ok {x}"), (7, "hey {x}"), (9, "now {x}"), (5, "ok now {x}"), (16, "just {x}"),
    (7, "quickly {x}"), (9, "go ahead and {x}"), (4, "alright, {x}"), (4, "hey, can you {x}"),
    (6, "{x} now"), (5, "{x} real quick"), (4, "{x} asap"), (3, "yo {x}"), (3, "next, {x}"),
)  # fmt: skip
ASKING_FRAMES = ("can ", "could ", "would ", "how ", "what's", "is there", "hey, can")
# Orders that begin with "show me" or "give me" speak to the program already.
NOT_WITH_ME = ("how ", "i ", "i'd", "need ", "want ", "gotta", "we ", "let", "time ", "trying",
"command",
               "what's", "is there", "can i", "help", "show", "{x} for me")  # fmt: skip
NOUN_FRAMES: tuple[tuple[int, str], ...] = (
    (46, "{x}"), (16, "show me {x}"), (9, "show {x}"), (8, "give me {x}"), (7, "get {x}"),
    (6, "i want to see {x}"), (5, "can i see {x}"), (5, "can you show me {x}"), (4, "need {x}"),
    (4, "let me see {x}"), (3, "what's {x}"),
)  # fmt: skip
QUESTION_FRAMES: tuple[tuple[int, str], ...] = (
    (86, "{x}"), (4, "hey, {x}"), (3, "quick question: {x}"), (3, "tell me {x}"), (4, "so {x}"),
)  # fmt: skip

# Words that may stand for each other anywhere in a request. A side that names another command of
# the same CLI is not used.
SWAPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("show me", ("show", "give me", "display", "let me see")),
    ("show", ("show me", "display", "print")),
    ("display", ("show", "show me")),
    ("delete", ("remove", "get rid of", "drop")),
    ("remove", ("delete", "get rid of")),
    ("get rid of", ("remove", "delete")),
    ("create", ("make", "start")),
    ("make", ("create",)),
    ("repository", ("repo",)), ("repositories", ("repos",)), ("repo", ("repository",)),
    ("pull request", ("PR", "pr")), ("pull requests", ("PRs", "prs")),
    ("PR", ("pull request", "pr")), ("pr", ("pull request", "PR")),
    ("directory", ("folder", "dir")), ("folder", ("directory", "dir")),
    ("message", ("msg",)), ("called", ("named",)), ("named", ("called",)),
    ("without", ("w/o", "with no")),
    ("information", ("info", "details")), ("configuration", ("config",)),
    ("description", ("desc",)), ("latest", ("most recent", "newest")),
    ("changes", ("edits", "modifications")), ("want to", ("wanna",)), ("don't", ("do not", "dont")),
    ("what is", ("what's", "whats")), ("what's", ("what is", "whats")), ("i am", ("i'm", "im")),
    ("download", ("grab",)), ("and also", ("and", "plus")),
    ("as well", ("too", "also")), ("too", ("as well", "also")), ("into", ("in to",)),
)  # fmt: skip
