"""Help: keys, how to search, what the archive proves. Everybody may read it."""

from contextlib import suppress

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.web.render import render
from api.web.serving import serving_of
from api.web.visit import RoleNeededError, SignInNeededError, visiting

router = APIRouter(include_in_schema=False)


@router.get("/help")
def help_page(request: Request) -> HTMLResponse:
    """One page, the same for all roles."""
    with suppress(SignInNeededError, RoleNeededError):
        visiting(request)
    serving = serving_of(request)
    return render(request, "help.html", certificate=serving.certificate, software=serving.software)
