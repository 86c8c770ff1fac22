"""A program that calls /api/v1, and the tokens of everybody in the prepared archive."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from domain.identity import SCOPES
from tests.pages.site import PEOPLE, Site

V1 = "/api/v1"
_NUMBERS = count(1)
END = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 100 * 86_400))


def token_of(site: Site, login: str, *scopes: str, name: str = "Phần mềm thử") -> str:
    """A new token of somebody of PEOPLE, with every scope unless some are named."""
    person, role, agency = PEOPLE[login]
    given = [word for scope in scopes or sorted(SCOPES) for word in ("--scope", scope)]
    made = site.chauban.json(
        "token", "add", person, name, "--role", role, "--agency", agency, *given, "--until", END
    )
    return str(made["token"])


@dataclass
class Program:
    """A client with a token; each POST gets a key of its own unless one is given."""

    http: httpx.Client = field(repr=False)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(V1 + path, **more)

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        sent = {"Idempotency-Key": key or f"key-{next(_NUMBERS)}", **(headers or {})}
        if body is not None:
            more["json"] = body
        return self.http.post(V1 + path, headers=sent, **more)

    def send(self, batch: str, content: bytes, **headers: str) -> httpx.Response:
        """One file; `X_File_Name` is the header X-File-Name, `key` the key."""
        named = {name.replace("_", "-"): text for name, text in headers.items() if name != "key"}
        named.setdefault("Content-Type", "application/octet-stream")
        return self.post(
            f"/batches/{batch}/files", key=headers.get("key"), headers=named, content=content
        )

    def batch(self, dossier: str, files: int = 1) -> str:
        """A new batch for a dossier."""
        answer = self.post(f"/dossiers/{dossier}/batches", {"files": files})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["batch"])


@contextmanager
def calling(site: Site, token: str | None) -> Iterator[Program]:
    """A program with a token, or with none."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    with httpx.Client(base_url=site.address, headers=headers, timeout=60) as http:
        yield Program(http)


def until(check: Callable[[], object], seconds: float = 20) -> None:
    """Waits for what views or the worker do a moment later."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.1)


def problem(answer: httpx.Response, status: int) -> str:
    """The code of a problem, which has everything that a problem must have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert said["status"] == status
    assert said["type"] == f"urn:chauban:{said['code']}"
    for text in (said["title"], said["detail"]):
        assert text != said["code"]
        assert "<" not in text, text
    assert said["title"] != said["detail"]
    return str(said["code"])
