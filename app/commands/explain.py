"""The `explain` command: coloured words and tables on a terminal, tab-separated lines elsewhere, or JSON.

Terms overlap: "not good" covers "not" and "good", which may be terms themselves. So the log-odds of a term are divided
evenly among its occurrences, and those of an occurrence among its words. The pull of a word is the sum of its shares;
nothing is counted twice. The playground has the same rule (app/pages/playground/pull.js).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.table import Column
from rich.text import Text

from ..bundles.opening import open_classifier
from ..bundles.reading import find_bundle, load_bundle
from ..model.explanation import Effect, Explanation
from ..model.explanation import explain as explanation_of
from ..model.serialization import explanation_json, explanations_json
from ..model.text import Token
from . import options as opt
from .messages import one_line, printable
from .reviews import read_reviews
from .tables import NEGATIVE, POSITIVE, known_words, line_of, new_table, verdict_of

FAINT, CLEAR, STRONG = 0.02, 0.1, 0.8
"""Minimum log-odds of a word for a colour, one sign, and two signs."""


def run(
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
    texts = read_reviews(reviews, file, whole, settings, explaining=True)
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    classifier = open_classifier(bundle, settings.command_runtime)
    explanations = [explanation_of(classifier, text) for text in texts]
    console = Console(highlight=False)
    if as_json:
        serialized = [explanation_json(explanation, top) for explanation in explanations]
        typer.echo(explanations_json(bundle.manifest.name, bundle.manifest.version, serialized))
        return
    for explanation, review in zip(explanations, texts, strict=True):
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
    probability, sentiment = verdict_of(explanation)
    log_odds = f"  log-odds {explanation.log_odds:+.2f}, "
    yield Text.assemble(probability, " ", sentiment, log_odds, known_words(explanation), " words known\n")
    yield words
    if len(explanation.sentences) > 1:
        alone = new_table("positive", Column("sentiment", no_wrap=True), "sentence")
        for sentence in explanation.sentences:
            shown = Text(one_line(review[sentence.start : sentence.end]), no_wrap=True, overflow="ellipsis")
            alone.add_row(*verdict_of(sentence), shown)
        yield alone
    table = new_table("log-odds", "probability", "without it", "times", "term")
    for effect in explanation.terms:
        style = _style(effect.log_odds)
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


def pulls_of(tokens: Sequence[Token], effects: Sequence[Effect]) -> list[float]:
    """Compute the log-odds that each word of a review adds, from all its tokens and all effects of its terms."""
    starts = [token.start for token in tokens]
    pulls = [0.0] * len(tokens)
    for effect in effects:
        for span in effect.occurrences:
            first, end = bisect_left(starts, span.start), bisect_left(starts, span.end)
            for index in range(first, end):
                pulls[index] += effect.log_odds / len(effect.occurrences) / (end - first)
    return pulls


def coloured(review: str, tokens: Sequence[Token], explanation: Explanation) -> Text:
    """Colour the words of a review, and append signs for terminals without colours."""
    shown = printable(review)  # has the same offsets
    unknown = {span.start for span in explanation.unknown_words}
    text = Text()
    done = 0
    for token, pull in zip(tokens, pulls_of(tokens, explanation.terms), strict=True):
        style = "dim" if token.start in unknown else _style(pull)
        sign = ("⁺" if pull > 0 else "⁻") * ((abs(pull) >= CLEAR) + (abs(pull) >= STRONG))
        text.append(shown[done : token.start])
        text.append(shown[token.start : token.end] + sign, style)
        done = token.end
    return text.append(shown[done:].rstrip())


def _style(pull: float) -> str:
    if abs(pull) < FAINT:
        return "default"
    return ("bold " if abs(pull) >= STRONG else "") + (POSITIVE if pull > 0 else NEGATIVE)
