"""What a network is to learn: rows and targets, and the vocabulary that made the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.vocabulary import Row, Vocabulary
from training.dataset import Dataset, Split, build_vocabulary
from training.errors import SourceError
from training.recipe import Distillation, Recipe


@dataclass(frozen=True)
class Lesson:
    """Reviews to learn from.

    Attributes:
        vocabulary: What encoded the rows.
        rows: One a review.
        targets: float32 (reviews,), in [0, 1]; labels, or a teacher's opinion.
    """

    vocabulary: Vocabulary
    rows: Sequence[Row]
    targets: NDArray[np.float32]


def prepare(dataset: Dataset, labelled: Split, recipe: Recipe, advance: Callable[[str], None]) -> Lesson:
    """Make the lesson that a recipe asks for.

    Args:
        dataset: Where the unlabelled reviews come from, and by the book the vocabulary too.
        labelled: The training reviews whose labels may be seen.
        recipe: Says whether there is a teacher.
        advance: Called with what happens next, for a progress display.
    """
    if recipe.distillation is None:
        advance(f"encoding {len(labelled):,} reviews")
        vocabulary = build_vocabulary(dataset, recipe.encoding)
        rows = [vocabulary.encode_tokens(tokens) for tokens in labelled.sequences]
        return Lesson(vocabulary, rows, labelled.labels)
    return _distil(labelled, dataset.unlabelled, recipe, recipe.distillation, advance)


def _distil(
    labelled: Split,
    unlabelled: Sequence[list[str]],
    recipe: Recipe,
    distillation: Distillation,
    advance: Callable[[str], None],
) -> Lesson:
    # SciPy and scikit-learn are heavy, and the book's recipe does without.
    from training.selection import select_terms
    from training.teacher import make_views, soft_targets
    from training.terms import Terms

    encoding = recipe.encoding
    sequences = [*labelled.sequences, *unlabelled]
    advance(f"counting the terms of {len(sequences):,} reviews")
    terms = Terms(sequences, encoding.longest_term, distillation.rarest_term)
    if not len(terms):
        raise SourceError(
            f"no term occurs in {distillation.rarest_term} of {len(sequences):,} training reviews; add reviews"
        )
    matrix = terms.matrix(sequences)
    advance(f"summarising {len(terms):,} terms")
    views = make_views(matrix, len(labelled), distillation.summary, recipe.seed)
    advance("asking the teacher")
    targets = soft_targets(views, labelled.labels, distillation.teacher_share)
    wanted = encoding.columns - encoding.first_term_column
    advance(f"choosing {wanted:,} terms")
    chosen = terms.names(select_terms(matrix, targets, wanted, distillation.rarest_column))
    if not chosen:
        raise SourceError(f"no term of {len(labelled):,} training reviews tells the classes apart; add reviews")
    vocabulary = Vocabulary({term: encoding.first_term_column + i for i, term in enumerate(chosen)}, encoding)
    advance(f"encoding {len(sequences):,} reviews")
    return Lesson(vocabulary, [vocabulary.encode_tokens(tokens) for tokens in sequences], targets)
