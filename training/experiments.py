"""`python -m training experiments`: the book's "further experiments" (3.4.6), over several seeds.

Every run trains the book's network with one thing changed, on 15,000 reviews, and is measured on the 10,000 set aside.
The test reviews play no part. Runs are kept in runs.jsonl, so an interrupted grid goes on where it stopped.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from rich.progress import Progress

from training.dataset import Dataset, hold_out, shuffled
from training.network import fix_seed
from training.plots import new_figure, save_figure
from training.recipe import BOOK, Recipe
from training.train import favoured_epochs, learn

VARIANTS: dict[str, Recipe] = {
    "the book (2 layers of 16, relu, cross-entropy)": BOOK,
    "1 hidden layer": replace(BOOK, hidden_units=(16,)),
    "3 hidden layers": replace(BOOK, hidden_units=(16, 16, 16)),
    "32 units": replace(BOOK, hidden_units=(32, 32)),
    "64 units": replace(BOOK, hidden_units=(64, 64)),
    "mse": replace(BOOK, loss="mse"),
    "tanh": replace(BOOK, activation="tanh"),
}
SEEDS = (0, 1, 2)
RUNS, TABLE, SHEET = "runs.jsonl", "results.md", "results.csv"
Run = dict[str, Any]


def run_experiments(dataset: Dataset, folder: Path, progress: Progress, seeds: tuple[int, ...] = SEEDS) -> list[Run]:
    """Do the runs that are missing, then write table, sheet and pictures.

    Args:
        dataset: The reviews; only the training ones are used.
        folder: Where reports are kept.
        progress: Shows how far it is.
        seeds: Each variant is run once with each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / RUNS
    runs: list[Run] = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(run["variant"], run["seed"], run["dataset"]) for run in runs}
    wanted = [(name, seed) for seed in seeds for name in VARIANTS if (name, seed, dataset.digest) not in done]
    task = progress.add_task("experiments", total=len(wanted))
    for name, seed in wanted:
        run = _run(dataset, name, replace(VARIANTS[name], seed=seed), progress)
        with path.open("a") as file:  # one line a run, written when it is complete
            file.write(json.dumps(run) + "\n")
        runs.append(run)
        progress.advance(task)
    write_report(runs, folder)
    return runs


def _run(dataset: Dataset, name: str, recipe: Recipe, progress: Progress) -> Run:
    fix_seed(recipe.seed)
    partial, validation = hold_out(
        shuffled(dataset.train, recipe.seed), min(recipe.validation, len(dataset.train) // 2)
    )
    _, history = learn(dataset, partial, recipe, recipe.epochs, progress, validation)
    return {"variant": name, "seed": recipe.seed, "dataset": dataset.digest, "history": history}


def summarise(runs: list[Run]) -> list[dict[str, Any]]:
    """One line a variant: its best epoch by validation loss in each run, mean and spread over the seeds.

    Returns:
        variant, runs, epochs, and mean and standard deviation of validation accuracy and loss at that epoch and of the
        validation accuracy and loss after the last one.
    """
    lines = []
    for name in VARIANTS:
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


def write_report(runs: list[Run], folder: Path) -> None:
    """Write the table as Markdown and CSV, and the pictures."""
    lines = summarise(runs)
    with (folder / SHEET).open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    rows = [
        "| variant | seeds | epochs | accuracy | loss | accuracy after 20 | loss after 20 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| {line['variant']} | {line['runs']} | {line['epochs']:.1f} | {line['val_accuracy']:.4f} ± "
        f"{line['val_accuracy_sd']:.4f} | {line['val_loss']:.4f} ± {line['val_loss_sd']:.4f} | "
        f"{line['val_accuracy_last']:.4f} | {line['val_loss_last']:.4f} |"
        for line in lines
    ]
    (folder / TABLE).write_text("\n".join(rows) + "\n", encoding="utf-8")
    for metric in ("accuracy", "loss"):
        figure, axes = new_figure()
        for name in VARIANTS:
            _band(axes, [run["history"][f"val_{metric}"] for run in runs if run["variant"] == name], name)
        axes.set(title=f"Validation {metric}, mean and range over seeds", xlabel="epochs", ylabel=metric)
        if metric == "loss":
            axes.set_ylim(top=1.0)
        axes.legend(fontsize="x-small")
        save_figure(figure, folder / f"{metric}.png")
    figure, axes = new_figure()
    book = [run["history"] for run in runs if run["variant"] == next(iter(VARIANTS))]
    for metric, name in (("loss", "training loss"), ("val_loss", "validation loss")):
        _band(axes, [history[metric] for history in book], name)
    axes.set(title="The book's network over-fits", xlabel="epochs", ylabel="loss")
    axes.legend()
    save_figure(figure, folder / "overfitting.png")


def _band(axes: Axes, curves: list[list[float]], label: str) -> None:
    if not curves:
        return
    values = np.array(curves)  # (seeds, epochs)
    epochs = np.arange(1, values.shape[1] + 1)
    (line,) = axes.plot(epochs, values.mean(0), label=label)
    axes.fill_between(epochs, values.min(0), values.max(0), color=line.get_color(), alpha=0.15)
