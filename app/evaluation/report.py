"""The report of an evaluation: one page in a file, without scripts and without anything from elsewhere."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import StrictUndefined, Template

from .. import __version__
from ..bundles.reading import Bundle
from ..model.errors import SentimentError
from .assessment import Assessment
from .labelled import LabelledTexts


def write_report(path: Path, bundle: Bundle, labelled: LabelledTexts, found: Assessment) -> None:
    """Write the report of an evaluation to a new file, complete or not at all.

    Raises:
        SentimentError: Writing failed, for example because the disk is full.
    """
    # Texts and names of files may contain anything: all is escaped, and replaced where UTF-8 cannot encode it.
    source = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    template = Template(source, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = template.render(
        bundle=bundle, labelled=labelled, found=found, today=datetime.now(UTC).date(), program=__version__
    )
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        with suppress(OSError):  # there is none if its folder does not exist
            path.unlink()
        raise SentimentError(
            f"{path}: the report cannot be written ({error.strerror}). Choose another place"
        ) from error
