"""The commands of `python -m training`: train (the default), experiments, compare, curve, convert."""

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import mean, pstdev
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from app.bundles.manifest import CHECKSUM, NAME
from app.bundles.reading import load_bundle
from app.commands.messages import PlainErrors, PlainUsage, print_error
from app.model.errors import SentimentError
from app.model.vocabulary import Encoding
from training import options as opt
from training.dataset import OWN, has_both_classes, read_sentences
from training.errors import TrainingError
from training.progress import new_progress

SEEDS = [0, 1, 2]

EXAMPLES = """
For example:

    python -m training                              # downloads the official archive (84 MB, once)
    python -m training --dataset aclImdb_v1.tar.gz  # or the folder it extracts to
    python -m training --dataset aclImdb/train aclImdb/test
    python -m training --dataset keras              # the reviews from keras.datasets.imdb, as in the book
    python -m training --dataset my.csv --output models/mine
    python -m training --layers 3 --units 64 --seed 7 --output /tmp/imdb
    python -m training --recipe best --dataset aclImdb_labelled.tar.xz aclImdb_unsup.tar.xz
    python -m training experiments                  # the book's further experiments (3.4.6)
    python -m training compare models/imdb/1 models/imdb/3
    python -m training curve --dataset my.csv       # would more reviews help?

Exit codes: 0 success, 1 failure (the message explains it), 2 invalid options, 130 ended by Ctrl-C, SIGTERM or SIGHUP.
"""


