"""The system's clock, and identities that sort by the time they were made."""

import os
import time
from datetime import UTC, datetime
from threading import Lock


class SystemClock:
    """The port `Clock` on the operating system's clock."""

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC)  # noqa: TID251 (this is the clock)

    def wait(self, seconds: float) -> None:
        """See the port."""
        time.sleep(seconds)


class TimedIdentifiers:
    """UUIDv7 (RFC 9562, section 5.7): milliseconds, then a counter, then 62 random bits."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = Lock()

    def new(self) -> str:
        """See the port. The counter fills `rand_a`, so that one process never goes backwards."""
        with self._lock:
            self._last = max(self._last + 1, (time.time_ns() // 1_000_000) << 12)
            stamp = self._last
        high = ((stamp >> 12) << 16) | 0x7000 | (stamp & 0xFFF)
        low = (int.from_bytes(os.urandom(8), "big") & ~(0b11 << 62)) | (0b10 << 62)
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
