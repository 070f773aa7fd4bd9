"""The commands of `python -m training`: train (the default), experiments, compare, curve."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from statistics import mean, pstdev
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperGroup

from app.inference.bundle import bundle_versions, load_bundle
from app.inference.errors import SentimentError
from app.inference.vocabulary import Encoding
from training.archive import download, load_archives
from training.collection import COLUMNS, is_own, load_collection
from training.dataset import OWN, Dataset, has_both_classes, read_sentences
from training.errors import SourceError

IMDB_MODELS = Path("models/imdb")
KERAS = Path("keras")
LISTS = ("--dataset", "--sizes", "--seeds")
"""Options that take several values."""
MAX_SEED = 2**32 - 1
"""The largest that NumPy's legacy generator takes, which Keras seeds, too."""

EXAMPLES = """
For example:

    python -m training                              # downloads the official archive (84 MB, once)
    python -m training --dataset aclImdb_v1.tar.gz  # or the folder it extracts to
    python -m training --dataset aclImdb/train aclImdb/test
    python -m training --dataset keras              # the words that Keras packages, as in the book
    python -m training --dataset my.csv --output models/mine
    python -m training --layers 3 --units 64 --seed 7 --output /tmp/imdb
    python -m training --recipe best --dataset aclImdb_labelled.tar.xz aclImdb_unsup.tar.xz
    python -m training experiments                  # the book's further experiments (3.4.6)
    python -m training compare models/imdb/1 models/imdb/2
    python -m training curve --dataset my.csv       # would more reviews help?

Exit codes: 0 done, 1 failed with an explanation, 2 wrong options, 130 interrupted.
"""


class Commands(TyperGroup):
    """Trains if no command is given, accepts lists of values, and prints errors without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See Click; `--dataset a b` means `--dataset a --dataset b`, which Click cannot express."""
        own = [option for parameter in self.get_params(ctx) for option in parameter.opts]
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["train", *args]
        expanded: list[str] = []
        option = ""
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg in LISTS else ""
            elif option and expanded[-1] != option:
                expanded.append(option)
            expanded.append(arg)
        return super().parse_args(ctx, expanded)

    def invoke(self, ctx: Any) -> Any:
        """See Click."""
        try:
            return super().invoke(ctx)
        except (SentimentError, OSError) as error:
            message, code = f"error: {error}", 1
        except ModuleNotFoundError as error:
            package = (error.name or "training").partition(".")[0]
            if package in ("app", "training"):
                raise  # a fault of ours: nothing is missing that could be installed
            needs = "`make setup-training` installs what training needs, requirements/training.txt"
            message, code = f"error: {package} is not installed; {needs}", 1
        except KeyboardInterrupt:
            message, code = "interrupted; nothing incomplete was left", 130
        typer.echo(message, err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Train the review-sentiment network and write it as a bundle that `python -m app` can serve.",
    epilog=EXAMPLES,
)


