"""What programs send: the members of each body, checked before any service sees them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.web.visit import BASIS
from domain.dossier import DossierField, DossierKind
from domain.record import IsolationGround, RecordField
from domain.values import Basis


def _encodable(text: str) -> str:
    """JSON can name half of a character pair, which is no text."""
    text.encode()
    return text


Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_encodable)]


_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Page = Annotated[int, Field(ge=1, le=100_000)]


class Grounds(BaseModel):
    """On what legal basis something is done; the Law on Archives unless another one is named."""

    model_config = ConfigDict(extra="forbid")

    basis: Line | None = Field(None, description="Code of the legal basis.", examples=[BASIS])
    reference: Line | None = Field(
        None, description="Article, or number of a decision.", examples=["12/QĐ-SNV"]
    )

    def legal_basis(self) -> Basis:
        """The basis; InvalidValueError for one that is written otherwise."""
        return Basis(self.basis or BASIS, self.reference)


class DossierOpening(Grounds):
    """A dossier to be opened."""

    agency: Line = Field(description="The agency that receives it.", examples=["H33.05"])
    title: Line = Field(examples=["Cấp giấy chứng nhận quyền sử dụng đất"])
    kind: DossierKind = Field(DossierKind.PROCEDURE, examples=["work-file"])
    deciding: Line | None = Field(None, description="The agency that decides, when it is another.")
    procedure: Line | None = Field(None, description="Code of a procedure in force.")
    code: Line | None = Field(None, description="The next number of the day without one.")
    applicant: Line | None = None
    phone: Line | None = None
    id_number: Line | None = None
    address: Line | None = None


class DossierCorrection(Grounds):
    """Another value for a field of a dossier; the earlier one stays in history."""

    field: DossierField = Field(examples=["title"])
    value: Line | None = Field(None, examples=["Cấp đổi giấy chứng nhận quyền sử dụng đất"])
    reason: Line = Field(examples=["Ghi nhầm trích yếu"])


class RecordCorrection(Grounds):
    """Another value for a field of a record; the earlier one stays in history."""

    field: RecordField = Field(examples=["subject"])
    value: Line | None = Field(None, examples=["Về kế hoạch sử dụng đất của huyện"])
    reason: Line = Field(examples=["Máy đọc sai một chữ"])


class Isolation(Grounds):
    """Why a record must be seen by nobody."""

    ground: IsolationGround = Field(IsolationGround.OTHER, examples=["stranger"])
    reason: Line = Field(examples=["Giấy tờ của người khác lẫn vào"])


class BatchOpening(BaseModel):
    """What a station is about to send for a dossier."""

    model_config = ConfigDict(extra="forbid")

    files: _Count = Field(description="How many files will follow.", examples=[1])
    device: Line | None = Field(None, examples=["Máy quét quầy 3"])
    sheets: _Count | None = Field(None, description="Sheets of paper, counted by hand.")
    documents: _Count | None = Field(None, description="Papers, counted by hand.")


class Arranging(Grounds):
    """All pages of a record in a new order, each turned further."""

    order: list[_Page] = Field(
        max_length=3000, description="Present page numbers, as they shall stand.", examples=[[2, 1]]
    )
    turned: list[Literal[0, 90, 180, 270]] = Field(
        max_length=3000,
        description="Degrees clockwise, one a page of `order`.",
        examples=[[0, 180]],
    )


class Splitting(Grounds):
    """Pages that become a record of their own."""

    pages: list[_Page] = Field(min_length=1, max_length=3000, examples=[[3]])


class Merging(Grounds):
    """A record whose pages come behind."""

    other: Line = Field(description="Its identity.", examples=["record-…"])


class Moving(Grounds):
    """The dossier to which a record belongs."""

    dossier: Line = Field(description="Its code or identity.", examples=["H33.05-260423-0002"])
    reason: Line = Field(examples=["Xếp nhầm hồ sơ"])


class Withdrawal(Grounds):
    """Why a record is taken out of lists and search."""

    reason: Line = Field(examples=["Quét trùng"])
