"""`python -m training experiments`: one thing changed at a time, over several seeds.

For the recipe `book` these are the book's "further experiments" (3.4.6); for `best`, the choices that made it. Every
run is measured on the reviews set aside for validation; the test reviews play no part. Runs are kept in runs.jsonl, so
an interrupted grid goes on where it stopped. Those of other reviews stay there too, and are left out of the report.
"""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from rich.progress import Progress

from training.dataset import Dataset, Split, hold_out, shuffled
from training.errors import ReportError
from training.lesson import Lesson
from training.network import fix_seed
from training.plots import new_figure, save_figure
from training.procedure import favoured_epochs, learn, take_lesson
from training.recipe import BEST, BOOK, RECIPES, SEEDS, Distillation, Recipe

_NO_TEACHER = replace(BEST, distillation=replace(Distillation(), teacher_share=0.0))
VARIANTS: dict[str, dict[str, Recipe]] = {
    "book": {
        "the book (2 layers of 16, relu, cross-entropy)": BOOK,
        "1 hidden layer": replace(BOOK, hidden_units=(16,)),
        "3 hidden layers": replace(BOOK, hidden_units=(16, 16, 16)),
        "32 units": replace(BOOK, hidden_units=(32, 32)),
        "64 units": replace(BOOK, hidden_units=(64, 64)),
        "mse": replace(BOOK, loss="mse"),
        "tanh": replace(BOOK, activation="tanh"),
    },
    "best": {
        "best (1 layer of 16, dropout 0.3, term dropout 0.4)": BEST,
        "32 units, dropout 0.5": replace(BEST, hidden_units=(32,), dropout=0.5),
        "2 layers of 16": replace(BEST, hidden_units=(16, 16)),
        "no dropout": replace(BEST, dropout=0.0),
        "no term dropout": replace(BEST, term_dropout=0.0),
        "term dropout 0.6": replace(BEST, term_dropout=0.6),
        "labels alone for labelled reviews": _NO_TEACHER,
        "single words": replace(BEST, encoding=replace(BEST.encoding, longest_term=1)),
        "up to two words": replace(BEST, encoding=replace(BEST.encoding, longest_term=2)),
    },
}
"""Recipe -> what is changed -> the changed recipe; the first is the recipe itself."""

RUNS, TABLE, SHEET = "runs.jsonl", "results.md", "results.csv"
Run = dict[str, Any]

OFFICIAL_UNLABELLED = "1c28b7851593bf831ef7237a4b5c2dc43abed516981fa8ec951a07e9c71e758a"
"""The digest of the official archive's unlabelled reviews. Runs with a teacher that record none, from before that was
done, learnt from these: those in docs/experiments/best."""


def run_experiments(
    recipe: str, dataset: Dataset, folder: Path, progress: Progress, seeds: Sequence[int] = SEEDS
) -> list[Run]:
    """Do the runs that are missing, then write table, sheet and pictures.

    Args:
        recipe: A key of `VARIANTS`.
        dataset: The reviews; the test ones are not used.
        folder: Where reports are kept.
        progress: Shows how far it is.
        seeds: Each variant is run once with each.

    Returns:
        The runs on these reviews, those of earlier calls among them.

    Raises:
        ReportError: The system refused to write; the disk is full, say. The runs before are kept.
    """
    try:
        return _run_experiments(recipe, dataset, folder, progress, seeds)
    except OSError as error:
        raise ReportError(folder, str(error)) from error


