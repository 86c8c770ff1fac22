"""The promises of the port ObjectStore, kept by every adapter."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import IntegrityError, InvalidValueError, NotFoundError, RuleError
from domain.ports import Protection
from domain.values import Digest, EventId
from tests.objects.conftest import World, digest_of, put, read

DECISION = EventId("0199a7c0-0000-7000-8000-000000000001")
PAPER = b"B\xc3\xa1o c\xc3\xa1o s\xe1\xbb\x91 390/BC-UBND\n" * 5000


def read_in_steps(world: World, digest: Digest, steps: list[int]) -> None:
    with world.store.open(digest) as stream:
        for step in steps:
            stream.read(step)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, (33 << 20) + 7])
def test_what_was_put_is_read_back(world: World, size: int) -> None:
    data = (PAPER * (size // len(PAPER) + 1))[:size]
    digest = put(world.store, data)
    assert read(world.store, digest) == data
    assert world.store.size(digest) == size


def test_putting_the_same_bytes_again_succeeds_and_keeps_one_copy(world: World) -> None:
    digest = put(world.store, PAPER)
    put(world.store, PAPER)
    assert read(world.store, digest) == PAPER
    assert world.versions(digest) == 1


def test_bytes_that_are_not_those_of_the_digest_are_refused(world: World) -> None:
    digest = digest_of(PAPER)
    with pytest.raises(IntegrityError, match="digest-mismatch"):
        world.store.put(digest, io.BytesIO(PAPER + b"!"))
    assert world.store.size(digest) is None
    with pytest.raises(NotFoundError):
        world.store.open(digest)


def test_wrong_bytes_do_not_harm_the_right_ones_that_are_there(world: World) -> None:
    digest = put(world.store, PAPER)
    with pytest.raises(IntegrityError, match="digest-mismatch"):
        world.store.put(digest, io.BytesIO(b"forged"))
    assert read(world.store, digest) == PAPER


def test_a_source_that_breaks_off_leaves_nothing(world: World) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise TimeoutError
            return super().read(1000)

    digest = digest_of(PAPER)
    with pytest.raises(TimeoutError):
        world.store.put(digest, Broken(PAPER))
    assert world.store.size(digest) is None


def test_a_digest_of_another_kind_is_refused(world: World) -> None:
    other = Digest("sha512:" + "0" * 128)
    with pytest.raises(InvalidValueError):
        world.store.put(other, io.BytesIO(b""))
    with pytest.raises(InvalidValueError):
        world.store.open(other)


def test_what_is_not_there_is_named_so(world: World) -> None:
    digest = digest_of(b"never put")
    assert world.store.size(digest) is None
    for length in (None, 0, 5):
        with pytest.raises(NotFoundError, match="object-not-found"):
            world.store.open(digest, length=length)


def test_ranges_are_those_of_the_bytes(world: World) -> None:
    digest = put(world.store, PAPER)
    end = len(PAPER)
    for offset, length in [
        (0, 0),
        (0, 7),
        (3, None),
        (5, 100_000),
        (end - 4, 4),
        (end - 4, 400),
        (end, 1),
        (end + 9, None),
    ]:
        with world.store.open(digest, offset=offset, length=length) as stream:
            wanted = PAPER[offset:] if length is None else PAPER[offset : offset + length]
            assert stream.read() == wanted, (offset, length)
    with pytest.raises(InvalidValueError):
        world.store.open(digest, offset=-1)


@pytest.mark.parametrize(
    "other",
    [PAPER[:-1] + b"\x00", b"\x00" + PAPER[1:], PAPER[:-1], PAPER + b" ", b""],
    ids=["last byte", "first byte", "truncated", "grown", "emptied"],
)
def test_altered_bytes_are_never_read_as_the_object(world: World, other: bytes) -> None:
    digest = put(world.store, PAPER)
    world.alter(digest, other)

    for steps in ([-1], [1000] * 200, [len(PAPER), 1]):
        # Whoever asks for just as many bytes as there should be is warned too.
        with pytest.raises(IntegrityError, match="bytes-altered"):
            read_in_steps(world, digest, steps)
    # A receipt for bytes that are not there would be the worst answer.
    with pytest.raises(IntegrityError, match="bytes-altered"):
        put(world.store, PAPER)


def test_a_reader_may_stop_before_the_end(world: World) -> None:
    digest = put(world.store, PAPER)
    with world.store.open(digest) as stream:
        assert stream.read(4) == PAPER[:4]
    assert read(world.store, digest) == PAPER


def test_bytes_that_a_record_refers_to_are_not_destroyed(world: World) -> None:
    digest = put(world.store, PAPER)
    world.referred.add(digest)
    with pytest.raises(RuleError, match="still-referred"):
        world.store.destroy(digest, decision=DECISION)
    assert read(world.store, digest) == PAPER


def test_destroyed_bytes_are_gone_in_every_version(world: World) -> None:
    digest = put(world.store, PAPER)
    world.alter(digest, b"a second version")
    neighbour = put(world.store, b"another paper")
    world.store.destroy(digest, decision=DECISION)
    assert world.store.size(digest) is None
    assert world.versions(digest) == 0
    assert read(world.store, neighbour) == b"another paper"
    world.store.destroy(digest, decision=DECISION)  # What is not there is destroyed already.
    put(world.store, PAPER)
    assert read(world.store, digest) == PAPER


def test_every_object_is_named_with_its_time(world: World) -> None:
    digests = {put(world.store, f"page {n}".encode()) for n in range(20)}
    found = dict(world.store.inspect_objects())
    assert set(found) == digests
    for written in found.values():
        assert written.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)  # noqa: TID251


def test_sixteen_writers_of_the_same_bytes_all_succeed(world: World) -> None:
    start = threading.Barrier(16)

    def write(_: int) -> Digest:
        start.wait()
        return put(world.store, PAPER)

    with ThreadPoolExecutor(16) as pool:
        digests = set(pool.map(write, range(16)))
    assert digests == {digest_of(PAPER)}
    assert read(world.store, digest_of(PAPER)) == PAPER
    assert world.versions(digest_of(PAPER)) == 1
    assert len(list(world.store.inspect_objects())) == 1


def test_no_adapter_claims_a_lock_that_it_does_not_have(world: World) -> None:
    """The lock and the hold are told as they stand, and where there are none, that there are."""
    digest = put(world.store, PAPER)
    assert world.store.protection(digest) == Protection(None, held=False)
    world.store.probe()
    soon = datetime.now(UTC) + timedelta(seconds=2)  # noqa: TID251
    world.store.protect(digest, until=soon)
    world.store.hold(digest)
    found = world.store.protection(digest)
    if world.store.lock == "none":
        assert found == Protection(None, held=False)
    else:
        assert world.store.lock == "compliance"
        assert found.until is not None
        assert soon <= found.until < soon + timedelta(seconds=1)
        assert found.held
    world.store.release(digest)
    world.store.release(digest)
    assert not world.store.protection(digest).held
    assert read(world.store, digest) == PAPER


def test_the_protection_of_what_is_not_there_is_nothing(world: World) -> None:
    with pytest.raises(NotFoundError, match="object-not-found"):
        world.store.protection(digest_of(b"never put"))
