"""Explanations with coloured words on a terminal, as tab-separated lines elsewhere, or as JSON."""

from collections.abc import Iterator, Sequence

import typer
from rich.console import Console, RenderableType
from rich.table import Column
from rich.text import Text

from app.api.serialization import explanation_json, explanations_json
from app.inference.bundle import Bundle
from app.inference.classifier import Classifier
from app.inference.explanation import Effect, Explanation, explain
from app.terminal.printable import one_line
from app.terminal.pulls import coloured, style_of
from app.terminal.tables import colour_of, known_words, line_of, new_table, verdict_of


def print_explanations(
    bundle: Bundle, classifier: Classifier, reviews: Sequence[str], top: int | None, as_json: bool
) -> None:
    """Explain the predictions for reviews; `top` is the number of terms to list.

    Raises:
        InferenceError: The runtime returned something that is not a probability.
    """
    explanations = [explain(classifier, review) for review in reviews]
    console = Console(highlight=False)
    if as_json:
        serialized = [explanation_json(explanation, top) for explanation in explanations]
        typer.echo(explanations_json(bundle.manifest.name, bundle.manifest.version, serialized))
        return
    for explanation, review in zip(explanations, reviews, strict=True):
        listed = explanation.with_top(10 if top is None else top)
        if console.is_terminal:
            words = coloured(review, classifier.vocabulary.locate(review), explanation)
            console.print(*_view(listed, review, words), "", sep="\n")
        else:
            typer.echo("\n".join([*_lines(listed, review), ""]))


def _lines(explanation: Explanation, review: str) -> Iterator[str]:
    yield line_of(explanation, review)
    for effect in explanation.terms:
        numbers = f"{effect.log_odds:+.6f}\t{effect.probability:+.6f}\t{effect.positive_probability_without:.6f}"
        yield f"{numbers}\t{len(effect.occurrences)}\t{_terms(effect)}"
    if explanation.unknown_words:
        yield f"unknown\t{' '.join(_unknown(explanation, review))}"
    for sentence in explanation.sentences:
        yield f"sentence\t{line_of(sentence, review[sentence.start : sentence.end])}"


def _view(explanation: Explanation, review: str, words: Text) -> Iterator[RenderableType]:
    probability = explanation.positive_probability
    head = (f"{probability:.3f} {verdict_of(explanation)}", f"bold {colour_of(explanation)}")
    log_odds = f"  log-odds {explanation.log_odds:+.2f}, "
    yield Text.assemble(head, log_odds, known_words(explanation), " words known\n")
    yield words
    if len(explanation.sentences) > 1:
        alone = new_table("positive", Column("sentiment", no_wrap=True), "sentence")
        for sentence in explanation.sentences:
            style = colour_of(sentence)
            shown = Text(one_line(review[sentence.start : sentence.end]), no_wrap=True, overflow="ellipsis")
            alone.add_row(Text(f"{sentence.positive_probability:.3f}", style), Text(verdict_of(sentence), style), shown)
        yield alone
    table = new_table("log-odds", "probability", "without it", "times", "term")
    for effect in explanation.terms:
        style = style_of(effect.log_odds)
        table.add_row(
            Text(f"{effect.log_odds:+.2f}", style),
            f"{effect.probability:+.3f}",
            f"{effect.positive_probability_without:.3f}",
            f"{len(effect.occurrences)}",
            Text(_terms(effect), style),
        )
    yield table
    if rest := explanation.rest.terms:
        yield Text(f"{rest} more terms add {explanation.rest.log_odds:+.2f} log-odds; --top lists more", "dim")
    if explanation.unknown_words:
        yield Text(f"Unknown words: {', '.join(_unknown(explanation, review))}", "dim")


def _terms(effect: Effect) -> str:
    return one_line(", ".join(effect.terms))


def _unknown(explanation: Explanation, review: str) -> list[str]:
    return list(dict.fromkeys(one_line(review[span.start : span.end]) for span in explanation.unknown_words))
