"""Where strangers' files are parsed: bubblewrap where it works, limits alone elsewhere.

Inside bubblewrap there is no network, no process of the outside, no /etc, and of the disk only
the programs (/usr, the Python in use, our two packages), all read-only, and the folder of the
jobs. It comes and goes with the process that started it.
Without bubblewrap (a chroot, a kernel that forbids user namespaces) the same program runs with
the limits alone; it then leaves the network by itself where the kernel permits.
"""

import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from domain.papers import Limits

JOBS_INSIDE = Path("/jobs")
_CODE = Path(__file__).resolve().parents[2]
_MIB = 1 << 20


@dataclass(frozen=True)
class Confinement:
    """What keeps a stranger's file from doing harm here."""

    kind: str
    """`bubblewrap`, or `limits` where only limits and, if permitted, a missing network hold."""
    detail: str
    """The version of bubblewrap, or why it cannot be used."""


@lru_cache(maxsize=1)
def confinement() -> Confinement:
    """Tries bubblewrap once; for the composition root and for `doctor`."""
    program = shutil.which("bwrap")
    if program is None:
        return Confinement("limits", "bwrap is not installed")
    try:
        probe = subprocess.run(
            confined([sys.executable, "-c", "print(6 * 7)"]),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Confinement("limits", f"bwrap cannot be started: {error}")
    if probe.returncode != 0 or probe.stdout.strip() != "42":
        # Its first sentence says what is wrong, the rest is advice with addresses.
        return Confinement("limits", probe.stderr.strip().partition(". ")[0][:300])
    return Confinement("bubblewrap", version.stdout.strip())


def command(jobs: Path, control: int, *, kind: str) -> list[str]:
    """The command that starts the warm process; `control` is its end of the control socket."""
    program = [sys.executable, "-m", "infrastructure.ocr.warm", str(control)]
    if kind != "bubblewrap":
        return [*program, str(jobs)]
    bind = ["--bind", str(jobs), str(JOBS_INSIDE)]
    return confined([*program, str(JOBS_INSIDE)], *bind)


def confined(program: list[str], *more: str) -> list[str]:
    """The command that runs a program inside bubblewrap."""
    return ["bwrap", *_view(), *more, "--", *program]


def environment() -> dict[str, str]:
    """The whole environment of the warm process: nothing of ours is handed down."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108
        "PYTHONPATH": str(_CODE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_THREAD_LIMIT": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def _view() -> list[str]:
    """Arguments of bubblewrap: what there is to see, and that it ends with its parent."""
    arguments = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    # Before all else: the programs may themselves lie below /tmp.
    arguments += ["--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr"]  # noqa: S108
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/") / name
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for tree in _programs():
        arguments += ["--ro-bind", str(tree), str(tree)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/"]
    return arguments


def _programs() -> list[Path]:
    """The trees of the Python in use and our own packages, outside of /usr."""
    trees = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()}
    trees |= {_CODE / "domain", _CODE / "infrastructure"}
    return sorted(tree for tree in trees if not tree.is_relative_to("/usr"))


def memory_for_inspection(limits: Limits, file_bytes: int) -> int:
    """Bytes: the file may be mapped, and one picture decoded."""
    return 1024 * _MIB + file_bytes + 4_000_000 * limits.page_megapixels


def memory_for_reading(file_bytes: int, pixels: int) -> int:
    """Bytes: Tesseract takes about 16 for a pixel of the largest page."""
    return 2048 * _MIB + file_bytes + 20 * pixels


def programs_outside_tmp() -> bool:
    """False where an empty /tmp would hide the programs that a job needs."""
    return not any(tree.is_relative_to("/tmp") for tree in _programs())  # noqa: S108


def set_limits(limits: Limits, *, memory: int, pages: int) -> None:
    """Binds this process and its children: memory, processor time, size of a file, open files."""
    seconds = wall_seconds(limits, pages=pages)
    for what, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, max(4 * limits.file_bytes, 1024 * _MIB)),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def wall_seconds(limits: Limits, *, pages: int) -> int:
    """How long a job may take: every page may use up its time, once more for turning it."""
    return 120 + 2 * limits.page_seconds * max(pages, 1)
