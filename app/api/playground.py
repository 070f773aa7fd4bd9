"""GET /: a page to try the model on, its styles and scripts, and the plots of the served bundle's training."""

import os
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.state import serving_of
from app.routes import PLAYGROUND

FOLDER = Path(__file__).parent.parent / "playground"
PLOTS = frozenset(("loss.png", "accuracy.png"))

REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers ask each time, and are answered 304 unless it changed: no page meets scripts of another version."""


def add_playground(app: FastAPI, docs: bool) -> None:
    """Add the page at / and what it needs below /playground.

    Args:
        app: Gets the routes.
        docs: Whether there is documentation that the page can point to.
    """
    page = (FOLDER / "index.html").read_text("utf-8")
    if not docs:
        page = page.replace(" data-docs", "", 1)

    @app.get("/", include_in_schema=False)
    async def playground() -> Response:
        return HTMLResponse(page, headers=REVALIDATE)

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
