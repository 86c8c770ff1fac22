"""Streams of events for pages that watch something change: what is sent is a part of the page.

Whoever watches is asked again for every change whether it may still be seen. A stream ends by
itself after a while, and at once when the server stops; the browser then asks for another one.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from time import monotonic

import anyio
from anyio import to_thread
from fastapi import HTTPException, Request
from fastapi.sse import ServerSentEvent

from api.web.visit import RoleNeededError, SignInNeededError, Visitor
from domain.errors import ArchiveError

_STEP_SECONDS = 0.4
_LONGEST_SECONDS = 600
_AT_ONCE = 4
"""Streams of one session: as many windows as a person watches."""
_open: Counter[str] = Counter()
"""Streams by the handle of their session; touched by the event loop's thread alone."""


async def counted(visit: Visitor) -> AsyncIterator[None]:
    """A dependency: one stream more of this session; answers 429 when there are too many."""
    session = visit.session.handle
    if _open[session] >= _AT_ONCE:
        raise HTTPException(429, headers={"Retry-After": "10"})
    _open[session] += 1
    try:
        yield
    finally:
        _open[session] -= 1
        if not _open[session]:
            del _open[session]


async def changes(
    request: Request, *, state: Callable[[], Hashable], part: Callable[[], tuple[int, str]]
) -> AsyncIterator[ServerSentEvent]:
    """The part of the page now, and again whenever it differs.

    `state` is cheap and says whether anything may have changed; `part` gives the journal position
    and the part, and raises when it may not be seen any more. Both run in a thread.
    """
    seen: Hashable = None
    sent = ""
    end = monotonic() + _LONGEST_SECONDS
    while monotonic() < end and not request.app.state.stopping.is_set():
        try:
            now = await to_thread.run_sync(state)
            if now != seen:
                seen = now
                position, text = await to_thread.run_sync(part)
                if text != sent:
                    sent = text
                    yield ServerSentEvent(raw_data=text, id=str(position))
        except (ArchiveError, SignInNeededError, RoleNeededError):
            return  # The next request tells the visitor why.
        await anyio.sleep(_STEP_SECONDS)
