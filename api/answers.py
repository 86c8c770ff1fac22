"""Answers for people: the same facts as `--json`, in lines and in their language."""

from collections.abc import Callable, Mapping, Sequence

from api import showing
from api.console import Console, clean
from api.lines import Json, day, fields, moment, outside
from domain.keyring import LogEndGround

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


def _evidence(to: Console, result: Json) -> None:
    digest = str(result["certificate"]).removeprefix("sha256:")
    to.line(to.text("done-evidence", certificate=digest))
    fields(to, result, SHORT)
    if result["left_out"] and result["files"]:
        to.line(to.text("evidence-files-show"))
    if result["altered"]:
        events = ", ".join(str(each) for each in result["altered"])
        to.line(to.text("evidence-altered", events=events))
    for each in result["missing"]:
        to.line(to.text("evidence-missing", file=each["file"], record=each["record"]))


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
    if "altered" in result:
        _rechecked(to, result)
        return
    if "count" in result:
        _signed_search(to, result)
        return
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


def _signed_search(to: Console, result: Json) -> None:
    facts = {"count": result["count"], "position": result["position"]}
    to.line(to.text("signed-search-made", **facts))
    fields(to, result, ("event", "bytes"))


def _rechecked(to: Console, result: Json) -> None:
    """What is wrong first; then how much of it was found again."""
    facts = {"count": result["count"], "position": result["position"]}
    to.line(to.text("signed-search-ok" if result["ok"] else "signed-search-not-ok", **facts))
    if result["altered"]:
        to.line(f"  ! {to.text('signed-search-altered', names=', '.join(result['altered']))}")
    for hit in result["missing"]:
        to.line(f"  ! {to.text('signed-search-missing')}: {_place(to, hit)}")
    for hit in result["additional"]:
        to.line(f"  ! {to.text('signed-search-additional')}: {_place(to, hit)}")
    for hit in result["gone"]:
        to.line(f"  {to.named('signed-search-gone', hit['why'])}: {_place(to, hit)}")
    to.line(to.text("signed-search-same", same=result["same"]))


def _place(to: Console, hit: Json) -> str:
    place = to.text("page-n", n=hit["page"])
    return f"{hit['record']} · {place} · {to.named('match', hit['match'])}"


# ---------------------------------------------------------------- overseeing


def _verify(to: Console, result: Json) -> None:
    to.line(to.text("verify-ok" if result["ok"] else "verify-not-ok"))
    _findings(to, result["findings"])
    counted = ", ".join(f"{to.named('name', k)} {v}" for k, v in result["checked"].items())
    to.line(f"{to.text('verify-checked')}: {counted}")
    to.line(f"{to.text('verify-not-proved')}:")
    for item in result["not_proved"]:
        to.line(f"  - {to.named('not-proved', item)}")
    if "remembered" in result:
        to.line(to.text("verify-remembered", file=result["remembered"]))


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


def _log(to: Console, result: Json) -> None:
    to.line(to.text("log-covers", size=result["size"], origin=result["origin"]))
    to.line(to.text("log-root", root=result["root"] or "-"))
    if result["published_at"]:
        to.line(to.text("log-published", at=moment(to, result["published_at"])))
    if result["waiting"]:
        to.line(to.text("log-waiting", count=result["waiting"]))
    to.line(to.text("log-key", key=result["key"]))
    _attested(to, result["attested"])
    for each in result["ended"]:
        to.line(_ended(to, each))
    for each in result["troubles"]:
        to.line(f"! {outside(to, each['code'], each['details'])}")
    if result["stopped"]:
        to.line(to.text(result["stopped"]))


def _ended(to: Console, each: Json) -> str:
    """A log that another one followed, in words."""
    ground, at = to.named("log-end-ground", each["ground"]), moment(to, each["at"])
    facts = {"origin": each["origin"], "size": each["size"], "at": at, "why": ground}
    if each["kept"] == each["size"]:  # Nobody knew what was signed.
        return to.text("log-ended-line-least", **facts)
    return to.text("log-ended-line", **facts)


def _restart(to: Console, result: Json) -> None:
    """What is lost and what a restart would do; or what is to be done behind one."""
    if "loss" not in result:
        facts = {name: result[name] for name in ("former", "origin", "key")}
        ground = to.named("log-end-ground", result["ground"])
        to.line(to.text("log-restart-done", why=ground, **facts))
        fields(to, result, ("event",))
        to.line(to.text("log-restart-then"))
        return
    loss, folder = result["loss"], result["folder"]
    if loss["known"]:
        _lost(to, loss, folder)
    else:
        to.line(to.text("log-restart-unknown", origin=loss["origin"], events=loss["events"]))
    to.line(to.text("log-restart-sure", next=result["next"], known=", ".join(LogEndGround)))


