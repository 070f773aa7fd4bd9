"""Files of labelled texts for tests, written for this purpose."""

import csv
import itertools
import random
from collections.abc import Callable, Iterable
from pathlib import Path

OPINIONS = (
    ("superb", 1), ("wonderful", 1), ("charming", 1), ("good", 1), ("pleasant", 1), ("decent", 1), ("odd", 1),
    ("long", 0), ("slow", 0), ("predictable", 0), ("bland", 0), ("boring", 0), ("awful", 0), ("terrible", 0),
)  # fmt: skip
"""Word -> whether it is praise."""
SUBJECTS = ("The hotel", "This phone", "The coffee", "The book", "Our room", "The game", "My order", "The staff")
VERBS = ("is", "was", "turned out to be", "is really", "was not very", "seemed")


def texts() -> list[tuple[str, bool]]:
    """672 different texts, in random order, each with whether it is positive; a seventh are negated."""
    found = [
        (f"{subject} {verb} {word}.", bool(praise) != ("not" in verb))
        for subject, verb, (word, praise) in itertools.product(SUBJECTS, VERBS, OPINIONS)
    ]
    random.Random(0).shuffle(found)
    return found


def write_csv(path: Path, rows: Iterable[tuple[str, object]]) -> Path:
    """Write texts and labels."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        writer.writerows(rows)
    return path


def drawn(probability: Callable[[str], float], seed: int = 0) -> list[tuple[str, int]]:
    """The texts with labels that are positive with the given probability."""
    rng = random.Random(seed)
    return [(text, int(rng.random() < probability(text))) for text, _ in texts()]
