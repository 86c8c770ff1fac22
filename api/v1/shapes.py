"""What /api/v1 answers, for its OpenAPI document: the public shapes of `--json`.

Fields may be added, never changed; so a member that is not named here goes through as it is.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_DOSSIER = "dossier-0199a6b0-5a52-7c64-9a2e-3f0c5d7e8b11"
_RECORD = "record-0199a6b0-6f10-7d11-8f00-51c8a7d04c22"
_EVENT = "0199a6b0-7a01-7e5b-b0c4-2f1d8e9a6b33"
_SHA256 = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-04-23T02:12:44.120000+00:00"


class Shape(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="allow")


class Problem(Shape):
    """What did not work (RFC 9457): what happened, what was kept, what to do."""

    type: str = Field(examples=["urn:chauban:not-found"])
    code: str = Field(description="Stable.", examples=["not-found"])
    status: int = Field(examples=[404])
    title: str = Field(description="English.")
    detail: str = Field(description="Vietnamese.")
    details: dict[str, str | int] | None = Field(
        None, description="Facts: the field that is wrong, what is allowed."
    )


# ---------------------------------------------------------------- who and what is here


class Agency(Shape):
    """An agency by its newest code and name."""

    agency: str = Field(examples=["H33.05"])
    id: str = Field(examples=["agency-0199a6b0-1111-7c64-9a2e-3f0c5d7e8b11"])
    name: str = Field(examples=["Sở A"])
    parent: str | None = Field(examples=["H33"])


class Agencies(Shape):
    """Every agency."""

    agencies: list[Agency]


class Procedure(Shape):
    """A version of a procedure."""

    procedure: str = Field(examples=["1.004238"])
    id: str
    name: str
    version: int = Field(examples=[1])
    in_force_from: str = Field(examples=["2026-01-01"])


class Procedures(Shape):
    """Every version of every procedure."""

    procedures: list[Procedure]


class Held(Shape):
    """A role that an agent holds or held."""

    role: str = Field(examples=["archivist"])
    agency: str = Field(examples=["H33.05"])
    since: str | None
    until: str | None
    standing_in_for: str | None


class AgentShape(Shape):
    """Somebody who may act."""

    agent: str
    kind: str = Field(examples=["person"])
    name: str | None
    grants: list[Held]
    account: str | None = Field(examples=["open"])


class Agents(Shape):
    """The agents of the agencies that the caller administers."""

    agents: list[AgentShape]


class Me(Shape):
    """Whose token this is and what it may do."""

    agent: str
    name: str | None
    role: str = Field(examples=["scanning-clerk"])
    agency: str = Field(examples=["H33.05"])
    scopes: list[str] = Field(examples=[["read", "receive"]])
    token: str = Field(description="The token's name.", examples=["Máy quét quầy 3"])
    until: str = Field(examples=["2026-12-31T16:59:59.999999+00:00"])


class Status(Shape):
    """How far the archive is, and what signs for it."""

    archive: str
    position: int = Field(description="Of the newest event.", examples=[390])
    indexed: int = Field(description="The event up to which pages can be found.", examples=[390])
    software: str = Field(examples=["chauban 0.1.0"])
    certificate: str = Field(description="SHA-256 of the system certificate.")


# ---------------------------------------------------------------- dossiers


class DossierLine(Shape):
    """A dossier as a list shows it."""

    dossier: str = Field(examples=["H33.05-260423-0001"])
    id: str = Field(examples=[_DOSSIER])
    kind: str = Field(examples=["procedure"])
    title: str | None = Field(description="Null when it was erased.")
    receiving: str = Field(examples=["H33.05"])
    deciding: str = Field(examples=["H33.05"])
    procedure: str | None
    opened_on: str = Field(examples=["2026-04-23"])
    closed: bool
    restricted: bool
    erased_by: str | None
    records: int
    unconfirmed: int


class Dossiers(Shape):
    """One page of dossiers, the newest first."""

    dossiers: list[DossierLine]
    next: str | None = Field(description="The cursor of the next page, null on the last one.")


class Representation(Shape):
    """One rendering of a record."""

    kind: str = Field(examples=["original"])
    sha256: str = Field(examples=[_SHA256])
    media_type: str = Field(examples=["image/jpeg"])
    bytes: int = Field(examples=[302144])
    tool: dict[str, Any] | None


class RecordState(Shape):
    """A record's own fields; personal ones are null when unknown or erased."""

    record: str = Field(examples=[_RECORD])
    dossier: str = Field(examples=["H33.05-260423-0001"])
    carrier: str = Field(examples=["electronic"])
    number: str | None = Field(examples=["390"])
    notation: str | None = Field(examples=["BC-UBND"])
    issued_on: str | None = Field(examples=["2026-04-20"])
    organ: str | None
    type_name: str | None = Field(examples=["Báo cáo"])
    subject: str | None
    language: str | None
    signer_name: str | None
    signer_position: str | None
    paper_location: str | None
    received_name: str | None = Field(examples=["scan-0001.pdf"])
    page_count: int | None
    warnings: list[str]
    pdfa_problem: str | None
    confirmed: bool
    lock: str | None = Field(examples=["none"])
    signatures: list[dict[str, Any]]
    judgements: list[dict[str, Any]] = Field(
        description="The signatures of the originals, each as it was judged last by the trust "
        "anchors of that day: verdict, reason, signer, time and whether that is proved."
    )
    erased_by: str | None
    representations: list[Representation]


