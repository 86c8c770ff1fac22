"""Evidence packs of a real archive, unpacked, altered as forgers would, and checked as an outsider
does: by `verify.sh` and what a bare Debian has."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.evidence import Checkpoint
from domain.services import evidencing
from domain.services.attesting import attest
from domain.values import StreamId
from infrastructure.bootstrap import read_settings
from infrastructure.evidence.notes import COSIGNATURE, cosigned, parse_note, verifier_key
from tests.evidence.authorities import Authorities
from tests.foreign.tools import Jwk
from tests.story.papers import Papers
from tests.story.place import Desk, Place, found_place

TOOLS = (
    *("sh", "openssl", "awk", "sed", "grep", "find", "xargs", "sha256sum", "sort", "head", "tr"),
    *("cat", "date", "dirname", "mktemp", "mkdir", "mv", "rm"),
)
"""What verify.sh may use: all but openssl is in every Debian."""


@dataclass(frozen=True)
class Checked:
    """What verify.sh said."""

    code: int
    said: str

    def names(self, file: str, fault: str) -> bool:
        """True when a line names the file and the fault, in English."""
        return any(f"✗ {file}: " in line and fault in line for line in self.said.splitlines())


@dataclass
class Witness:
    """The port Witness: it believes every checkpoint."""

    name: str = "witness.example/one"
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> str:
        return verifier_key(self.name, self.private, COSIGNATURE).text

    def cosign(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> str:
        text = parse_note(checkpoint.note).text
        return cosigned(text, self.name, self.private, 1_795_000_000).text


@dataclass(frozen=True)
class Case:
    """A dossier with two records, one of them split from nothing, corrected and confirmed."""

    place: Place
    dossier: StreamId
    record: StreamId
    witness: Witness

    @contextmanager
    def open(self) -> Iterator[Desk]:
        with self.place.open() as desk:
            yield replace(desk, archive=replace(desk.archive, witnesses=(self.witness,)))

    def pack(self, target: StreamId, without: Collection[str] = ()) -> bytes:
        with self.open() as desk:
            made = evidencing.pack(desk.archive, desk.request(), target, without=without)
            return b"".join(made.chunks)


def case(folder: Path, papers: Papers, authorities: Authorities) -> Case:
    """The archive of the tests, its log witnessed and dated."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / "tsa.pem"
    bundle.write_bytes(authorities.pem("root-a", "root-b"))
    environment = {
        "CHAUBAN_TSA": f"one={authorities.url('one')}",
        "CHAUBAN_TSA_CA": str(bundle),
    }
    place = found_place(folder, papers, environment)
    made = replace(place, settings=read_settings(str(place.folder), environment))
    witness = Witness()
    with made.open() as desk:
        record = desk.receive("don-xin-cap-dat").record
        desk.receive("bien-ban-do-dac")
        desk.work()
        desk.correct(made.dossier, "title", "Cấp giấy chứng nhận, sửa tên")
        desk.correct(made.dossier, "phone", "0912345678")
        desk.archive.views.catch_up()
        attest(replace(desk.archive, witnesses=(witness,)))
        desk.archive.views.catch_up()
    return Case(made, made.dossier, record, witness)


def unpacked(content: bytes, folder: Path) -> Path:
    """The files of a pack in a new folder."""
    folder.mkdir(parents=True)
    with ZipFile(BytesIO(content)) as packed:
        packed.extractall(folder)
    return folder


def listed_again(folder: Path) -> Path:
    """What a forger does who knows no key: the list of files fits what is there."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    lines = [
        f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in names
        if name not in ("manifest.sha256", "manifest.jws")
    ]
    (folder / "manifest.sha256").write_text("".join(lines))
    return folder


def checked(
    folder: Path, *known: str, tools: Path | None = None, shell_name: str = "sh", **more: str
) -> Checked:
    """What `sh verify.sh` says of an unpacked pack."""
    path = str(tools) if tools is not None else "/usr/local/bin:/usr/bin:/bin"
    done = subprocess.run(
        [shutil.which(shell_name, path=path) or shell_name, "verify.sh", *known],
        cwd=folder,
        env={"PATH": path, "TMPDIR": str(folder.parent), **more},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Checked(done.returncode, done.stdout.decode() + done.stderr.decode())


def bare_tools(folder: Path) -> Path:
    """A folder with the tools of TOOLS and nothing else."""
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def event_files(folder: Path) -> list[Path]:
    return sorted((folder / "events").glob("*.jws"))


def payload_of(envelope: str) -> dict[str, object]:
    part = envelope.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def event_named(folder: Path, name: str) -> Path:
    """The first event of a stored name."""
    return next(
        path for path in event_files(folder) if payload_of(path.read_text())["type"] == name
    )


def beside(event: Path, kind: str, suffix: str) -> Path:
    """The disclosures or the proof of an event."""
    return event.parents[1] / kind / f"{event.stem}.{suffix}"


def jwk_of(folder: Path) -> Jwk:
    """The only key of a pack, as JOSE libraries want it."""
    (pem,) = (folder / "certificates").glob("*.pem")
    key = x509.load_pem_x509_certificate(pem.read_bytes()).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    numbers = key.public_numbers()

    def text(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()

    return {"kty": "EC", "crv": "P-256", "x": text(numbers.x), "y": text(numbers.y)}
