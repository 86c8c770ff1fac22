"""What passes between the reader and its sandbox: small JSON files in the folder of a job.

What comes back was written beside a stranger's file and is parsed as strictly as that file:
the names of files are fixed here and never taken from the other side, a link is refused, and
every value must have its type.
"""

import base64
import json
import stat
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.papers import (
    Inspection,
    Limits,
    PageFacts,
    PageRead,
    PageState,
    SignatureJudgement,
    SignatureVerdict,
)
from domain.values import Tool

REQUEST, RESULT = "request.json", "result.json"
PDFA, TEXT, WORDS, THUMBNAILS = "pdfa.pdf", "text.txt", "words.jsonl", "thumbnails"
ASSEMBLED, PICTURE = "assembled.pdf", "picture.jpg"
_RESULT_BYTES = 64 << 20


class MalformedError(Exception):
    """The other side of the sandbox wrote something that it would not write when sound."""


def save(path: Path, value: dict[str, Any]) -> None:
    """Writes one JSON file."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def load(path: Path) -> dict[str, Any]:
    """Reads one JSON object from a plain file of reasonable size."""
    if not is_plain(path) or path.stat().st_size > _RESULT_BYTES:
        raise MalformedError
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise MalformedError from exc
    if not isinstance(value, dict):
        raise MalformedError
    return value


def is_plain(path: Path) -> bool:
    """True for a regular file with one name: no link leads out of the folder."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def thumbnail_name(n: int) -> str:
    """The file of the thumbnail of page `n`, below the folder of the job."""
    return f"{THUMBNAILS}/{n}.jpg"


def inspection_to(value: Inspection) -> dict[str, Any]:
    """As JSON."""
    return asdict(value)


def inspection_from(value: Any) -> Inspection:
    """From JSON; raises MalformedError."""
    try:
        return Inspection(
            media_type=_text(value["media_type"]),
            pages=tuple(
                PageFacts(
                    width=_number(page["width"]),
                    height=_number(page["height"]),
                    dpi=None if page["dpi"] is None else _number(page["dpi"]),
                    colour=bool(page["colour"]),
                    born_digital=bool(page["born_digital"]),
                )
                for page in value["pages"]
            ),
            signatures=_number(value["signatures"]),
            active_content=tuple(_text(name) for name in value["active_content"]),
        )
    except (KeyError, TypeError) as exc:
        raise MalformedError from exc


def limits_from(value: Any) -> Limits:
    """From JSON."""
    return Limits(**{name: _number(value[name]) for name in asdict(Limits())})


def page_from(value: Any) -> PageRead:
    """From JSON; raises MalformedError."""
    try:
        confidence = value["confidence"]
        return PageRead(
            n=_number(value["n"]),
            state=PageState(value["state"]),
            width=_number(value["width"]),
            height=_number(value["height"]),
            turned=_number(value["turned"]),
            characters=_number(value["characters"]),
            confidence=None if confidence is None else _number(confidence),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise MalformedError from exc


def tool_from(value: Any) -> Tool:
    """From JSON; raises MalformedError."""
    try:
        return Tool(
            name=_text(value["name"]),
            version=_text(value["version"]),
            model=_optional(value["model"]),
            options=_optional(value["options"]),
        )
    except (KeyError, TypeError) as exc:
        raise MalformedError from exc


def signature_from(value: Any) -> SignatureVerdict:
    """From JSON; raises MalformedError."""
    try:
        return SignatureVerdict(
            field=_text(value["field"]),
            verdict=_text(value["verdict"]),
            coverage=_text(value["coverage"]),
            signed_at=_optional(value["signed_at"]),
            digest=_optional(value["digest"]),
            weak=value["weak"] is not False,
            signer=_optional(value["signer"]),
        )
    except (KeyError, TypeError) as exc:
        raise MalformedError from exc


def judgement_from(value: Any) -> SignatureJudgement:
    """From JSON; raises MalformedError."""
    try:
        return SignatureJudgement(
            field=_text(value["field"]),
            verdict=_text(value["verdict"]),
            reason=_optional(value["reason"]),
            signed_at=_optional(value["signed_at"]),
            time=_text(value["time"]),
            revocation=_text(value["revocation"]),
            digest=_optional(value["digest"]),
            signer=_optional(value["signer"]),
        )
    except (KeyError, TypeError) as exc:
        raise MalformedError from exc


def certificates_to(certificates: Sequence[bytes]) -> list[str]:
    """As JSON."""
    return [base64.b64encode(each).decode() for each in certificates]


def certificates_from(value: Sequence[str]) -> list[bytes]:
    """From JSON."""
    return [base64.b64decode(each) for each in value]


def warnings_from(value: Any) -> tuple[str, ...]:
    """A list of codes; raises MalformedError."""
    if not isinstance(value, list):
        raise MalformedError
    return tuple(_text(code) for code in value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedError
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError
    return value
