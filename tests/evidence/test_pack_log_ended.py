"""Packs of an archive whose log was ended, or whose log got another key: they say so, and whoever
wrote an earlier key down is led from there to the present one."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain import keyring
from domain.agents import Actor, Role
from domain.dossier import DossierOpened
from domain.events import Change
from domain.evidence import PackFacts
from domain.keyring import KeyGround
from domain.ports import Command
from domain.services import evidencing, keys, proving
from domain.values import CommandId
from infrastructure.bootstrap import House, certificate_of
from infrastructure.evidence import log_keys
from infrastructure.evidence.notes import Body, parse_body, parse_note, signed
from infrastructure.messages import Catalogue
from tests.evidence.archives import add_events, archive_with, request_of
from tests.evidence.packs import (
    Checked,
    checked,
    event_named,
    listed_again,
    payload_of,
    unpacked,
)
from tests.evidence.reports import desk, event, facts
from tests.evidence.test_log_restart import lose, restarted
from tests.evidence.test_pack import encoded
from tests.evidence.test_report import text_of

UNKNOWN = "luutru.example/log+1234abcd+AVmM0Jc5w5r3pZ2cUuXv1K0mF8yQ7tR4sN6hB9gD2eLk"


@dataclass(frozen=True)
class Packed:
    """A pack, with what its reader may have written down before."""

    folder: Path
    facts: PackFacts
    certificate: str
    former: str
    """The key of the log before the present one."""
    present: str
    introduced: int
    """The position of the event that introduces the present one."""

    def checked(self, *known: str) -> Checked:
        return checked(self.folder, *known)


def packed(house: House, folder: Path, former: str) -> Packed:
    """A pack of the first dossier."""
    house.archive.views.catch_up()
    dossier = next(
        each.stream
        for each in house.archive.journal.follow(0, 1000)
        if isinstance(each.event, DossierOpened)
    )
    made = evidencing.pack(house.archive, request_of(house), dossier)
    content = b"".join(made.chunks)
    introduced = [e.position for e in made.facts.events if e.name == "log-key-introduced/1"]
    return Packed(
        unpacked(content, folder),
        made.facts,
        certificate_of(house.settings),
        former,
        proving.log_state(house.archive).key,
        introduced[-1],
    )


def ended_in(folder: Path, *, with_files: bool) -> Packed:
    lost = lose(folder)
    if with_files:
        lost.put_log_back()
    with lost.open() as house:
        former = proving.log_state(house.archive).key
        restarted(house)
        add_events(house, 12)
        return packed(house, folder / "pack", former)


@pytest.fixture(scope="module")
def ended_with_files(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return ended_in(tmp_path_factory.mktemp("ended"), with_files=True)


@pytest.fixture(scope="module")
def ended_alone(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return ended_in(tmp_path_factory.mktemp("ended"), with_files=False)


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packed]:
    with archive_with(tmp_path_factory.mktemp("rotated"), 12) as house:
        checkpoint = proving.advance(house.archive)
        assert checkpoint is not None
        former = proving.log_state(house.archive).key
        keys.rotate_log_key(house.archive, request_of(house), KeyGround.SCHEDULED)
        proving.advance(house.archive)
        add_events(house, 12)
        yield packed(house, tmp_path_factory.mktemp("rotated") / "pack", former)


@pytest.fixture(params=["ended_with_files", "ended_alone"])
def ended(request: pytest.FixtureRequest) -> Packed:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Packed)
    return found


@pytest.fixture(params=["ended_with_files", "rotated"])
def changed(request: pytest.FixtureRequest) -> Packed:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Packed)
    return found


# ---------------------------------------------------------------- the log that ended


def test_the_verdict_says_that_events_were_lost(ended: Packed) -> None:
    said = payload_of(event_named(ended.folder, "log-ended/1").read_text())["data"]
    assert isinstance(said, dict)
    verdict = ended.checked(ended.certificate, ended.present)
    assert verdict.code == 0, verdict.said
    told = (
        f"Event {ended.introduced - 1}: the archive had lost events; the log before, "
        f"which had signed {said['size']} events, ended. "
    )
    kept = said.get("kept")
    if kept is None:
        told += "How many of them the archive has is not known."
    else:
        told += f"The archive has the first {kept} of them."
    assert told in verdict.said
    assert verdict.said.count("had lost events") == 1


def test_report_and_readme_say_so(ended: Packed) -> None:
    assert "pack-log-ended" in ended.facts.not_proved
    told = f"that log ended at event {ended.introduced - 1} and the next one began"
    assert told in (ended.folder / "README.en.txt").read_text()
    assert "{" not in (ended.folder / "README.vi.txt").read_text()


def test_other_packs_do_not_speak_of_it(rotated: Packed) -> None:
    assert "pack-log-ended" not in rotated.facts.not_proved
    assert "the archive no longer has" not in (rotated.folder / "README.en.txt").read_text()
    assert "lost events" not in rotated.checked().said


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        (None, "How many of them the archive has is not known."),
        (7, "The archive has the first 7 of them."),
        (9, "ended at the 9 events that the archive had, as nobody knew how many it had signed"),
    ],
)
def test_what_is_known_of_the_loss_is_told(tmp_path: Path, kept: int | None, told: str) -> None:
    with archive_with(tmp_path, 3) as house:
        archive, asked = house.archive, request_of(house)
        assert proving.advance(archive) is not None
        key, stream = proving.log_state(archive).key, keyring.stream_of(archive.id)
        end = keyring.LogEnded(
            "former.example/log", key, 9, "ab" * 32, kept, keyring.LogEndGround.LOST
        )
        archive.journal.append(
            [Change(stream, len(archive.journal.load(stream)), (end,))],
            by=Actor(asked.agent.id, Role.ADMINISTRATOR, asked.agent.grants[0].agency),
            basis=asked.basis,
            at=archive.clock.now(),
            command=Command(CommandId(archive.identifiers.new()), "test"),
            result={},
        )
        found = packed(house, tmp_path / "pack", key)
    verdict = found.checked(found.certificate, key)
    assert verdict.code == 0, verdict.said
    assert told in verdict.said
    assert ("had lost events" in verdict.said) is (kept != 9)


@pytest.mark.parametrize("ground", ["restored", "lost", "altered"])
def test_the_report_says_why_a_log_ended(tmp_path: Path, ground: str) -> None:
    """Not that a key was lost, whose events have the same word for it."""
    said = facts(
        [event(9, "log-ended/1", says=[("ground", ground)])], not_proved=["pack-log-ended"]
    )
    text = text_of(desk(tmp_path), said)
    for language in ("vi", "en"):
        assert Catalogue(language).text(f"log-end-ground-{ground}") in text
    assert "khóa bị mất" not in text


# ---------------------------------------------------------------- keys that were written down


def test_from_an_earlier_key_events_lead_to_the_present_one(changed: Packed) -> None:
    assert changed.former != changed.present
    verdict = changed.checked(changed.certificate, changed.former)
    assert verdict.code == 0, verdict.said
    assert f"replaced it at event {changed.introduced} by: {changed.present}" in verdict.said
    assert "replaced it" not in changed.checked(changed.certificate, changed.present).said


def test_an_earlier_key_alone_leads_nowhere(changed: Packed) -> None:
    """Anybody can found an archive whose events name a key of another one, and go on from there."""
    verdict = changed.checked("", changed.former)
    assert verdict.code == 1
    assert verdict.names("keys/log.vkey", f"replaced at event {changed.introduced}; give CERTIF")


@pytest.mark.parametrize("known", [UNKNOWN, "0", "\\t", "log", "$(id)", "x\tlog\ty", " "])
def test_a_key_that_no_event_names_is_a_fault(changed: Packed, known: str) -> None:
    verdict = changed.checked(changed.certificate, known)
    assert verdict.code == 1
    assert verdict.names("keys/log.vkey", "not the log key that is known")


def test_a_log_that_ended_does_not_go_on_though_its_key_does(tmp_path: Path) -> None:
    lost = lose(tmp_path)
    lost.put_log_back()
    kept = log_keys.load(lost.settings.keys)[1]
    with lost.open() as house:
        former = proving.log_state(house.archive).key
        restarted(house)
        made = packed(house, tmp_path / "pack", former)
    path = made.folder / "checkpoints/checkpoint"
    true = parse_body(parse_note(path.read_bytes()).text)
    forged = signed(Body(former.partition("+")[0], true.size, true.root), [kept]).raw
    for each in (path, *(made.folder / "proofs").iterdir()):
        content = each.read_bytes()
        each.write_bytes(content[: content.index(true.origin.encode())] + forged)
    (made.folder / "keys/log.vkey").write_text(former + "\n")
    verdict = checked(listed_again(made.folder), made.certificate, former)
    assert verdict.code == 1
    told = f"of a log that had ended at event {made.introduced - 1}"
    assert verdict.names("checkpoints/checkpoint", told)


def test_an_event_that_names_the_key_is_believed_no_more_than_its_signature(
    ended: Packed, tmp_path: Path
) -> None:
    """A forger writes the key that is known into the event that ended the log."""
    folder = shutil.copytree(ended.folder, tmp_path / "forged")
    path = event_named(folder, "log-ended/1")
    head, _, signature = path.read_text().split(".")
    said = payload_of(path.read_text())
    assert isinstance(said["data"], dict)
    said["data"] |= {"key": UNKNOWN, "size": "1;id", "kept": "\x1b[2J"}
    path.write_text(f"{head}.{encoded(said)}.{signature}")
    verdict = checked(listed_again(folder), ended.certificate, UNKNOWN)
    assert verdict.code == 1
    assert verdict.names(f"events/{path.name}", "the system signature does not fit")
    assert "\x1b" not in verdict.said
