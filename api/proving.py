"""Commands that show the transparency log to outsiders."""

from pathlib import Path
from typing import Any

from api import shapes
from api.context import Context, Result
from api.files import write_new
from api.lines import outside
from domain.errors import RuleError
from domain.evidence import Checkpoint
from domain.ports import Messages
from domain.refusals import ALARMS
from domain.services import Archive, attested, attesting, proving


def log_status(context: Context) -> Result:
    """`chauban log status`."""
    state = proving.log_state(context.archive)
    found = attesting.troubles(context.archive)
    told = {
        **shapes.log(state, attested.newest(context.archive), proving.ended_logs(context.archive)),
        "troubles": [vars(each) for each in found],
    }
    return told, 1 if state.stopped is not None or any(each.is_alarm for each in found) else 0


def log_attest(context: Context) -> Result:
    """`chauban log attest`: 1 when somebody gave nothing or has signed another history, 3 when
    nobody gave anything and nobody said that."""
    attempt = attesting.attest_for(context.archive, context.request)
    told = {
        "made": attempt.made,
        "attested": shapes.attested(attempt.newest) if attempt.newest else None,
        "silent": [vars(each) for each in attempt.silent],
    }
    if not attempt.silent:
        return told, 0
    alarmed = any(each.code in ALARMS for each in attempt.silent)
    return told, 1 if attempt.made or alarmed else 3


def log_check(archive: Archive, to: Messages) -> dict[str, Any]:
    """What `doctor` says of the log itself."""
    state = proving.log_state(archive)
    if state.stopped is not None:
        return {"name": "log", "ok": False, "what": to.text(state.stopped)}
    size = state.checkpoint.size if state.checkpoint is not None else 0
    what = to.text("doctor-log", size=size, waiting=state.waiting)
    return {"name": "log", "ok": True, "what": what}


def attestation_checks(archive: Archive, to: Messages) -> list[dict[str, Any]]:
    """What `doctor` says of outsiders; nobody is asked for it."""
    found = [outside(to, each.code, each.details) for each in attesting.troubles(archive)]
    if found:
        return [{"name": "attestation", "ok": False, "what": what} for what in found]
    last = attested.newest(archive)
    if last is None:
        what = to.text("doctor-attestation-none")
    else:
        what = to.text("doctor-attestation", day=last.at.date().isoformat())
    return [{"name": "attestation", "ok": True, "what": what}]


def log_export(context: Context) -> Result:
    """`chauban log export`."""
    folder = Path(context.chosen.folder)
    if folder.exists():
        raise RuleError("file-exists", file=folder.name)
    made = proving.export(context.archive, context.request, str(folder), progress=context.progress)
    return _checkpoint(made), 0


def log_proof(context: Context) -> Result:
    """`chauban log proof`: the proof in one file, and on request the entry that it proves."""
    chosen = context.chosen
    proved = proving.proof_of(context.archive, context.request, chosen.event)
    write_new(Path(chosen.output), proved.proof)
    if chosen.entry is not None:
        write_new(Path(chosen.entry), proved.envelope)
    return {"position": proved.position, **_checkpoint(proved.checkpoint)}, 0


def _checkpoint(checkpoint: Checkpoint | None) -> dict[str, Any]:
    return {
        "size": checkpoint.size if checkpoint else 0,
        "root": checkpoint.root if checkpoint else None,
    }
