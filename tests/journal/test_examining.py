"""Events looked at one by one: what is wrong with one is told, and the others are shown."""
# ruff: noqa: S608 (the statements are the attacker's)

import pytest

from domain.errors import IntegrityError
from infrastructure.journal.envelope import b64
from tests.journal.house import House
from tests.journal.test_garbage import PAYLOADS


def states(house: House, *positions: int) -> list[str]:
    return [each.state for each in house.journal.examine(positions)]


def flipped(envelope: bytes) -> str:
    """The envelope with another bit in the middle of its payload, as SQL."""
    at = len(envelope) // 2
    return f"x'{(envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]).hex()}'"


def envelope_at(house: House, position: int) -> bytes:
    ((envelope,),) = house.rows("SELECT state FROM stored_events WHERE rowid=?", position)
    return bytes(envelope)


def test_what_is_intact_is_told_in_the_order_that_was_asked_for(house: House) -> None:
    house.open_dossier()
    house.open_dossier()
    asked = (7, 2, 5, 1, 3, 6, 4)
    examined = house.journal.examine(asked)
    assert tuple(each.position for each in examined) == asked
    assert {each.state for each in examined} == {"intact"}
    known = {one.position: one for one in house.journal.follow(0, 10)}
    assert [each.recorded for each in examined] == [known[position] for position in asked]


def test_more_events_than_one_statement_takes_are_intact(house: House) -> None:
    for _ in range(140):
        house.open_dossier()
    end = house.journal.position()
    assert set(states(house, *range(end, 0, -1))) == {"intact"}


def test_each_fault_is_told_of_its_own_event(house: House) -> None:
    stream = house.open_dossier()
    house.open_dossier()
    assert len(house.journal.load(stream)) == 3  # What was read before excuses nothing.
    house.tamper(
        f"UPDATE stored_events SET state={flipped(envelope_at(house, 5))} WHERE rowid=5",
        "DELETE FROM stored_events WHERE rowid=3",
        "UPDATE stored_events SET state='a text' WHERE rowid=7",
    )
    second, third, fourth, fifth, sixth, seventh = states(house, 2, 3, 4, 5, 6, 7)
    assert (second, third, fourth) == ("intact", "event-missing", "chain-broken")
    assert fifth in {"signature-broken", "envelope-not-strict-json"}
    assert (sixth, seventh) == ("chain-broken", "row-malformed")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda text: text[:20])
def test_garbage_in_one_envelope_leaves_the_others_readable(house: House, payload: str) -> None:
    house.open_dossier()
    header, _, signature = envelope_at(house, 3).split(b".")
    forged = b".".join((header, b64(payload.encode()).encode(), signature)).hex()
    house.tamper(f"UPDATE stored_events SET state=x'{forged}' WHERE rowid=3")
    before, garbage, after = house.journal.examine((2, 3, 4))
    assert (before.state, garbage.state, after.state) == (
        "intact",
        "signature-broken",
        "chain-broken",
    )
    assert garbage.recorded is None


def test_a_signature_that_held_says_nothing_of_other_bytes(house: House) -> None:
    stream = house.open_dossier()
    whole = house.journal.load(stream)
    sound = envelope_at(house, 4)
    house.tamper(f"UPDATE stored_events SET state={flipped(sound)} WHERE rowid=4")
    with pytest.raises(IntegrityError, match="signature-broken"):
        house.journal.load(stream)
    house.tamper(f"UPDATE stored_events SET state=x'{sound.hex()}' WHERE rowid=4")
    assert house.journal.load(stream) == whole
