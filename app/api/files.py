"""Files that come with the service, whole: scripts, styles, pages, plots."""

import os

from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers ask each time, and are answered 304 unless it changed: no page meets scripts of another version."""

WHOLE = {"Accept-Ranges": "none"}


def without_range(scope: Scope) -> Scope:
    """A request as if it had not asked for a part of a file, which a server may do (RFC 9110, 14.2).

    Nobody needs parts of what is this small, and the framework objects to odd ones in plain text.
    """
    return {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}


class WholeFile(FileResponse):
    """A file; the arguments are those of `FileResponse`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `FileResponse`."""
        self.headers.update(WHOLE)
        await super().__call__(without_range(scope), receive, send)


class Assets(StaticFiles):
    """Files of a folder, which browsers ask for anew before they use their copy; the arguments are `StaticFiles`'."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `StaticFiles`."""
        await super().__call__(without_range(scope), receive, send)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """See `StaticFiles`."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(WHOLE | REVALIDATE)
        return response
