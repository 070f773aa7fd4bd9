"""Files that the service brings along, asked for as no browser does."""

import httpx
import pytest

from tests.servers import Server

ASSETS = ["/docs/assets/swagger-ui.css", "/docs/assets/start/docs.js", "/playground/playground.js"]


@pytest.mark.parametrize("path", [*ASSETS, "/docs", "/redoc", "/playground/plots/loss.png"])
@pytest.mark.parametrize("part", ["bytes=abc", "bytes=999999999-", "bytes=0-9", "bytes=0-1,4-5", "lines=1-2"])
def test_file_comes_whole_whatever_part_is_asked_for(served: Server, path: str, part: str) -> None:
    """Any server may do so; the framework would object to some of these in plain text."""
    whole, asked = (httpx.get(f"{served.url}{path}", headers=headers) for headers in ({}, {"Range": part}))
    assert whole.status_code == asked.status_code == 200
    assert whole.content == asked.content
    assert asked.headers["Accept-Ranges"] == "none"


@pytest.mark.parametrize("path", ASSETS)
def test_file_that_is_known_is_not_sent_again(served: Server, path: str) -> None:
    known = httpx.get(f"{served.url}{path}").headers["ETag"]
    again = httpx.get(f"{served.url}{path}", headers={"If-None-Match": known})
    assert (again.status_code, again.content) == (304, b"")
