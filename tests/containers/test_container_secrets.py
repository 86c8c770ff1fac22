"""What the containers share is made once, for its owner alone, and a crash leaves nothing mixed."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from deploy.container.make_secrets import main


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    store, certificate = tmp_path / "store", tmp_path / "certificate"
    store.mkdir()
    certificate.mkdir()
    main(store, certificate)
    return store, certificate


def contents(*folders: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}


def require_trusted(store: Path, certificate: Path) -> None:
    """The way of a client that trusts `ca.crt` and asks for the host's name."""
    authority = x509.load_pem_x509_certificate((store / "ca.crt").read_bytes())
    leaf = x509.load_pem_x509_certificate((certificate / "public.crt").read_bytes())
    verifier = (
        PolicyBuilder().store(Store([authority])).build_server_verifier(x509.DNSName("minio"))
    )
    verifier.verify(leaf, [])


def test_everything_is_there_and_for_its_owner_alone(made: tuple[Path, Path]) -> None:
    store, certificate = made
    assert {path.name for path in store.iterdir()} == {"access-key", "secret-key", "ca.crt"}
    assert {path.name for path in certificate.iterdir()} == {"public.crt", "private.key"}
    for path in (*store.iterdir(), *certificate.iterdir()):
        assert path.stat().st_mode & 0o777 == 0o600
    require_trusted(store, certificate)


def test_a_second_start_changes_nothing(made: tuple[Path, Path]) -> None:
    before = contents(*made)
    main(*made)
    assert contents(*made) == before


@pytest.mark.parametrize("lost", ["public.crt", "ca.crt", "access-key", "secret-key"])
def test_a_start_after_a_crash_makes_what_is_missing(made: tuple[Path, Path], lost: str) -> None:
    store, certificate = made
    before = contents(store, certificate)
    (path,) = [folder / lost for folder in made if (folder / lost).exists()]
    path.unlink()
    path.with_name(f"{lost}.part").write_bytes(b"half")
    main(store, certificate)
    after = contents(store, certificate)
    assert after.keys() == before.keys()
    changed = {name for name in before if before[name] != after[name]}
    pair = {"public.crt", "private.key", "ca.crt"}
    assert changed == (pair if lost in pair else {lost})
    require_trusted(store, certificate)
