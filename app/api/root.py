"""GET /: the playground for browsers; for everyone else, KServe's clients among them, that the server is alive."""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from app.api.files import REVALIDATE

ALIVE = {"status": "alive"}
"""What KServe's clients of protocol version 1 look for at /."""


def add_root(app: FastAPI, page: str | None) -> None:
    """Add what is at /.

    Args:
        app: Gets the route.
        page: The playground; None if it is switched off.
    """

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        # All browsers name HTML when somebody goes to a page; of clients in code, none does unless told to.
        if page is not None and "text/html" in request.headers.get("accept", "").lower():
            return HTMLResponse(page, headers=REVALIDATE | {"Vary": "Accept"})
        return JSONResponse(ALIVE, headers=REVALIDATE | {"Vary": "Accept"})
