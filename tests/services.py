"""Real servers for tests: built by `bin/setup --services`, started on loopback, ended by process.

Each gets a folder of its own, a free port and fresh credentials, which stand in its environment
and never among its arguments. A server that is not here skips the test that wants it by name,
or fails it where CHAUBAN_REQUIRE_SERVICES=1 says that it must be here.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

_TOOLS = Path(__file__).parent.parent / ".tools" / "bin"
_READY_SECONDS = 60
_PORTS_TRIED = 5


@dataclass(frozen=True)
class S3Server:
    """A running S3 server and its only user."""

    name: str
    port: int
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Credentials:
    """Made for one server, so that it can be started again over the same folder."""

    access_key: str = field(default_factory=lambda: secrets.token_hex(10), repr=False)
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)


def required() -> bool:
    """Whether a test fails that would be skipped for want of a service."""
    return os.environ.get("CHAUBAN_REQUIRE_SERVICES") == "1"  # noqa: TID251


def missing(what: str) -> NoReturn:
    """Skips the test, or fails it where services are required."""
    if required():
        pytest.fail(f"{what} is missing; `bin/setup --services` provides it")
    pytest.skip(f"{what} is missing; `bin/setup --services` provides it")


def program(name: str) -> Path:
    """The server's program, from `.tools` or PATH."""
    ours = _TOOLS / name
    found = str(ours) if ours.exists() else shutil.which(name)
    if found is None:
        missing(name)
    return Path(str(found))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def minio_server(folder: Path, credentials: Credentials | None = None) -> Iterator[S3Server]:
    """MinIO over `folder`, gone when the context ends."""
    keys = credentials or Credentials()
    environment = {
        "MINIO_ROOT_USER": keys.access_key,
        "MINIO_ROOT_PASSWORD": keys.secret_key,
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    command = [str(program("minio")), "server", "--quiet", "--address", "127.0.0.1:{port}"]
    with running(
        "minio", [*command, str(data)], environment, "/minio/health/ready", folder
    ) as started:
        yield S3Server("minio", started[0], keys.access_key, keys.secret_key, started[1])


@contextmanager
def versitygw_server(folder: Path, credentials: Credentials | None = None) -> Iterator[S3Server]:
    """VersityGW over `folder`, gone when the context ends."""
    keys = credentials or Credentials()
    environment = {"ROOT_ACCESS_KEY": keys.access_key, "ROOT_SECRET_KEY": keys.secret_key}
    data, versions, users = folder / "data", folder / "versions", folder / "users"
    for directory in (data, versions, users):
        directory.mkdir(parents=True, exist_ok=True)
    command = [
        *(str(program("versitygw")), "--port", "127.0.0.1:{port}", "--health", "/health"),
        *("--quiet", "--iam-dir", str(users), "posix", "--versioning-dir", str(versions)),
        *_sidecar(folder),
    ]
    with running("versitygw", [*command, str(data)], environment, "/health", folder) as started:
        yield S3Server("versitygw", started[0], keys.access_key, keys.secret_key, started[1])


def _sidecar(folder: Path) -> list[str]:
    """Where the file system keeps no user attributes, the server keeps them in files."""
    try:
        os.setxattr(folder, "user.chauban", b"1")
    except OSError:
        sidecar = folder / "sidecar"
        sidecar.mkdir(exist_ok=True)
        return ["--sidecar", str(sidecar)]
    return []


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    health: str,
    folder: Path,
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Starts the server on a free port, waits until it answers, and ends it at the close."""
    for _ in range(_PORTS_TRIED):
        port = free_port()
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [part.format(port=port) for part in command],
                env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            if _answers(process, f"http://127.0.0.1:{port}{health}"):
                yield port, process
                return
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    tail = log.read_text(errors="replace")[-2000:]
    pytest.fail(f"{name} does not start; its last words:\n{tail}")


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    """True when the server is ready, False when it ended: somebody else took the port."""
    ends = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310
                return process.poll() is None
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
