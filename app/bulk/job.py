"""What a job is: everything that its result depends on, and nothing else."""

from pydantic import BaseModel, ConfigDict

from app.bulk.sources import Format, Source

PLAN_FORMAT = 2
"""Goes up when the same files would be cut in another way, or parts would look different."""

PREDICTED = ("positive_probability", "sentiment", "words", "known_words")
"""The columns that a prediction adds, as POST /predict names them."""
TRACE = ("source_file", "source_row")
"""The columns that say where a row comes from: the file, relative to INPUT, and the row in it, from 0."""


class Model(BaseModel):
    """The bundle that scores.

    Attributes:
        name: What it classifies.
        version: A whole number.
        digest: SHA-256 of its manifest, which names its content.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    digest: str


class Job(BaseModel):
    """What is scored, by what, and how the result looks.

    Attributes:
        plan_format: PLAN_FORMAT of the program that made it.
        sources: The files, in order.
        model: The bundle.
        runtime: What executes the network.
        max_characters: Characters that a review may have.
        chunk_rows: Rows a chunk at most.
        format: That of the parts; None for the one that each file has.
        keep: The input's columns that the parts have; None for all.
        prefix: Stands before the names of the added columns.
    """

    model_config = ConfigDict(frozen=True)

    plan_format: int = PLAN_FORMAT
    sources: tuple[Source, ...]
    model: Model
    runtime: str
    max_characters: int
    chunk_rows: int
    format: Format | None
    keep: tuple[str, ...] | None
    prefix: str

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the columns that the parts have beside the input's."""
        return tuple(self.prefix + name for name in (*PREDICTED, *TRACE))

    def format_of(self, source: Source) -> Format:
        """The format of a file's parts."""
        return self.format or source.format

    def kept(self, source: Source) -> tuple[str, ...]:
        """A file's columns that its parts have too."""
        return source.columns if self.keep is None else self.keep

    def differences(self, other: "Job") -> list[str]:
        """What is not the same in an earlier job, in words; empty when its work can be gone on with."""
        found = []
        mine, theirs = ({source.name: source for source in job.sources} for job in (self, other))
        for name in [*mine, *(name for name in theirs if name not in mine)]:
            if name not in theirs:
                found.append(f"{name} is new")
            elif name not in mine:
                found.append(f"{name} is gone")
            elif mine[name].path != theirs[name].path:
                found.append(f"{name} lies in another folder")
            elif (mine[name].size, mine[name].modified) != (theirs[name].size, theirs[name].modified):
                found.append(f"{name} was changed")
            elif mine[name].text != theirs[name].text:
                found.append(f"--text was {theirs[name].text!r}, now it is {mine[name].text!r}")
        for field, option in OPTIONS.items():
            now, before = getattr(self, field), getattr(other, field)
            if now != before:
                found.append(f"{option} was {_shown(before)}, now it is {_shown(now)}")
        return found


OPTIONS = {
    "model": "the model",
    "runtime": "--runtime",
    "max_characters": "--max-characters",
    "chunk_rows": "--chunk-rows",
    "format": "--format",
    "keep": "--keep",
    "prefix": "--prefix",
    "plan_format": "the version of app.bulk",
}
"""Attributes of a job and how people know them."""


def _shown(value: object) -> str:
    match value:
        case None:
            return "not given"
        case Model():
            return f"{value.name} version {value.version} ({value.digest[:12]}…)"
        case tuple():
            return ",".join(value) or "empty"
    return repr(value) if isinstance(value, str) else str(value)
