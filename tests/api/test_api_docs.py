"""The page of curl examples does what it says, from top to bottom."""

import json
import re
import subprocess
from pathlib import Path

from infrastructure.evidence.notes import VerifierKey
from infrastructure.evidence.proofs import check_proof, parse_proof
from tests.api.caller import token_of
from tests.cli.desk import PAPER_A, REPOSITORY, scan
from tests.pages.site import Site

_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_curl_examples_run_as_they_stand(site: Site, tmp_path: Path) -> None:
    blocks = _BLOCK.findall((REPOSITORY / "docs/API.md").read_text())
    assert len(blocks) == 15
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
    envelope = (tmp_path / "event.jws").read_bytes()
    key = VerifierKey.parse(json.loads((tmp_path / "log.json").read_text())["key"])
    check_proof(parse_proof((tmp_path / "event.tlog-proof").read_bytes()), envelope, [key])
    whole = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert "scan-received/1" in [each["type"] for each in whole]
    pages = [json.loads(path.read_text()) for path in tmp_path.glob("history-*.json")]
    assert len(pages) == -(-len(whole) // 2) > 1
    assert [each["next"] for each in pages].count(None) == 1
