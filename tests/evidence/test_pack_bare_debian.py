"""A pack is checked on a bare Debian 12: nothing but openssl is there, nothing can be written."""

from pathlib import Path

import pytest

from tests.containers.podman import BASE, podman
from tests.evidence.packs import Case

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


def test_the_verdict_is_the_same_on_a_bare_debian(made: Case, pack: Path) -> None:
    def verdict() -> tuple[int, str]:
        alone = ("run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp")  # noqa: S108
        command = ("sh", "/pack/verify.sh", made.place.certificate)
        done = engine(*alone, "--volume", f"{pack}:/pack:ro", BASE, *command, seconds=300,
                      check=False)  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    engine = podman()
    lacking = engine("run", "--rm", BASE, "sh", "-c", "command -v python3 perl xxd jq", check=False)
    assert "python3" not in lacking.stdout
    code, said = verdict()
    assert code == 0, said
    assert "CHÍNH GỐC · GENUINE" in said
    first = sorted((pack / "originals").iterdir())[0]
    first.write_bytes(first.read_bytes()[:-1] + b"\x00")
    code, said = verdict()
    assert code == 1, said
    assert f"✗ originals/{first.name}: " in said
