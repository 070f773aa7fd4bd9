"""What commands write besides results: errors, on one plain line that can be copied and searched.

Untrusted text is displayed on a terminal, never interpreted.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from ..model.errors import SentimentError

MODULE, SCRIPT = "python -m app", "review-sentiment"
JOINERS = "\u200c\u200d"
"""Harmless format characters that emoji and some scripts need."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Why standard output takes no more: the disk is full, or a quota or the limit of a file's size is reached."""


def typed_command() -> str:
    """The command as the user typed it: `review-sentiment`, or `python -m` and the name of the package."""
    package, *_ = __name__.split(".")
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else f"python -m {package}"


def printable(text: str) -> str:
    """Replace control, format and unassigned characters, so that no review can control the terminal.

    Line endings stay, other white space becomes a space, and the length does not change.
    """
    return "".join(
        c if c.isprintable() or c == "\n" or c in JOINERS else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def one_line(text: str) -> str:
    """Return the printable text on one line, with single spaces."""
    return " ".join(printable(text).split())


def print_error(message: object) -> None:
    """Print `error: …` on one line, however wide the terminal is."""
    typer.echo(f"error: {' '.join(map(str.strip, printable(str(message)).splitlines()))}", err=True)


class PlainErrors(TyperGroup):
    """A group of commands whose errors are sentences, without boxes and tracebacks."""

    def main(self, *arguments: Any, **extra: Any) -> NoReturn:
        """Run a command, and print the error that it raises."""
        try:
            sys.exit(super().main(*arguments, **(extra | {"standalone_mode": False})))
        except SentimentError as error:
            print_error(error)
        except TyperException as error:
            print_error(error.format_message())
            if context := getattr(error, "ctx", None):
                typer.echo(f"try `{context.command_path} --help`", err=True)
            sys.exit(error.exit_code)
        except OSError as error:
            if error.errno not in FULL:
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit fails again
            print_error(f"the output cannot be written ({error.strerror})")
        sys.exit(1)


class PlainUsage(TyperCommand):
    """A command whose usage has no braces: `bulk [OPTIONS] INPUT OUTPUT`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Name the arguments."""
        return [piece.strip("{}").upper() for piece in super().collect_usage_pieces(ctx)]
