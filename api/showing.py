"""How a dossier, a record and a history look to people."""

from api.console import Console
from api.lines import Json, day, fields, moment

DOSSIER = ("receiving", "deciding", "applicant", "phone", "id_number", "address")
RECORD = (
    "organ",
    "subject",
    "language",
    "signer_name",
    "signer_position",
    "paper_location",
    "received_name",
)
TOLD = ("reason", "decision", "request", "title", "subject")
"""Free text of an event that its line in the history repeats."""


def show(to: Console, result: Json) -> None:
    """`show` of a dossier or of a record."""
    if "records" in result:
        _show_dossier(to, result)
    else:
        _show_record(to, result)


def _show_dossier(to: Console, result: Json) -> None:
    to.line(to.text("show-dossier", code=result["dossier"]))
    fields(to, result, ("title",))
    to.line(f"  {to.named('dossier-kind', result['kind'])}")
    fields(to, {**result, "procedure": result["procedure_code"]}, ("procedure", *DOSSIER))
    fields(to, result, ("opened_on", "closed_on"))
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
        day(to, each["issued_on"]) if each["issued_on"] else to.text("without-day"),
        to.text("pages-n", n=pages) if pages else to.named("carrier", each["carrier"]),
        to.text("state-confirmed" if each["confirmed"] else "state-unconfirmed"),
    ]


def _code_of(each: Json) -> str:
    return "/".join(part for part in (each["number"], each["notation"]) if part)


def _show_record(to: Console, result: Json) -> None:
    to.line(to.text("show-record", code=result["record"]))
    fields(to, result, ("dossier",))
    to.line(f"  {' · '.join(_summary(to, result))}")
    fields(to, result, RECORD)
    if result["lock"]:
        to.line(f"  {to.named('name', 'lock')}: {to.named('lock', result['lock'])}")
    _decisions(to, result)
    for warning in result["warnings"]:
        to.line(f"  ! {to.named('warning', warning)}")
    for each in result["judgements"]:
        said = [to.named("verdict", each["verdict"]), each["signer"] or "…"]
        when = [each["signed_at"]] if each["signed_at"] else []
        to.line(f"  {', '.join([*said, *when, to.named('signed', each['time'])])}")
        if each["reason"]:
            to.line(f"    ! {to.named('signature-reason', each['reason'])}")
    for each in result["signatures"] if not result["judgements"] else ():
        weak = [to.text("verdict-weak")] if each["weak"] else []
        said = [to.named("verdict", each["verdict"]), to.named("coverage", each["covers"]), *weak]
        to.line(f"  {', '.join(said)}")
    to.line(f"  {to.named('name', 'representations')}:")
    for each in result["representations"]:
        kind = to.named("representation", each["kind"])
        size = to.text("bytes-n", n=each["bytes"])
        to.line(f"    {kind}: {size}, {each['sha256']}")
    for page in result["pages"]:
        place = to.text("page-n", n=page["n"])
        to.line(f"--- {place} ({to.named('page-state', page['state'])})")
        for text in page["text"].splitlines() or [to.text("show-no-text")]:
            to.line(text)
    to.line(to.text("show-position", position=result["position"]))


def _decisions(to: Console, result: Json) -> None:
    if result.get("held"):
        to.line(f"  {to.text('show-held')}")
    if result.get("restricted_by"):
        to.line(f"  {to.text('show-restricted', decision=result['restricted_by'])}")
    if result.get("absorbed_into"):
        to.line(f"  {to.text('show-absorbed', record=result['absorbed_into'])}")
    if result.get("withdrawn"):
        to.line(f"  {to.text('show-withdrawn')}")
    if result.get("erasure_decision"):
        to.line(f"  {to.text('show-erased', decision=result['erasure_decision'])}")


def history(to: Console, result: Json) -> None:
    """`history`: an event a line, then who and why, then what it says in words."""
    for each in result["events"]:
        intact = each["signature"] == "intact"
        signature = to.text("signature-intact" if intact else "signature-damaged")
        what = to.named("event", each["type"]) if each["type"] else to.text("event-unreadable")
        at = moment(to, each["at"]) if each["at"] else to.text("date-empty")
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
    if by["standing_in_for"]:
        absent = by["standing_in_for_name"] or by["standing_in_for"]
        name = f"{name}, {to.text('history-standing-in', name=absent)}"
    reference = f" {why['reference']}" if why["reference"] else ""
    return [f"{to.named('role', by['role'])} {name}", f"{why['code']}{reference}"]


def _values(to: Console, data: Json) -> None:
    """What an event says in words: the corrected value, the reason, the decision."""
    said = dict(data)
    if "field" in said and "value" in said:
        value = said["value"] if said["value"] is not None else to.text("history-no-value")
        said = {said["field"]: value, "reason": said.get("reason")}
    elif "field" not in said:
        said = {name: said.get(name) for name in TOLD}
    for name, value in said.items():
        if isinstance(value, str) and value:
            shown = to.text("history-value", field=to.named("name", name), value=value)
            to.line(f"        {shown}")
