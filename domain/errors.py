"""Every error that a user of the archive can meet, each with a stable code.

The text for people lives in the message catalogues, keyed by the code; `details` fill its gaps.
Details are identifiers, codes and counts, never a title, a name or another personal value.
"""


class ArchiveError(Exception):
    """The root: `code` names the case, `details` are the facts that its message needs."""

    code = "archive-error"

    def __init__(self, code: str | None = None, /, **details: str | int) -> None:
        self.code = code or type(self).code
        self.details = details
        facts = ", ".join(f"{name}={value}" for name, value in details.items())
        super().__init__(f"{self.code}: {facts}" if facts else self.code)


class InvalidValueError(ArchiveError, ValueError):
    """A value breaks its format; nothing was stored."""

    code = "invalid-value"


class RuleError(ArchiveError):
    """A rule of the archive forbids the change; nothing was stored."""

    code = "rule"


class NotPermittedError(RuleError):
    """The acting agent may not do this; nothing was stored."""

    code = "not-permitted"


class NotFoundError(ArchiveError):
    """The reference names nothing that the acting agent may see."""

    code = "not-found"


class ConcurrentChangeError(ArchiveError):
    """Somebody else changed the stream first; load it again and decide again."""

    code = "concurrent-change"


class ClaimTakenError(RuleError):
    """A code that must be unique belongs to another stream already (`holder`)."""

    code = "claim-taken"


class CommandReusedError(RuleError):
    """The command id was used before with another request."""

    code = "command-reused"


class ErasedSubjectError(RuleError):
    """Personal data of this subject was erased by a decision; new personal data is refused."""

    code = "subject-erased"


class RefusedFileError(RuleError):
    """A file cannot be taken in; nothing of it was stored. The code says why."""

    code = "file-refused"


class IntegrityError(ArchiveError):
    """Stored bytes, rows or signatures disagree: somebody or something altered the archive."""

    code = "integrity"


class UnavailableError(ArchiveError):
    """A part that is needed cannot be used now (disk full, key missing, service down)."""

    code = "unavailable"


class ClockError(UnavailableError):
    """The clock stepped back behind what is recorded already; nothing was stored."""

    code = "clock-stepped-back"


class ReadingError(ArchiveError):
    """A stored file could not be read (OCR); the original is kept, the failure is recorded."""

    code = "reading-failed"
