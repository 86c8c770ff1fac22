"""A witness that is killed again and again never signs two branches of a log."""

import random
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.evidence.witnessing import prepared, running
from tests.foreign import reference_log
from tests.foreign.witness import add_checkpoint, cosigned_at

ORIGIN = "archive.example/log"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
VKEY = reference_log.vkey(ORIGIN, KEY)
COMMON, LENGTH = 20, 4000
BRANCHES = [
    reference_log.tree_of(
        b"%d" % n if n < COMMON else b"%s %d" % (branch, n) for n in range(LENGTH)
    )
    for branch in (b"one", b"two")
]


class Asking(threading.Thread):
    """A log that shows one branch, in steps of its own, until the witness is gone. Like a process
    that starts anew it learns from the witness how far it is."""

    def __init__(self, url: str, vkey: str, branch: int, signed: list[tuple[int, int]]) -> None:
        super().__init__()
        self.url, self.vkey, self.branch, self.signed = url, vkey, branch, signed
        self.random = random.Random(branch + len(signed))

    def run(self) -> None:
        known, tree, ends = 0, BRANCHES[self.branch], time.monotonic() + 20
        while time.monotonic() < ends:
            size = min(known + self.random.randrange(1, 9), LENGTH)
            checkpoint = reference_log.checkpoint(ORIGIN, size, tree.root(size), KEY)
            try:
                answer = add_checkpoint(self.url, known, tree.consistency(known, size), checkpoint)
            except (URLError, OSError, HTTPException):
                return  # It is gone, perhaps in the middle of its answer.
            if answer.status == 200:
                cosigned_at(checkpoint, answer.body, self.vkey)
                self.signed.append((self.branch, size))
                known = size
            elif answer.status == 409:
                known = int(answer.body)
            else:  # The other branch was faster: try to get in at the place where it is.
                assert answer.status == 422, answer
                known = self.random.choice([0, known])


def test_a_kill_at_any_moment_never_makes_it_sign_a_fork(tmp_path: Path) -> None:
    folder, chance = tmp_path / "witness", random.Random(1)
    prepared(folder, [(ORIGIN, VKEY)])
    signed: list[tuple[int, int]] = []
    for _ in range(4):
        with running(folder) as started:
            asking = [Asking(started.url, started.vkey, branch, signed) for branch in (0, 1, 0, 1)]
            for each in asking:
                each.start()
            enough, ends = len(signed) + chance.randrange(4, 30), time.monotonic() + 20
            while len(signed) < enough and time.monotonic() < ends:
                time.sleep(0.001)
            assert started.stop(signal.SIGKILL) == -signal.SIGKILL
            for each in asking:
                each.join(60)
                assert not each.is_alive()
    beyond = {branch for branch, size in signed if size > COMMON}
    assert len(beyond) == 1, "two branches were signed"
    assert len(signed) > 16
