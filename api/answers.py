"""Answers for people: the same facts as `--json`, in lines and in their language."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from api.console import Console, clean
from domain.services.deciding import VIETNAM

Json = Mapping[str, Any]
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_MARK_ON, _MARK_OFF = "\ue000", "\ue001"
_SHORT = (
    "archive",
    "certificate",
    "agency",
    "procedure",
    "version",
    "agent",
    "dossier",
    "record",
    "id",
    "sha256",
    "events",
    "objects",
    "bytes",
    "erasures",
    "keys",
    "event",
)
"""Fields of short answers, in the order in which they are told."""
_DOSSIER = ("receiving", "deciding", "applicant", "phone", "id_number", "address")
_RECORD = (
    "organ",
    "subject",
    "language",
    "signer_name",
    "signer_position",
    "paper_location",
    "received_name",
)
_TOLD = ("reason", "decision", "request", "title", "subject")
"""Free text of an event that its line in the history repeats."""
_DAYS = frozenset({"issued_on", "opened_on", "closed_on"})


def tell(console: Console, command: str, result: Json) -> None:
    """Writes the answer of a command."""
    writer = _WRITERS.get(command)
    if writer is not None:
        writer(console, result)
        return
    console.line(console.text(f"done-{command}"))
    _fields(console, result, _SHORT)


def _fields(to: Console, result: Json, names: Sequence[str], indent: str = "  ") -> None:
    for name in names:
        if result.get(name) not in (None, "", []):
            value = result[name]
            shown = _day(to, value) if name in _DAYS else value
            to.line(f"{indent}{to.named('name', name)}: {shown}")


def _day(to: Console, text: str | None) -> str:
    """A day as people of this language write it; anything else as it is."""
    try:
        return date.fromisoformat(text or "").strftime(to.text("date-format"))
    except ValueError:
        return text or to.text("date-empty")


def _moment(to: Console, text: str) -> str:
    """An instant at UTC+7."""
    at = datetime.fromisoformat(text)
    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(VIETNAM)
    return f"{local.strftime(to.text('date-format'))} {local:%H:%M:%S}"


# ---------------------------------------------------------------- taking in and finding


def _ingest(to: Console, result: Json) -> None:
    to.line(f"{result['file']}: {to.named('ingest', result['state'])}")
    if result["reason"]:
        to.line(f"  {to.text(result['reason'])}")
    _fields(to, result, ("record",))
    if result["pages"]:
        pages = ", ".join(
            f"{page['n']} {to.named('page-state', page['state'])}" for page in result["pages"]
        )
        to.line(f"  {to.text('pages-n', n=len(result['pages']))}: {pages}")
    for warning in result["warnings"]:
        to.line(f"  {to.named('warning', warning)}")


def _search(to: Console, result: Json) -> None:
    total, hits = result["total"], result["hits"]
    to.line(to.text("search-total", total=total) if total else to.text("search-none"))
    on, off = (_BOLD, _PLAIN) if to.colour else ("«", "»")
    start = result["offset"]
    for n, hit in enumerate(hits, start + 1):
        match = to.named("match", hit["match"])
        place = to.text("page-n", n=hit["page"])
        to.line(f"{n}. {hit['dossier']} · {hit['record']} · {place} · {match}")
        parts = hit["snippet"].replace(_MARK_OFF, _MARK_ON).split(_MARK_ON)
        marked = (on + clean(p) + off if at % 2 else clean(p) for at, p in enumerate(parts))
        to.raw("   " + "".join(marked))
    if start + len(hits) < total:
        to.line(to.text("search-more", offset=start + len(hits)))
    for name, values in result["facets"].items():
        words = {"true": to.text("word-yes"), "false": to.text("word-no")}
        shown = ((words.get(v, v) if name == "confirmed" else v, count) for v, count in values)
        counted = ", ".join(f"{value} ({count})" for value, count in shown)
        if counted:
            to.line(f"{to.named('facet', name)}: {counted}")


# ---------------------------------------------------------------- showing


def _show(to: Console, result: Json) -> None:
    if "records" in result:
        _show_dossier(to, result)
    else:
        _show_record(to, result)


def _show_dossier(to: Console, result: Json) -> None:
    to.line(to.text("show-dossier", code=result["dossier"]))
    _fields(to, result, ("title",))
    to.line(f"  {to.named('dossier-kind', result['kind'])}")
    _fields(to, {**result, "procedure": result["procedure_code"]}, ("procedure", *_DOSSIER))
    _fields(to, result, ("opened_on", "closed_on"))
    to.line(f"  {to.text('state-closed' if result['closed_on'] else 'state-open')}")
    _decisions(to, result)
    to.line(to.text("show-records", count=len(result["records"])))
    for n, each in enumerate(result["records"], 1):
        to.line(f"{n:>3}. {' · '.join(_summary(to, each))}")
        if each["subject"]:
            to.line(f"     {each['subject']}")
        to.line(f"     {each['record']}")
    to.line(to.text("show-position", position=result["position"]))


def _summary(to: Console, each: Json) -> list[str]:
    """What the list of a dossier says of a record."""
    pages = each["page_count"]
    return [
        _code_of(each) or to.text("without-code"),
        each["type_name"] or to.text("without-type"),
        _day(to, each["issued_on"]) if each["issued_on"] else to.text("without-day"),
        to.text("pages-n", n=pages) if pages else to.named("carrier", each["carrier"]),
        to.text("state-confirmed" if each["confirmed"] else "state-unconfirmed"),
    ]


def _code_of(each: Json) -> str:
    return "/".join(part for part in (each["number"], each["notation"]) if part)


def _show_record(to: Console, result: Json) -> None:
    to.line(to.text("show-record", code=result["record"]))
    _fields(to, result, ("dossier",))
    to.line(f"  {' · '.join(_summary(to, result))}")
    _fields(to, result, _RECORD)
    if result["lock"]:
        to.line(f"  {to.named('name', 'lock')}: {to.named('lock', result['lock'])}")
    _decisions(to, result)
    for warning in result["warnings"]:
        to.line(f"  ! {to.named('warning', warning)}")
    for each in result["signatures"]:
        weak = [to.text("verdict-weak")] if each["weak"] else []
        said = [to.named("verdict", each["verdict"]), to.named("coverage", each["covers"]), *weak]
        to.line(f"  {', '.join(said)}")
    to.line(f"  {to.named('name', 'representations')}:")
    for each in result["representations"]:
        kind = to.named("representation", each["kind"])
        to.line(f"    {kind}: {each['bytes']} byte, {each['sha256']}")
    for page in result["pages"]:
        place = to.text("page-n", n=page["n"])
        to.line(f"--- {place} ({to.named('page-state', page['state'])})")
        for text in page["text"].splitlines() or [to.text("show-no-text")]:
            to.line(text)
    to.line(to.text("show-position", position=result["position"]))


def _decisions(to: Console, result: Json) -> None:
    if result.get("restricted_by"):
        to.line(f"  {to.text('show-restricted', decision=result['restricted_by'])}")
    if result.get("erased_by"):
        to.line(f"  {to.text('show-erased', decision=result['erased_by'])}")


def _history(to: Console, result: Json) -> None:
    for each in result["events"]:
        intact = each["signature"] == "intact"
        signature = to.text("signature-intact" if intact else "signature-damaged")
        what = to.named("event", each["type"]) if each["type"] else to.text("event-unreadable")
        at = _moment(to, each["at"]) if each["at"] else to.text("date-empty")
        to.line(f"{each['position']:>6}  {at}  {what}")
        who = _who(to, each)
        to.line(f"        {' · '.join([*who, signature])}")
        if not intact:
            to.line(f"        ! {to.named('finding', each['signature'])}")
        _values(to, each["data"] or {})
        if each["erased"]:
            to.line(f"        {to.text('history-erased')}")
    if any(each["signature"] != "intact" for each in result["events"]):
        to.line(to.text("history-damaged"))


def _who(to: Console, each: Json) -> list[str]:
    by, why = each["by"], each["why"]
    if by is None:
        return []
    name = by["name"] or by["agent"]
    reference = f" {why['reference']}" if why["reference"] else ""
    return [f"{to.named('role', by['role'])} {name}", f"{why['code']}{reference}"]


def _values(to: Console, data: Json) -> None:
    """What an event says in words: the corrected value, the reason, the decision."""
    said = dict(data)
    if "field" in said and "value" in said:
        value = said["value"] if said["value"] is not None else to.text("history-no-value")
        said = {said["field"]: value, "reason": said.get("reason")}
    elif "field" not in said:
        said = {name: said.get(name) for name in _TOLD}
    for name, value in said.items():
        if isinstance(value, str) and value:
            shown = to.text("history-value", field=to.named("name", name), value=value)
            to.line(f"        {shown}")


# ---------------------------------------------------------------- overseeing


def _verify(to: Console, result: Json) -> None:
    to.line(to.text("verify-ok" if result["ok"] else "verify-not-ok"))
    _findings(to, result["findings"])
    counted = ", ".join(f"{to.named('name', k)} {v}" for k, v in result["checked"].items())
    to.line(f"{to.text('verify-checked')}: {counted}")
    to.line(f"{to.text('verify-not-proved')}:")
    for item in result["not_proved"]:
        to.line(f"  - {to.named('not-proved', item)}")


def _findings(to: Console, found: Sequence[Json]) -> None:
    for each in found:
        where = " ".join(part for part in (each["where"], each["what"]) if part)
        text = to.text("verify-finding", text=to.named("finding", each["kind"]), where=where)
        to.line(f"  ! {text}")


def _restore(to: Console, result: Json) -> None:
    to.line(to.text("done-restore"))
    _fields(to, result, _SHORT)
    to.line(to.text("verify-ok" if result["ok"] else "verify-not-ok"))
    _findings(to, result["findings"])


def _work(to: Console, result: Json) -> None:
    for part, heading in (("pending", "work-pending"), ("failed", "work-failed")):
        to.line(to.text(heading, count=len(result[part])))
        for item in result[part]:
            to.line(f"  {_moment(to, item['since'])}  {item['dossier']}  {_task(to, item)}")
            to.line(f"    {item['record']}")
    if result["incidents"]:
        to.line(to.text("work-incidents", count=len(result["incidents"])))
        for item in result["incidents"]:
            ground = to.named("ground", item["ground"])
            to.line(f"  ! {_moment(to, item['since'])}  {item['dossier_code']}  {ground}")
            to.line(f"    {item['record']}")


def _task(to: Console, item: Json) -> str:
    said = [to.named("task", item["task"])]
    if item["reason"]:
        warns = item["task"] == "look"
        said.append(to.named("warning", item["reason"]) if warns else to.text(item["reason"]))
    if item["attempts"]:
        said.append(to.text("work-attempts", n=item["attempts"]))
    if item["state"] == "stuck":
        said.append(to.text("work-stuck"))
    return " · ".join(said)


def _rebuild(to: Console, result: Json) -> None:
    to.line(to.text("done-rebuild"))
    for each in result["rebuilt"]:
        seconds = f"{each['seconds']:.2f}"
        to.line(f"  {to.text('rebuilt-line', **{**each, 'seconds': seconds})}")


def _doctor(to: Console, result: Json) -> None:
    for check in result["checks"]:
        name = to.named("check", check["name"])
        to.line(f"{'✓' if check['ok'] else '✗'} {name}: {check['what']}")
    ready = all(check["ok"] for check in result["checks"])
    to.line(to.text("doctor-ok" if ready else "doctor-not-ok"))


def _erase(to: Console, result: Json, command: str) -> None:
    to.line(to.text(f"done-{command}"))
    _fields(to, result, ("event",))
    if command != "erase-approve":
        return
    to.line(to.text("remains-heading" if result["remains"] else "remains-nothing"))
    for each in result["remains"]:
        why, until = to.named("remains", each["why"]), each["until"]
        day = to.text("remains-until", until=_day(to, until)) if until else ""
        to.line(f"  {each['what']}")
        to.line(f"    {why} · {day or to.text('remains-unsettled')}")


def _erasing(command: str) -> Callable[[Console, Json], None]:
    return lambda to, result: _erase(to, result, command)


_ERASING = ("erase-request", "erase-refuse", "erase-restrict", "erase-approve")
_WRITERS: Mapping[str, Callable[[Console, Json], None]] = {
    "doctor": _doctor,
    "history": _history,
    "ingest": _ingest,
    "rebuild": _rebuild,
    "restore": _restore,
    "search": _search,
    "show": _show,
    "verify": _verify,
    "work": _work,
} | {command: _erasing(command) for command in _ERASING}
