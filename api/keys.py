"""Commands of the archive's own keys: which there are, another one, one believed no more, and
another log under a key of its own."""

from enum import StrEnum
from typing import TypeVar

from api import shapes
from api.context import Context, Result, why
from domain.errors import InvalidValueError
from domain.keyring import KeyGround, LogEndGround
from domain.services import keys, restarting

Ground = TypeVar("Ground", bound=StrEnum)


def keys_list(context: Context) -> Result:
    """`chauban keys list`."""
    rows = keys.listed(context.archive, context.request)
    return {"keys": [shapes.plain(row) for row in rows]}, 0


def keys_rotate(context: Context) -> Result:
    """`chauban keys rotate`."""
    rotate = keys.rotate_log_key if context.chosen.log else keys.rotate_system_key
    answer = rotate(context.archive, context.request, _ground(context, KeyGround))
    return {"event": answer.events[-1], **answer.result}, 0


def keys_compromised(context: Context) -> Result:
    """`chauban keys compromised`."""
    since = keys.instant(context.chosen.since)
    answer = keys.declare_compromised(
        context.archive, context.request, context.chosen.key, since, _ground(context, KeyGround)
    )
    return {"event": answer.events[-1]}, 0


def log_restart(context: Context) -> Result:
    """`chauban log restart`; without a reason it says what it would do, and does nothing."""
    if not getattr(context.chosen, "why", None):
        told = restarting.announced(context.archive, context.request)
        return {"loss": shapes.plain(told.loss), "folder": told.folder, "next": told.next_origin}, 1
    ground = _ground(context, LogEndGround)
    answer = restarting.restart(context.archive, context.request, ground)
    return {"event": answer.events[0], **answer.result}, 0


def _ground(context: Context, known: type[Ground]) -> Ground:
    """What `--why` says: one of a few words, as an event of a key is read by everybody."""
    said = why(context)
    try:
        return known(said)
    except ValueError as exc:
        raise InvalidValueError("invalid-key-ground", known=", ".join(known)) from exc
