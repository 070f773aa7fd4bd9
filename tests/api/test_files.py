"""Static files of the pages."""

import httpx
import pytest

from tests.servers import Server


@pytest.mark.parametrize(
    "path", ["/docs/assets/swagger-ui.css", "/docs/assets/start/docs.js", "/playground/playground.js"]
)
def test_file_that_is_known_is_not_sent_again(served: Server, path: str) -> None:
    first = httpx.get(f"{served.url}{path}")
    assert first.headers["Cache-Control"] == "no-cache"
    again = httpx.get(f"{served.url}{path}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
