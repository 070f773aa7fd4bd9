"""The playground, a page to try the model on: its styles and scripts, and the plots of the served bundle's training."""

from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response

from app.api.files import REVALIDATE, Assets, WholeFile
from app.api.state import serving_of
from app.routes import PLAYGROUND

FOLDER = Path(__file__).parent.parent / "playground"
PLOTS = frozenset(("loss.png", "accuracy.png"))


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
        return WholeFile(path, headers=REVALIDATE)

    app.mount(PLAYGROUND, Assets(directory=FOLDER))
