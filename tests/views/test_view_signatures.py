"""What the views say of signatures: the worst of them, and what is to be judged again."""

from domain.record import (
    JudgedSignature,
    SignatureFinding,
    SignaturesInspected,
    SignaturesJudged,
)
from domain.values import Digest, StreamId, Tool
from tests.views.world import World

TOOL = Tool("pyhanko", "1")
OLD, NEW = (Digest(f"sha256:{sign * 64}") for sign in "ab")


def inspect(world: World, stream: StreamId, source: Digest) -> None:
    finding = SignatureFinding("Sig", "intact", "entire-file", None, "sha256", weak=False)
    world.on(stream, SignaturesInspected(source, (finding,), TOOL, ("CN=A",)))


def judge(world: World, stream: StreamId, source: Digest, anchors: Digest, *verdicts: str) -> None:
    findings = tuple(
        JudgedSignature("Sig", verdict, None, None, "none", "not-asked", "sha256")
        for verdict in verdicts
    )
    signers = ("CN=A",) * len(findings)
    day = "2026-03-02T01:00:00+00:00"
    world.on(stream, SignaturesJudged(source, anchors, 1, day, findings, TOOL, signers))


def original(world: World, stream: StreamId) -> Digest:
    (source,) = world.record(stream).sources
    return source.file.sha256


def to_judge(world: World, anchors: Digest) -> set[StreamId]:
    world.views.catch_up()
    return set(world.views.work.to_judge(anchors, limit=10))


def test_a_signed_record_waits_until_it_was_judged_by_these_anchors(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    signed, unsigned = world.scan(holder, b"one"), world.scan(holder, b"two")
    world.read(unsigned)
    assert to_judge(world, OLD) == set()
    inspect(world, signed, original(world, signed))
    assert to_judge(world, OLD) == {signed}
    judge(world, signed, original(world, signed), OLD, "valid")
    assert to_judge(world, OLD) == set()
    assert to_judge(world, NEW) == {signed}
    judge(world, signed, original(world, signed), NEW, "unknown-issuer")
    assert to_judge(world, NEW) == set()
    assert to_judge(world, OLD) == {signed}, "anchors that come back judge again"
    assert not any(item.task == "judge" for item in world.views.work.items())


def test_a_round_is_no_longer_than_it_may_be(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    for n in range(3):
        stream = world.scan(holder, b"%d" % n)
        inspect(world, stream, original(world, stream))
    world.views.catch_up()
    assert len(world.views.work.to_judge(OLD, limit=2)) == 2


def test_what_is_hidden_or_erased_is_never_judged_again(world: World) -> None:
    office = world.agency()
    first, second = (world.open_dossier(f"H33.05-260302-000{n}", office) for n in (1, 2))
    isolated, erased = world.scan(first, b"one"), world.scan(second, b"two")
    for stream in (isolated, erased):
        inspect(world, stream, original(world, stream))
    world.isolate(isolated)
    world.erase(second)
    assert to_judge(world, OLD) == set()


def test_a_list_shows_the_worst_of_the_last_judgements(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    stream = world.scan(holder, b"one")
    source, other = original(world, stream), Digest(f"sha256:{'c' * 64}")

    def shown() -> str | None:
        world.views.catch_up()
        return world.views.catalogue.record_rows({stream})[stream].signatures

    assert shown() is None
    inspect(world, stream, source)
    assert shown() == "intact"
    judge(world, stream, source, OLD, "valid", "revoked")
    assert shown() == "revoked"
    judge(world, stream, other, OLD, "changed-after-signing")
    assert shown() == "changed-after-signing"
    judge(world, stream, other, NEW, "valid")
    judge(world, stream, source, NEW, "valid", "valid")
    assert shown() == "valid"
