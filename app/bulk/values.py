"""Values as JSON can hold them, whatever type of a table they have.

Without pandas, pyarrow has no Python value for a time in nanoseconds, and Python has none for the year 20000; a text
may hold bytes that are not UTF-8. None of that may cost a row, so that `plain_value` has an answer to everything.
"""

import base64
import math
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from app.bulk.sources import import_pyarrow


def plain(value: Any) -> Any:
    """A value of Python as JSON can hold it: what is no text, number, list or object becomes text.

    NaN and the infinities, for which JSON has no number, become null.
    """
    match value:
        case float():
            value = value if math.isfinite(value) else None
        case None | bool() | int() | str():
            pass
        case bytes():
            value = _text_or_base64(value)
        case dict():
            value = {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            value = [plain(item) for item in value]
        case datetime():
            value = value.isoformat()
        case _:
            value = str(value)
    return value


def _text_or_base64(content: bytes) -> str | dict[str, str]:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def plain_value(scalar: Any) -> Any:
    """A value of an Arrow table as JSON can hold it; see `plain`. It never fails.

    Moments are text as in ISO 8601, those that are counted in nanoseconds with nine digits.
    """
    if "[ns" not in str(scalar.type):  # so that all values of a column look alike, not only those without a rest
        with suppress(Exception):  # `as_py` raises what it likes
            return plain(scalar.as_py())
    pa = import_pyarrow()
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.DictionaryScalar | pa.ExtensionScalar | pa.RunEndEncodedScalar):
        return plain_value(scalar.value)
    if isinstance(scalar, pa.StructScalar | pa.ListScalar):
        return _items(pa, scalar)
    return (
        _text_or_base64(scalar.as_buffer().to_pybytes()) if isinstance(scalar, pa.BinaryScalar) else _text(pa, scalar)
    )


def _items(pa: Any, scalar: Any) -> Any:
    """A struct, a map or a list, item by item."""
    if isinstance(scalar, pa.MapScalar):
        return [[plain_value(entry[0]), plain_value(entry[1])] for entry in scalar.values]
    if isinstance(scalar, pa.ListScalar):
        return [plain_value(item) for item in scalar.values]
    fields = range(scalar.type.num_fields)
    pairs = [[scalar.type.field(i).name, plain_value(scalar[i])] for i in fields]
    return dict(pairs) if len({name for name, _ in pairs}) == len(pairs) else pairs


def _text(pa: Any, scalar: Any) -> str:
    """What has no Python value, in words."""
    with suppress(Exception):
        return _with_nanoseconds(pa, scalar)
    if isinstance(scalar, pa.TimestampScalar) and scalar.type.tz:
        return _in_utc(pa, scalar)
    for in_words in (lambda: scalar.cast(pa.string()).as_py(), lambda: str(scalar)):
        with suppress(Exception):
            return str(in_words())
    return f"<{scalar.type}>"


def _in_utc(pa: Any, scalar: Any) -> str:
    """A moment whose time zone nobody knows here, or that is too far away for its zone: the same moment in UTC."""
    unit = scalar.type.unit
    utc = scalar.cast(pa.timestamp(unit, "UTC"))
    with suppress(Exception):
        return _with_nanoseconds(pa, utc)
    with suppress(Exception):
        return str(utc.as_py().isoformat())
    # Without a zone, as Arrow 26 gets the years before -32767 and after 32767 wrong that have one.
    return _text(pa, utc.cast(pa.timestamp(unit))) + " UTC"


def _with_nanoseconds(pa: Any, scalar: Any) -> str:
    """A moment, a time of day or a duration as text with nine digits behind the second.

    Raises:
        AttributeError, ValueError: It is none, or not counted in nanoseconds, or such a one does not exist.
        ArrowInvalid: Nobody knows its time zone here.
    """
    type_ = scalar.type
    if type_.unit != "ns":
        raise ValueError(type_)
    seconds, nanoseconds = divmod(scalar.value, 10**9)
    if isinstance(scalar, pa.DurationScalar):
        return f"{timedelta(seconds=seconds)}.{nanoseconds:09}"
    if isinstance(scalar, pa.Time64Scalar):
        return f"{pa.scalar(seconds, pa.time32('s')).as_py().isoformat()}.{nanoseconds:09}"
    second = pa.scalar(seconds, pa.timestamp("s", type_.tz)).as_py().isoformat()
    return f"{second[:19]}.{nanoseconds:09}{second[19:]}"
