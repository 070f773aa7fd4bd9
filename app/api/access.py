"""Who may ask: API keys, where the settings name any."""

import hashlib
import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem
from app.routes import wants_key

KEY_NEEDED = "A key is needed: send the header Authorization: Bearer <key>. Whoever runs the service has it."

CALLER = "sentiment.caller"
"""In a request's ASGI scope: the beginning of the hash of the key that it came with, for the log."""


class Access:
    """ASGI middleware: refuses requests without a known key.

    Only the keys' SHA-256 stay in memory. A key is compared with all of them, each in constant time.

    Args:
        app: What answers those who may ask.
        keys: Those that are valid now; two while one replaces another.
    """

    def __init__(self, app: ASGIApp, keys: Iterable[str]) -> None:
        self._app = app
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        if scope["type"] == "http" and wants_key(scope["path"]) and not self._knows(scope):
            await problem(401, "unauthorized", KEY_NEEDED, {"WWW-Authenticate": 'Bearer realm="sentiment"'})(
                scope, receive, send
            )
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        digest = hashlib.sha256(key.strip().encode("latin-1")).digest()
        known = [hmac.compare_digest(digest, other) for other in self._digests]
        if scheme.lower() != "bearer" or not any(known):
            return False
        scope[CALLER] = digest.hex()[:8]
        return True