class Dossier(Shape):
    """A dossier as it stands or stood, with its records."""

    dossier: str = Field(examples=["H33.05-260423-0001"])
    id: str = Field(examples=[_DOSSIER])
    kind: str
    title: str | None
    receiving: str
    deciding: str
    procedure: str | None
    procedure_code: str | None
    opened_on: str
    applicant: str | None
    phone: str | None
    id_number: str | None
    address: str | None
    closed_on: str | None
    restricted_by: str | None
    erased_by: str | None
    records: list[RecordState]
    position: int = Field(description="Of the last event that is shown.", examples=[12])
    erasure_decision: str | None


class DossierNamed(Shape):
    """What a code names."""

    dossier: str = Field(examples=["H33.05-260423-0001"])
    id: str = Field(examples=[_DOSSIER])


class DossierOpened(DossierNamed):
    """A dossier was opened."""

    event: str = Field(examples=[_EVENT])


class Done(Shape):
    """What was asked for was recorded."""

    event: str = Field(examples=[_EVENT])
    position: int = Field(description="Of the event in the journal.", examples=[391])


class Split(Done):
    """Some pages are a record of their own."""

    record: str = Field(examples=[_RECORD])


# ---------------------------------------------------------------- records


class Page(Shape):
    """A page and its text, empty where it was not read."""

    n: int = Field(examples=[1])
    state: str = Field(examples=["ok"])
    text: str


class Record(RecordState):
    """A record as it stands or stood, with its pages."""

    pages: list[Page]
    position: int = Field(examples=[12])
    erasure_decision: str | None


class Word(Shape):
    """A word and where it stands, in 0..1 of the page as it is shown."""

    text: str = Field(examples=["huyện"])
    box: list[float] = Field(
        description="Left, top, right, bottom.", examples=[[0.09, 0.31, 0.14, 0.35]]
    )
    confidence: int = Field(description="0 to 100.", examples=[96])


class PageRead(Shape):
    """A page with its words; what its reading tells is null before that."""

    n: int = Field(examples=[1])
    state: str | None = Field(examples=["ok"])
    text: str
    width: int | None = Field(description="Pixels of the picture that was read.")
    height: int | None
    words: list[Word]


# ---------------------------------------------------------------- arriving files


class BatchOpened(Shape):
    """Files may follow."""

    batch: str
    dossier: str = Field(examples=[_DOSSIER])


class Batch(BatchOpened):
    """What became of the files of a batch so far."""

    agency: str
    files_declared: int
    sheets_declared: int | None
    documents_declared: int | None
    received: list[str] = Field(description="Records.", examples=[[_RECORD]])
    pages: int
    duplicated: int
    refused: int


class Receipt(Shape):
    """The signed fact that a file was received; for `stored` its sender may let go of it."""

    state: Literal["stored", "duplicate"]
    reason: str | None
    batch: str
    record: str | None = Field(examples=[_RECORD])
    sha256: str | None = Field(examples=[_SHA256])
    event: str = Field(examples=[_EVENT])
    warnings: list[str] = Field(examples=[["low-resolution"]])


# ---------------------------------------------------------------- finding


class Hit(Shape):
    """A page that matches."""

    record: str = Field(examples=[_RECORD])
    dossier: str
    page: int
    match: str = Field(examples=["exact"])
    score: float
    snippet: str = Field(description="Each matched word between U+E000 and U+E001.")
    boxes: list[list[float]]


