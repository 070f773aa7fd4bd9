"""The commands, as `python -m app` and as the console command `review-sentiment`.

Each command does its own imports, so that `score` need not load a web framework.
"""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app import __version__
from app.inference.errors import PackageMissing, SentimentError
from app.terminal import options as opt
from app.terminal.plain_errors import PlainErrors, print_error
from app.terminal.typed import MODULE, SCRIPT, typed_command

if TYPE_CHECKING:
    from app.inference.bundle import Bundle
    from app.inference.classifier import Classifier
    from app.settings import Settings


StreamFormat = Literal["jsonl", "csv"]


class Commands(PlainErrors):
    """Serves if no command is given, and prints this project's errors without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See Click; `python -m app --port 9000` means `python -m app serve --port 9000`."""
        if args == ["--version"]:  # with a value, it is the bundle version to serve
            typer.echo(f"{SCRIPT} {__version__}")
            raise typer.Exit
        self.epilog = _as_typed(self.epilog)
        own = [option for parameter in self.get_params(ctx) for option in parameter.opts]
        if not ctx.resilient_parsing and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["serve", *args]
        if args[:1] != ["serve"]:  # which handles it
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """See Click; the examples in its help show the command as the user typed it."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.help = _as_typed(command.help)
        return command

    def invoke(self, ctx: Any) -> Any:
        """See Click."""
        try:
            return super().invoke(ctx)
        except SentimentError as error:
            print_error(error)
            raise typer.Exit(1) from error


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


@app.command(epilog=opt.settings_table())
def serve(
    host: opt.Host = None,
    port: opt.Port = None,
    workers: opt.Workers = None,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersions = None,
) -> None:
    """Serve over HTTP. This is the default command.

    For example:

        python -m app --port 9000 --runtime numpy
        python -m app serve --host 0.0.0.0 --workers 4
        python -m app serve --version 3 --version 1
        SENTIMENT_API_KEYS_FILE=keys.txt python -m app

    Exit codes: 0 after a signal, 1 if the bundle cannot be served, 2 if an option or a setting is invalid, 3 if
    the address cannot be used.
    """
    settings = opt.load_settings(
        host=host, port=port, workers=workers, runtime=runtime, model_dir=model_dir, model_version=model_version
    )
    from app.process.listener import AddressUnavailable
    from app.process.serving import serve as run

    try:
        code = run(settings)
    except AddressUnavailable as error:
        print_error(error)
        code = 3
    raise typer.Exit(code)


@app.command()
def score(
    reviews: opt.Reviews = None,
    file: opt.Files = None,
    whole: opt.Whole = False,
    explain: opt.Explain = 0,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersions = None,
) -> None:
    """Score reviews.

    For example:

        python -m app score "A superb film." "A dull waste of time."
        python -m app score --file reviews.txt
        echo "A superb film." | python -m app score -
        python -m app score -- "-- not my film"
        python -m app score --version 1 --version 3 "Not bad at all."
        python -m app score --explain 3 "A superb cast, but not a good film."

    Prints a table on a terminal, in which unknown words are dim. Otherwise prints tab-separated lines: probability,
    sentiment, uncertain (true or false), words, known words, review. `--json` prints what `POST /predict` returns.
    `--explain` adds a column or, after the review, a field with the terms and their log-odds.

    Several versions are compared: each has its own row or line, and `--json` prints one line per version.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    models, texts = _open(settings, reviews, file, whole, explaining=False)
    from app.terminal.tables import print_predictions

    print_predictions(models, texts, explain, as_json)


