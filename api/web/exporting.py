"""A history as a file: JSON lines for programs, a table for people, both streamed."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator

from api import shapes
from api.web import csv
from api.web.render import moment
from api.web.telling import told
from api.web.visit import Visit
from domain.services.comparing import Value
from domain.services.replaying import Step, Steps
from domain.values import StreamId


def file_name(code: str, position: int, ending: str) -> str:
    """`lich-su-H33.05-260302-0017-1042.csv`: ASCII alone, which every browser keeps as it is."""
    plain = unicodedata.normalize("NFKD", code.replace("Đ", "D"))
    return f"lich-su-{re.sub(r'[^A-Za-z0-9.-]+', '-', plain)}-{position}.{ending}"


def as_lines(visit: Visit, parts: Iterable[Steps]) -> Iterator[str]:
    """A line an event, in the public shape of `chauban history --json`, with what it changed."""
    for part in parts:
        lent = {
            step.recorded.id: step.absent
            for step in part.steps
            if step.recorded is not None and step.absent is not None
        }
        for step in part.steps:
            line = shapes.event(step.examined, part.names, lent)
            line["envelope"] = step.recorded.envelope.text if step.recorded else None
            line["changes"] = [shapes.plain(each) for each in step.changes]
            yield json.dumps(line, ensure_ascii=False) + "\n"


def as_csv(visit: Visit, parts: Iterable[Steps]) -> Iterator[str]:
    """A row an event, in the visitor's words."""
    rows = (_cells(visit, part, step) for part in parts for step in part.steps)
    return csv.table(_heads(visit), rows)


def _heads(visit: Visit) -> list[str]:
    say = visit.speech.text
    return [
        say("page-audit-position"),
        say("page-audit-when"),
        say("page-audit-what"),
        say("page-audit-who"),
        say("page-audit-role"),
        say("page-audit-agency"),
        say("page-audit-for"),
        say("page-audit-basis"),
        say("page-audit-changes"),
        say("page-audit-facts"),
        say("page-audit-signature"),
        say("page-audit-event"),
        say("page-audit-stream"),
        say("page-audit-envelope"),
    ]


def _cells(visit: Visit, part: Steps, step: Step) -> list[str]:
    speech, examined, recorded = visit.speech, step.examined, step.recorded
    what = speech.named("event", examined.name) if examined.name else ""
    intact = examined.state == "intact"
    state = speech.text("signature-intact") if intact else speech.named("finding", examined.state)
    if recorded is None:
        unread = [""] * 7
        return [str(step.position), "", what, *unread, state, "", examined.stream or "", ""]

    def say(name: str, value: Value) -> str:
        return told(visit, part.names, name, value)

    changes = [
        f"{speech.named('fact', c.name)}: {say(c.name, c.before)} → {say(c.name, c.after)}"
        for c in step.changes
    ]
    facts = [f"{speech.named('fact', name)}: {say(name, value)}" for name, value in step.facts]
    basis = recorded.basis
    return [
        str(step.position),
        moment(recorded.at),
        what,
        _agent(part, recorded.by.agent),
        speech.named("role", recorded.by.role.value),
        say("agency", recorded.by.agency),
        _agent(part, step.absent) if step.absent is not None else "",
        " ".join(each for each in (basis.code, basis.reference) if each),
        "\n".join(changes),
        "\n".join(facts),
        state,
        recorded.id,
        f"{recorded.stream} {recorded.version}",
        recorded.envelope.text,
    ]


def _agent(part: Steps, agent: StreamId) -> str:
    return part.names.get(agent) or agent
