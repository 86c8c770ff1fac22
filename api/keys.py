"""Commands of the archive's own keys: which there are, another one, one believed no more."""

from dataclasses import asdict

from api.context import Context, Result, why
from domain.errors import InvalidValueError
from domain.keyring import KeyGround
from domain.services import keys


def keys_list(context: Context) -> Result:
    """`chauban keys list`."""
    rows = keys.listed(context.archive, context.request)
    return {"keys": [{**asdict(row), "at": row.at.isoformat()} for row in rows]}, 0


def keys_rotate(context: Context) -> Result:
    """`chauban keys rotate`."""
    rotate = keys.rotate_log_key if context.chosen.log else keys.rotate_system_key
    answer = rotate(context.archive, context.request, _ground(context))
    return {"event": answer.events[-1], **answer.result}, 0


def keys_compromised(context: Context) -> Result:
    """`chauban keys compromised`."""
    since = keys.instant(context.chosen.since)
    answer = keys.declare_compromised(
        context.archive, context.request, context.chosen.key, since, _ground(context)
    )
    return {"event": answer.events[-1]}, 0


def _ground(context: Context) -> KeyGround:
    """What `--why` says: one of a few words, as an event of a key is read by everybody."""
    said = why(context)
    try:
        return KeyGround(said)
    except ValueError as exc:
        raise InvalidValueError("invalid-key-ground", known=", ".join(KeyGround)) from exc
