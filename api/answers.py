"""Answers for people: the same facts as `--json`, in lines and in their language."""

from collections.abc import Callable, Mapping, Sequence

from api import showing
from api.console import Console, clean
from api.lines import Json, day, fields, moment

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_MARK_ON, _MARK_OFF = "\ue000", "\ue001"
SHORT = (
    "archive",
    "certificate",
    "agency",
    "procedure",
    "version",
    "agent",
    "login",
    "link",
    "token",
    "handle",
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


def tell(console: Console, command: str, result: Json) -> None:
    """Writes the answer of a command."""
    writer = WRITERS.get(command)
    if writer is not None:
        writer(console, result)
        return
    console.line(console.text(f"done-{command}"))
    fields(console, result, SHORT)


# ---------------------------------------------------------------- taking in and finding


def _ingest(to: Console, result: Json) -> None:
    to.line(f"{result['file']}: {to.named('ingest', result['state'])}")
    if result["reason"]:
        to.line(f"  {to.text(result['reason'])}")
    fields(to, result, ("record",))
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
    fields(to, result, SHORT)
    to.line(to.text("verify-ok" if result["ok"] else "verify-not-ok"))
    _findings(to, result["findings"])


def _procedures(to: Console, result: Json) -> None:
    to.line(to.text("procedures-listed", count=len(result["procedures"])))
    for each in result["procedures"]:
        to.line(f"  {each['procedure']} · {each['version']} · {day(to, each['in_force_from'])}")
        to.line(f"    {each['name']}")


def _tokens(to: Console, result: Json) -> None:
    to.line(to.text("tokens-count", count=len(result["tokens"])))
    for each in result["tokens"]:
        role, scopes = to.named("role", each["role"]), ", ".join(each["scopes"])
        to.line(f"  {each['handle']}  {each['name']}")
        to.line(f"    {role} {each['agency']} · {scopes} · {moment(to, each['until'])}")


def _work(to: Console, result: Json) -> None:
    pending, failed = result["pending"], result["failed"]
    to.line(to.text("work-pending", count=len(pending)))
    _items(to, pending)
    to.line(to.text("work-failed", count=len(failed)))
    _items(to, failed)
    if result["incidents"]:
        to.line(to.text("work-incidents", count=len(result["incidents"])))
        for item in result["incidents"]:
            ground = to.named("ground", item["ground"])
            to.line(f"  ! {moment(to, item['since'])}  {item['dossier_code']}  {ground}")
            to.line(f"    {item['record']}")


def _items(to: Console, items: Sequence[Json]) -> None:
    for item in items:
        to.line(f"  {moment(to, item['since'])}  {item['dossier']}  {_task(to, item)}")
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
    fields(to, result, ("event",))
    if command != "erase-approve":
        return
    to.line(to.text("remains-heading" if result["remains"] else "remains-nothing"))
    for each in result["remains"]:
        why, until = to.named("remains", each["why"]), each["until"]
        end = to.text("remains-until", until=day(to, until)) if until else ""
        to.line(f"  {each['what']}")
        to.line(f"    {why} · {end or to.text('remains-unsettled')}")


def _erasing(command: str) -> Callable[[Console, Json], None]:
    return lambda to, result: _erase(to, result, command)


ERASING = ("erase-request", "erase-refuse", "erase-restrict", "erase-approve")
WRITERS: Mapping[str, Callable[[Console, Json], None]] = {
    "doctor": _doctor,
    "history": showing.history,
    "ingest": _ingest,
    "procedure-list": _procedures,
    "rebuild": _rebuild,
    "restore": _restore,
    "search": _search,
    "show": showing.show,
    "token-list": _tokens,
    "verify": _verify,
    "work": _work,
} | {command: _erasing(command) for command in ERASING}
