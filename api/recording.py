"""Commands that arrange pages and move records. Pages are named as they are shown, from 1."""

import re
from collections.abc import Mapping, Sequence

from api.context import Context, Result, ref, why
from domain.errors import InvalidValueError
from domain.ports import Answer
from domain.services import arranging
from domain.values import Kind

_PAGES = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


def turn(context: Context) -> Result:
    """`chauban record turn`."""
    chosen = context.chosen
    target = ref(context, chosen.ref, Kind.RECORD)
    answer = arranging.turn(
        context.archive, context.request, target, page=chosen.page, degrees=chosen.by
    )
    return _told(answer)


def order(context: Context) -> Result:
    """`chauban record order`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    wanted = pages_of(context.chosen.order)
    turned = [0] * len(wanted)
    return _told(
        arranging.arrange(context.archive, context.request, target, order=wanted, turned=turned)
    )


def split(context: Context) -> Result:
    """`chauban record split`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    pages = pages_of(context.chosen.pages)
    return _told(arranging.split(context.archive, context.request, target, pages=pages))


def merge(context: Context) -> Result:
    """`chauban record merge`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    other = ref(context, context.chosen.other, Kind.RECORD)
    return _told(arranging.merge(context.archive, context.request, target, other=other))


def move(context: Context) -> Result:
    """`chauban record move`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    dossier = ref(context, context.chosen.dossier, Kind.DOSSIER)
    return _told(
        arranging.move(
            context.archive, context.request, target, dossier_id=dossier, reason=why(context)
        )
    )


def withdraw(context: Context) -> Result:
    """`chauban record withdraw`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    return _told(arranging.withdraw(context.archive, context.request, target, reason=why(context)))


def pages_of(text: str) -> Sequence[int]:
    """`2,1,3`, `3-4` or both mixed, in the order in which they are written."""
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = _PAGES.fullmatch(part)
        if match is None:
            raise InvalidValueError("invalid-pages")
        first, last = int(match[1]), int(match[2] or match[1])
        found.extend(range(first, last + 1))
    return found


def _told(answer: Answer) -> Result:
    """The event of the record that was named, and the record that the pages went to."""
    said: Mapping[str, object] = answer.result
    return {"event": answer.events[0], **said}, 0
