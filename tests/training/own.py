"""Synthetic reviews of a user: rows of text and label, in English and in German."""

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.corpus import review

Row = dict[str, object]

GUT = ["großartig", "wunderschön", "überzeugend", "köstlich", "spaß", "hervorragend", "rührend", "höhepunkt"]
SCHLECHT = ["öde", "enttäuschend", "blöd", "überflüssig", "mühsam", "grässlich", "geldverschwendung", "zäh"]
UEBRIG = ["der", "film", "die", "geschichte", "für", "über", "schauspieler", "und", "müller", "größe", "ein", "wäre"]


def rows(count: int, seed: int = 0) -> list[Row]:
    """Different texts in random order, half of them positive."""
    rng = random.Random(seed)
    labels = [i % 2 for i in range(count)]
    rng.shuffle(labels)
    return [{"text": review("pos" if label else "neg", rng), "label": label} for label in labels]


def german_rows(count: int) -> list[Row]:
    """The same with umlauts, German quotation marks and labels that are words."""
    rng = random.Random(0)
    made: list[Row] = []
    for i in range(count):
        words = rng.choices(UEBRIG, k=15) + rng.choices(GUT if i % 2 else SCHLECHT, k=4)
        rng.shuffle(words)
        text = " ".join(words).capitalize()
        made.append({"text": f"„{text}“ – so war’s!", "label": "Positive" if i % 2 else "NEGATIVE"})
    return made


def csv_text(rows: Sequence[Row], separator: str = ",", end: str = "\n") -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0].keys(), delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def jsonl_text(rows: Iterable[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, content: str | bytes | Sequence[Row]) -> Path:
    """Write a file; rows as CSV or JSON Lines, depending on its suffix."""
    if not isinstance(content, str | bytes):
        content = jsonl_text(content) if ".jsonl" in path.name else csv_text(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
