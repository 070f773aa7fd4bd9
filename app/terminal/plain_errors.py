"""Errors of commands: one plain line on standard error, which can be copied and searched."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from app.terminal.printable import printable


def print_error(message: object) -> None:
    """Print `error: …` on one line, however wide the terminal is."""
    typer.echo(f"error: {' '.join(map(str.strip, printable(str(message)).splitlines()))}", err=True)


class PlainErrors(TyperGroup):
    """A group of commands whose usage errors have no box around them."""

    def main(self, *arguments: Any, **extra: Any) -> Any:
        """See Click."""
        if not extra.get("standalone_mode", True):
            return super().main(*arguments, **extra)
        try:
            sys.exit(super().main(*arguments, **(extra | {"standalone_mode": False})))
        except typer.Abort:
            print_error("aborted")
            sys.exit(1)
        except TyperException as error:
            print_error(error.format_message())
            if context := getattr(error, "ctx", None):
                typer.echo(f"try `{context.command_path} --help`", err=True)
            sys.exit(error.exit_code)
