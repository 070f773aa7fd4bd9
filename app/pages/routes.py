"""The routes of the pages for people: the playground at / and the API documentation at /docs, without any CDN.

The pages use relative URLs, so that they also work under a proxy's path prefix.
"""

import os
from pathlib import Path
from typing import ClassVar

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ..api.revalidation import revalidated
from ..api.routing import PublicFiles, PublicRoute, RoutePolicy
from ..api.state import service_of
from ..settings import Settings

PAGES = Path(__file__).parent
PLOTS = ("loss.png", "accuracy.png", "reliability.png")
REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers revalidate each time and get 304 if nothing has changed, so no page runs scripts of another version."""

OWN_CONTENT = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; style-src 'self'; img-src 'self'"
)
"""A Content-Security-Policy: only content of this service, and no inline scripts."""


CARD = "<!-- the model card -->"
"""What the model card replaces in its page."""


class Playground(APIRoute):
    """The routes of the playground and of model cards."""

    policy: ClassVar = RoutePolicy(public=True, content_policy=OWN_CONTENT)


class Documentation(APIRoute):
    """The route of the API documentation."""

    # Swagger UI's styles contain images.
    policy: ClassVar = RoutePolicy(public=True, content_policy=OWN_CONTENT + b" data:")


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
    router = APIRouter(route_class=PublicRoute)
    page = (PAGES / "playground/index.html").read_text("utf-8") if settings.playground else None
    if page is not None and not settings.docs:
        page = page.replace(" data-docs", "", 1)  # hides the links to them

    async def root(request: Request) -> Response:
        """Serve the playground to browsers; tell other clients, such as KServe's, that the server is alive."""
        headers = REVALIDATE | {"Vary": "Accept"}
        if page is not None and "text/html" in request.headers.get("accept", "").lower():
            return HTMLResponse(page, headers=headers)
        return JSONResponse({"status": "alive"}, headers=headers)

    router.add_api_route("/", root, methods=["GET", "HEAD"], include_in_schema=False, route_class_override=Playground)
    if settings.playground:
        card_page = (PAGES / "playground/card.html").read_text("utf-8")

        def card(request: Request, version: str) -> Response:
            # Imported here because few services ever need it.
            from markdown_it import MarkdownIt

            text = _report_file(request, version, "MODEL_CARD.md").read_text("utf-8")
            html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)  # markup in it is text
            html = html.replace("<th></th>", "<td></td>")  # screen readers would announce empty headings
            html = html.replace("<table>", '<div class="table" tabindex="0"><table>')  # wide ones scroll on a phone
            html = html.replace("</table>", "</table></div>")
            return HTMLResponse(card_page.replace(CARD, html), headers=REVALIDATE)

        async def plot(request: Request, version: str, name: str) -> Response:
            if name not in PLOTS:
                raise HTTPException(404)
            return FileResponse(_report_file(request, version, name), headers=REVALIDATE)

        report = "/playground/report/{version}"
        router.add_api_route(f"{report}/card", card, include_in_schema=False, route_class_override=Playground)
        router.add_api_route(f"{report}/{{name}}", plot, include_in_schema=False)
        router.routes.append(PublicFiles("/playground", Assets(directory=PAGES / "playground")))
    if settings.docs:
        docs_page = (PAGES / "documentation/docs.html").read_text("utf-8")
        if not settings.playground:
            docs_page = docs_page.replace(" data-playground", "", 1)  # hides the link to it

        async def docs() -> Response:
            return HTMLResponse(docs_page, headers=REVALIDATE)

        router.add_api_route(
            "/docs", docs, methods=["GET", "HEAD"], include_in_schema=False, route_class_override=Documentation
        )

        @router.api_route("/openapi.json", methods=["GET", "HEAD"], include_in_schema=False)
        async def openapi(request: Request) -> Response:
            return revalidated(request, to_json(request.app.openapi()))

        router.routes.append(PublicFiles("/docs/assets/shared", Assets(directory=PAGES / "playground/shared")))
        router.routes.append(PublicFiles("/docs/assets/start", Assets(directory=PAGES / "documentation")))
        router.routes.append(PublicFiles("/docs/assets", Assets(packages=[("fastapi_offline", "static")])))
    return router


def _report_file(request: Request, version: str, name: str) -> Path:
    """Find a file in the report of a version that is served.

    Raises:
        HTTPException: There is no such version, or its bundle has no such file.
    """
    served = service_of(request).versions.get(version)
    path = served.bundle.folder / "report" / name if served else None
    if path is None or not path.is_file():
        raise HTTPException(404)
    return path
