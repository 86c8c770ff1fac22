"""The command line as tests use it, and the papers and people of their archive."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocrmypdf import data
from PIL import Image, ImageDraw, ImageFont

from api.cli import main

REPOSITORY = Path(__file__).parents[2]
SENTENCE_A = "kế hoạch sử dụng đất của huyện"
SENTENCE_B = "danh sách trạm bơm thủy lợi"
PAPER_A = (
    "ỦY BAN NHÂN DÂN TỈNH",
    "Số: 390/BC-UBND",
    "BÁO CÁO",
    f"Về {SENTENCE_A}",
    "Hồ sơ đất đai được lưu tại bộ phận một cửa.",
)
PAPER_B = (
    "SỞ NÔNG NGHIỆP",
    "Số: 77/TB-SNN",
    "THÔNG BÁO",
    f"Về {SENTENCE_B}",
    "Nơi nhận: các huyện",
)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def objects(self) -> list[dict[str, Any]]:
        """One object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Chauban:
    """The command line over one archive."""

    folder: Path

    def __call__(self, *words: str, stdin: str = "") -> Said:
        """In this process, which is much faster."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        before = sys.stdin
        sys.stdin = io.StringIO(stdin)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = main(["--archive", str(self.folder), *words])
        finally:
            sys.stdin = before
        return Said(code, *(each.buffer.getvalue().decode() for each in _flushed(out, err)))

    def json(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The answer as one JSON object; the exit code must be this one."""
        said = self("--json", *words)
        assert said.code == code, (words, said)
        return said.json

    def refused(self, *words: str, code: int = 2) -> str:
        """The error's code; nothing but the error is answered."""
        answer = self.json(*words, code=code)
        assert answer.keys() == {"error", "message"}
        assert answer["message"] != answer["error"]
        assert "<" not in answer["message"]
        return str(answer["error"])

    def process(
        self, *words: str | bytes, env: dict[str, str] | None = None, stdin: str = ""
    ) -> Said:
        """As a program of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *words],
            cwd=REPOSITORY,
            env=environment(self.folder) | (env or {}),
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    @property
    def keys(self) -> Path:
        """The folder beside the archive."""
        return self.folder.with_name(f"{self.folder.name}.keys")

    def events(self) -> int:
        """How many events there are."""
        return int(self.json("verify")["checked"]["events"])


def _flushed(*streams: io.TextIOWrapper) -> Iterator[Any]:
    for stream in streams:
        stream.flush()
        yield stream


def environment(folder: Path) -> dict[str, str]:
    """Vietnamese, and nothing of the tester's own settings."""
    kept = {name: os.getenv(name, "") for name in ("PATH", "HOME")}
    return {**kept, "CHAUBAN_ARCHIVE": str(folder), "LANG": "C.UTF-8"}


def scan(path: Path, lines: tuple[str, ...]) -> Path:
    """A page as a scanner gives it: colour, 200 dots an inch."""
    face = ImageFont.truetype(str(Path(data.__path__[0]) / "NotoSans-Regular.ttf"), 46)
    image = Image.new("RGB", (1654, 1100), (252, 250, 246))
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((150, 120 + 90 * n), line, font=face, fill=(20, 20, 25))
    draw.ellipse((1200, 800, 1400, 1000), outline=(200, 20, 40), width=6)
    image.save(path, dpi=(200, 200), quality=92)
    return path


PEOPLE = {
    "Lưu trữ A": ("archivist", "H33.05"),
    "Một cửa A": ("one-stop-officer", "H33.05"),
    "Lãnh đạo A": ("leader", "H33.05"),
    "Quét A": ("scanning-clerk", "H33.05"),
    "Quét B": ("scanning-clerk", "H33.06"),
    "Lưu trữ B": ("archivist", "H33.06"),
    "Thanh tra": ("auditor", "H33.05"),
    "Thanh tra cũ": ("auditor", "H33.05"),
    "Quản trị": ("administrator", "H33"),
}


def record_of(chauban: Chauban, dossier: str) -> str:
    """The first record of a dossier."""
    return str(chauban.json("show", dossier)["records"][0]["record"])
