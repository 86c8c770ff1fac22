"""The warm process: imports the libraries once, inside the sandbox, and forks one child a job.

It has one thread, so that forking it is safe, and touches no file of a stranger itself.
A message on the control socket is the name of a job's folder, with two descriptors: the file to
read and the channel on which the job reports. The child gets namespaces of its own where the
kernel grants them: then it sees its own folder in place of all jobs, an empty /tmp, and every
process that it leaves behind dies with it. Elsewhere the process group is killed, and another
job's folder could be seen; the folder of a job is removed after it in either case.

Deliberately absent: waiting rooms and retries. The reader outside has them.
"""

import json
import os
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from infrastructure.ocr import kernel, sandbox, wire

_CONTAINED = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET


def serve(control: socket.socket, tree: Path) -> None:
    """Runs jobs until the other end of `control` closes."""
    children: dict[int, tuple[int, socket.socket, str]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                if key.fileobj is not control:
                    _ended(selector, key.fd, children)
                    continue
                message, descriptors, _flags, _address = socket.recv_fds(control, 4096, 2)
                if not message:
                    return
                command, _, name = message.decode().partition(" ")
                if command == "kill":
                    for pid, _channel, job in children.values():
                        if job == name:
                            _kill(pid)
                    continue
                source, channel = descriptors[0], socket.socket(fileno=descriptors[1])
                pid = os.fork()
                if pid == 0:
                    selector.close()
                    control.close()
                    for other in children:
                        children[other][1].close()
                    _child(source, channel, tree, tree / name)
                os.close(source)
                watch = os.pidfd_open(pid)
                children[watch] = (pid, channel, name)
                selector.register(watch, selectors.EVENT_READ)


def _ended(
    selector: selectors.BaseSelector,
    watch: int,
    children: dict[int, tuple[int, socket.socket, str]],
) -> None:
    """Buries a child and tells its reader how it ended."""
    selector.unregister(watch)
    pid, channel, _name = children.pop(watch)
    os.close(watch)
    _pid, status = os.waitpid(pid, 0)
    # Without namespaces its group may have outlived it.
    _kill(pid)
    code = os.waitstatus_to_exitcode(status)
    with suppress(OSError):
        channel.sendall(json.dumps({"ended": code}).encode() + b"\n")
    channel.close()


def _kill(pid: int) -> None:
    for send in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)


def _child(source: int, channel: socket.socket, tree: Path, folder: Path) -> None:
    """Runs one job and ends the process; 0 says that the result is written."""
    code = 1
    try:
        os.setsid()
        kernel.die_with_parent()
        kernel.gain_no_privileges()
        try:
            kernel.leave(_CONTAINED)
            contained = True
        except OSError:
            contained = False
        if contained:
            kernel.hide_others(folder, tree, private_tmp=sandbox.programs_outside_tmp())
            folder = tree
            _continue_as_last_of_its_namespace()
        code = _run(source, channel, folder)
    except BaseException:  # Whatever it is, the child must end here.
        with suppress(BaseException):
            traceback.print_exc(limit=-4)
    finally:
        os._exit(code)


def _continue_as_last_of_its_namespace() -> None:
    """Returns in a grandchild; its guardian, process 1 of the namespace, ends all with it."""
    for guardian in (False, True):
        pid = os.fork()
        if pid:
            while True:
                done, status = os.waitpid(-1 if guardian else pid, 0)
                if done == pid:
                    code = os.waitstatus_to_exitcode(status)
                    os._exit(code if code >= 0 else 128 - code)
        kernel.die_with_parent()


def _run(source: int, channel: socket.socket, folder: Path) -> int:
    # Imported here for its own errors to end in the child; `main` has imported it before.
    from infrastructure.ocr import work

    os.chdir(folder)
    work.run(source, channel, folder, wire.load(folder / wire.REQUEST))
    return 0


def main() -> None:
    """Entry point: descriptor of the control socket, then the folder of all jobs."""
    control, tree = socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])
    kernel.die_with_parent()
    with suppress(OSError):
        # Inside bubblewrap this is done already, and does no harm.
        kernel.leave(kernel.CLONE_NEWNET)
    os.nice(5)
    from infrastructure.ocr import work

    work.warm_up()
    control.sendall(b"ready")
    serve(control, tree)


if __name__ == "__main__":
    main()
