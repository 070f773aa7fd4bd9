"""Explanations: how they are made without a service, and how they look."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.inference.classifier import BATCH, Classifier, Prediction
from app.inference.explanation import Effect, Explanation, Occlusion
from app.terminal.printable import one_line
from app.terminal.pulls import coloured
from app.terminal.screen import NEGATIVE, POSITIVE, bar_of, colour_of
from app.terminal.tables import NARROW, known_words, line_of, new_table

LISTED = 10
"""Terms that people get to see where they do not say how many."""
UNKNOWN_LISTED = 20
"""Unknown words that people get to see at most."""
TOO_CERTAIN = 1 - 1e-6
"""From this probability on, what a term adds cannot be told: float32, in which the network answers, has hardly a digit
left so near to 1, so log-odds go in coarse steps, and end. Near to 0 it has all of them."""


def explain(classifier: Classifier, review: str) -> Explanation:
    """Ask the network all that explains a review.

    Raises:
        InferenceError: The runtime's answer was unusable.
    """
    occlusion = Occlusion(classifier.vocabulary, review)
    predictions: list[Prediction] = []
    for rows in occlusion.chunks(BATCH):
        predictions += classifier.predict_rows(rows)
    return occlusion.explanation(predictions)


def lines_of(explanation: Explanation, review: str, top: int) -> list[str]:
    """An explanation for programs: a line as `score` writes it, one a term, one of the unknown words if there are any.

    A term's fields: log-odds, probability, probability without it, how often it occurs, the term.
    """
    lines = [line_of(explanation.prediction, review)]
    for effect in explanation.effects[:top]:
        numbers = f"{effect.log_odds:+.6f}\t{effect.probability:+.6f}\t{effect.positive_probability_without:.6f}"
        lines.append(f"{numbers}\t{len(effect.occurrences)}\t{one_line(effect.term)}")
    if unknown := _unknown(explanation, review):
        lines.append("\t".join(["unknown", " ".join(unknown)]))
    return lines


def view_of(explanation: Explanation, review: str, classifier: Classifier, top: int, screen: Console) -> RenderableType:
    """An explanation for people."""
    prediction = explanation.prediction
    colour = colour_of(prediction.positive_probability)
    head = Text.assemble(
        (f"{prediction.positive_probability:.3f} {prediction.sentiment}", f"bold {colour}"),
        "  ",
        bar_of(prediction.positive_probability, screen),
        f"  log-odds {explanation.log_odds:+.2f}, ",
        known_words(prediction),
        " words known",
    )
    text = coloured(review, classifier.vocabulary.locate(review), explanation, screen.encoding.startswith("utf"))
    parts: list[RenderableType] = [head, Text(), text, Text()]
    if prediction.positive_probability > TOO_CERTAIN:
        parts += [Text("The model is so certain here that what a single word adds can hardly be told."), Text()]
    if top and explanation.effects:
        parts.append(_table(explanation.effects[:top], screen.width >= NARROW))
    if rest := explanation.effects[top:]:
        total = sum(effect.log_odds for effect in rest)
        parts.append(Text(f"{len(rest)} more terms, together {_signed(total, 2)} log-odds (--top lists more)", "dim"))
    if unknown := _unknown(explanation, review):
        more = f" and {len(unknown) - UNKNOWN_LISTED} more" if len(unknown) > UNKNOWN_LISTED else ""
        parts.append(Text(f"words without a term here: {', '.join(unknown[:UNKNOWN_LISTED])}{more}", "dim"))
    return Group(*parts)


def _table(effects: Sequence[Effect], wide: bool) -> Table:
    table = new_table()
    table.add_column("term", overflow="fold")
    for name in ("log-odds", *(("probability", "without it", "times") if wide else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for effect in effects:
        pull = _signed(effect.log_odds, 2)
        colour = {"+": POSITIVE, "-": NEGATIVE}.get(pull[0], "")
        more = (
            _signed(effect.probability, 3),
            f"{effect.positive_probability_without:.3f}",
            str(len(effect.occurrences)),
        )
        table.add_row(
            Text(one_line(effect.term), colour),
            Text(pull, colour),
            *map(Text, more if wide else ()),
        )
    return table


def _signed(number: float, digits: int) -> str:
    """With its sign; without one where nothing but zeroes is left."""
    text = f"{number:+.{digits}f}"
    return text if float(text) else text[1:]


def _unknown(explanation: Explanation, review: str) -> list[str]:
    """The distinct unknown words, as they stand in the review, in its order."""
    return list(dict.fromkeys(one_line(review[start:end]) for start, end in explanation.unknown_words))