class Findings(Shape):
    """One page of results."""

    total: int
    position: int = Field(description="The event up to which pages were looked at.")
    offset: int
    hits: list[Hit]
    facets: dict[str, list[list[Any]]]


class WorkLine(Shape):
    """Something that is to be done or went wrong."""

    record: str
    dossier: str
    task: str = Field(examples=["confirm"])
    state: str = Field(examples=["pending"])
    reason: str | None
    attempts: int
    since: str = Field(examples=[_AT])


class Work(Shape):
    """What is still to be done, and what failed."""

    pending: list[WorkLine]
    failed: list[WorkLine]
    incidents: list[dict[str, Any]]


# ---------------------------------------------------------------- overseeing


class Event(Shape):
    """One event; what cannot be read is null."""

    position: int
    stream: str | None
    type: str | None = Field(examples=["record-confirmed/1"])
    signature: str = Field(examples=["intact"])
    id: str | None
    version: int | None
    at: str | None = Field(examples=[_AT])
    by: dict[str, Any] | None
    why: dict[str, Any] | None
    command: str | None
    data: dict[str, Any] | None
    erased: list[str] = Field(description="Fields of `data` that were erased by a decision.")


class History(Shape):
    """One page of events, the oldest first."""

    events: list[Event]
    next: str | None = Field(description="The cursor of the next page, null on the last one.")


class ReadLine(Shape):
    """Somebody looked."""

    number: int
    at: str = Field(examples=[_AT])
    by: dict[str, Any]
    purpose: str = Field(examples=["api"])
    kind: str = Field(examples=["view"])
    what: str | None
    detail: str
    segment: int | None = Field(description="The signed segment that holds it, if it is closed.")


class Reads(Shape):
    """Who looked, the newest first."""

    reads: list[ReadLine]


# ---------------------------------------------------------------- the log


class TimeToken(Shape):
    """An authority's word on when a checkpoint was there."""

    authority: str = Field(examples=["tsa-a"])
    at: str = Field(examples=[_AT])
    until: str = Field(
        description="The day on which its certificate ends.", examples=["2031-04-23"]
    )


class Attested(Shape):
    """A checkpoint that outsiders have vouched for."""

    size: int = Field(description="Events that it covers.", examples=[388])
    position: int = Field(description="Of the event that says so.", examples=[389])
    at: str = Field(examples=[_AT])
    witnesses: list[str] = Field(examples=[["witness.example.org"]])
    tokens: list[TimeToken]


class EndedLog(Shape):
    """A log that another one followed, because the archive lost events that it had signed."""

    origin: str = Field(examples=["example.org/chauban"])
    key: str = Field(
        description="The verifier key that signed last.",
        examples=["example.org/chauban+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"],
    )
    size: int = Field(description="Events that were signed.", examples=[390])
    root: str = Field(description="Hexadecimal.")
    kept: int | None = Field(
        description="So many of them the archive has; null where nobody could tell.", examples=[370]
    )
    ground: str = Field(description="`restored`, `lost` or `altered`.", examples=["restored"])
    reference: str | None = Field(description="Of the order to end it.")
    at: str = Field(examples=[_AT])
    position: int = Field(description="Of the event that says so.", examples=[388])


class Log(Shape):
    """How far the transparency log is."""

    origin: str = Field(examples=["example.org/chauban"])
    key: str = Field(
        description="The verifier key of its checkpoints.",
        examples=["example.org/chauban+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"],
    )
    size: int = Field(description="Events that the newest checkpoint covers.", examples=[390])
    root: str | None = Field(description="Hexadecimal.")
    published_at: str | None = Field(examples=[_AT])
    waiting: int = Field(description="Events that no checkpoint covers yet.", examples=[0])
    stopped: str | None = Field(description="The code of what keeps the log from growing.")
    attested: Attested | None = Field(description="What outsiders vouched for last.")
    ended: list[EndedLog] = Field(description="The logs before this one, the first one first.")


class Consistency(Shape):
    """That a log continues a smaller one."""

    old: int = Field(examples=[388])
    size: int = Field(examples=[390])
    hashes: list[str] = Field(
        description="Base64, in the order of RFC 6962.",
        examples=[["qQj1bwu9RNPKJTHGQhO1hmnFpOB1qgOzaHCuEFMGLcE="]],
    )