class TrainingGroup(PlainErrors):
    """Trains if no command is given, accepts lists of values, and prints errors without a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Add what Click lacks: a default command, and `--dataset a b` for `--dataset a --dataset b`."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["train", *args]
        expanded: list[str] = []
        option = ""
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg in opt.LISTS else ""
            elif option and expanded[-1] != option:
                expanded.append(option)
            expanded.append(arg)
        return super().parse_args(ctx, expanded)

    def invoke(self, ctx: Any) -> Any:
        """Run a command and explain its errors."""
        try:
            return super().invoke(ctx)
        except (SentimentError, OSError) as error:
            print_error(error)
        except ModuleNotFoundError as error:
            package = (error.name or "training").partition(".")[0]
            if package in ("app", "training"):
                raise  # a fault of ours: nothing is missing that could be installed
            needs = "`make setup-training` installs what training needs, requirements/training.txt"
            print_error(f"{package} is not installed; {needs}")
        except KeyboardInterrupt:
            typer.echo("interrupted; nothing incomplete was left", err=True)
            raise  # Typer exits with code 130
        raise typer.Exit(1)


app = typer.Typer(
    cls=TrainingGroup,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train the review-sentiment network and write it as a bundle that `python -m app` can serve.",
    epilog=EXAMPLES,
)


@app.command()
def train(
    dataset: opt.Paths = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of bundle versions; its name becomes the model's name. By default, trained/imdb."),
    ] = None,
    version: opt.Version = None,
    recipe: opt.RecipeName = "book",
    sentences: opt.Sentences = None,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    layers: opt.Layers = None,
    units: opt.Units = None,
    activation: opt.Activation = None,
    loss: opt.Loss = None,
    learning_rate: opt.LearningRate = None,
    batch_size: opt.BatchSize = None,
    validation: opt.Validation = None,
    epochs: opt.Epochs = None,
    seed: opt.Seed = None,
) -> None:
    """Train a bundle. This is the default command.

    The recipe book follows "Deep Learning with Python" (Chollet), chapter 3.4. It encodes each review as a multi-hot
    row and trains for 20 epochs with 10,000 reviews held out, to find the epoch with the lowest validation loss. Then
    it trains a new network on all training reviews for that number of epochs, and evaluates it once on the test
    reviews. The bundle is a folder named after its version, and is written completely or not at all. In the end, it is
    compared with the bundle that is served, which stays the default, unless the new one is in the same folder and has a
    higher version.
    """
    source = opt.Source(dataset, text_column, label_column, skip_bad_rows, words_suffice=recipe == "book")
    if source.is_own and output is None:
        raise typer.BadParameter(
            "your own reviews need a folder, after which the model is named: add --output models/mine (any name)"
        )
    if output is not None and not re.fullmatch(NAME, output.resolve().name):
        raise typer.BadParameter(
            f"the model is named after the folder, and a name must match {NAME}; choose another folder for --output"
        )
    changes = _given(layers=layers, units=units, activation=activation, loss=loss, learning_rate=learning_rate)
    changes |= _given(batch_size=batch_size, validation=validation)
    if changes and recipe != "book":
        options = " and ".join(f"--{name.replace('_', '-')}" for name in changes)
        raise typer.BadParameter(f"{options}: only for the recipe book; {recipe} has only --epochs and --seed")
    changes |= _given(epochs=epochs, seed=seed)
    with new_progress() as progress:
        base = _recipe(recipe)
        reviews = source.load(progress, base.encoding, base.reads_unlabelled).check()
        chosen = base.scaled(len(reviews.train))
        if layers or units:
            width = changes.pop("units", chosen.hidden_units[0])
            changes["hidden_units"] = (width,) * changes.pop("layers", len(chosen.hidden_units))
        from training.compare import TRAINED, measure_served, next_steps, next_version
        from training.report import reference_of
        from training.train import train_bundle

        rated = None if sentences is None else read_sentences(sentences, base.encoding)
        bundle = (output or TRAINED) / str(version or next_version(output))
        served = measure_served(output, reviews, progress)
        report = train_bundle(reviews, replace(chosen, **changes), bundle.parent, bundle.name, progress, rated, served)
    test = report["test"]
    columns = {"this network": test, **reference_of(report)}
    columns |= {} if served is None else {str(served.folder): served.metrics}
    _print_table(
        f"{test['reviews']:,} test reviews",
        ("", *columns),
        [(metric, *(f"{each[metric]:.3f}" for each in columns.values())) for metric in ("loss", "accuracy")],
        "95% interval of the accuracy: {:.3f} to {:.3f}".format(*test["accuracy_interval"]),
        f"certain predictions: {test['certain_share']:.0%}",
        f"epochs: {report['validation']['epochs']}" + " (the book: 4)" * (recipe == "book" and "book" in report),
        f"bundle: {bundle}",
        f"digest: {(bundle / CHECKSUM).read_text().split()[0]}",
        *next_steps(bundle, test, served),
    )


@app.command()
def experiments(
    dataset: opt.Paths = None,
    output: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("docs/experiments"),
    recipe: opt.RecipeName = "book",
    seeds: opt.Seeds = SEEDS,
) -> None:
    """Run a recipe's variants over several seeds and write the report.

    Each variant changes one thing. Only the training reviews are used. If interrupted, run it again to continue.
    """
    source = opt.Source(dataset, words_suffice=recipe == "book")
    if source.is_own:
        raise typer.BadParameter("`experiments` only works with the IMDB reviews; for your own reviews, use `curve`")
    with new_progress() as progress:
        base = _recipe(recipe)
        reviews = source.load(progress, base.encoding, base.reads_unlabelled).check()
        from training.experiments import TABLE, run_experiments

        runs = run_experiments(recipe, reviews, output / recipe, progress, seeds)
    typer.echo(f"{len(runs)} runs; the table is in {output / recipe / TABLE}")


@app.command(cls=PlainUsage)
def compare(
    a: Annotated[Path, typer.Argument(help="Folder of the current bundle, such as models/imdb/1.")],
    b: Annotated[Path, typer.Argument(help="Folder of the candidate, such as models/imdb/3.")],
    dataset: opt.Paths = None,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
) -> None:
    """Decide whether bundle B should replace bundle A.

    Scores the test reviews with both bundles, by default the 25,000 of the IMDB archive (84 MB, downloaded once), and
    compares accuracy (with McNemar's test), calibration and speed. Also shows the share of reviews whose sentiment
    changes. The bundles' reports are not read: they do not say which reviews are right.
    """
    source = opt.Source(dataset, text_column, label_column, skip_bad_rows)
    bundles = {folder: load_bundle(folder) for folder in (a, b)}  # before any download
    own = [folder for folder, bundle in bundles.items() if bundle.manifest.dataset["source"] == OWN]
    if own and dataset is None:
        raise typer.BadParameter(f"{own[0]} was trained with reviews of your own; name them: --dataset my.csv")
    with new_progress() as progress:
        reviews = source.load(progress, Encoding())
        texts, labels = reviews.test.texts, reviews.test.labels
        if texts is None or not has_both_classes(labels):
            raise TrainingError(f"{', '.join(map(str, dataset or []))}: no test reviews of both classes to compare on")
        from app.evaluation.metrics import measure
        from training.compare import compare, note_other_split, predict_as_served

        for bundle in bundles.values():
            note_other_split(bundle.manifest, reviews, progress)
        # (reviews,), microseconds per review
        (p_a, time_a), (p_b, time_b) = (predict_as_served(bundles[folder], texts) for folder in (a, b))
    result, metrics_a, metrics_b = compare(p_a, p_b, labels), measure(p_a, labels), measure(p_b, labels)
    rows = [(name, f"{metrics_a[name]:.4f}", f"{metrics_b[name]:.4f}") for name in metrics_a]
    rows.append(("microseconds per review", f"{time_a:.0f}", f"{time_b:.0f}"))
    _print_table(
        f"{len(texts):,} test reviews",
        ("", f"A: {a}", f"B: {b}"),
        rows,
        f"only A is right: {result.only_a}, only B is right: {result.only_b}, p = {result.p_value:.3g}",
        f"sentiment flips for {result.flipped:.2%} of the reviews",
        f"should B replace A? {result.verdict}",
    )


@app.command(cls=PlainUsage)
def convert(
    old: Annotated[Path, typer.Argument(help="Folder of a bundle that version 0.2.0 or an older one wrote.")],
    new: Annotated[Path, typer.Argument(help="Folder of the copy; its name is the version.")],
) -> None:
    """Copy an older bundle with its layers added, for the runtime `numpy`.

    The predictions stay the same, and so does the bundle's network. No reviews are needed.
    """
    from training.convert import convert

    convert(old, new)
    typer.echo(f"bundle: {new}")


@app.command()
def curve(
    dataset: opt.Paths = None,
    text_column: opt.TextColumn = None,
    label_column: opt.LabelColumn = None,
    skip_bad_rows: opt.SkipBadRows = False,
    recipe: opt.RecipeName = "book",
    sizes: opt.Sizes = None,
    seeds: opt.Seeds = SEEDS,
) -> None:
    """Estimate how much additional reviews would help.

    Trains on subsets of increasing size, with several seeds, and evaluates on a held-out fifth of the training reviews.
    Test reviews and unlabelled reviews are not used, and nothing is written.
    """
    source = opt.Source(dataset, text_column, label_column, skip_bad_rows)
    with new_progress() as progress:
        base = _recipe(recipe)
        reviews = source.load(progress, base.encoding).check()
        from training.experiments import learning_curve

        points, held_out = learning_curve(reviews, base, sizes or [], seeds, progress)
    rows = []
    for size, runs in points.items():
        values = [[run[metric] for run in runs] for metric in ("accuracy", "loss")]
        rows.append((f"{size:,}", *(f"{mean(each):.3f} ± {pstdev(each):.3f}" for each in values)))
    _print_table(
        f"recipe {recipe}, measured on {held_out:,} reviews held out",
        ("training reviews", "accuracy", "loss"),
        rows,
        f"mean and standard deviation over the seeds {', '.join(map(str, seeds))}",
    )


def _recipe(name: str) -> Any:
    """The recipe itself, the first of its module's variants; loads TensorFlow."""
    return next(iter(import_module(f"training.{name}").VARIANTS.values()))


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *lines: str) -> None:
    table = Table(*(Column(heading, justify="right") for heading in head), title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    for line in (table, *lines):
        Console().print(line, highlight=False, soft_wrap=True)
