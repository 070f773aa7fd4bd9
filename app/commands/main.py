"""The commands, as `python -m app` and as the console command `review-sentiment`: one module each, of the same name.

A module is imported when its command is used, so that `score` loads no web framework, and `--help` nothing at all.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand

from app import __version__
from app.commands.messages import MODULE, SCRIPT, PlainErrors, print_error, typed_command
from app.model.errors import SentimentError

SUMMARIES = {
    "serve": "Serve over HTTP. This is the default command.",
    "score": "Score reviews.",
    "explain": "Show what predictions are based on: the effect of each word.",
    "evaluate": "Measure how good the model is on your own labelled texts.",
    "calibrate": "Make the model's probabilities right for your own texts, with 50 labels or more, without training.",
    "check": "Verify a bundle and print facts about it.",
    "bulk": "Score CSV, JSON Lines and Parquet files of any size.",
    "openapi": "Print the OpenAPI document.",
}
"""Command -> the first line of its help."""


class Commands(PlainErrors):
    """Serves if no command is given, and prints this project's errors without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; `python -m app --port 9000` means `python -m app serve --port 9000`."""
        if args == ["--version"]:  # with a value, it is the bundle version to serve
            typer.echo(f"{SCRIPT} {__version__}")
            raise typer.Exit
        self.epilog = _as_typed(self.epilog)
        own = [option for parameter in self.get_params(ctx) for option in parameter.opts]
        if not ctx.resilient_parsing and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SentimentError as error:
            print_error(error)
            raise typer.Exit(1) from error


class Deferred(TyperCommand):
    """A command whose module is not imported yet; its function `run` has the options, and the help as its docstring."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the module, and let its command parse the arguments."""
        module = import_module(f"app.commands.{self.name}")
        alone = typer.Typer(rich_markup_mode="markdown", pretty_exceptions_enable=False, add_completion=False)
        alone.command(self.name, epilog=getattr(module, "EPILOG", None))(module.run)
        command = typer.main.get_command(alone)
        command.help = _as_typed(command.help)
        return command.make_context(info_name, args, parent, **extra)


def _as_typed(text: str | None) -> str | None:
    return text and text.replace(MODULE, typed_command())


app = typer.Typer(
    cls=Commands,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Score movie reviews: over HTTP, in the terminal, or in bulk.",
    epilog="Without a command, the service starts. `python -m app serve --help` lists all settings, and "
    "`python -m app --version` prints the version of this program.",
)
for name, summary in SUMMARIES.items():
    app.command(name, cls=Deferred, help=summary)(lambda: None)
