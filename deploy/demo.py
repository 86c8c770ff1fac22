"""`bin/demo`: from sample scans to signed, searchable, replayable, verified records, as a story.

Each step shows the command that a user would type, runs it, and says what it means. The archive
is made anew in var/demo/archive each time.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import unicodedata
import urllib.parse
import urllib.request
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "var" / "demo"
ARCHIVE = FOLDER / "archive"
TAMPERED = FOLDER / "tampered"
EVIDENCE, LOG = FOLDER / "evidence", FOLDER / "log"
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


@dataclass
class Story:
    """Tells the steps in one language and keeps the figures."""

    english: bool
    step: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def say(self, vietnamese: str, english: str) -> None:
        """A line of the story."""
        print(english if self.english else vietnamese, flush=True)

    def chapter(self, vietnamese: str, english: str) -> None:
        """A new step."""
        self.step += 1
        title = f"{self.step}. {english if self.english else vietnamese}"
        print(f"\n{_styled(_BOLD, title)}", flush=True)

    def run(self, *words: str) -> list[dict[str, Any]]:
        """Runs a command, shows it as typed, and gives its answers."""
        return [json.loads(line) for line in self._run((*words, "--json"), words).splitlines()]

    def tell(self, *words: str, expect: int = 0, lines: int = 40) -> None:
        """Runs a command, shows it as typed, and shows what a person sees."""
        shown = self._run(words, words, expect=expect).splitlines()
        for line in shown[:lines]:
            print(f"   │ {line[:150]}")
        if len(shown) > lines:
            print("   │ …")

    def _run(self, words: tuple[str, ...], typed: tuple[str, ...], *, expect: int = 0) -> str:
        command = " ".join(_quoted(word) for word in typed)
        print(_styled(_DIM, f"   $ chauban {command}"), flush=True)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *words, "--lang", "en" if self.english else "vi"],
            cwd=ROOT,
            env={**os.environ, "CHAUBAN_ARCHIVE": str(ARCHIVE)},  # noqa: TID251
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        name = words[0]
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began
        if done.returncode != expect:
            print(done.stdout)
            raise SystemExit(f"chauban {name}: exit code {done.returncode}")
        return done.stdout


def main() -> int:
    """Tells the whole story; 0 when every step did what it promises."""
    parser = argparse.ArgumentParser(prog="bin/demo")
    parser.add_argument("--no-serve", action="store_true", help="end after the story")
    parser.add_argument("--lang", choices=("vi", "en"))
    chosen = parser.parse_args()
    lang = os.environ.get("LANG", "")  # noqa: TID251
    story = Story(chosen.lang == "en" or (chosen.lang is None and lang.startswith("en")))
    samples = json.loads((FOLDER / "samples" / "samples.json").read_text())
    began = time.perf_counter()
    for old in (ARCHIVE, TAMPERED):
        for path in (old, old.with_name(old.name + ".keys")):
            shutil.rmtree(path, ignore_errors=True)
    certificate = _found(story, samples)
    codes = _open(story, samples)
    pages = _ingest(story, samples, codes)
    _search(story, samples)
    _correct(story, next(iter(codes.values())))
    _confirm(story, next(iter(codes.values())))
    events = _verify(story, certificate)
    _prove(story, next(iter(codes.values())))
    _tamper(story)
    _figures(story, time.perf_counter() - began, pages, events)
    return 0 if chosen.no_serve else _serve(story, samples)


def _found(story: Story, samples: dict[str, Any]) -> str:
    story.chapter("Lập kho lưu trữ và các cơ quan", "An archive and its agencies")
    first, *others = samples["agencies"]
    (made,) = story.run("init", "--agency", first["code"], "--agency-name", first["name"])
    story.say(
        "   Khóa ký nằm cạnh kho, không nằm trong kho. Ghi lại dấu chứng thư để sau này đối chiếu:",
        "   The signing key lies beside the archive, never in it. Write down its certificate:",
    )
    print(f"   {made['certificate']}")
    for agency in others:
        story.run("agency", "add", agency["code"], agency["name"], "--parent", agency["parent"])
    procedure = FOLDER / "procedure.toml"
    procedure.write_text(
        'code = "1.012345"\nname = "Đăng ký và cấp Giấy chứng nhận quyền sử dụng đất lần đầu"\n'
        "in_force_from = 2018-01-01\n"
        '[time_limit]\nvalue = 30\nunit = "working-day"\n'
        '[retention]\nrule = "vĩnh viễn"\n'
        '[[components]]\nname = "Đơn đăng ký"\n'
    )
    story.run("procedure", "add", str(procedure.relative_to(ROOT)))
    return str(made["certificate"])


def _open(story: Story, samples: dict[str, Any]) -> dict[str, str]:
    story.chapter("Mở ba hồ sơ của hai cơ quan", "Three dossiers of two agencies")
    codes: dict[str, str] = {}
    for dossier in samples["dossiers"]:
        kind = ["--procedure", "1.012345"] if dossier["procedure"] else ["--work-file"]
        person = dossier["applicant"]
        given = (
            [
                *("--applicant", person["name"], "--phone", person["phone"]),
                *("--id-number", person["id_number"]),
            ]
            if person
            else []
        )
        (opened,) = story.run(
            *("dossier", "open", "--agency", dossier["agency"], "--title", dossier["title"]),
            *kind,
            *given,
        )
        codes[dossier["key"]] = opened["dossier"]
        print(f"   → {opened['dossier']}")
    return codes


def _ingest(story: Story, samples: dict[str, Any], codes: dict[str, str]) -> int:
    story.chapter(
        "Quét vào: giữ bản gốc, ký biên nhận, đọc chữ",
        "Scans go in: original kept, receipt signed, text read",
    )
    pages = 0
    for key, code in codes.items():
        files = [f for f in samples["files"] if f["dossier"] == key]
        paths = [f"var/demo/samples/{f['file']}" for f in files]
        for answer in story.run("ingest", *paths, "--dossier", code):
            pages += len(answer["pages"])
            states = " ".join(f"{page['n']}:{page['state']}" for page in answer["pages"])
            print(f"   {Path(answer['file']).name:28} {answer['state']:8} {states}")
    (again,) = story.run("ingest", paths[0], "--dossier", code)
    story.say(
        f"   Quét lại cùng một tệp: {again['state']}, không thêm gì.",
        f"   The same file again: {again['state']}, nothing was added.",
    )
    return pages


def _search(story: Story, samples: dict[str, Any]) -> None:
    story.chapter("Tìm, có dấu và không dấu", "Searching, with marks and without")
    sentence = samples["files"][0]["sentences"][0]["text"]
    words = " ".join(sentence.replace(",", "").split()[4:10])
    for query in (words, _unmarked(words), _unmarked(words).upper()):
        story.tell("search", query, "--limit", "1", lines=3)
    story.tell("search", "so:390/BC-UBND", "--limit", "1", lines=3)


def _correct(story: Story, code: str) -> None:
    story.chapter(
        "Sửa một lần, xem hồ sơ trước và sau khi sửa",
        "One correction, and the dossier before and after it",
    )
    (before,) = story.run("show", code)
    title = before["title"].replace("lần đầu", "lần đầu (thửa số 217)")
    story.run("correct", code, "title", title, "--why", "Ghi thêm số thửa")
    (now,) = story.run("show", code)
    (then,) = story.run("show", code, "--at", str(before["position"]))
    story.say(f"   Trước: {then['title']}", f"   Before: {then['title']}")
    story.say(f"   Nay:   {now['title']}", f"   Now:    {now['title']}")


def _confirm(story: Story, code: str) -> None:
    story.chapter(
        "Một người đối chiếu với bản giấy và xác nhận; lịch sử giữ tất cả",
        "A person compares with the paper and confirms; history keeps everything",
    )
    (shown,) = story.run("show", code)
    record = shown["records"][0]["record"]
    story.run("confirm", record)
    story.tell("history", record, lines=24)
    story.run("get", record, "--as", "pdfa", "-o", "var/demo/pdfa.pdf")


def _verify(story: Story, certificate: str) -> int:
    story.chapter("Kiểm tra toàn bộ kho", "Verifying the whole archive")
    (result,) = story.run("verify", "--certificate", certificate)
    story.say(
        f"   Nguyên vẹn: {result['checked']['signatures']} chữ ký, {result['checked']['objects']}"
        " tệp, mọi danh mục và chỉ mục đã được tính lại và trùng khớp.",
        f"   Intact: {result['checked']['signatures']} signatures, {result['checked']['objects']}"
        " objects, every view and the index were recomputed and agree.",
    )
    return int(result["checked"]["events"])


def _tamper(story: Story) -> None:
    story.chapter("Thử sửa trộm trên một bản sao của kho", "Tampering with a copy of the archive")
    shutil.copytree(ARCHIVE, TAMPERED)
    shutil.copytree(ARCHIVE.with_name("archive.keys"), TAMPERED.with_name("tampered.keys"))
    with closing(sqlite3.connect(TAMPERED / "journal.sqlite")) as journal:
        for (name,) in journal.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            journal.execute(f"DROP TRIGGER {name}")
        row = journal.execute("SELECT rowid, state FROM stored_events WHERE rowid = 12").fetchone()
        changed = bytearray(row[1])
        changed[len(changed) // 2] ^= 1
        journal.execute("UPDATE stored_events SET state=? WHERE rowid=?", (bytes(changed), row[0]))
        journal.commit()
    victim = max((p for p in (TAMPERED / "objects").rglob("*") if p.is_file()), key=_size)
    victim.chmod(0o600)
    content = bytearray(victim.read_bytes())
    content[1000] ^= 1
    victim.write_bytes(bytes(content))
    story.say(
        "   Đã đổi một bit của một dòng trong nhật ký và một bit của một bản gốc.",
        "   One bit of a row of the journal and one bit of an object were flipped.",
    )
    story.tell("verify", "--archive", str(TAMPERED.relative_to(ROOT)), expect=1, lines=20)


def _prove(story: Story, dossier: str) -> None:
    story.chapter("Đưa bằng chứng cho người ngoài", "Evidence for an outsider")
    for old in (EVIDENCE, EVIDENCE.with_suffix(".zip"), LOG):
        shutil.rmtree(old, ignore_errors=True)
        old.unlink(missing_ok=True)
    story.run("log", "export", str(LOG.relative_to(ROOT)))
    story.run("evidence", dossier, "-o", str(EVIDENCE.with_suffix(".zip").relative_to(ROOT)))
    with zipfile.ZipFile(EVIDENCE.with_suffix(".zip")) as pack:
        pack.extractall(EVIDENCE)
    story.say(
        "   Gói này kiểm tra được trên máy khác, không cần phần mềm này, chỉ cần openssl:",
        "   This pack is checked on any machine, without this program, by openssl alone:",
    )
    print(_styled(_DIM, f"   $ sh {EVIDENCE.relative_to(ROOT)}/verify.sh"), flush=True)
    checked = subprocess.run(
        ["sh", "verify.sh"], cwd=EVIDENCE, stdout=subprocess.PIPE, text=True, check=False
    )
    said = checked.stdout.splitlines()
    verdict = next((n for n, line in enumerate(said) if "GENUINE" in line), 0)
    for line in said[verdict:]:
        print(f"   │ {line[:150]}")
    if checked.returncode:
        raise SystemExit(f"verify.sh: exit code {checked.returncode}")


def _figures(story: Story, seconds: float, pages: int, events: int) -> None:
    story.chapter("Con số của lần chạy này", "The figures of this run")
    size = sum(p.stat().st_size for p in ARCHIVE.rglob("*") if p.is_file()) >> 20
    story.say(
        f"   {pages} trang, {events} sự kiện đã ký, {size} MiB, {seconds:.0f} giây"
        f" (trong đó quét vào {story.seconds['ingest']:.0f} giây).",
        f"   {pages} pages, {events} signed events, {size} MiB, {seconds:.0f} s"
        f" ({story.seconds['ingest']:.0f} s of them for taking in).",
    )
    story.say(
        "   Kho mẫu: var/demo/archive. Hãy thử: bin/chauban --archive var/demo/archive --help",
        "   The sample archive: var/demo/archive."
        " Try: bin/chauban --archive var/demo/archive --help",
    )


# ---------------------------------------------------------------- serving

_ROLES = (
    ("scanning-clerk", "Cán bộ quét", "Scanning clerk"),
    ("one-stop-officer", "Cán bộ một cửa", "One-stop officer"),
    ("handling-officer", "Cán bộ thụ lý", "Handling officer"),
    ("leader", "Lãnh đạo", "Leader"),
    ("records-officer", "Văn thư", "Records officer"),
    ("archivist", "Lưu trữ viên", "Archivist"),
    ("auditor", "Thanh tra viên", "Auditor"),
    ("administrator", "Quản trị viên", "Administrator"),
)


def _serve(story: Story, samples: dict[str, Any]) -> int:
    story.chapter("Mở trang web, mỗi vai trò một người", "The pages, with somebody in each role")
    agency = samples["agencies"][0]["code"]
    users = []
    for role, vietnamese, english in _ROLES:
        until = ["--until", _in_a_month()] if role == "auditor" else []
        name = english if story.english else vietnamese
        (agent,) = story.run("agent", "add", name, "--role", role, "--agency", agency, *until)
        (user,) = story.run("user", "add", agent["agent"], role)
        users.append({"role": role, "name": role, "link": user["link"]})
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(_free_port()), "--json"]
    settings = {"CHAUBAN_ARCHIVE": str(ARCHIVE), "CHAUBAN_SECOND_FACTOR": "none"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | settings,  # noqa: TID251
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            _enrol(address, users)
            written = {"address": address, "users": users}
            (FOLDER / "demo.json").write_text(json.dumps(written, ensure_ascii=False, indent=1))
            _welcome(story, address, users)
            return server.wait()
        except KeyboardInterrupt:
            server.send_signal(signal.SIGINT)
            return server.wait()


def _in_a_month() -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 30 * 86400))


def _enrol(address: str, users: list[dict[str, str]]) -> None:
    """Each invitation is used up with a password made for this demo alone."""
    keep = urllib.request.build_opener(_Stay())
    for user in users:
        user["password"] = "-".join(secrets.token_hex(2) for _ in range(4))
        given = {"password": user["password"], "again": user["password"]}
        form = urllib.parse.urlencode(given).encode()
        with keep.open(address + user.pop("link"), data=form, timeout=60) as answer:
            if answer.status != HTTPStatus.SEE_OTHER:
                raise SystemExit(f"{user['role']}: {answer.status}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Takes the answer of a form as it is; where it leads is for a browser."""

    def http_error_303(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return fp


def _welcome(story: Story, address: str, users: list[dict[str, str]]) -> None:
    print(f"\n   {_styled(_BOLD, address)}\n")
    names = {role: english if story.english else name for role, name, english in _ROLES}
    for user in users:
        print(f"   {names[user['role']]:20} {user['name']:20} {user['password']}")
    story.say(
        "\n   Các mật khẩu này chỉ dùng cho bản trình diễn này (cũng nằm trong"
        " var/demo/demo.json). Nhấn Ctrl+C để dừng.",
        "\n   These passwords are for this demo alone (they stand in var/demo/demo.json, too)."
        " Press Ctrl+C to stop.",
    )


def _free_port() -> int:
    """8080 where it is free, so that the address stays the same; else any."""
    for port in (8080, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 0


# ---------------------------------------------------------------- helpers


def _unmarked(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


def _styled(style: str, text: str) -> str:
    return f"{style}{text}{_PLAIN}" if sys.stdout.isatty() else text


def _size(path: Path) -> int:
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main())