def _lost(to: Console, loss: Json, folder: str) -> None:
    to.line(to.text("log-restart-signed", **loss))
    kept, least = loss["kept"], loss["size"] - loss["events"]
    if kept is not None:
        to.line(to.text("log-restart-lost", count=loss["size"] - kept, kept=kept))
    elif least > 0:
        to.line(to.text("log-restart-lost-least", count=least))
    else:
        to.line(to.text("log-restart-lost-unknown"))
    if loss["found"]:
        to.line(to.text("log-restart-found", count=loss["found"], folder=folder))
    elif loss["unproved"]:
        to.line(to.text("log-restart-unproved", count=loss["unproved"], folder=folder))
    else:
        to.line(to.text("log-restart-not-found", folder=folder))


def _attest(to: Console, result: Json) -> None:
    to.line(to.text("log-attest-made" if result["made"] else "log-attest-nothing"))
    for each in result["silent"]:
        to.line(f"  {each['name']}: {to.text(each['code'], **each['details'])}")
    _attested(to, result["attested"])


def _attested(to: Console, found: Json | None) -> None:
    """Who vouches for the log, or that nobody does."""
    if found is None:
        to.line(to.text("log-not-attested"))
    else:
        to.line(to.text("log-attested", size=found["size"], at=moment(to, found["at"])))
        for name in found["witnesses"]:
            to.line(f"  {to.text('log-witnessed', name=name)}")
    for each in found["tokens"] if found else ():
        at, until = moment(to, each["at"]), day(to, each["until"])
        to.line(f"  {to.text('log-dated', authority=each['authority'], at=at, until=until)}")
    if not (found and found["tokens"]):
        to.line(to.text("log-not-dated"))


def _witness_init(to: Console, result: Json) -> None:
    to.line(to.text("witness-made"))
    to.line(result["vkey"])


def _witness_log(to: Console, result: Json) -> None:
    gone = "withdrawn" in result
    said = to.text("witness-withdrawn" if gone else "witness-registered", origin=result["origin"])
    to.line(said)


def _witness_status(to: Console, result: Json) -> None:
    to.line(to.text("log-key", key=result["key"]))
    to.line(to.text("witness-logs", count=len(result["logs"])))
    for each in result["logs"]:
        size = to.text("witness-covers", size=each["size"], root=each["root"])
        gone = "" if each["keys"] else f" · {to.text('witness-log-withdrawn')}"
        to.line(f"  {each['origin']}: {size}{gone}")
    for each in result["forks"]:
        known, came = each["roots"]
        facts = {name: each[name] for name in ("at", "origin", "size")}
        to.line(f"! {to.text('witness-fork', known=known, came=came, **facts)}")
        for note in each["notes"]:
            for line in (note or "-").splitlines():
                to.line(f"    {line}")
            to.line()


def _keys(to: Console, result: Json) -> None:
    for each in result["keys"]:
        kind = to.text("keys-system" if each["kind"] == "system" else "keys-log")
        to.line(f"{kind}: {each['key']}")
        since, until = each["introduced"], each["followed"]
        turn = to.text("keys-until", since=since, until=until) if until else ""
        at = moment(to, each["at"])
        to.line(f"  {turn or to.text('keys-since', since=since)} · {at}")
        if each["place"]:
            to.line(f"  {to.text('keys-file' if each['place'] == 'file' else 'keys-token')}")
        if each["ends"]:
            to.line(f"  {to.text('keys-ends', day=day(to, each['ends']))}")
        if each["ended"]:
            to.line(f"  {_ended(to, each['ended'])}")
        if each["compromised_since"]:
            doubt = to.text("keys-compromised", since=moment(to, each["compromised_since"]))
            to.line(f"  ! {doubt}")


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
    "evidence": _evidence,
    "history": showing.history,
    "keys-list": _keys,
    "log-attest": _attest,
    "log-restart": _restart,
    "log-status": _log,
    "ingest": _ingest,
    "procedure-list": _procedures,
    "rebuild": _rebuild,
    "restore": _restore,
    "search": _search,
    "show": showing.show,
    "token-list": _tokens,
    "verify": _verify,
    "witness-init": _witness_init,
    "witness-log": _witness_log,
    "witness-status": _witness_status,
    "work": _work,
} | {command: _erasing(command) for command in ERASING}
