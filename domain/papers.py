"""What is read from a paper and judged of it: pages, pictures, signatures, and who does it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.values import Digest, FileObject, StreamId, Tool


class PageState(StrEnum):
    """How the reading of a page ended. Nothing but OK and EMPTY counts as read."""

    OK = "ok"
    EMPTY = "empty"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Limits:
    """What a file may ask of the reader."""

    file_bytes: int = 1 << 30
    pages: int = 3000
    page_megapixels: int = 250
    page_seconds: int = 180


@dataclass(frozen=True)
class PageFacts:
    """What is known of a page before it is read."""

    width: int
    """Pixels of the page's picture (of its largest image, or of the page at 300 dpi)."""
    height: int
    dpi: int | None
    """Resolution of the scan, None for a page that is not a picture."""
    colour: bool
    """False for grey or black and white."""
    born_digital: bool
    """True when the page carries visible text of its own."""


@dataclass(frozen=True)
class Inspection:
    """What a file is, found without trusting its name."""

    media_type: str
    pages: tuple[PageFacts, ...]
    signatures: int
    """How many digital signatures the file claims to carry; their verdict is another matter."""
    active_content: tuple[str, ...]
    """`javascript`, `launch`, `embedded-file`, `xfa`: kept as they are, named for the reader."""


@dataclass(frozen=True)
class PageRead:
    """One page after reading. `text` and the words are exactly what the engine said, in NFC."""

    n: int
    state: PageState
    width: int
    """Pixels of the picture that was read, after turning and straightening."""
    height: int
    turned: int
    """Degrees clockwise by which the picture was turned before reading: 0, 90, 180 or 270."""
    characters: int
    confidence: int | None
    """Mean confidence of the words, 0 to 100; None without words."""


@dataclass(frozen=True)
class Reading:
    """What a reading made, in files below a folder that is gone when the context ends."""

    pages: tuple[PageRead, ...]
    pdfa: str | None
    """Path of the PDF/A-2, None when it cannot be had (`pdfa_problem` says why)."""
    pdfa_problem: str | None
    text: str
    """Path of the text: UTF-8, NFC, the pages separated by a form feed."""
    words: str
    """Path of the words: one line of JSON a page,
    {"n":1,"w":px,"h":px,"words":[[text, left, top, right, bottom, confidence], …]},
    the box in 0..1 of the page as it is shown, confidence 0 to 100."""
    thumbnails: tuple[str | None, ...]
    """Path of a JPEG of each page, longest side 320 pixels."""
    tool: Tool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SignatureVerdict:
    """One signature inside a file: is it mathematically sound, and over what.

    No trust anchor, no revocation and no time of ours was asked: who signed is a claim.
    """

    field: str
    """Name of the form field that holds it, empty when it cannot be told."""
    verdict: str
    """`intact`, `broken` (digest or signature do not fit), `changed-after-signing` (intact, and
    the file was altered later in a way that signing does not allow), `unknown-algorithm`,
    `unreadable`."""
    coverage: str
    """`entire-file`, `entire-revision`, `part` or `unclear`: what the signed bytes span."""
    signed_at: str | None
    """The time that the signer's machine claims (RFC 3339), None when it claims none."""
    digest: str | None
    """The digest algorithm of the signature, `sha256` for example."""
    weak: bool
    """True for a digest that no longer proves anything by itself (MD5, SHA-1)."""
    signer: str | None
    """Subject of the certificate as it names itself; its chain was not checked."""


@dataclass(frozen=True)
class TrustAnchors:
    """The certificates that the archive was told to believe."""

    certificates: tuple[bytes, ...]
    """DER, each once, sorted by their bytes; none where nobody configured any."""
    digest: Digest
    """SHA-256 over the certificates, one after the other: which set it was."""


class AnchorFolder(Protocol):
    """Where an administrator puts what the archive shall believe."""

    def current(self) -> TrustAnchors:
        """The set as it is now. Raises UnavailableError("anchor-unreadable") rather than judge by
        a part of it."""


