"""The page of curl examples does what it says, from top to bottom."""

import re
import subprocess
from pathlib import Path

from tests.api.caller import token_of
from tests.cli.desk import PAPER_A, REPOSITORY, scan
from tests.pages.site import Site

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_curl_examples_run_as_they_stand(site: Site, tmp_path: Path) -> None:
    blocks = _BLOCK.findall((REPOSITORY / "docs/API.md").read_text())
    assert len(blocks) == 9
    scan(tmp_path / "scan.jpg", (*PAPER_A, "Tờ khai trong trang hướng dẫn"))
    token = token_of(site, "clerk", "read", "receive", "describe")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CHAUBAN": site.address, "TOKEN": token, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (tmp_path / "part.pdf").read_bytes().startswith(b"%PDF")
    assert len((tmp_path / "part.pdf").read_bytes()) == 100
    assert "scan-received/1" in (tmp_path / "history.jsonl").read_text()
