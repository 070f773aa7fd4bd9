"""The routes of the pages for people: the playground, the API documentation, and a page for each type of problem.

Nothing comes from a CDN. The pages use relative URLs, so that they also work under a proxy's path prefix.
"""

import os
from functools import cache
from html import escape
from pathlib import Path
from typing import ClassVar

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ..api.errors import BALANCER_PROBLEMS, PROBLEMS
from ..api.model import revalidated
from ..api.routing import PublicFiles, PublicRoute, RoutePolicy
from ..api.state import service_of
from ..settings import Settings

PAGES = Path(__file__).parent
PLOTS = ("loss.png", "accuracy.png", "reliability.png")
PROBLEM_TYPES = {kind.type: kind for kind in (*PROBLEMS.values(), *BALANCER_PROBLEMS)}
GET = ["GET", "HEAD"]
REVALIDATE = {"Cache-Control": "no-cache"}
"""Browsers revalidate each time and get 304 if nothing has changed, so no page runs scripts of another version."""

OWN_CONTENT = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; style-src 'self'; img-src 'self'"
)
"""A Content-Security-Policy: only content of this service, and no inline scripts."""


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
    router = APIRouter(route_class=PublicRoute, include_in_schema=False)
    add = router.add_api_route
    page = _read("playground/index.html", "" if settings.docs else " data-docs") if settings.playground else None

    async def root(request: Request) -> Response:
        """Serve the playground to browsers; tell other clients, such as KServe's, that the server is alive."""
        headers = REVALIDATE | {"Vary": "Accept"}
        if page is not None and "text/html" in request.headers.get("accept", "").lower():
            return HTMLResponse(page, headers=headers)
        return JSONResponse({"status": "alive"}, headers=headers)

    add("/", root, methods=GET, route_class_override=Playground)
    add("/problems/{name}", get_problem)
    if settings.playground:
        add("/playground/report/{version}/card", get_card, route_class_override=Playground)
        add("/playground/report/{version}/{name}", get_plot)
        router.routes.append(PublicFiles("/playground", Assets(directory=PAGES / "playground")))
    if settings.docs:
        docs_page = _read("documentation/docs.html", "" if settings.playground else " data-playground")

        async def docs() -> Response:
            return HTMLResponse(docs_page, headers=REVALIDATE)

        add("/docs", docs, methods=GET, route_class_override=Documentation)
        add("/openapi.json", get_openapi, methods=GET)
        router.routes.append(PublicFiles("/docs/assets/shared", Assets(directory=PAGES / "playground/shared")))
        router.routes.append(PublicFiles("/docs/assets/start", Assets(directory=PAGES / "documentation")))
        router.routes.append(PublicFiles("/docs/assets", Assets(packages=[("fastapi_offline", "static")])))
    return router


@cache
def _read(page: str, without: str = "") -> str:
    """Read a page without an attribute: if the root of a page lacks it, its styles hide the link to the other page."""
    return (PAGES / page).read_text("utf-8").replace(without, "", 1)


async def get_openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return revalidated(request, to_json(request.app.openapi()))


async def get_problem(name: str) -> Response:
    """Return the page about a type of problem, to which the `type` of errors refers."""
    kind = PROBLEM_TYPES.get(name)
    if kind is None:
        raise HTTPException(404)
    page = _read("problem.html").format(kind=kind, text=escape(f"{kind.about} {kind.advice}"))
    return HTMLResponse(page)


def get_card(request: Request, version: str) -> Response:
    """Return the model card of a version as a page."""
    # Imported here because few services ever need it.
    from markdown_it import MarkdownIt

    text = _report_file(request, version, "MODEL_CARD.md").read_text("utf-8")
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)  # markup in it is text
    html = html.replace("<th></th>", "<td></td>")  # screen readers would announce empty headings
    html = html.replace("<table>", '<div class="table" tabindex="0"><table>')  # wide ones scroll on a phone
    html = html.replace("</table>", "</table></div>")
    page = _read("playground/card.html").replace("<!-- the model card -->", html)
    return HTMLResponse(page, headers=REVALIDATE)


async def get_plot(request: Request, version: str, name: str) -> Response:
    """Return a plot of the training of a version."""
    if name not in PLOTS:
        raise HTTPException(404)
    return FileResponse(_report_file(request, version, name), headers=REVALIDATE)


def _report_file(request: Request, version: str, name: str) -> Path:
    """Find a file in the report of a version; 404 if the version is not served or has no such file."""
    served = service_of(request).versions.get(version)
    path = served.bundle.folder / "report" / name if served else None
    if path is None or not path.is_file():
        raise HTTPException(404)
    return path
