"""Originals whose events were lost stay: nobody else may have them any more."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from domain.services import oversight
from domain.values import Digest
from infrastructure.bootstrap import House
from tests.evidence.test_log_restart import Lost, lose, restarted


def stray(house: House, content: bytes) -> Digest:
    """Bytes that no event of the archive names."""
    digest = Digest(f"sha256:{sha256(content).hexdigest()}")
    house.archive.objects.put(digest, BytesIO(content))
    return digest


def swept(house: House) -> list[Digest]:
    return oversight.sweep_strays(house.archive, older_than=timedelta(seconds=-5))


def test_what_lost_events_may_name_is_never_swept(tmp_path: Path) -> None:
    lost: Lost = lose(tmp_path)
    with lost.open() as house:
        original = stray(house, b"the only scan of a land title")
        assert house.archive.log.state().stopped is not None
        assert swept(house) == []
        restarted(house)
        later = stray(house, b"what an interrupted run left since")
        assert swept(house) == [later]
        assert house.archive.objects.open(original).read() == b"the only scan of a land title"
