"""`archive.json`: which archive a folder is, and who acts for which account. It holds no fact."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from domain.errors import UnavailableError

_FORMAT = 1
_FILE = "archive.json"


@dataclass(frozen=True)
class Description:
    """What opening needs to know before it can read the first event."""

    archive: str
    worker: str
    """The software agent in whose name the worker records; the founding names it, too."""
    accounts: dict[str, str]
    """The agent that acts for an account of this machine (by its number) when none is named."""


def write_description(directory: Path, description: Description) -> None:
    """Durable on return."""
    staged = directory / f"{_FILE}.new"
    with staged.open("w") as file:
        json.dump({"format": _FORMAT, **asdict(description)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(directory / _FILE)


def read_description(directory: Path) -> Description:
    """The description of an archive; UnavailableError for none, or for one that makes no sense."""
    try:
        content: Any = json.loads((directory / _FILE).read_text())
    except FileNotFoundError as exc:
        raise UnavailableError("archive-missing") from exc
    except (OSError, ValueError) as exc:
        raise UnavailableError("archive-unreadable") from exc
    if not isinstance(content, dict) or "format" not in content:
        raise UnavailableError("archive-unreadable")
    if content["format"] != _FORMAT:
        raise UnavailableError("archive-of-another-version")
    accounts = content.get("accounts")
    texts = [content.get("archive"), content.get("worker")]
    texts += accounts.values() if isinstance(accounts, dict) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise UnavailableError("archive-unreadable")
    return Description(content["archive"], content["worker"], content["accounts"])
