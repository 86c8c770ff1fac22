"""`chauban evidence`: a dossier or a record with everything by which others can check it."""

from pathlib import Path

from api.context import Context, Result, ref
from api.files import write_through
from domain.agents import Role
from domain.errors import RuleError
from domain.reads import ReadKind
from domain.services import evidencing
from domain.services.reading_record import note_read
from domain.values import Kind


def evidence(context: Context) -> Result:
    """`chauban evidence`: exit code 1 when an event in the pack is no longer what was signed, or a
    document is missing from it because the archive has lost or damaged its bytes."""
    chosen = context.chosen
    output = Path(chosen.output)
    if output.exists():  # A kept checkpoint, or the pack of another day.
        raise RuleError("file-exists", file=output.name)
    target = ref(context, chosen.ref, Kind.DOSSIER, Kind.RECORD)
    made = evidencing.pack(context.archive, context.request, target, without=chosen.without)
    purpose = "audit" if made.actor.role is Role.AUDITOR else "work"
    note_read(context.archive, made.actor, purpose, ReadKind.EXPORT, target, "evidence")
    digest, size = write_through(output, made.chunks)
    altered, missing = list(made.facts.altered), made.facts.missing
    return {
        "sha256": f"sha256:{digest}",
        "bytes": size,
        "events": len(made.facts.events),
        "files": len(made.facts.files),
        "left_out": list(made.facts.left_out),
        "certificate": made.facts.certificate,
        "checkpoint": {"size": made.facts.checkpoint_size, "root": made.facts.checkpoint_root},
        "altered": altered,
        "missing": [
            {"file": each.name, "record": each.record, "number": each.number, "why": each.why}
            for each in missing
        ],
    }, 1 if altered or missing else 0