def _run_experiments(
    recipe: str, dataset: Dataset, folder: Path, progress: Progress, seeds: Sequence[int]
) -> list[Run]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUNS
    runs: list[Run] = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    unlabelled = dataset.unlabelled_digest if _has_teacher(recipe) else ""  # else nobody reads them
    runs = [run for run in runs if _reviews_of(recipe, run) == (dataset.digest, unlabelled)]
    done = {(run["variant"], run["seed"]) for run in runs}
    variants = VARIANTS[recipe]
    wanted = [(name, seed) for seed in seeds for name in variants if (name, seed) not in done]
    task = progress.add_task("experiments", total=len(wanted))
    # Variants that differ in the network alone share a lesson; only the last one is kept, since lessons are large.
    held: tuple[Recipe, Lesson, Split] | None = None
    for name, seed in wanted:
        variant = replace(variants[name], seed=seed)
        if held is None or not _same_lesson(held[0], variant):
            training = shuffled(dataset.train, seed)
            partial, validation = hold_out(training, min(variant.validation, len(training) // 2))
            held = (variant, take_lesson(dataset, partial, variant, progress), validation)
        fix_seed(seed)
        _, history = learn(held[1], variant, variant.epochs, progress, held[2])
        reviews = {"dataset": dataset.digest, "unlabelled": unlabelled}
        run = {"variant": name, "seed": seed, **reviews, "history": history}
        _append(path, json.dumps(run) + "\n")
        runs.append(run)
        progress.advance(task)
    write_report(recipe, runs, folder)
    return runs


def _has_teacher(recipe: str) -> bool:
    return RECIPES[recipe].distillation is not None


def _reviews_of(recipe: str, run: Run) -> tuple[str, str]:
    """The digests of the reviews that a run learnt from: the labelled ones and the unlabelled ones."""
    return run["dataset"], run.get("unlabelled", OFFICIAL_UNLABELLED if _has_teacher(recipe) else "")


def _append(path: Path, line: str) -> None:
    """Add a line, or nothing: half a line, as a full disk leaves it, would spoil the runs before it."""
    length = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a") as file:
            file.write(line)
    except OSError:
        if path.exists():
            os.truncate(path, length)
        raise


def _same_lesson(one: Recipe, other: Recipe) -> bool:
    return all(
        getattr(one, name) == getattr(other, name) for name in ("encoding", "distillation", "validation", "seed")
    )


def summarise(recipe: str, runs: list[Run]) -> list[dict[str, Any]]:
    """One line a variant: its best epoch by validation loss in each run, mean and spread over the seeds.

    Returns:
        variant, runs, epochs, and mean and standard deviation of validation accuracy and loss at that epoch and of the
        validation accuracy and loss after the last one.
    """
    lines = []
    for name in VARIANTS[recipe]:
        histories = [run["history"] for run in runs if run["variant"] == name]
        if not histories:
            continue
        best = [favoured_epochs(history) - 1 for history in histories]
        line: dict[str, Any] = {
            "variant": name,
            "runs": len(histories),
            "epochs": float(np.mean(best)) + 1,
        }
        for metric in ("val_accuracy", "val_loss"):
            at_best = [history[metric][epoch] for history, epoch in zip(histories, best, strict=True)]
            at_last = [history[metric][-1] for history in histories]
            line |= {
                metric: float(np.mean(at_best)),
                f"{metric}_sd": float(np.std(at_best)),
                f"{metric}_last": float(np.mean(at_last)),
            }
        lines.append(line)
    return lines


def write_report(recipe: str, runs: list[Run], folder: Path) -> None:
    """Write the table as Markdown and CSV, and the pictures."""
    lines = summarise(recipe, runs)
    with (folder / SHEET).open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    rows = [
        "| variant | seeds | best epoch | accuracy then | loss then | last accuracy | last loss |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for line in lines:
        spread = " ± {:.4f}" if line["runs"] > 1 else ""  # one run has none
        at_best = [f"{line[m]:.4f}{spread.format(line[f'{m}_sd'])}" for m in ("val_accuracy", "val_loss")]
        rows.append(
            f"| {line['variant']} | {line['runs']} | {line['epochs']:.1f} | {' | '.join(at_best)} | "
            f"{line['val_accuracy_last']:.4f} | {line['val_loss_last']:.4f} |"
        )
    (folder / TABLE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    for metric in ("accuracy", "loss"):
        figure, axes = new_figure()
        for name in VARIANTS[recipe]:
            _band(axes, [run["history"][f"val_{metric}"] for run in runs if run["variant"] == name], name)
        axes.set(title=f"Validation {metric}, mean and range over seeds", xlabel="epochs", ylabel=metric)
        if metric == "loss" and recipe == "book":
            axes.set_ylim(top=1.0)  # three layers go far beyond
        axes.legend(fontsize="x-small")
        save_figure(figure, folder / f"{metric}.png")
    figure, axes = new_figure()
    base = [run["history"] for run in runs if run["variant"] == next(iter(VARIANTS[recipe]))]
    for metric, name in (("loss", "training loss"), ("val_loss", "validation loss")):
        _band(axes, [history[metric] for history in base], name)
    axes.set(title=f"The recipe `{recipe}`: training and validation loss", xlabel="epochs", ylabel="loss")
    axes.legend()
    save_figure(figure, folder / "overfitting.png")


def _band(axes: Axes, curves: list[list[float]], label: str) -> None:
    if not curves:
        return
    values = np.array(curves)  # (seeds, epochs)
    epochs = np.arange(1, values.shape[1] + 1)
    (line,) = axes.plot(epochs, values.mean(0), label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.fill_between(epochs, values.min(0), values.max(0), color=line.get_color(), alpha=0.15)
