"""Judge: the signatures inside an original, by the trust anchors of the day, in the sandbox.

A crash here leaves nothing; the work list names the record until a judgement by these anchors is
recorded.
"""

from collections.abc import Iterator

from domain.papers import SignatureJudgement, TrustAnchors
from domain.record import JudgedSignature, Record, SignaturesJudged
from domain.services import Archive
from domain.values import Digest, FileObject
from ingest.stages.fetch import fetched


def judged(archive: Archive, source: Digest, path: str, anchors: TrustAnchors) -> SignaturesJudged:
    """The event that tells what was found in the local copy of an original."""
    now = archive.clock.now()
    found, tool = archive.reader.judge(path, anchors, now)
    return SignaturesJudged(
        source=source,
        anchors=anchors.digest,
        anchor_count=len(anchors.certificates),
        as_of=now.isoformat(timespec="seconds"),
        findings=tuple(_finding(one) for one in found),
        tool=tool,
        signers=tuple(one.signer or "?" for one in found),
    )


def judged_again(
    archive: Archive, state: Record, anchors: TrustAnchors, folder: str
) -> Iterator[SignaturesJudged]:
    """One event for each signed original that was not judged by these anchors last."""
    for file in _outdated(state, anchors):
        with fetched(archive.objects, file, folder) as path:
            yield judged(archive, file.sha256, path, anchors)


def _outdated(state: Record, anchors: TrustAnchors) -> Iterator[FileObject]:
    fresh = {each.source for each in state.judged if each.anchors == anchors.digest}
    for source in state.sources:
        if source.file.sha256 in state.inspected - fresh:
            yield source.file


def _finding(one: SignatureJudgement) -> JudgedSignature:
    return JudgedSignature(
        field=one.field,
        verdict=one.verdict,
        reason=one.reason,
        signed_at=one.signed_at,
        time=one.time,
        revocation=one.revocation,
        digest_algorithm=one.digest,
    )
