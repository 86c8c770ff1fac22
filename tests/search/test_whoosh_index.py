"""What Whoosh alone does not keep: durability, one writer, sweeping, rebuilding, forgetting."""

import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from domain.errors import ConcurrentChangeError, UnavailableError
from infrastructure.search import engine, generation
from infrastructure.search.whoosh_index import WhooshIndex
from tests.search.pages import OURS, page, stream

ROOT = Path(__file__).parents[2]


def live(directory: Path) -> Path:
    return directory / (directory / "CURRENT").read_text()


def files(directory: Path) -> set[str]:
    return {path.name for path in live(directory).iterdir()} - {"MAIN_WRITELOCK"}


def check(directory: Path, position: int | None = None) -> int:
    """The index opens, agrees with its position and holds no file too many."""
    index = WhooshIndex(directory)
    reached = index.position()
    assert position is None or reached == position
    assert {int(one.record[-12:], 16) for one in index.inspect_pages()} == set(
        range(1, reached + 1)
    )
    assert index.search('"biên bản"', OURS, limit=0).total == reached
    snapshot = generation.load(live(directory))
    named = {name for name in files(directory) if name.startswith("MAIN_")}
    assert all(any(name.startswith(s.identity) for s in snapshot.segments) for name in named)
    assert len(files(directory) - named) == 1
    return reached


# ---------------------------------------------------------------- crashes

WRITING = """
import os, signal, sys
from pathlib import Path
from infrastructure.search import engine, generations
from infrastructure.search.whoosh_index import WhooshIndex
from tests.search.pages import page

calls = int(sys.argv[3])

def die(original):
    def call(*args, **kwargs):
        global calls
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    return call

for name in ("create_file", "rename_file", "delete_file"):
    setattr(engine.DurableStorage, name, die(getattr(engine.DurableStorage, name)))
engine.sync = generations.sync = die(engine.sync)
index = WhooshIndex(Path(sys.argv[1]))
for n in range(index.position() + 1, 400):
    # Each commit also replaces a page, so that there is something to purge.
    index.apply(n, [page(n, f"biên bản {n}"), page(1, f"biên bản {n}")], [])
    print(n, flush=True)
    if sys.argv[2] == "purge":
        index.purge()
    if sys.argv[2] == "rebuild":
        with index.rebuild() as fresh:
            fresh.apply(n, list(index.inspect_pages()), [])
"""


