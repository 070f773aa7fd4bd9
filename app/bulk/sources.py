"""The files of a job: which there are, what they hold, and their bytes."""

import bz2
import gzip
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from app.bulk.errors import BulkError, InputError, PackageMissing
from app.bulk.records import BLOCK, UTF8_BOM, fields, records

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""How a file's name ends -> what it holds."""
COMPRESSIONS = (".gz", ".bz2", ".zst")
"""What may follow the end of a text file's name."""

PIECE = 16 << 10
"""Bytes to ask a reader for at a time: what it has got of them when it meets a damage is lost."""

LOOKED_AT = 100
"""Rows of a JSONL file that are looked at to learn its columns."""

TEXT_COLUMNS = ("review", "text")
"""Where reviews are looked for when no column is named."""


class Source(BaseModel):
    """A file to score.

    Attributes:
        path: Absolute.
        name: Relative to INPUT, with slashes; how the output names it.
        format: What it holds.
        compression: How the bytes are compressed: `.gz`, `.bz2`, `.zst`, or empty.
        size: Bytes on disk.
        modified: When it was changed last; nanoseconds.
        columns: Of CSV and Parquet all, in order; of JSONL the fields of the first rows.
        text: The column of the reviews.
        problem: Why nothing of it can be read, or None.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    name: str
    format: Format
    compression: str = ""
    size: int
    modified: int
    columns: tuple[str, ...] = ()
    text: str = ""
    problem: str | None = None


def find_sources(input_: Path, text: str | None) -> list[Source]:
    """Look for files to score, and at the columns that each has.

    Args:
        input_: A file, or a folder whose files are taken in the order of their paths, subfolders included. Names that
            begin with `.` or `_` are passed over, and so are names that end in another way than FORMATS says.
        text: The column of the reviews; the first of TEXT_COLUMNS that there is when None.

    Raises:
        InputError: There is no such file, or none that bulk scoring reads, or one without that column.
        PackageMissing: A file needs a package that is not installed.
    """
    try:
        if input_.is_dir():
            paths = sorted(_walk(input_), key=lambda path: path.relative_to(input_).parts)
            names = {path: path.relative_to(input_).as_posix() for path in paths}
        else:
            input_.stat()
            paths, names = [input_], {input_: input_.name}
    except OSError as error:
        raise InputError(f"{error.filename or input_}: {error.strerror}. Name a file or a folder to score") from error
    known = ", ".join(FORMATS)
    if not paths:
        raise InputError(f"{input_}: no file to score in it; names have to end in {known}, or in .csv.gz and the like")
    if not _format_of(paths[0].name):
        raise InputError(f"{input_}: its name has to end in {known}, or in .csv.gz and the like, to say what it holds")
    return [_probe(path, names[path], text) for path in paths]


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if name[0] not in "._"]
        yield from (Path(place, name) for name in names if name[0] not in "._" and _format_of(name))


def _format_of(name: str) -> tuple[Format, str] | None:
    """What a file holds by its name, and how it is compressed."""
    stem, suffix = os.path.splitext(name.lower())
    compression = suffix if suffix in COMPRESSIONS else ""
    if compression:
        suffix = os.path.splitext(stem)[1]
    format_ = FORMATS.get(suffix)
    return (format_, compression) if format_ and not (format_ == "parquet" and compression) else None


def _probe(path: Path, name: str, text: str | None) -> Source:
    named = _format_of(name)
    assert named
    stat = path.stat()
    source = Source(
        path=path.resolve(),
        name=name,
        format=named[0],
        compression=named[1],
        size=stat.st_size,
        modified=stat.st_mtime_ns,
    )
    try:
        columns = _columns(source)
    except BulkError:
        raise
    except Exception as error:  # readers raise what they like on a damaged file; it is reported, and the rest goes on
        return source.model_copy(update={"problem": reason_of(error)})
    if columns is None:
        return source.model_copy(update={"text": text or TEXT_COLUMNS[0]})
    for column in (text,) if text else TEXT_COLUMNS:
        if column in columns:
            if source.format == "parquet":
                _check_is_text(source, column)
            return source.model_copy(update={"columns": columns, "text": column})
    wanted = f"no column {text!r}" if text else f"neither a column {' nor '.join(map(repr, TEXT_COLUMNS))}"
    raise InputError(
        f"{name}: it has {wanted}. It has {', '.join(map(repr, columns))}; name that of the reviews with --text"
    )


def _check_is_text(source: Source, column: str) -> None:
    pa = import_pyarrow()
    type_ = pa.parquet.read_schema(source.path).field(column).type
    if not is_text(pa, type_):
        raise InputError(f"{source.name}: the column {column!r} holds {type_}, not text; name another one with --text")


def _columns(source: Source) -> tuple[str, ...] | None:
    """The columns; None of a file without any row or header."""
    if source.format == "parquet":
        schema = import_pyarrow().parquet.read_schema(source.path)
        return _distinct(source, tuple(schema.names))
    with open_text(source) as stream:
        filled = (record for record in records(blocks_of(stream), text_format(source)) if not record.is_blank)
        if source.format == "jsonl":
            rows = (row for record in filled if isinstance(row := _json_or_none(record.content), dict))
            names = [name for row in islice(rows, LOOKED_AT) for name in row]
            return tuple(dict.fromkeys(names)) or None
        for record in filled:
            if record.objection:
                raise ValueError(f"its header is {record.objection}")
            text = record.content.removeprefix(UTF8_BOM).decode()
            return _distinct(source, tuple(fields(line_of(text))))
    return None


def _distinct(source: Source, columns: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(columns)) < len(columns):
        raise InputError(f"{source.name}: two columns have the same name; rename one of them")
    return columns


def _json_or_none(content: bytes) -> object:
    try:
        return from_json(content.removeprefix(UTF8_BOM))
    except ValueError:
        return None


def is_text(pa: Any, type_: Any) -> bool:
    """Whether a column of this type can hold reviews."""
    types = pa.types
    if types.is_dictionary(type_):
        type_ = type_.value_type
    tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary)
    return types.is_binary_view(type_) or any(test(type_) for test in tests)


def text_format(source: Source) -> Literal["csv", "jsonl"]:
    """How the records of a text file are told apart."""
    return "csv" if source.format == "csv" else "jsonl"


def line_of(text: str) -> str:
    """A record without its line end."""
    return text.removesuffix("\n").removesuffix("\r")


def open_text(source: Source) -> BinaryIO:
    """Open a text file's bytes, uncompressed.

    Raises:
        PackageMissing: Its compression needs a package that is not installed.
        OSError: It cannot be opened.
    """
    opened: Any
    match source.compression:
        case ".gz":
            opened = gzip.open(source.path)  # noqa: SIM115  # closed by the caller
        case ".bz2":
            opened = bz2.open(source.path)  # noqa: SIM115  # the same
        case ".zst":
            opened = import_pyarrow().input_stream(str(source.path), compression="zstd")
        case _:
            opened = source.path.open("rb")
    file: BinaryIO = opened
    return file


def blocks_of(stream: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Read a stream in blocks, to its end or for so many bytes. Of a damaged one, what comes before the damage.

    Raises:
        OSError, EOFError, zlib.error: It is damaged.
    """
    damage: Exception | None = None
    wanted = BLOCK
    while damage is None and wanted:
        wanted = BLOCK if size is None else min(BLOCK, size)
        block = bytearray()
        while len(block) < wanted:
            try:
                piece = stream.read(min(PIECE, wanted - len(block)))
            except Exception as error:  # readers raise what they like
                damage = error
                break
            if not piece:
                wanted = 0
                break
            block += piece
        if size is not None:
            size -= len(block)
        if block:
            yield bytes(block)
    if damage:
        raise damage


def import_pyarrow() -> Any:
    """Import pyarrow with its Parquet part.

    Raises:
        PackageMissing: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing("Parquet, or a .zst file,", "pyarrow", "bulk") from error
    return pyarrow


def reason_of(error: Exception) -> str:
    """What a reader said about a damaged file, in one line."""
    said = " ".join(str(error).split())
    return f"{said[:200]} ({type(error).__name__})" if said else type(error).__name__
