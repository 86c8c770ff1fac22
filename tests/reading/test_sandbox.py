"""The sandbox: nothing to reach from inside, and nothing left behind when somebody is killed."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import ReadingError
from domain.papers import Limits, PageState
from infrastructure.ocr import sandbox, wire
from infrastructure.ocr.reader import SandboxedReader
from tests.reading import paper
from tests.reading.conftest import read

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    return paper.jpeg(paper.page(paper.letter(21, 5)), folder / "letter.jpg")


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory, letter: Path) -> Path:
    """Long enough to be killed in the middle."""
    return paper.pdf([letter] * 12, tmp_path_factory.mktemp("long") / "long.pdf")


@pytest.fixture
def own_reader(tmp_path: Path) -> Iterator[SandboxedReader]:
    made = SandboxedReader(tmp_path / "own", 2)
    yield made
    made.close()


def needs_bubblewrap() -> None:
    if sandbox.confinement().kind != "bubblewrap":
        pytest.skip(f"bubblewrap does not work here: {sandbox.confinement().detail}")


def processes_of(folder: Path) -> dict[int, str]:
    """Every process whose command line names the folder, with that line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(folder) in line and state != "Z":
                found[int(entry.name)] = line
    return found


def children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task")
    try:
        return [
            int(child)
            for task in path.iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def warm_process(folder: Path) -> int:
    """The warm process of the reader that works in `folder`; it forks the jobs."""
    for pid, line in processes_of(folder).items():
        if "bwrap" not in line.split(" ")[0]:
            return pid
    for pid in processes_of(folder):
        below = children_of(pid)
        while below:
            name = Path(f"/proc/{below[0]}/cmdline").read_bytes()
            if b"infrastructure.ocr.warm" in name and not name.startswith(b"bwrap"):
                return below[0]
            below = children_of(below[0])
    raise AssertionError(processes_of(folder))


def test_inside_there_is_no_network_no_etc_and_no_home() -> None:
    needs_bubblewrap()
    probe = textwrap.dedent(
        """
        import os, socket, sys
        print(sorted(os.listdir("/")))
        print([name for _number, name in socket.if_nameindex()])
        try:
            socket.create_connection(("192.0.2.1", 53), 2)
        except OSError as error:
            print(type(error).__name__)
        for place in ("/etc/passwd", sys.argv[1], "/home", "/var"):
            print(os.path.exists(place))
        """
    )
    program = sandbox.confined([sys.executable, "-c", probe, str(ROOT / "tests")])
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split("\n")
    assert "'etc'" not in said[0]
    assert said[1] in {"['lo']", "[]"}
    assert said[2] == "OSError"
    assert said[3:7] == ["False"] * 4


def test_a_job_sees_its_own_folder_alone_and_no_network(
    own_reader: SandboxedReader, tmp_path: Path, letter: Path
) -> None:
    needs_bubblewrap()
    seen: list[tuple[str, set[str]]] = []

    def look(_page: object) -> None:
        folder = tmp_path / "own"
        job = warm_process(folder)
        while below := [pid for pid in children_of(job) if "warm" in name_of(pid)]:
            job = below[0]
        names = {path.name for path in Path(f"/proc/{job}/root/jobs").iterdir()}
        seen.append((network_of(job), names))

    found = own_reader.inspect(str(letter), Limits())
    with own_reader.read(str(letter), found, Limits(), look):
        pass
    network, folder = seen[0]
    assert network != network_of(os.getpid())
    assert wire.REQUEST in folder


def network_of(pid: int) -> str:
    """The network namespace of a process."""
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except OSError:
        return ""


@pytest.mark.parametrize("victim", ["job", "warm process"])
def test_a_killed_reader_fails_the_job_and_serves_the_next(
    own_reader: SandboxedReader, tmp_path: Path, long_file: Path, letter: Path, victim: str
) -> None:
    killed: list[int] = []

    def kill(_page: object) -> None:
        if killed:
            return  # A page that was told before the kill, and heard of after it.
        warm = warm_process(tmp_path / "own")
        killed.append(warm if victim == "warm process" else children_of(warm)[0])
        os.kill(killed[0], signal.SIGKILL)

    found = own_reader.inspect(str(long_file), Limits())
    with (
        pytest.raises(ReadingError, match="reader-killed"),
        own_reader.read(str(long_file), found, Limits(), kill),
    ):
        pass
    assert not list((tmp_path / "own" / "jobs").iterdir())
    assert read(own_reader, letter).reading.pages[0].state is PageState.OK


def test_a_job_past_its_time_is_stopped(
    own_reader: SandboxedReader, long_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = own_reader.inspect(str(long_file), Limits())
    monkeypatch.setattr(sandbox, "wall_seconds", lambda _limits, pages: 1)
    with (
        pytest.raises(ReadingError, match="reader-timeout"),
        own_reader.read(str(long_file), found, Limits(), lambda _page: None),
    ):
        pass


def test_an_error_of_the_caller_ends_the_job(
    own_reader: SandboxedReader, tmp_path: Path, long_file: Path
) -> None:
    def fail(_page: object) -> None:
        raise KeyError

    found = own_reader.inspect(str(long_file), Limits())
    with pytest.raises(KeyError), own_reader.read(str(long_file), found, Limits(), fail):
        pass
    assert children_of(warm_process(tmp_path / "own")) == []


def eventually(true: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("kind", ["bubblewrap", "limits"])
def test_the_sandbox_dies_with_its_parent(tmp_path: Path, long_file: Path, kind: str) -> None:
    if kind == "bubblewrap":
        needs_bubblewrap()
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from domain.papers import Limits
        from infrastructure.ocr.reader import SandboxedReader
        from infrastructure.ocr.sandbox import Confinement
        reader = SandboxedReader(Path(sys.argv[1]), 2, confinement=Confinement("{kind}", "test"))
        found = reader.inspect(sys.argv[2], Limits())
        with reader.read(sys.argv[2], found, Limits(), lambda page: print("page", flush=True)):
            pass
        """
    )
    folder = tmp_path / "parent"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(long_file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"page\n"
        jobs = folder / "jobs"
        assert processes_of(jobs)
        parent.kill()
    assert eventually(lambda: not processes_of(jobs)), processes_of(jobs)


def test_with_limits_alone_a_file_is_read_as_well(tmp_path: Path, letter: Path) -> None:
    reader = SandboxedReader(tmp_path, confinement=sandbox.Confinement("limits", "a chroot"))
    networks = set()

    def look(_page: object) -> None:
        networks.add(network_of(warm_process(tmp_path)))

    try:
        found = reader.inspect(str(letter), Limits())
        with reader.read(str(letter), found, Limits(), look) as reading:
            assert reading.pdfa is not None
    finally:
        reader.close()
    if os.getuid() == 0:
        assert networks != {network_of(os.getpid())}


def test_two_files_are_read_at_a_time(own_reader: SandboxedReader, letter: Path) -> None:
    at_once, most = set(), []

    def one(number: int) -> None:
        found = own_reader.inspect(str(letter), Limits())

        def seen(_page: object) -> None:
            at_once.add(number)
            most.append(len(at_once))
            time.sleep(1.5)
            at_once.discard(number)

        with own_reader.read(str(letter), found, Limits(), seen):
            pass

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 4
    assert max(most) == 2


def test_a_result_that_leads_out_of_the_folder_is_not_taken(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("{}", encoding="utf-8")
    (tmp_path / "link").symlink_to(secret)
    assert wire.load(secret) == {}
    with pytest.raises(wire.MalformedError):
        wire.load(tmp_path / "link")
    (tmp_path / "second-name").hardlink_to(secret)
    with pytest.raises(wire.MalformedError):
        wire.load(secret)


def test_an_absent_program_is_said_to_be_unavailable(
    tmp_path: Path, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = SandboxedReader(tmp_path)
    monkeypatch.setattr(sandbox, "command", lambda *_facts, **_more: ["/nowhere/python"])
    with pytest.raises(ReadingError, match="reader-unavailable"):
        reader.inspect(str(letter), Limits())
    reader.close()