def killed(directory: Path, doing: str, call: int) -> int:
    """Writes until the given file operation, is killed there; the last acknowledged position."""
    run = subprocess.run(
        [sys.executable, "-c", WRITING, str(directory), doing, str(call)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    return int(run.stdout.split()[-1]) if run.stdout.split() else 0


@pytest.mark.parametrize("doing", ["apply", "purge", "rebuild"])
def test_a_writer_killed_at_any_file_operation_leaves_a_sound_index(
    tmp_path: Path, doing: str
) -> None:
    reached = 0
    for call in (1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 16, 19, 22, 25, 28, 31, 74, 97):
        acknowledged = killed(tmp_path, doing, call)
        now = check(tmp_path)
        assert max(acknowledged, reached) <= now <= max(acknowledged, reached) + 1
        reached = now
        assert sum(path.is_dir() for path in tmp_path.iterdir()) == 1


def test_everything_is_synced_before_the_commit_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = WhooshIndex(tmp_path)
    steps: list[str] = []
    rename = os.rename
    monkeypatch.setattr(engine, "sync", lambda path: steps.append(Path(path).name))

    def note(old: str, new: str) -> None:
        steps.append("RENAME")
        rename(old, new)

    monkeypatch.setattr(os, "rename", note)
    index.apply(1, [page(1, "biên bản 1")], [])
    before, after = steps[: steps.index("RENAME")], steps[steps.index("RENAME") + 1 :]
    assert {name.rpartition(".")[2] for name in before} >= {"trm", "pst", "col"}
    assert any(".toc." in name for name in before)
    assert after == [live(tmp_path).name]


def test_a_failed_commit_changes_nothing_and_frees_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = WhooshIndex(tmp_path)
    index.apply(1, [page(1, "biên bản 1")], [])
    with monkeypatch.context() as patch:
        patch.setattr(engine, "sync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(UnavailableError, match="index-unwritable"):
            index.apply(2, [page(2, "biên bản 2")], [])
    check(tmp_path, 1)
    index.apply(2, [page(2, "biên bản 2")], [])
    check(tmp_path, 2)


# ---------------------------------------------------------------- one writer, many readers


def test_a_second_writer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "WAIT", 0.1)
    index = WhooshIndex(tmp_path)
    writer = generation.Writer(live(tmp_path))
    with pytest.raises(UnavailableError, match="index-busy"):
        index.apply(1, [], [])
    writer.abandon()
    index.apply(1, [], [])


def test_a_position_never_goes_back(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    index.apply(5, [], [])
    with pytest.raises(ConcurrentChangeError, match="index-ahead"):
        index.apply(4, [page(1, "biên bản")], [])
    assert list(index.inspect_pages()) == []


def test_readers_see_commits_of_another_process_and_searches_of_threads_agree(
    tmp_path: Path,
) -> None:
    reader, writer = WhooshIndex(tmp_path), WhooshIndex(tmp_path)
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            answer = reader.search("biên bản", OURS, limit=3)
            if answer.total != answer.position:
                wrong.append(answer)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for n in range(1, 25):
            writer.apply(n, [page(n, f"biên bản {n}")], [])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert reader.position() == 24


# ---------------------------------------------------------------- damage and rebuilding


def damaged(path: Path, kind: str) -> None:
    data = path.read_bytes()
    match kind:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "zeros":
            path.write_bytes(bytes(len(data)))
        case _:
            middle = len(data) // 2
            path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])


def use(index: WhooshIndex) -> None:
    index.search("biên bản", OURS)
    list(index.inspect_pages())


@pytest.mark.parametrize("kind", ["gone", "cut", "zeros", "flipped"])
def test_damage_is_named_and_a_rebuild_heals_it(tmp_path: Path, kind: str) -> None:
    for suffix in (".trm", ".pst", "._stored.col", ".length.col", ".toc"):
        if (kind, suffix) == ("flipped", ".toc"):
            continue  # A flipped bit of the position is no damage that can be seen.
        directory = tmp_path / suffix
        first = WhooshIndex(directory)
        first.apply(99, [page(m, f"biên bản {m} " * 9) for m in range(1, 99)], [])
        (path,) = (path for path in live(directory).iterdir() if path.name.endswith(suffix))
        damaged(path, kind)
        index = WhooshIndex(directory)
        with pytest.raises(UnavailableError, match="index-damaged"):
            use(index)
        with index.rebuild() as fresh:
            fresh.apply(2, [page(m, f"biên bản {m}") for m in range(1, 3)], [])
        assert index.position() == 2
        check(directory, 2)


def test_a_pointer_to_nothing_is_damage_too(tmp_path: Path) -> None:
    WhooshIndex(tmp_path)
    (tmp_path / "CURRENT").write_text("")
    index = WhooshIndex(tmp_path)
    with pytest.raises(UnavailableError, match="index-damaged"):
        index.position()
    with index.rebuild() as fresh:
        fresh.apply(1, [page(1, "biên bản")], [])
    check(tmp_path, 1)


def test_an_index_of_another_layout_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WhooshIndex(tmp_path)
    monkeypatch.setattr(generation, "LAYOUT", 99)
    with pytest.raises(UnavailableError, match="index-damaged"):
        WhooshIndex(tmp_path).position()


def test_the_live_index_answers_while_another_is_built_beside_it(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    index.apply(1, [page(1, "bản cũ")], [])
    with index.rebuild() as fresh:
        fresh.apply(1, [page(1, "bản mới")], [])
        WhooshIndex(tmp_path)  # An opening meanwhile sweeps nothing that is being built.
        index.apply(2, [page(2, "bản cũ")], [])
        assert index.search("cũ", OURS).total == 2
        assert fresh.search("mới", OURS).total == 1
        fresh.apply(2, [page(2, "bản mới")], [])
    assert index.position() == 2
    assert index.search("mới", OURS).total == 2
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [live(tmp_path).name]
    index.apply(3, [page(3, "bản mới")], [])
    assert WhooshIndex(tmp_path).search("mới", OURS).total == 3


def fail_while_rebuilding(index: WhooshIndex) -> None:
    with index.rebuild() as fresh:
        fresh.apply(1, [page(2, "bản mới")], [])
        raise UnavailableError("index-unwritable")


def test_a_rebuild_that_fails_leaves_the_live_index(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    index.apply(1, [page(1, "biên bản 1")], [])
    with pytest.raises(UnavailableError, match="index-unwritable"):
        fail_while_rebuilding(index)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [live(tmp_path).name]
    check(tmp_path, 1)


def test_a_builder_that_was_killed_is_swept(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from infrastructure.search.whoosh_index import WhooshIndex
        from tests.search.pages import page
        index = WhooshIndex(Path(sys.argv[1]))
        index.apply(1, [page(1, "biên bản 1")], [])
        index.beside().apply(1, [page(1, "bản mới")], [])
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
    )
    assert run.returncode == -signal.SIGKILL
    assert sum(path.is_dir() for path in tmp_path.iterdir()) == 2
    check(tmp_path, 1)
    assert sum(path.is_dir() for path in tmp_path.iterdir()) == 1


# ---------------------------------------------------------------- forgetting


def bytes_within(directory: Path) -> bytes:
    """All that the files say, with everything that is compressed in them decompressed."""
    said = []
    for path in directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            said.append(data)
            at = data.find(b"\x78")
            while at >= 0:
                with suppress(zlib.error):
                    said.append(zlib.decompressobj().decompress(data[at:]))
                at = data.find(b"\x78", at + 1)
    return b"\n".join(said)


def test_purging_leaves_no_byte_of_a_removed_page(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    name, number = "Người Trồng Bưởi", "079123456789"
    body = f"Bà {name}, số định danh {number}. " + "Biên bản họp về đất đai. " * 40
    index.apply(1, [page(n, "biên bản thường") for n in range(2, 30)], [])
    index.apply(2, [page(1, body, title=f"Đơn của {name}", code="77/ĐĐ-BUOI")], [])
    index.apply(3, [page(n, "biên bản khác") for n in range(30, 50)], [])
    words = ["Bưởi", "bưởi", "buoi", "Huỳnh", "huỳnh", "thị bưởi", "079123456789", "77đđbuoi"]
    before = bytes_within(tmp_path)
    for word in ("Bưởi", "bưởi", "buoi", "079123456789", "77ddbuoi"):
        assert word.encode() in before, word
    index.apply(4, [], [stream("record", 1)])
    assert index.search("bưởi", OURS).total == 0
    index.purge()
    after = bytes_within(tmp_path)
    assert [word for word in [*words, str(stream("record", 1))] if word.encode() in after] == []
    assert index.position() == 4
    assert index.search("biên bản", OURS, limit=0).total == 48
    assert "biên bản thường".encode() in after


def test_a_replaced_text_is_purged_too_and_a_switch_purges_by_itself(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    with index.rebuild() as fresh:
        fresh.apply(1, [page(1, "họ tên bí mật"), page(2, "khác")], [])
        fresh.apply(2, [page(1, "đã xóa")], [])
    assert "mật".encode() not in bytes_within(tmp_path)
    assert index.search("xóa", OURS).total == 1


def test_a_seeded_random_generator_names_no_segment_twice(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    for n in range(1, 4):
        random.seed(1)
        index.apply(n, [page(n, f"biên bản {n}")], [])
    check(tmp_path, 3)


def test_no_class_of_ours_but_the_codec_is_pickled_with_the_pages(tmp_path: Path) -> None:
    index = WhooshIndex(tmp_path)
    index.apply(1, [page(1, "biên bản")], [])
    (segment,) = generation.load(live(tmp_path)).segments
    assert b"domain" not in pickle.dumps(segment.stored(0))
