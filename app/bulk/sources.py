"""The files of a job: which there are, what they hold, and their bytes."""

import bz2
import gzip
import os
import stat
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from app.bulk.errors import BulkError, InputError, PackageMissing
from app.bulk.records import BLOCK, Record, fields, records

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""How a file's name ends -> what it holds."""
COMPRESSIONS = (".gz", ".bz2", ".zst")
"""What may follow the end of a text file's name."""

PIECE = 16 << 10
"""Bytes to ask a reader for at a time: what it has decoded of them when it meets bytes that are wrong is lost."""

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
        size: Bytes on disk; 0 if the system does not say.
        modified: When it was changed last; nanoseconds. 0 if the system does not say.
        columns: Of CSV and Parquet all, in order, which may have the same name; of JSONL the fields of the first rows.
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


def find_sources(input_: Path, text: str | None, output: Path | None = None) -> list[Source]:
    """Look for files to score, and at the columns that each has.

    Args:
        input_: A file, or a folder whose files are taken in the order of their paths, subfolders included. Names that
            begin with `.` or `_` are passed over, and so are names that end in another way than FORMATS says.
        text: The column of the reviews; the first of TEXT_COLUMNS that there is when None.
        output: Where the output goes, resolved; neither may lie in the other.

    Raises:
        InputError: There is no such file, or none that bulk scoring reads, or one without that column.
        PackageMissing: A file needs a package that is not installed.
    """
    if not is_utf8(_real(input_)):
        raise InputError(f"{input_}: its path is not UTF-8; rename it")
    try:
        is_folder = input_.is_dir()
        if is_folder:
            paths = sorted(_walk(input_, output), key=lambda path: path.relative_to(input_).parts)
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
    for path in paths:
        # As it is named too: a link in OUTPUT would be deleted with the rest.
        if output and any(place.is_relative_to(output) for place in (_real(path), _real(path.parent) / path.name)):
            raise InputError(f"{path}: it lies in OUTPUT, where --overwrite would delete it; name another OUTPUT")
    found = [_found(path, names[path]) for path in paths]
    if not is_folder and found[0].problem:
        raise InputError(f"{input_}: {found[0].problem}. Name a file or a folder to score")
    return [source if source.problem else _probed(source, text) for source in found]


def _walk(folder: Path, output: Path | None) -> Iterator[Path]:
    """Yield the files of a folder and of those below it. Links to folders come last, and no folder comes twice."""

    def refuse(error: OSError) -> None:
        raise error

    seen: set[tuple[int, int]] = set()
    waiting = deque([folder])
    while waiting:
        for place, folders, names in os.walk(waiting.popleft(), onerror=refuse):
            if output and output.is_relative_to(_real(place)):
                raise InputError(f"{output}: OUTPUT lies in INPUT, and would be taken for input; name another folder")
            status = os.stat(place)
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if name[0] not in "._")
            waiting.extend(path for path in (Path(place, name) for name in folders) if path.is_symlink())
            yield from (Path(place, name) for name in names if name[0] not in "._" and _format_of(name))


def _real(path: Path | str) -> Path:
    """A path without links; unlike `resolve`, also of a link that leads to itself."""
    return Path(os.path.realpath(path))


def is_utf8(path: Path | str) -> bool:
    """Whether a path can stand in a plan, a part or a message; the system takes other bytes too."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _format_of(name: str) -> tuple[Format, str] | None:
    """What a file holds by its name, and how it is compressed."""
    stem, suffix = os.path.splitext(name.lower())
    compression = suffix if suffix in COMPRESSIONS else ""
    if compression:
        suffix = os.path.splitext(stem)[1]
    format_ = FORMATS.get(suffix)
    return (format_, compression) if format_ and not (format_ == "parquet" and compression) else None


def _found(path: Path, name: str) -> Source:
    """A file as the system shows it, not opened: to open what is no regular file could take for ever."""
    named = _format_of(name)
    assert named
    real = str(_real(path))
    problem: str | None = None
    size = modified = 0
    try:
        status = path.stat()
        size, modified = status.st_size, status.st_mtime_ns
        if not stat.S_ISREG(status.st_mode):
            problem = "it is no regular file; copy what it holds to one"
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
        if path.is_symlink():
            problem += f"; it is a link to {os.fsencode(os.readlink(path)).decode(errors='backslashreplace')}"
    if not (is_utf8(name) and is_utf8(real)):
        problem = "its path is not UTF-8; rename it"
        name, real = (os.fsencode(one).decode(errors="backslashreplace") for one in (name, real))
    return Source(
        path=Path(real), name=name, format=named[0], compression=named[1], size=size, modified=modified, problem=problem
    )


def _probed(source: Source, text: str | None) -> Source:
    """The same file with the columns that it has."""
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
        f"{source.name}: it has {wanted}. It has {', '.join(map(repr, columns))}; name that of the reviews with --text"
    )


def _check_is_text(source: Source, column: str) -> None:
    pa = import_pyarrow()
    schema = pa.parquet.read_schema(source.path)
    type_ = schema.types[schema.names.index(column)]
    if not is_text(pa, type_):
        raise InputError(f"{source.name}: the column {column!r} holds {type_}, not text; name another one with --text")


def _columns(source: Source) -> tuple[str, ...] | None:
    """The columns; None of a file without any row or header."""
    if source.format == "parquet":
        return tuple(import_pyarrow().parquet.read_schema(source.path).names)
    with open_text(source) as stream:
        filled = (record for record in records(blocks_of(stream), text_format(source)) if not record.is_blank)
        if source.format == "jsonl":
            return _fields_of(filled)
        for record in filled:
            if record.objection:
                raise ValueError(f"its header is {record.objection}")
            text = record.content.removeprefix(BOM_UTF8).decode()
            return tuple(fields(line_of(text)))
    return None


def _fields_of(filled: Iterable[Record]) -> tuple[str, ...] | None:
    """The fields of the first rows, or of those before a damage; None if no row has any."""
    names: dict[str, None] = {}
    looked_at = 0
    record = None
    try:
        for record in filled:
            row = _json_or_none(record.content)
            if isinstance(row, dict):
                names |= dict.fromkeys(row)
                looked_at += 1
            if looked_at == LOOKED_AT:
                break
    except Exception:  # readers raise what they like; the plan meets the same damage, reports it, and takes the rest
        if record is None:
            raise
    return tuple(names) or None


def _json_or_none(content: bytes) -> object:
    try:
        return from_json(content.removeprefix(BOM_UTF8))
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


def open_text(source: Source) -> BufferedIOBase:
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
    file: BufferedIOBase = opened
    return file


def blocks_of(stream: BufferedIOBase, size: int | None = None) -> Iterator[bytes]:
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
                # `read` would go on until it has so much, and lose what it has got where a file ends early.
                piece = stream.read1(min(PIECE, wanted - len(block)))
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
