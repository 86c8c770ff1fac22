"""The API for programs, /api/v1: the services of the pages, the shapes of `--json`.

Callers bear tokens; a POST bears a key that makes its repetition harmless; what goes wrong is a
problem (RFC 9457) that `api.web.troubles` words. There is no access rule here, only scopes.
"""

from typing import Any

from fastapi import APIRouter

from api.v1 import (
    arrangements,
    batches,
    dossiers,
    evidence,
    files,
    finding,
    log,
    records,
    register,
)
from api.v1.openapi import document

_SUBJECTS = APIRouter(
    prefix="/api/v1", generate_unique_id_function=lambda route: route.name or route.path
)
for _router in (
    dossiers.router,
    batches.router,
    records.router,
    arrangements.router,
    files.router,
    finding.router,
    log.router,
    evidence.router,
    register.router,
):
    _SUBJECTS.include_router(_router)

router = APIRouter()
router.include_router(_SUBJECTS)


@router.get("/api/v1/openapi.json", include_in_schema=False)
def openapi() -> Any:
    """The OpenAPI document; it names no data, so it needs no token."""
    return document(_SUBJECTS)
