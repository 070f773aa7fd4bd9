"""GET /docs and /redoc: the API to try and to read, from packaged assets; nothing is fetched from another host."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import Response

from app.api.files import Assets, WholeFile
from app.routes import DOCS, REDOC

FOLDER = Path(__file__).parent.parent / "documentation"
PACKAGED = Path(fastapi_offline.__file__).parent / "static"

ASSETS = f"{DOCS}/assets"

LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""What Redoc would fetch from its makers' host; without an address the picture is left out."""


def add_docs(app: FastAPI) -> None:
    """Add /docs (Swagger UI) and /redoc (Redoc), and the scripts and styles they need below /docs/assets.

    The pages name everything relative to themselves, so that they work below a proxy's prefix as well.
    """

    @app.get(DOCS, include_in_schema=False)
    async def docs() -> Response:
        return WholeFile(FOLDER / "docs.html")

    @app.get(REDOC, include_in_schema=False)
    async def redoc() -> Response:
        return WholeFile(FOLDER / "redoc.html")

    @app.get(f"{ASSETS}/redoc.standalone.js", include_in_schema=False)
    def redoc_script() -> Response:
        script = (PACKAGED / "redoc.standalone.js").read_bytes()
        return Response(
            script.replace(LOGO, b""), headers={"Cache-Control": "max-age=3600"}, media_type="text/javascript"
        )

    app.mount(f"{ASSETS}/start", Assets(directory=FOLDER))
    app.mount(ASSETS, Assets(directory=PACKAGED))
