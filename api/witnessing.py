"""The server of a witness: POST /add-checkpoint (C2SP tlog-witness) and nothing else.

Whoever reaches it may ask; what counts are the signatures in a request. Behind a proxy that speaks
TLS all requests come from one address and share one bucket, enough for a hundred logs.
"""

from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api.listening import AwaitingAll, Server, listen
from api.web.limits import Limiter
from domain.errors import UnavailableError
from domain.evidence import Witnessing
from domain.ports import Clock

_LARGEST = 65_535
"""Bytes of a request: 63 hashes and a checkpoint with many signatures fit twenty times."""
_BURST, _A_MINUTE = 200, 1200
_GRACE_SECONDS = 10


def serve(
    witness: Witnessing, clock: Clock, *, host: str, port: int, ready: Callable[[str], None]
) -> int:
    """Serves until it is told to stop (SIGTERM, SIGINT); `ready` gets the address."""
    listening = listen(host, port)
    number = listening.getsockname()[1]
    config = uvicorn.Config(
        create_app(witness, clock),
        http=AwaitingAll,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=16 << 10,
        limit_concurrency=100,
    )
    shown = f"[{host}]" if ":" in host else host
    ready(f"http://{shown}:{number}")
    Server(config).run(sockets=[listening])
    return 0


def create_app(witness: Witnessing, clock: Clock) -> Starlette:
    """The application over a witness."""
    limiter = Limiter()

    async def add_checkpoint(request: Request) -> Response:
        who = request.client.host if request.client else ""
        if not limiter.allows("add-checkpoint", who, burst=_BURST, a_minute=_A_MINUTE):
            return _told(429, "too often", {"Retry-After": "60"})
        try:
            content = await _content(request)
        except ClientDisconnect:  # Or it took too long, and `AwaitingAll` closed it.
            return _told(400, "incomplete")
        if content is None:
            return _told(413, "too large", {"Connection": "close"})
        try:
            answer = await run_in_threadpool(witness.add_checkpoint, content, clock.now())
        except UnavailableError:
            return _told(503, "not available")
        return Response(answer.body, answer.status, {"Content-Type": answer.kind})

    app = Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])
    app.router.redirect_slashes = False  # The protocol knows one address.
    return app


async def _content(request: Request) -> bytes | None:
    """The body of a request, None when it is too large."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > _LARGEST:
            return None
    return bytes(content)


def _told(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{why}\n", status, headers)
