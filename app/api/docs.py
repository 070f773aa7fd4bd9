"""GET /docs and /redoc: the API to try and to read, from packaged assets; nothing is fetched from another host."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

FOLDER = Path(__file__).parent.parent / "documentation"
PACKAGED = Path(fastapi_offline.__file__).parent / "static"

LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""What Redoc would fetch from its makers' host; without an address the picture is left out."""


def add_docs(app: FastAPI) -> None:
    """Add /docs (Swagger UI) and /redoc (Redoc), and the scripts and styles they need below /docs/assets.

    The pages name everything relative to themselves, so that they work below a proxy's prefix as well.
    """

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(FOLDER / "docs.html")

    @app.get("/redoc", include_in_schema=False)
    async def redoc() -> Response:
        return FileResponse(FOLDER / "redoc.html")

    @app.get("/docs/assets/redoc.standalone.js", include_in_schema=False)
    def redoc_script() -> Response:
        script = (PACKAGED / "redoc.standalone.js").read_bytes()
        return Response(
            script.replace(LOGO, b""), headers={"Cache-Control": "max-age=3600"}, media_type="text/javascript"
        )

    app.mount("/docs/assets/start", StaticFiles(directory=FOLDER))
    app.mount("/docs/assets", StaticFiles(directory=PACKAGED))
