"""GET /problems/{name}: a page about a type of problem, to which the `type` of errors refers."""

from html import escape

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from .errors import BALANCER_PROBLEMS, FRAMEWORK_PROBLEMS, PROBLEMS
from .routing import PublicRoute

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
<p>Status {status}, {type}</p>
<p>{about}</p>
</body>
</html>
"""
TYPES = {kind.type: kind for kind in (*PROBLEMS.values(), *FRAMEWORK_PROBLEMS.values(), *BALANCER_PROBLEMS)}

router = APIRouter(route_class=PublicRoute)


@router.get("/problems/{name}", include_in_schema=False)
async def get_problem(name: str) -> HTMLResponse:
    """Return the page about a type of problem."""
    kind = TYPES.get(name)
    if kind is None:
        raise HTTPException(404)
    return HTMLResponse(
        PAGE.format(title=kind.title, status=kind.status, type=kind.type, about=escape(f"{kind.about} {kind.advice}"))
    )
