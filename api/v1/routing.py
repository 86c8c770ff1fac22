"""How a request of /api/v1 is taken: first who asks, then what kind of body, then the body."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.v1.auth import identify
from domain.errors import InvalidValueError

_BODY_BYTES = 64 << 10


class TokenRoute(APIRoute):
    """A route for callers with a token; nothing of a body is read for anybody else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None

        async def guarded(request: Request) -> Response:
            request.state.caller = await run_in_threadpool(identify, request)
            if takes_json:
                if _has_body(request):
                    _require_json(request)
                request = _Short(request.scope, request.receive)
            return await handle(request)

        return guarded


class _Short(Request):
    """A request whose body is short JSON; the rest of a longer one is not read."""

    async def body(self) -> bytes:
        """See Request; HTTPException 413 (FastAPI lets no other error through here)."""
        if not hasattr(self, "_body"):
            found = b""
            async for chunk in self.stream():
                found += chunk
                if len(found) > _BODY_BYTES:
                    raise HTTPException(413)
            self._body = found
        return self._body


def subject(tag: str) -> APIRouter:
    """A router for one subject; its bodies are short JSON, or files that the quarantine limits."""
    return APIRouter(route_class=TokenRoute, tags=[tag])


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


def media_type(request: Request) -> str:
    """What the body says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _require_json(request: Request) -> None:
    if media_type(request) != "application/json":
        raise InvalidValueError("json-needed")
