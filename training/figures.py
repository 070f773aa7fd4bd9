"""Pictures of reports."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def plot_reliability(bins: Sequence[dict[str, float]], path: Path, subject: str) -> None:
    """Draw the share of positive texts by probability, given the result of `reliability`.

    On the diagonal, the probabilities are calibrated. `subject` names the texts in the title.
    """
    probabilities, positive, shares = zip(*((b["probability"], b["positive"], b["share"]) for b in bins), strict=True)
    figure, axes = new_figure(
        title=f"Reliability on {subject}", xlabel="predicted probability", ylabel="share that is positive"
    )
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":")
    axes.plot(probabilities, positive, "o-", color="tab:blue")
    axes.bar(probabilities, shares, width=0.04, color="0.85", label="share of the reviews")
    axes.legend()
    save_figure(figure, path)


def new_figure(**labels: str) -> tuple[Figure, Axes]:
    """Make an empty picture of the size that reports use, with labels as for `Axes.set`."""
    figure = Figure(figsize=(6.4, 4.4), dpi=80, layout="constrained")
    return figure, figure.add_subplot(**labels)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture as a PNG; the same numbers give the same bytes."""
    figure.savefig(path, metadata={"Software": None})
