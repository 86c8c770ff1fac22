"""Another log for an archive that has lost events which its log has signed: the way out where no
newer backup brings them back.

The log that stands still ends by an event that names the head it signed last; the next one begins
with the archive's own events, under the next origin and a key of its own. Nothing is signed twice.
"""

from dataclasses import dataclass
from itertools import pairwise

from domain import keyring
from domain.access import Action
from domain.events import Change
from domain.evidence import LogLoss
from domain.keyring import LogEndGround
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import Decided, Loaded, carry_out, permit_everywhere
from domain.services.proving import advance


@dataclass(frozen=True)
class Restart:
    """What a restart would do."""

    loss: LogLoss
    folder: str
    """Where the files of the log lie, and stay."""
    next_origin: str


def announced(archive: Archive, request: Request) -> Restart:
    """What a restart would end, before anybody decides on it: for who may do it.

    Raises RuleError("log-not-stopped") unless the archive lost what its log has signed.
    """
    permit_everywhere(archive, request, Action.ADMINISTER)
    loss = archive.log.loss()
    return Restart(loss, keyring.log_folder(loss.origin), keyring.next_origin(loss.origin))


def restart(archive: Archive, request: Request, ground: LogEndGround) -> Answer:
    """Ends the log that stands still and begins the next one. Result: `origin`, `key`, `former`,
    and `ground`: where a crash ended an earlier restart, that one is finished, on its own ground.

    (1) The loss is measured; where nobody knows what was signed last, the former log ends at what
    the archive has. (2) The next key is made and durable. (3) One append ends the log and
    introduces the key. (4) The keys take their places, and (5) the first checkpoint is signed. A
    crash before (3) leaves a key that the next restart uses; after it, the worker or a repeat of
    the command does (4) and (5). Nothing is signed under the former origin any more.

    Raises RuleError: "log-not-stopped", "log-key-differs".
    """
    permit_everywhere(archive, request, Action.ADMINISTER)
    asked = {"do": "log-restart", "ground": ground.value}
    with archive.keys.rotating():
        archive.keys.settle()
        answer = _begun(archive) or carry_out(
            archive, request, asked, lambda at: _decided(archive, request, ground)
        )
        advance(archive)  # (4) and (5)
    return answer


def _begun(archive: Archive) -> Answer | None:
    """The answer of a restart that a crash ended behind (3), by its events: the next log may begin
    and has signed nothing yet."""
    state = archive.log.state()
    if state.stopped is not None or state.published_at is not None:
        return None
    events = archive.journal.load(keyring.stream_of(archive.id))
    for ended, first in pairwise(events):
        if isinstance(ended.event, keyring.LogEnded):
            result = _result(ended.event, state.key)
            if result["origin"] == state.origin:
                return Answer(result, (ended.id, first.id), first.position, repeated=True)
    return None


def _decided(archive: Archive, request: Request, ground: LogEndGround) -> Decided:
    actor = permit_everywhere(archive, request, Action.ADMINISTER)
    stream = keyring.stream_of(archive.id)
    loaded = Loaded(archive.journal.load(stream))
    ring = loaded.keys() if loaded.events else None
    loss = archive.log.loss()  # (1)
    known = ring.log_keys if ring is not None else ()
    following = keyring.next_origin(loss.origin)
    archive.log.begin(following)
    key = archive.keys.prepare_new_log(following, known)  # (2)
    ended = keyring.LogEnded(loss.origin, loss.key, loss.size, loss.root, loss.kept, ground)
    change = Change(stream, loaded.version, tuple(keyring.end_log(ring, ended, key)))
    return Decided(actor, (change,), _result(ended, key))  # (3)


def _result(ended: keyring.LogEnded, key: str) -> dict[str, str]:
    following = keyring.next_origin(ended.origin)
    return {"former": ended.origin, "origin": following, "key": key, "ground": ended.ground.value}
