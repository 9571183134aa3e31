"""``clitron shell-init``: a key that turns the words on a shell's line into a command.

The widgets know nothing but ``clitron ask CLI --print``. They put a command into the line, for a
person to read and run; they never run one. zsh's holds no comments, since an interactive zsh that
evaluates it takes them for commands.
"""

from __future__ import annotations

import re

import click

from clitron_dagster.cli.common import make_settings
from clitron_dagster.errors import ClitronError

BASH = r"""
_clitron_widget() {
  local text=$READLINE_LINE cli=${CLITRON_CLI:-@CLI@} first line
  text=${text#"${text%%[![:space:]#]*}"}
  first=${text%%[[:space:]]*}
  if [[ " @CLIS@ " == *" $first "* ]]; then
    cli=$first text=${text#"$first"}
  fi
  [[ $text == *[![:space:]]* ]] || return 0
  line=$(command clitron ask "$cli" --print --shell bash -- "$text" </dev/null) || return 0
  [[ -n $line ]] || return 0
  READLINE_LINE=$line
  READLINE_POINT=${#line}
}
if [[ $- == *i* ]]; then
  bind -x '"\eg": _clitron_widget'
fi
"""
ZSH = r"""
_clitron_widget() {
  emulate -L zsh
  local text=$BUFFER cli=${CLITRON_CLI:-@CLI@} first line
  text=${text#"${text%%[![:space:]#]*}"}
  first=${text%%[[:space:]]*}
  if [[ " @CLIS@ " == *" $first "* ]]; then
    cli=$first text=${text#"$first"}
  fi
  [[ $text == *[![:space:]]* ]] || return 0
  zle -I
  line=$(command clitron ask "$cli" --print --shell zsh -- "$text" </dev/null) || return 0
  [[ -n $line ]] || return 0
  BUFFER=$line
  CURSOR=${#line}
}
if [[ -o interactive ]]; then
  zle -N _clitron_widget
  bindkey '\eg' _clitron_widget
fi
"""
FISH = r"""
function _clitron_widget
    set -l text (commandline | string collect)
    set text (string replace -r '^[\s#]+' '' -- "$text" | string collect)
    set -l cli @CLI@
    set -q CLITRON_CLI; and set cli $CLITRON_CLI
    set -l first (string match -r '^\S+' -- "$text")
    if contains -- "$first" @CLIS@
        set cli $first
        set text (string replace -r '^\S+\s*' '' -- "$text" | string collect)
    end
    string match -qr '\S' -- "$text"; or return 0
    set -l line (command clitron ask $cli --print --shell fish -- "$text" </dev/null | string collect)
    test -n "$line"; and commandline -r -- $line
    commandline -f repaint
end
if status is-interactive
    bind \eg _clitron_widget
end
"""
WIDGETS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@click.command("shell-init")
@click.argument("shell", type=click.Choice(list(WIDGETS)))
@click.option(
    "--cli", metavar="CLI", help="Whose commands are meant where the line names none; default git."
)
def shell_init(shell: str, cli: str | None) -> None:
    """Print what makes Alt-g turn the words on the line into a command. It never runs one.

    \b
    clitron shell-init bash                      prints it; to use it, add to
      ~/.bashrc                     eval "$(clitron shell-init bash)"
      ~/.zshrc                      eval "$(clitron shell-init zsh)"
      ~/.config/fish/config.fish    clitron shell-init fish | source

    \b
    Then type what you want, press Alt-g, read the command, and press Enter if it is right:
      undo my last commit           of git, or of --cli, or of $CLITRON_CLI
      # undo my last commit         the same; a # in front keeps Enter from running the words
      gh merge this                 of gh: the name of a CLI that has a schema may stand first

    A question of the model is shown above the line, which then stays as it is. Another key: see
    `bind -x`, `bindkey` or `bind` at the end of what is printed.
    """
    settings = make_settings()
    names = [name for name in settings.cli_names() if _NAME.fullmatch(name)]
    if cli is not None:
        settings.load(cli)  # an unknown name is refused with what there is
    elif not names:
        raise ClitronError(
            f"there is no schema in {settings.schemas_dir} yet; `clitron schema import` makes one"
        )
    chosen = cli or ("git" if "git" in names else names[0])
    script = WIDGETS[shell].replace("@CLIS@", " ".join(names)).replace("@CLI@", chosen)
    click.echo(script.strip("\n"))
