"""The playground, a page to try the model on: its styles and scripts, and the plots of the served bundle's training."""

import os
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.state import serving_of
from app.routes import PLAYGROUND

FOLDER = Path(__file__).parent.parent / "playground"
PLOTS = frozenset(("loss.png", "accuracy.png"))

REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers ask each time, and are answered 304 unless it changed: no page meets scripts of another version."""


def page_of(docs: bool) -> str:
    """The page.

    Args:
        docs: Whether there is documentation that it can point to.
    """
    page = (FOLDER / "index.html").read_text("utf-8")
    return page if docs else page.replace(" data-docs", "", 1)


def add_playground(app: FastAPI) -> None:
    """Add what the page needs, below /playground; see `page_of` for the page itself."""

    @app.get(PLAYGROUND + "/plots/{name}", include_in_schema=False)
    async def plot(request: Request, name: str) -> Response:
        path = serving_of(request).bundle.folder / "report" / name
        if name not in PLOTS or not path.is_file():
            raise HTTPException(404)
        return FileResponse(path, headers=REVALIDATE)

    app.mount(PLAYGROUND, Assets(directory=FOLDER))


class Assets(StaticFiles):
    """Static files that browsers ask for anew before they use their copy."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """See `StaticFiles`."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(REVALIDATE)
        return response
