"""The few Linux calls that the standard library of Python 3.11 lacks, and what is built on them.

Each raises OSError where the kernel says no; the callers decide whether they can go on without.
"""

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def unshare(flags: int) -> None:
    """Leaves the namespaces named by `flags` for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    _check(
        _libc.mount(
            source.encode() if source else None,
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        )
    )


def die_with_parent() -> None:
    """The kernel kills this process when the thread that started it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def gain_no_privileges() -> None:
    """No program that this process starts gains rights by a setuid bit."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def leave(flags: int) -> None:
    """`unshare`, within a user namespace of one's own where the rights for it are missing."""
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(flags)
    except PermissionError:
        unshare(CLONE_NEWUSER | flags)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")


def hide_others(folder: Path, tree: Path, *, private_tmp: bool) -> None:
    """In a mount namespace of one's own: `folder` covers `tree`; /tmp is new and empty if asked."""
    mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    # By descriptor, since the folder itself may lie below /tmp.
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if private_tmp:
        mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, "size=64m,mode=1777")  # noqa: S108
        tree.mkdir(parents=True, exist_ok=True)
    mount(f"/proc/self/fd/{handle}", str(tree), None, _MS_BIND)
    os.close(handle)