@dataclass(frozen=True)
class SignatureJudgement:
    """One signature inside a file, judged offline against trust anchors.

    What the file itself carries was asked: certificates, revocation data, timestamps. Nobody else
    was; what became known elsewhere does not count.
    """

    field: str
    """As in SignatureVerdict."""
    verdict: str
    """`valid` (it fits, leads to an anchor and was not revoked at `signed_at`), or the first of
    these that holds: `broken`, `changed-after-signing`, `unreadable`, `unknown-algorithm` (see
    SignatureVerdict), `weak-algorithm`, `no-anchors` (none is configured; everything so far is
    in order), `unknown-issuer`, `revoked`, `expired` (the certificate ended and nothing proves
    that the signature is older), `unclear` (`reason` says why)."""
    reason: str | None
    """For `unclear`: `revocation-unknown`, `not-yet-valid`, `not-for-signing`, `chain-unsound`;
    for `weak-algorithm`: `weak-digest`, `weak-certificate`. Otherwise None."""
    signed_at: str | None
    """The time that was judged by (RFC 3339): the proved one, or else what the signer claims."""
    time: str
    """`proved` by a timestamp that leads to an anchor, `claimed` by the signer alone, or `none`."""
    revocation: str
    """`good`, `revoked`, `unknown` (the file carries no answer that fits the time) or
    `not-asked`."""
    digest: str | None
    signer: str | None
    """Subject of the certificate."""


@dataclass(frozen=True)
class Assembled:
    """A PDF of chosen pages, gone when its context ends."""

    path: str
    tool: Tool


class PaperReader(Protocol):
    """Looks at files of strangers in a sandbox: no network, limits on time, memory and pixels.

    Paths are of local files, which are only read. A bug in a foreign library, or an attack
    through one, costs a failed reading and nothing else.
    """

    def inspect(self, path: str, limits: Limits) -> Inspection:
        """What the file is; the same file gives the same answer.

        Raises RefusedFileError with one of: `empty-file`, `file-too-large`, `type-not-accepted`,
        `file-damaged`, `file-encrypted`, `too-many-pages`, `page-too-large`, `no-pages`.
        """

    def read(
        self,
        path: str,
        inspection: Inspection,
        limits: Limits,
        on_page: Callable[[PageRead], None],
        *,
        as_it_lies: bool = False,
    ) -> AbstractContextManager[Reading]:
        """Reads every page, calling `on_page` as each ends (from this thread, in any order).

        `as_it_lies` turns no page upright: a person decided how each of them lies.
        Raises ReadingError with one of: `reader-killed`, `reader-crashed`, `reader-timeout`,
        `text-layer-lost` (the PDF/A does not give back the text), `reader-unavailable`.
        """

    def assemble(
        self, paths: Sequence[str], pages: Sequence[tuple[int, int, int]], limits: Limits
    ) -> AbstractContextManager[Assembled]:
        """One PDF of pages of several files, with the pictures' own bytes where a PDF can hold
        them. Each page: the file (from 0), its page (from 1), degrees clockwise.

        Raises ReadingError as `read` does, `reader-crashed` also for a page that a file has not.
        """

    def picture(self, path: str, page: int, width: int, turned: int) -> bytes:
        """Page `page` (from 1) of a PDF or picture file as it is shown, then turned clockwise by
        `turned` degrees: a JPEG, `width` pixels across.

        Raises NotFoundError for no such page, ReadingError as `read` does.
        """

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        """The signatures inside a file, in order; a file that is no PDF carries none.

        Raises ReadingError as `read` does; an odd file gives a verdict `unreadable` instead.
        """

    def judge(
        self, path: str, anchors: TrustAnchors, at: datetime
    ) -> tuple[tuple[SignatureJudgement, ...], Tool]:
        """The same signatures judged against anchors as of an instant, and what judged them.

        Raises ReadingError as `signatures` does.
        """


class PagePictures(Protocol):
    """Pictures of pages for the screen, kept for a while; they can always be made again."""

    def picture(self, file: FileObject, page: int, width: int, turned: int) -> bytes:
        """See `PaperReader.picture`, for stored bytes."""

    def forget(self, files: Sequence[Digest]) -> None:
        """Leaves no picture of any page of these files."""


class ReadingProgress(Protocol):
    """How far a reading is, for whoever waits. It may be lost at any time and is no fact."""

    def note(self, record: StreamId, done: int, total: int) -> None:
        """`done` of `total` pages have ended."""

    def of(self, record: StreamId) -> tuple[int, int] | None:
        """Pages done and pages in all, None when nobody reads the record."""

    def drop(self, record: StreamId) -> None:
        """The reading ended."""
