"""The server: pages and /api/v1 in one process over one open archive. An entry point.

The worker is a child process; a stop lets running answers end, and what a kill left is repaired
by the next start, as for every command.
"""

import asyncio
import logging
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from api import v1
from api.listening import Awaiting, Server, listen
from api.routes import PAGES
from api.speech import Speech
from api.web import troubles
from api.web.assets import Assets
from api.web.headers import Headers
from api.web.limits import Limiter
from api.web.serving import Checked, Serving
from api.web.verifications import Verifications
from infrastructure import bootstrap
from infrastructure.bootstrap import House, Settings

_log = logging.getLogger("chauban.server")
_ASSETS = Path(__file__).parents[1] / ".tools" / "assets"
_BEHIND_SECONDS = 0.3
"""How often the server lets its views follow what others appended."""
_GRACE_SECONDS = 20


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    worker: bool,
    ready: Callable[[str], None],
) -> int:
    """Serves until it is told to stop (SIGTERM, SIGINT); `ready` gets the address."""
    listening = listen(host, port)
    number = listening.getsockname()[1]
    origin = settings.origin or f"http://127.0.0.1:{number}"
    with bootstrap.opened(settings) as house:
        app = create_app(house, origin=origin)
        child = bootstrap.start_worker(settings, until_idle=False) if worker else None
        try:
            config = uvicorn.Config(
                app,
                http=Awaiting,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                h11_max_incomplete_event_size=64 << 10,
                limit_concurrency=400,
                forwarded_allow_ips=settings.proxies,
            )
            server = _Server(config, app)
            with _followed(house):
                ready(origin)
                server.run(sockets=[listening])
        finally:
            if child is not None:
                _stop(child)
    return 0


def create_app(house: House, *, origin: str) -> FastAPI:
    """The application over an open archive."""
    vietnamese, english = (Speech(bootstrap.messages(english=e)) for e in (False, True))
    serving = Serving(
        archive=house.archive,
        vietnamese=vietnamese,
        english=english,
        origin=origin,
        second_factor=house.settings.second_factor,
        checks=lambda: _checks(house.settings),
        worker_alive=lambda: bootstrap.worker_alive(house.settings),
        warm=house.warm,
        assets=Assets(_ASSETS),
        limiter=Limiter(),
        verifications=Verifications(house.archive),
        certificate=bootstrap.certificate_of(house.settings),
        validity=bootstrap.validity_of(house.settings),
        software=bootstrap.SOFTWARE,
    )
    app = FastAPI(
        title="Châu Bản",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
    )
    app.state.serving = serving
    app.state.stopping = asyncio.Event()
    troubles.install(app)
    for router in PAGES:
        app.include_router(router)
    app.include_router(v1.router)
    app.add_middleware(
        GZipMiddleware,
        minimum_size=1000,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/pdf", "image/*"),
    )
    app.add_middleware(Headers, secure=serving.secure)
    return app


class _Server(Server):
    """Tells streams of events to end when it is told to stop, for then it waits for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See the class above."""
        self._app.state.stopping.set()
        super().handle_exit(sig, frame)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.stopping.set()
    await asyncio.to_thread(app.state.serving.verifications.stop)


def _checks(settings: Settings) -> Sequence[Checked]:
    return [
        Checked(each.name, each.ok, each.code, each.details)
        for each in bootstrap.check_installation(settings)
    ]


class _followed:  # noqa: N801 (reads as a context: with _followed(house))
    """Keeps views and index behind the journal by a moment, whoever appends."""

    def __init__(self, house: House) -> None:
        self._archive = house.archive
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        seen = -1
        while not self._end.wait(_BEHIND_SECONDS):
            try:
                position = self._archive.journal.position()
                if position != seen:
                    seen = self._archive.views.catch_up()
            except Exception as exc:
                # Pages say what is wrong when they ask; the next round may find it repaired.
                _log.warning("views do not follow: %s", type(exc).__name__)


def _stop(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