def _above_0(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < math.inf:  # also false for NaN
        raise typer.BadParameter(f"{rate} is not a number above 0, such as 0.001")
    return rate


def _own(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, rich_help_panel="Your own reviews (.csv, .tsv, .jsonl; also .gz, …)", **more)


def _change(text: str, **more: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="Changes to the recipe; best has only --epochs and --seed", **more)


Paths = Annotated[
    list[Path] | None,
    typer.Option(
        "--dataset",
        metavar="PATH...",
        help="Archives or folders of raw IMDB reviews, or your own reviews as .csv or .jsonl, or the word `keras`. "
        "By default, the official archive.",
    ),
]
RecipeName = Annotated[
    Literal["book", "best"],
    typer.Option(
        "--recipe",
        help="book: as in the book. best: 10,000 chosen terms, and a larger model as a teacher, which also reads "
        "unlabelled reviews (pass their archive, too).",
    ),
]
Seeds = Annotated[list[int], typer.Option("--seeds", metavar="N...", min=0, max=MAX_SEED, help="Runs are repeated.")]
TextName = Annotated[str | None, _own("--text-column", "By default text or review.", metavar="NAME")]
LabelName = Annotated[
    str | None,
    _own(
        "--label-column",
        "Has 1, positive, pos, true or 0, negative, neg, false. By default label or sentiment.",
        metavar="NAME",
    ),
]
Skip = Annotated[bool, _own("--skip-bad-rows", "Leave out and count rows that cannot be used.")]


@dataclass(frozen=True)
class Source:
    """The options that say where the reviews come from."""

    paths: Sequence[Path] | None
    text_column: str | None = None
    label_column: str | None = None
    skip_bad_rows: bool = False

    @property
    def is_own(self) -> bool:
        """Whether they are a user's own reviews."""
        return any(map(is_own, self.paths or ()))

    def check(self, words_suffice: bool) -> None:
        """Check that the options fit together.

        Args:
            words_suffice: Whether the command can do without raw reviews.

        Raises:
            typer.BadParameter: They do not.
        """
        if self.paths == [KERAS] and not words_suffice:
            raise typer.BadParameter(
                "Keras has only words, which suffice to train the recipe book. For the rest, name the raw reviews "
                "(--dataset aclImdb_v1.tar.gz), or leave --dataset out to download them"
            )
        named = {
            "--text-column": self.text_column,
            "--label-column": self.label_column,
            "--skip-bad-rows": self.skip_bad_rows,
        }
        if any(named.values()) and not self.is_own:
            options = " and ".join(option for option, value in named.items() if value)
            raise typer.BadParameter(f"{options}: only for files of your own reviews (--dataset my.csv)")

    def load(self, encoding: Encoding, keep_unlabelled: bool, progress: Progress) -> Dataset:
        """Read the reviews and print what the user should know about them."""
        if self.paths == [KERAS]:
            from training.keras_imdb import load_keras

            return load_keras(encoding)
        if not (self.paths and self.is_own):
            return load_archives(self.paths or [download()], progress, encoding, keep_unlabelled)
        named = {"text": self.text_column, "label": self.label_column}
        columns = {**COLUMNS, **{field: (name,) for field, name in named.items() if name is not None}}
        dataset = load_collection(self.paths, encoding, progress, columns, self.skip_bad_rows)
        _note(progress, *dataset.notices)
        return dataset


@app.command()
def train(
    dataset: Paths = None,
    output: Annotated[
        Path | None,
        typer.Option(help=f"Folder of bundle versions; its name is the bundle's. By default {IMDB_MODELS}."),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the new bundle. By default, one more than the newest there.")
    ] = None,
    recipe: RecipeName = "book",
    sentences: Annotated[
        Path | None,
        typer.Option(help="Short texts that only the report evaluates: a rating, a tab and a sentence per line."),
    ] = None,
    text_column: TextName = None,
    label_column: LabelName = None,
    skip_bad_rows: Skip = False,
    layers: Annotated[int | None, _change("Hidden layers, all as wide as the first.", min=1, max=3)] = None,
    units: Annotated[int | None, _change("Width of the hidden layers: 16, 32, 64, …", min=1)] = None,
    activation: Annotated[Literal["relu", "tanh"] | None, _change("Of the hidden layers.")] = None,
    loss: Annotated[Literal["binary_crossentropy", "mse"] | None, _change("What training minimises.")] = None,
    learning_rate: Annotated[float | None, _change("Of the optimizer.", callback=_above_0)] = None,
    batch_size: Annotated[int | None, _change("Reviews per step; the book: 512.", min=1)] = None,
    validation: Annotated[int | None, _change("Training reviews held out; the book: 10,000.", min=1)] = None,
    epochs: Annotated[int | None, _change("Of the run with validation; the book: 20.", min=1)] = None,
    seed: Annotated[int | None, _change("Of everything random; by default 0.", min=0, max=MAX_SEED)] = None,
) -> None:
    """Train a bundle. This is the default command.

    The recipe book follows "Deep Learning with Python" (Chollet), chapter 3.4: rank the words of the training reviews,
    turn each review into a multi-hot row, hold out 10,000 reviews for validation, train for 20 epochs to see when
    over-fitting begins, train a new network on all reviews for the best number of epochs, and evaluate it once on the
    test reviews. The bundle appears completely or not at all, as a folder named after its version.
    """
    source = Source(dataset, text_column, label_column, skip_bad_rows)
    source.check(words_suffice=recipe == "book")
    if source.is_own and output is None:
        raise typer.BadParameter(
            f"your own reviews need a folder of their own, because the newest bundle in {IMDB_MODELS} is served by "
            "default: add --output models/mine (any name; the bundle is called after the folder)"
        )
    network = {"layers": layers, "units": units, "activation": activation}
    fitting = {"loss": loss, "learning_rate": learning_rate, "batch_size": batch_size, "validation": validation}
    changes: dict[str, Any] = {name: value for name, value in (network | fitting).items() if value is not None}
    if changes and recipe != "book":
        options = " and ".join(f"--{name.replace('_', '-')}" for name in changes)
        raise typer.BadParameter(f"{options}: only for the recipe book; {recipe} has only --epochs and --seed")
    changes |= {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    with _progress() as progress:
        base = _recipe(recipe)
        reviews = _load(source, base, progress)
        chosen = base.scaled(len(reviews.train))
        if layers or units:
            width = changes.pop("units", chosen.hidden_units[0])
            changes["hidden_units"] = (width,) * changes.pop("layers", len(chosen.hidden_units))
        from training.train import train

        models = output or IMDB_MODELS
        number = str(version or max(bundle_versions(models), default=0) + 1)
        rated = None if sentences is None else read_sentences(sentences, base.encoding)
        report = train(reviews, replace(chosen, **changes), models, number, progress, rated)
    test, own = report["test"], reviews.own is not None
    others = report["constant" if own else "book"]
    rows = [(metric, f"{test[metric]:.3f}", f"{others[metric]:.3f}") for metric in ("loss", "accuracy")]
    low, high = test["accuracy_interval"]
    _print(
        _table(
            f"{test['reviews']:,} test reviews", ("", "this network", "without reading" if own else "the book"), rows
        ),
        f"95 % interval of the accuracy: {low:.3f} to {high:.3f}",
        f"certain predictions: {test['certain_share']:.0%}",
        f"epochs: {report['validation']['epochs']}" + " (the book: 4)" * (recipe == "book" and not own),
        f"bundle: {models / number}",
        *(own * [f"serve it: SENTIMENT_MODEL_DIR={models} python -m app"]),
    )


@app.command()
def experiments(
    dataset: Paths = None,
    output: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("docs/experiments"),
    recipe: RecipeName = "book",
    seeds: Seeds = [0, 1, 2],  # noqa: B006  # Typer copies it
) -> None:
    """Run a recipe's variants over several seeds and write the report.

    Trains with one thing changed at a time, on the training reviews only. Continues where it stopped.
    """
    source = Source(dataset)
    source.check(words_suffice=recipe == "book")
    if source.is_own:
        raise typer.BadParameter("the experiments are about the IMDB reviews; for your own reviews there is `curve`")
    with _progress() as progress:
        reviews = _load(source, _recipe(recipe), progress)
        from training.experiments import TABLE, run_experiments

        runs = run_experiments(recipe, reviews, output / recipe, progress, seeds)
    _print(f"{len(runs)} runs; the table is in {output / recipe / TABLE}")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A bundle's folder, such as models/imdb/1.")],
    b: Annotated[Path, typer.Argument(help="The one that may replace it, such as models/imdb/2.")],
    dataset: Paths = None,
    text_column: TextName = None,
    label_column: LabelName = None,
    skip_bad_rows: Skip = False,
) -> None:
    """Decide whether bundle B should replace bundle A.

    Scores the test reviews with both: accuracy with McNemar's test, flipped sentiments, calibration, speed.
    """
    source = Source(dataset, text_column, label_column, skip_bad_rows)
    source.check(words_suffice=False)
    with _progress() as progress:
        reviews = source.load(Encoding(), False, progress)
        for folder in (a, b):
            trained_on = load_bundle(folder).manifest.dataset
            if reviews.own and trained_on["source"] == OWN and trained_on["split"] != reviews.own["split"]:
                _note(
                    progress,
                    f"{folder} was trained with another split ({trained_on['split']}), so it may have been trained on "
                    f"some of these test reviews ({reviews.own['split']}), and seem better than it is",
                )
        texts, labels = reviews.test.texts, reviews.test.labels
        if texts is None or not has_both_classes(labels):
            raise SourceError(f"{', '.join(map(str, dataset or []))}: no test reviews of both classes to compare on")
        from training.compare import compare, score

        one, other = score(a, texts, labels), score(b, texts, labels)
    result = compare(one.probabilities, other.probabilities, labels)
    rows = [(name, f"{one.metrics[name]:.4f}", f"{other.metrics[name]:.4f}") for name in one.metrics]
    rows.append(("microseconds per review", f"{one.microseconds:.0f}", f"{other.microseconds:.0f}"))
    _print(
        _table(f"{len(texts):,} test reviews", ("", f"A: {a}", f"B: {b}"), rows),
        f"only A is right: {result.only_a}, only B is right: {result.only_b}, p = {result.p_value:.3g}",
        f"sentiment flips for {result.flipped:.2%} of the reviews",
        f"should B replace A? {result.verdict}",
    )


@app.command()
def curve(
    dataset: Paths = None,
    text_column: TextName = None,
    label_column: LabelName = None,
    skip_bad_rows: Skip = False,
    recipe: RecipeName = "book",
    sizes: Annotated[
        list[int] | None,
        typer.Option(metavar="N...", min=1, help="Training reviews. By default all, half, a quarter, …"),
    ] = None,
    seeds: Seeds = [0, 1, 2],  # noqa: B006  # Typer copies it
) -> None:
    """Show how much more reviews would help.

    Trains on more and more of the training reviews, over several seeds, and measures on a fifth of them that is held
    out. Neither the test reviews nor unlabelled ones are used, and nothing is written.
    """
    source = Source(dataset, text_column, label_column, skip_bad_rows)
    source.check(words_suffice=False)
    with _progress() as progress:
        chosen = _recipe(recipe)
        reviews = source.load(chosen.encoding, False, progress).check()
        from training.experiments import learning_curve

        points, held_out = learning_curve(reviews, chosen, sizes or [], seeds, progress)
    title = f"recipe {recipe}, measured on {held_out:,} reviews held out"
    rows = [
        (f"{point.size:,}", *(f"{mean(values):.3f} ± {pstdev(values):.3f}" for values in point[1:])) for point in points
    ]
    _print(
        _table(title, ("training reviews", "accuracy", "loss"), rows),
        f"mean and standard deviation over the seeds {', '.join(map(str, seeds))}",
    )


def _recipe(name: str) -> Any:
    """The recipe itself, the first of its module's variants; loads TensorFlow."""
    return next(iter(import_module(f"training.{name}").VARIANTS.values()))


def _load(source: Source, recipe: Any, progress: Progress) -> Dataset:
    dataset = source.load(recipe.encoding, recipe.reads_unlabelled, progress).check()
    if recipe.reads_unlabelled and not dataset.unlabelled:
        hint = "" if dataset.own else "; the official archive has 50,000"
        _note(progress, f"the recipe {recipe.name} also uses unlabelled reviews, but there are none{hint}")
    return dataset


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        yield progress


def _note(progress: Progress, *notices: str) -> None:
    for notice in notices:
        progress.console.print(f"note: {notice}", markup=False, highlight=False, soft_wrap=True)


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _print(*lines: Table | str) -> None:
    console = Console()
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