@app.command()
def explain(
    reviews: opt.Reviews = None,
    file: opt.Files = None,
    whole: opt.Whole = False,
    top: Annotated[int | None, typer.Option(min=0, help="Terms to list; by default 10, or all as JSON.")] = None,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Show what predictions are based on: the effect of each word.

    For example:

        python -m app explain "A superb cast, but not a good film."
        python -m app explain --top 20 --file review.txt --whole

    On a terminal, blue words with ⁺ make the review more positive, orange words with ⁻ more negative; dim words are
    unknown. A term's log-odds are the difference from the prediction without it. Otherwise prints tab-separated lines.
    `--json` prints what `POST /explain` returns.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    (model, *_), texts = _open(settings, reviews, file, whole, explaining=True)
    from app.terminal.explanations import print_explanations

    print_explanations(*model, texts, top, as_json)


def _open(
    settings: "Settings", reviews: opt.Reviews, file: opt.Files, whole: bool, explaining: bool
) -> "tuple[list[tuple[Bundle, Classifier]], list[str]]":
    """Read the reviews of a command, then load the models, which takes longer: invalid input fails early."""
    from app.terminal.model import open_models
    from app.terminal.reviews import read_reviews

    texts = read_reviews(reviews or [], file or [], whole, settings, explaining)
    return open_models(settings), texts


@app.command()
def evaluate(
    file: opt.LabelledFile,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a report with plots to this new folder.")
    ] = None,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Measure how good the model is on your own labelled texts.

    For example:

        python -m app evaluate my.csv
        python -m app evaluate my.jsonl --text-column body --label-column verdict --skip-bad-rows
        python -m app evaluate my.csv --report evaluation --version 1

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    from app.evaluation.packages import require_packages

    require_packages(plots=report is not None)
    from app.evaluation.labelled import read_labelled
    from app.terminal.evaluation import print_evaluation

    print_evaluation(settings, read_labelled(file, text_column, label_column, skip_bad_rows), report, as_json)


@app.command()
def calibrate(
    file: opt.LabelledFile,
    output: Annotated[Path, typer.Argument(help="Folder of the new bundle; its name is the version.")],
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Make the model's probabilities right for your own texts, with a hundred labels and without training.

    For example:

        python -m app calibrate my.csv models/imdb/4 --version 3
        SENTIMENT_MODEL_VERSION=3,4 python -m app

    Writes a new bundle with the same network. Its predictions are corrected by two numbers, a scale and a shift of the
    log-odds, and its rule for uncertain predictions fits the texts. It contains no text of the file.

    Needs scikit-learn and SciPy, and says how to install them.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    from app.evaluation.packages import require_packages

    require_packages()
    from app.evaluation.labelled import read_labelled
    from app.terminal.calibration import check_output, print_calibration

    check_output(output)
    print_calibration(settings, read_labelled(file, text_column, label_column, skip_bad_rows), output)


@app.command()
def check(
    bundle: Annotated[Path | None, typer.Argument(help="Its folder; by default, the one that `serve` uses.")] = None,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
) -> None:
    """Verify a bundle and print facts about it.

    For example:

        python -m app check
        python -m app check models/imdb/1 --runtime numpy
        python -m app check --json | jq .manifest.metrics

    Checks the SHA-256 of every file. Then scores the golden reviews with the chosen runtime, or with every
    installed one, and compares the probabilities with the recorded ones.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    from app.inference.bundle import find_bundle, load_bundle
    from app.terminal.inspection import facts_of, lines_about, replay

    try:
        found = load_bundle(bundle or find_bundle(settings.model_dir, settings.model_version))
        differences = replay(found, settings.runtime if "runtime" in settings.model_fields_set else None)
    except SentimentError as error:
        if as_json:
            typer.echo(json.dumps({"valid": False, "message": str(error)}))
        raise
    typer.echo(json.dumps(facts_of(found, differences)) if as_json else lines_about(found, differences))


@app.command()
def bulk(
    input_: Annotated[
        str, typer.Argument(metavar="INPUT", help="A file, a folder, a quoted glob pattern, or `-` for standard input.")
    ],
    output: Annotated[
        Path,
        typer.Argument(help="A folder for the parts, a file of the input's format, or `-` for standard output."),
    ],
    text: Annotated[str | None, typer.Option(help="Column with the reviews; by default `review` or `text`.")] = None,
    keep: Annotated[
        str | None, typer.Option(help="Input columns to keep, separated by commas; by default all.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Prefix for the names of the added columns.")] = "",
    explain: opt.Explain = 0,
    format_: Annotated[
        StreamFormat | None,
        typer.Option("--format", help="Format of standard input; by default `jsonl`.", show_default=False),
    ] = None,
    part_rows: Annotated[int, typer.Option(min=1, help="Rows per part; a crash loses at most one part.")] = 100_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one per core.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on this Ray cluster: HOST:PORT, or auto.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a job that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output file.")] = False,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
    max_characters: opt.MaxCharacters = None,
) -> None:
    """Score CSV, JSON Lines and Parquet files of any size.

    For example:

        python -m app bulk reviews.csv scored.csv
        python -m app bulk exports/ scored --text body --keep id,stars
        python -m app bulk "exports/*.jsonl.gz" scored --resume
        zcat reviews.csv.gz | python -m app bulk - - --format csv > scored.csv

    Adds the columns `positive_probability`, `sentiment`, `uncertain`, `words`, `known_words` and `error` to each row,
    and with `--explain` also `reasons`, such as `superb +1.9; dull -1.2`: terms with their effects on the log-odds.
    Lines that cannot be parsed go to `_bad_lines.jsonl`, or to standard error if OUTPUT is `-`.

    Exit codes: 0 every row was scored, 1 the job failed or a file is damaged, 2 the command is invalid, 3 the job is
    complete, but rows have errors or lines could not be parsed. After 1, finished parts stay.
    """
    settings = opt.load_settings(
        runtime=runtime, model_dir=model_dir, model_version=model_version, max_characters=max_characters
    )
    from app.bulk.command import run
    from app.bulk.errors import BulkUsage

    columns = list(filter(None, keep.split(","))) if keep is not None else None
    options = (text, columns, prefix, explain, format_, part_rows, workers, ray, resume, overwrite, as_json)
    try:
        code = run(settings, input_, output, *options)
    except (BulkUsage, PackageMissing) as error:
        raise typer.BadParameter(str(error)) from error
    raise typer.Exit(code)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    settings = opt.load_settings()
    from app.main import create_app

    typer.echo(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False))
