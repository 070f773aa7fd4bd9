"""The options that commands share, and the settings that they override."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ..model.limits import MAX_TERMS
from ..settings import PREFIX, RuntimeName, Settings, default_of, description_of, error_messages
from .messages import print_error, typed_command


def load_settings(**chosen: Any) -> Settings:
    """Read the settings from the environment, except for the options that a command was given.

    Raises:
        typer.Exit: A setting is invalid; its option or variable has been printed.
    """
    options: dict[str, Any] = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in chosen.items()
        if value not in (None, [])
    }
    try:
        return Settings(**options)
    except ValidationError as error:
        for message in error_messages(error, options):
            print_error(message)
        typer.echo(f"`{typed_command()} serve --help` lists the settings", err=True)
        raise typer.Exit(2) from error


def _setting(name: str, description: str | None = None) -> Any:
    description = description or description_of(name)
    return typer.Option(help=f"{description} Overrides `{PREFIX}{name.upper()}`.", show_default=False)


def settings_table() -> str:
    """All settings with their defaults, in Markdown."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {f'`{value}`' if (value := default_of(name)) else ''} | {description_of(name)} |"
        for name in Settings.model_fields
    ]
    return "\n".join(["Settings, from the environment:\n", "| variable | default | |", "| --- | --- | --- |", *rows])


Host = Annotated[str | None, _setting("host")]
Port = Annotated[int | None, _setting("port")]
Workers = Annotated[int | None, _setting("workers")]
ModelDir = Annotated[Path | None, _setting("model_dir")]
ModelVersion = Annotated[str | None, _setting("model_version", description="Bundle version; if unset, the highest.")]
ModelVersions = Annotated[
    list[str] | None,
    _setting("model_version", description="Bundle version; repeat it for several, the default first."),
]
MaxCharacters = Annotated[int | None, _setting("max_characters")]
Runtime = Annotated[
    RuntimeName | None,
    _setting(
        "runtime",
        description="`tensorflow` runs the SavedModel, `numpy` the same layers in less time and memory. If unset, "
        "`serve` uses `tensorflow` where it is installed, `check` every installed one, and other commands `numpy`.",
    ),
]
Reviews = Annotated[list[str] | None, typer.Argument(metavar="[REVIEW]...", help="Reviews; `-` reads standard input.")]
Files = Annotated[
    list[typer.FileText] | None,
    typer.Option("--file", encoding="utf-8-sig", help="Text file with one review per line; can be repeated."),
]
Whole = Annotated[bool, typer.Option("--whole", help="Read each file, and standard input, as a single review.")]
Explain = Annotated[int, typer.Option(metavar="N", min=0, max=MAX_TERMS, help="List the N terms that matter most.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LabelledFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, help="Labelled texts: .csv, .tsv, .jsonl, .parquet; also .gz, …"
    ),
]
TextColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column with the texts; by default text or review.")
]
LabelColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column with the labels: 1, positive, pos, true or 0, negative, neg, false. By default label or "
        "sentiment.",
    ),
]
SkipBadRows = Annotated[bool, typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used.")]
