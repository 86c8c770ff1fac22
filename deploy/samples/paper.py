"""What a sample paper is made of."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Text:
    """A paragraph of the body; `lead` stands before it in bold."""

    text: str
    lead: str = ""
    centred: bool = False
    bold: bool = False
    indent: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of cells, the first row being the heading; `widths` are shares of the line."""

    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Paper:
    """One paper as it was typed, and how it was scanned."""

    file: str
    dossier: str
    title: str
    """Trích yếu."""
    type_name: str
    organ: str
    blocks: tuple[Text | Table, ...]
    sentences: tuple[str, ...]
    """What the paper says, word for word, each within one page."""
    above: str = ""
    """The agency above the issuing one, in the letterhead."""
    letterhead: str = ""
    """The issuing agency in the letterhead; empty for what a citizen writes."""
    number: str = ""
    place: str = "Kiên Giang"
    issued_on: date = date(2018, 12, 14)
    addressee: str = ""
    """Who is written to (Kính gửi)."""
    recipients: tuple[str, ...] = ()
    """Nơi nhận."""
    signer: tuple[str, ...] = ()
    annex: tuple[Text | Table, ...] = ()
    """A page of its own after the signature."""
    arrived: str = ""
    """What the clerk wrote into the stamp ĐẾN."""
    a5: bool = False
    dpi: int = 200
    skew: float = 0.0
    """Degrees, clockwise."""


@dataclass(frozen=True)
class Dossier:
    """A dossier that the papers belong to."""

    key: str
    agency: str
    title: str
    kind: str
    """`procedure` or `work-file`."""
    procedure: str = ""
