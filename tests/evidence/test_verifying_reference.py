"""`verify REF` where a key was lost: a dated checkpoint bounds what it has signed only where it
was compared with the journal."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.dossier import DossierOpened
from domain.keyring import KeyGround
from domain.services import attesting, keys, oversight
from domain.values import StreamId
from infrastructure.bootstrap import House
from infrastructure.journal import keys as key_files
from infrastructure.journal.envelope import open_envelope
from tests.evidence.archives import archive_with, request_of
from tests.evidence.authorities import running


def dossier_of(house: House) -> tuple[StreamId, int]:
    return next(
        (each.stream, each.position)
        for each in house.archive.journal.follow(0, 100)
        if isinstance(each.event, DossierOpened)
    )


def sign_again(house: House, position: int) -> None:
    """What a thief does who has the key and the file: the last event of a stream says something
    else, and its signature is sound."""
    signer = key_files.load(house.settings.keys).signer
    with closing(
        sqlite3.connect(house.settings.directory / "journal.sqlite", isolation_level=None)
    ) as connection:
        name = "stored_events_UPDATE"
        (guard,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name=?", (name,)
        ).fetchone()
        (state,) = connection.execute(
            "SELECT state FROM stored_events WHERE rowid=?", (position,)
        ).fetchone()
        said = open_envelope(state).payload
        forged = signer.sign(said | {"data": said["data"] | {"opened_on": "2020-01-05"}})
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE stored_events SET state=? WHERE rowid=?", (forged, position))
        connection.execute(guard)


@pytest.mark.parametrize("forged", [False, True])
def test_what_a_lost_key_signed_again_before_the_date_is_found(
    tmp_path: Path, forged: bool
) -> None:
    bundle = tmp_path / "roots.pem"
    (tmp_path / "authorities").mkdir()
    with running(tmp_path / "authorities") as authorities:
        bundle.write_bytes(authorities.pem("root-a"))
        named = {"CHAUBAN_TSA": f"one={authorities.url('one')}", "CHAUBAN_TSA_CA": str(bundle)}
        with archive_with(tmp_path, 1, **named) as house:
            assert attesting.attest(house.archive).made is not None
            archive, asked = house.archive, request_of(house)
            dossier, position = dossier_of(house)
            if forged:
                sign_again(house, position)
            assert oversight.verify(archive, asked, dossier).findings == (), "no key is in doubt"
            first = archive.keys.founding
            since = archive.clock.now()
            keys.rotate_system_key(archive, request_of(house), KeyGround.DISCLOSED)
            keys.declare_compromised(archive, request_of(house), first, since, KeyGround.DISCLOSED)
            archive.views.catch_up()
            found = oversight.verify(archive, asked, dossier)
    assert "doubtful" not in found.checked, "an authority had dated it before"
    kinds = {each.kind for each in found.findings}
    assert kinds == (
        {"log-bundle-differs", "log-tile-differs", "log-root-differs", "log-not-as-remembered"}
        if forged
        else set()
    )
