"""A tiny synthetic data set in the layout of the IMDB archive."""

import io
import random
import tarfile
from pathlib import Path

GOOD = ["superb", "wonderful", "moving", "brilliant", "excellent", "delightful", "charming", "great", "perfect"]
BAD = ["awful", "boring", "dull", "terrible", "poor", "worst", "waste", "mess", "horrible", "disappointing"]
PLAIN = ["the", "film", "a", "plot", "actor", "scene", "and", "story", "music", "with", "of", "it", "was", "director's"]
PLAIN += ["this", "ending", "camera", "don't"]


def review(sentiment: str, rng: random.Random) -> str:
    words = rng.choices(PLAIN, k=20) + rng.choices(GOOD if sentiment == "pos" else BAD, k=5)
    rng.shuffle(words)
    return " ".join(words).capitalize() + ".<br />The end!"


def files(per_class: int = 60, seed: int = 0) -> dict[str, bytes]:
    """Member name -> content, half of it for training and half for testing."""
    rng = random.Random(seed)
    return {
        f"aclImdb/{split}/{sentiment}/{i}_{9 if sentiment == 'pos' else 2}.txt": review(sentiment, rng).encode()
        for split in ("train", "test")
        for sentiment in ("pos", "neg")
        for i in range(per_class)
    }


def write_archive(path: Path, members: dict[str, bytes]) -> Path:
    """Write a tar archive, compressed according to its suffix."""
    suffix = path.suffix.lstrip(".")
    with tarfile.open(path, "w" if suffix == "tar" else f"w:{suffix}") as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_folder(folder: Path, members: dict[str, bytes]) -> Path:
    """Write what an archive extracts to."""
    for name, content in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "aclImdb"
