"""The addresses of the server, one module a subject; each asks a service and shows the answer."""

from api.routes import (
    administration,
    agencies,
    assets,
    audit,
    confirming,
    describing,
    dossiers,
    entrance,
    evidence,
    help,
    log,
    people,
    records,
    search,
    station,
    tray,
    verifying,
    working,
)

PAGES = (
    administration.router,
    agencies.router,
    assets.router,
    audit.router,
    confirming.router,
    describing.router,
    dossiers.router,
    entrance.router,
    evidence.router,
    help.router,
    log.router,
    people.router,
    records.router,
    search.router,
    station.router,
    tray.router,
    verifying.router,
    working.router,
)
"""Every router of the server."""
