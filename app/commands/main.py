"""The commands, as `python -m app` and as the console command `review-sentiment`: one module each, of the same name.

A module is imported when its command is used, so that `score` loads no web framework, and `--help` nothing at all.
"""

import os
import shlex
from importlib import import_module
from typing import Annotated, Any

import typer

from .. import __version__
from .messages import MODULE, SCRIPT, PlainErrors, PlainUsage, typed_command

SUMMARIES = {
    "serve": "Serve over HTTP.",
    "score": "Score reviews.",
    "explain": "Show what predictions are based on: the effect of each word.",
    "evaluate": "Measure how good the model is on your own labelled texts.",
    "calibrate": "Calibrate the probabilities for your texts. A hundred labels are enough; nothing is retrained.",
    "check": "Verify a bundle and print facts about it.",
    "bulk": "Score CSV, JSON Lines and Parquet files of any size.",
    "openapi": "Print the OpenAPI document.",
}
"""Command -> the first line of its help."""
EPILOG = """
For example:

    python -m app score "A superb film."
    python -m app serve

`python -m app COMMAND --help` shows more examples, and that of `serve` lists all settings.
"""
FORMER = {"--version": "--model-version", "--text": "--text-column"}
"""Option as it was called in 0.2 -> its name."""


class Commands(PlainErrors):
    """Suggests what may have been meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Add `serve` for services that were set up when it was the default; on a terminal, show the help instead."""
        self.epilog = _as_typed(self.epilog)
        own = [option for parameter in self.get_params(ctx) for option in parameter.opts]
        if not ctx.resilient_parsing:
            first, *rest = args or ["--help" if os.isatty(1) else "serve"]  # `sys.stdout` is None if it was closed
            if first.startswith("-") and (first not in own or (first == "--version" and rest)):
                first, rest = "serve", args
            args = [first, *rest]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; a review in its place is an error that shows how to score it."""
        if " " in args[0]:
            example = f"{typed_command()} score {shlex.join(args)}"
            ctx.fail(f"{args[0]!r} is not a command. To score it as a review, use: {example}")
        return super().resolve_command(ctx, args)


class Deferred(PlainUsage):
    """A command whose module is not imported yet; its function `run` has the options, and the help as its docstring."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the module, and let its command parse the arguments."""
        module = import_module(f".{self.name}", __package__)
        alone = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False)
        alone.command(self.name, cls=PlainUsage, epilog=getattr(module, "EPILOG", None))(module.run)
        command = typer.main.get_command(alone)
        command.help = _as_typed(command.help)
        return command.make_context(info_name, _with_new_names(args), parent, **extra)


def _as_typed(text: str | None) -> str | None:
    return text and text.replace(MODULE, typed_command())


def _with_new_names(args: list[str]) -> list[str]:
    """Replace options that were renamed, and say so; the old names work until 0.4."""
    end = args.index("--") if "--" in args else len(args)
    names = [arg.partition("=")[0] for arg in args[:end]]
    for name in sorted(FORMER.keys() & set(names)):
        typer.echo(f"note: {name} is now called {FORMER[name]}; the old name works until release 0.4", err=True)
    new = [FORMER.get(name, name) + arg.removeprefix(name) for name, arg in zip(names, args[:end], strict=True)]
    return new + args[end:]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{SCRIPT} {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Score movie reviews: over HTTP, in the terminal, or in bulk."""


for name, summary in SUMMARIES.items():
    app.command(name, cls=Deferred, help=summary)(lambda: None)
