"""`chauban search --signed` and `--check`: results that can be shown to be complete."""

from pathlib import Path

from api.context import Context, Result
from api.files import read_file, write_new
from domain.agents import Role
from domain.errors import InvalidValueError, RuleError
from domain.reads import ReadKind
from domain.searching import PageFilter
from domain.services import attesting_search, rechecking_search
from domain.services.attesting_search import HitLine
from domain.services.deciding import load
from domain.services.reading_record import note_read
from domain.values import StreamId

DETAIL = "signed-search"
"""What the record of reads says of an export."""


def attest(context: Context, query: str, wanted: PageFilter) -> Result:
    """`chauban search QUERY --signed -o FILE`."""
    if not context.chosen.output:
        raise InvalidValueError("signed-search-output")
    output = Path(context.chosen.output)
    if output.exists():  # Found out before anything is put on record.
        raise RuleError("file-exists", file=output.name)
    archive, request = context.archive, context.request
    answer = attesting_search.attest(archive, request, query, wanted)
    search = StreamId(answer.result["search"])
    made = attesting_search.result(archive, request, search)
    actor = load(archive, search).events[0].by
    purpose = "audit" if actor.role is Role.AUDITOR else "work"
    note_read(archive, actor, purpose, ReadKind.EXPORT, None, DETAIL)
    write_new(output, made.content)
    return {
        "search": search,
        "event": made.event,
        "position": made.position,
        "count": made.total,
        "bytes": len(made.content),
    }, 0


def check(context: Context) -> Result:
    """`chauban search --check FILE`: exit code 1 when it is altered or was not complete."""
    content = read_file(Path(context.chosen.check), rechecking_search.LARGEST)
    found = rechecking_search.recheck(context.archive, context.request, content)
    return {
        "ok": found.ok,
        "event": found.event,
        "position": found.position,
        "count": found.count,
        "altered": list(found.altered),
        "same": found.same,
        "missing": [_shape(hit) for hit in found.missing],
        "additional": [_shape(hit) for hit in found.additional],
        "gone": [{**_shape(each.hit), "why": each.why} for each in found.gone],
    }, 0 if found.ok else 1


def _shape(hit: HitLine) -> dict[str, object]:
    record, page, match = hit
    return {"record": record, "page": page, "match": match}
