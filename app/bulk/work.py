"""What a worker does with a chunk: read it, score it, write it beside the output. It commits nothing."""

import os
import socket
import sys
import time
import traceback
import uuid
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.bulk.disk import settle
from app.bulk.errors import InputChanged, OutputUnwritable
from app.bulk.job import Job
from app.bulk.parts import write_part, write_side_file
from app.bulk.plan import Chunk, Unread
from app.bulk.rows import Row, TextReader
from app.inference.bundle import load_bundle
from app.inference.classifier import BATCH, Classifier, open_classifier
from app.inference.errors import BundleDamaged, InferenceError
from app.inference.prediction import Prediction
from app.memory import peak_resident_bytes

UNUSABLE = "the model's answer to this review is no probability"


class Outcome(BaseModel):
    """What came of a chunk. Its files are complete and on disk, but not where the output's readers look.

    Attributes:
        chunk: The chunk's number.
        part: The file of scored rows; None if there are none.
        side: The file of bad rows; None if there are none.
        scored: Rows in `part`.
        bad: Rows in `side`.
        unread: What could not be read.
        began: When the work began; seconds since 1970.
        ended: When it ended.
        cpu: Seconds of processor time that it took.
        memory: The most bytes that the worker has held so far.
        worker: Which one it was.
    """

    model_config = ConfigDict(frozen=True)

    chunk: int
    part: Path | None
    side: Path | None
    scored: int
    bad: int
    unread: tuple[Unread, ...] = ()
    began: float
    ended: float
    cpu: float
    memory: int
    worker: str = ""


class Worker:
    """A classifier with what it takes to read chunks and to write parts.

    Args:
        job: What is to be done.
        bundle: The folder of the job's bundle.
        staging: The folder for files that are not committed yet.

    Raises:
        BundleError: The bundle cannot serve, or is not the job's.
        RuntimeUnavailable: The runtime's package is not installed.
        PackageMissing: A package for reading or writing is not installed.
    """

    def __init__(self, job: Job, bundle: Path, staging: Path) -> None:
        self._job = job
        self._staging = staging
        loaded = load_bundle(bundle)
        if loaded.digest != job.model.digest:
            raise BundleDamaged(bundle, "it is not the bundle that the job began with")
        self._classifier = open_classifier(loaded, job.runtime)
        self._texts = TextReader(job)
        if any(source.format == "parquet" for source in job.sources):
            from app.bulk.tables import TableReader

            self._tables = TableReader(job)

    def score(self, chunk: Chunk) -> Outcome:
        """Read, score and write a chunk.

        Raises:
            InputChanged: The file is not what it was when the job was planned.
            OutputUnwritable: The system refused to write.
        """
        began, cpu = time.time(), time.process_time()
        source = self._job.sources[chunk.source]
        table, unread = None, list[Unread]()
        try:
            if source.format == "parquet":
                rows, table, unread = self._tables.read(chunk)
            else:
                rows = self._texts.read(chunk)
        except OSError as error:  # it could be read when the job was planned
            raise InputChanged(source.name) from error
        good, predictions, bad = self._judge(rows)
        if table is not None and bad:
            first = {row.number: i for i, row in enumerate(rows)}
            table = self._tables.picked(table, [first[row.number] for row in good])
        name = f"{chunk.number}-{uuid.uuid4().hex}"
        part, side = self._staging / f"{name}.part", self._staging / f"{name}.side"
        try:
            if good:
                write_part(part, self._job, source, good, predictions, table)
                settle(part)
            if bad:
                write_side_file(side, source, bad)
                settle(side)
        except OSError as error:
            raise OutputUnwritable(self._staging, error.strerror or str(error)) from error
        return Outcome(
            chunk=chunk.number,
            part=part if good else None,
            side=side if bad else None,
            scored=len(good),
            bad=len(bad),
            unread=tuple(unread),
            began=began,
            ended=time.time(),
            cpu=time.process_time() - cpu,
            memory=peak_resident_bytes(),
            worker=f"{socket.gethostname()}-{os.getpid()}",
        )

    def _judge(self, rows: Sequence[Row]) -> tuple[list[Row], list[Prediction], list[Row]]:
        """Score the rows that can be; returns them, their predictions, and the bad rows, each in the input's order."""
        fit = [row for row in rows if not row.objection]
        good: list[Row] = []
        predictions: list[Prediction] = []
        bad = [row for row in rows if row.objection]
        for start in range(0, len(fit), BATCH):
            batch = fit[start : start + BATCH]
            for row, prediction in zip(batch, _predict(self._classifier, batch), strict=True):
                if prediction is None:
                    bad.append(row._replace(objection=UNUSABLE))
                else:
                    good.append(row)
                    predictions.append(prediction)
        return good, predictions, sorted(bad, key=lambda row: row.number)


def _predict(classifier: Classifier, rows: Sequence[Row]) -> list[Prediction | None]:
    """Score a batch; None where the model fails, which must not become the neighbours' failure."""
    reviews = [row.review for row in rows]
    try:
        return list(classifier.predict(reviews))
    except InferenceError:
        return [None] if len(rows) == 1 else [_predict(classifier, [row])[0] for row in rows]


def unforeseen() -> str:
    """Tell of the exception at hand without its message, which may hold review text."""
    lines = traceback.format_exc().splitlines()
    kind = type(sys.exception()).__name__
    return "\n".join(["a worker met an error that nobody foresaw:", *(n for n in lines if n[:2] == "  "), kind])
