"""How often somebody may try: buckets that fill again with time, kept in memory."""

import time
from dataclasses import dataclass, field
from threading import Lock

from fastapi import HTTPException, Request

_KEPT = 10_000
"""Buckets remembered; the one that was used longest ago goes first."""


@dataclass
class Limiter:
    """Buckets by what is tried and who tries."""

    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def allows(self, what: str, who: str, *, burst: int, a_minute: float) -> bool:
        """Takes one from the bucket; False when it is empty."""
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.pop((what, who), (float(burst), now))
            left = min(float(burst), left + (now - since) * a_minute / 60)
            allowed = left >= 1
            self._buckets[what, who] = (left - 1 if allowed else left, now)
            while len(self._buckets) > _KEPT:
                del self._buckets[next(iter(self._buckets))]
        return allowed


def limited(request: Request, limiter: Limiter, what: str, *, burst: int, a_minute: float) -> None:
    """Answers 429 to an address that tries too often."""
    who = request.client.host if request.client else ""
    if not limiter.allows(what, who, burst=burst, a_minute=a_minute):
        raise HTTPException(429, headers={"Retry-After": "60"})
