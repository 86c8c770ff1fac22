"""Pages from templates: everything is escaped, nothing is undefined."""

import unicodedata
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.web.serving import serving_of
from api.web.tokens import masked
from api.web.visit import Visit, session_of
from domain.access import Action
from domain.services.deciding import VIETNAM

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_NAV = (
    ("/search", "page-nav-search", Action.READ),
    ("/dossiers", "page-nav-dossiers", Action.READ),
    ("/station", "page-nav-station", Action.RECEIVE_SCAN),
    ("/confirm", "page-nav-confirm", Action.CONFIRM),
    ("/tray", "page-tray", Action.READ),
    ("/audit", "page-nav-audit", Action.AUDIT),
    ("/work", "page-nav-work", Action.SEE_WORK),
    ("/admin", "page-nav-admin", Action.ADMINISTER),
)


def day(value: date | datetime | str | None) -> str:
    """`23/04/2026`, of an instant the day in Việt Nam; empty for None."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return str(value)
    if isinstance(value, datetime):
        value = value.astimezone(VIETNAM).date()
    return value.strftime("%d/%m/%Y") if value else ""


def moment(value: datetime | str | None) -> str:
    """`23/04/2026 09:12:44`, in Việt Nam; what a stranger wrote and is no instant, as it is."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return shown(value)
        if read.tzinfo is None:
            return shown(value)
        value = read
    return value.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S") if value else ""


def number(value: int) -> str:
    """Thousands apart by a narrow blank: `104 233`."""
    return f"{value:,}".replace(",", "\u202f")


def size(value: int) -> str:
    """Bytes for people: `302 kB`."""
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value} {unit}"
        value = round(value / 1000)
    return f"{value} GB"


def shown(text: object) -> str:
    """What a stranger wrote, without characters that change the direction or hide."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") and c not in "\n\t" else c
        for c in str(text)
    )


_ENVIRONMENT.filters.update(day=day, moment=moment, number=number, size=size, shown=shown)


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page with everything that the layout needs."""
    serving = serving_of(request)
    visit: Visit | None = getattr(request.state, "visit", None)
    english = speaks_english(request, visit)
    speech = serving.speech(english=english)
    done = request.query_params.get("done", "")
    flash = f"page-done-{done}"
    values: dict[str, Any] = {
        "t": speech.text,
        "named": speech.named,
        "lang": "en" if english else "vi",
        "visit": visit,
        "nav": _nav(visit, request.url.path),
        "path": request.url.path,
        "query": "",
        "asset": serving.assets.address,
        "csrf": masked(visit.session.form_token) if visit else "",
        "flash": [("ok", speech.text(flash))] if done and speech.has(flash) else [],
        "now": serving.archive.clock.now(),
        "command": serving.archive.identifiers.new,
        "language_link": _language_link(request, english=english),
    }
    text = _ENVIRONMENT.get_template(template).render(values | context)
    return HTMLResponse(text, status, headers={"Content-Language": "en" if english else "vi"})


def speaks_english(request: Request, visit: Visit | None) -> bool:
    """The session's language; before signing in the cookie's, Vietnamese by default."""
    if visit is not None:
        return visit.session.english
    found = session_of(request)
    if found is not None:
        return found[1].english
    return request.cookies.get("chauban-language") == "en"


def _nav(visit: Visit | None, path: str) -> list[dict[str, Any]]:
    if visit is None:
        return []
    return [
        {
            "href": href,
            "text": visit.speech.text(code),
            "current": path == href or path.startswith(f"{href}/"),
        }
        for href, code, action in _NAV
        if action in visit.actions
    ]


def _language_link(request: Request, *, english: bool) -> str:
    """The address that switches the language and comes back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = here if request.method == "GET" else "/"
    return "/language?" + urlencode({"to": "vi" if english else "en", "next": back})


def home_of(visit: Visit) -> str:
    """The first page of a visitor: the station of who scans, the search of everybody else."""
    wanted = (
        (Action.AUDIT, "/audit"),
        (Action.ADMINISTER, "/admin"),
        (Action.CLOSE, "/search"),
        (Action.RECEIVE_SCAN, "/station"),
    )
    return next((href for action, href in wanted if action in visit.actions), "/search")


def redirect(address: str, *, done: str | None = None, **query: str) -> RedirectResponse:
    """Goes on to a page of ours; `done` is the code of the message `page-done-…` shown there."""
    values = {**query, **({"done": done} if done else {})}
    joint = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{joint}{urlencode(values)}" if values else address, 303)


def own_address(text: str) -> str:
    """An address of ours to come back to; `/` for anything else."""
    fine = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if fine and len(text) < 2000 else "/"
