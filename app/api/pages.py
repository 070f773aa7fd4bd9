"""Pages for people: the playground at / and the API documentation at /docs, without any CDN.

The pages use relative URLs, so that they also work under a proxy's path prefix.
"""

import os
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.api.state import version_of
from app.settings import Settings

APP = Path(__file__).parent.parent
PLOTS = ("loss.png", "accuracy.png")
REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers revalidate each time and get 304 if nothing has changed, so no page runs scripts of another version."""

OWN_CONTENT = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; style-src 'self'; img-src 'self'"
)
PAGE_POLICIES = {"/": OWN_CONTENT, "/docs": OWN_CONTENT + b" data:"}  # Swagger UI's styles contain images
"""Content-Security-Policy of each page: only content of this service, and no inline scripts."""


class Assets(StaticFiles):
    """Static files that browsers revalidate; takes the arguments of `StaticFiles`."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """See `StaticFiles`."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(REVALIDATE)
        return response


def page_routes(settings: Settings) -> APIRouter:
    """Make the routes of the pages that are enabled."""
    router = APIRouter()
    page = (APP / "playground/index.html").read_text("utf-8") if settings.playground else None
    if page is not None and not settings.docs:
        page = page.replace(" data-docs", "", 1)  # hides the links to them

    @router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def root(request: Request) -> Response:
        """Return the playground to browsers, and to KServe's clients and all others that the server is alive."""
        headers = REVALIDATE | {"Vary": "Accept"}
        if page is not None and "text/html" in request.headers.get("accept", "").lower():
            return HTMLResponse(page, headers=headers)
        return JSONResponse({"status": "alive"}, headers=headers)

    if settings.playground:

        @router.get("/playground/plots/{name}", include_in_schema=False)
        async def plot(request: Request, name: str) -> Response:
            path = version_of(request).bundle.folder / "report" / name
            if name not in PLOTS or not path.is_file():
                raise HTTPException(404)
            return FileResponse(path, headers=REVALIDATE)

        router.routes.append(Mount("/playground", Assets(directory=APP / "playground")))
    if settings.docs:

        @router.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
        async def docs() -> Response:
            return FileResponse(APP / "documentation/docs.html")

        router.routes.append(Mount("/docs/assets/start", Assets(directory=APP / "documentation")))
        router.routes.append(Mount("/docs/assets", Assets(packages=[("fastapi_offline", "static")])))
    return router
