"""Bundles on disk: a network, its word index and the proof that both are intact.

    models/imdb/1/
      saved_model.pb  variables/  fingerprint.pb   a plain TensorFlow SavedModel
      network.npz                                  the same layers as arrays, for NumPy and for explanations
      word_index.json                              term -> column
      golden.json                                  reviews with the probabilities that this bundle predicts
      profile.json                                 histograms of its training reviews, or labelled texts
      report/                                      training history, evaluation, model card
      manifest.json                                facts, and the SHA-256 of every other file
      manifest.json.sha256                         the SHA-256 of the manifest, in the format of `sha256sum`

Bundles are immutable; `app.bundles.writing` writes them, and `app.bundles.reading` verifies them. They are
self-contained: every file is a regular one inside the folder and listed in the manifest. Unlisted files are rejected,
because TensorFlow reads some files by name alone (`saved_model.cpb`, `assets/`); only hidden ones, which file managers
and network file systems leave behind, are ignored. Nothing in a bundle is unpickled.
"""

import hashlib
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from ..model.calibration import Calibration
from ..model.prediction import Promise, UncertaintyRule
from ..model.text import APOSTROPHES, FILTERED, SEPARATORS
from ..model.vocabulary import Encoding

MANIFEST = "manifest.json"
CHECKSUM = "manifest.json.sha256"
OWN_NAMES = (".", MANIFEST, CHECKSUM)
"""Names that a manifest must not list: the bundle's folder, itself and its checksum."""
WORD_INDEX = "word_index.json"
GOLDEN = "golden.json"
PROFILE = "profile.json"
NETWORK = "network.npz"
NAME = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"
"""The pattern of a name and a version, which URLs contain and terminals display."""


class Golden(BaseModel):
    """A review with the probability that the bundle predicted for it when it was created."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: str
    positive_probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Facts(BaseModel):
    """The facts about a bundle: its manifest and `GET /model` have these fields."""

    name: str = Field(description="The bundle's name: the folder that contains its versions.", examples=["imdb"])
    version: str = Field(description="The bundle's version: a whole number, larger for newer bundles.", examples=["3"])
    created: str = Field(
        description="When training, or calibration, ended, in ISO 8601 (UTC).", examples=["2026-11-26T03:08:19+00:00"]
    )
    encoding: Encoding = Field(description="How reviews are converted to multi-hot rows.")
    uncertainty: UncertaintyRule = Field(description="When a prediction is `uncertain`.")
    promise: Promise | None = Field(
        None, description="How often certain predictions are right; null if nothing was proved."
    )
    calibration: Calibration | None = Field(
        None, description="How the bundle's probabilities were adapted to other texts; null for most bundles."
    )
    vocabulary_size: int = Field(description="Number of terms that have a column.", examples=[100_499])
    recipe: dict[str, JsonValue] = Field(
        description="The recipe that the network was trained with, including the seed.",
        examples=[{"name": "best", "hidden_units": 16}],
    )
    dataset: dict[str, JsonValue] = Field(
        description="The reviews that the network was trained on.",
        examples=[{"source": "aclImdb", "test_reviews": 25_000}],
    )
    metrics: dict[str, float] = Field(
        description="Metrics on the test reviews, measured once, without calibration.",
        examples=[{"accuracy": 0.924, "loss": 0.199}],
    )
    libraries: dict[str, str] = Field(
        description="Versions of the libraries used for training.", examples=[{"numpy": "2.4.6"}]
    )


class Manifest(Facts):
    """The facts about a bundle, and the SHA-256 of every file except the manifest and its checksum."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=NAME)
    version: str = Field(pattern=NAME)
    promise: Promise | None = Field(None, exclude_if=lambda promise: promise is None)
    calibration: Calibration | None = Field(None, exclude_if=lambda calibration: calibration is None)
    files: dict[str, str] = Field(description="Relative path -> SHA-256.")

    @field_validator("encoding", mode="before")
    @classmethod
    def _encoding_is_complete(cls, value: object) -> object:
        # The defaults of Encoding are the book's values; for a bundle, falling back to them would be wrong.
        if isinstance(value, dict):
            missing = [field.name for field in fields(Encoding) if field.name not in value]
            if missing:
                raise ValueError(f"{', '.join(missing)} is missing")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_is_valid(cls, encoding: Encoding) -> Encoding:
        if encoding.first_term_column >= encoding.columns:
            raise ValueError(f"first_term_column is {encoding.first_term_column}, but columns is {encoding.columns}")
        for name in ("start_column", "unknown_column"):
            column = getattr(encoding, name)
            if column is not None and column >= encoding.first_term_column:
                raise ValueError(f"{name} is {column}, which is not before the columns of the terms")
        if not set(encoding.kept_punctuation) <= set(FILTERED + SEPARATORS + APOSTROPHES):
            raise ValueError(f"kept_punctuation is {encoding.kept_punctuation!r}, which is not only punctuation")
        return encoding

    @field_validator("uncertainty")
    @classmethod
    def _uncertainty_is_valid(cls, rule: UncertaintyRule) -> UncertaintyRule:
        if rule.above > rule.below:
            raise ValueError(f"above is {rule.above}, but below is {rule.below}")
        return rule

    @field_validator("files")
    @classmethod
    def _files_are_inside(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name or name in OWN_NAMES:
                raise ValueError(f"{name!r} is not the name of a file in a bundle")
        return files


def sha256_of(content: bytes) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(manifest: bytes) -> bytes:
    """The content of the file with a manifest's SHA-256; `sha256sum -c manifest.json.sha256` reads it."""
    return f"{sha256_of(manifest)}  {MANIFEST}\n".encode()
