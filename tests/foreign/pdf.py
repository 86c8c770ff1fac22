"""Validators of PDF/A and of signatures in PDFs that others wrote."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.foreign.tools import TOOLS
from tests.foreign.verdict import Verdict, run
from tests.services import missing, program

_SECONDS = 120.0
"""Java takes seconds to start, more on a busy machine."""
_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g")
"""For a program that lives for seconds."""
_VALID = re.compile(r"^  - Signature Validation: (.*)$", re.MULTILINE)


def verapdf(paths: Sequence[Path], flavour: str = "2b") -> list[Verdict]:
    """veraPDF's verdict on each file, in their order: PDF/A of that part and level.

    It does not look whether a signature in the file holds.
    """
    names = [path.absolute() for path in paths]
    ended = run(
        [
            *[program("java"), *_JAVA, "-jar", _jar("verapdf.jar")],
            *("--flavour", flavour, "--format", "json", *names),
        ],
        _SECONDS,
    )
    try:
        jobs = json.loads(ended.output)["report"]["jobs"]
    except (ValueError, KeyError):
        jobs = []
    found = {job["itemDetails"]["name"]: _conforms(job) for job in jobs}
    unsaid = ended.verdict(accepted=False)
    return [found.get(str(path), unsaid) for path in names]


def _conforms(job: dict[str, object]) -> Verdict:
    results = job.get("validationResult")
    if not isinstance(results, list) or not results:
        return Verdict(accepted=False, said=json.dumps(job)[:2000])
    broken = [
        f"{rule['clause']}-{rule['testNumber']}: {rule['description']}"
        for result in results
        for rule in result["details"]["ruleSummaries"]
    ]
    accepted = all(result["compliant"] is True for result in results)
    return Verdict(accepted, "; ".join(broken) or str(results[0]["profileName"]))


def dss(root_pem: bytes, paths: Sequence[Path], lists: Sequence[bytes] = ()) -> list[Verdict]:
    """EU DSS's verdict on each PDF, in their order, offline under one root.

    Levels LT and LTA pass by what they embed; B and T need revocation lists (DER). A page that
    was painted over after signing is rejected.
    """
    java, jars = program("java"), _jar("dss")
    with TemporaryDirectory(prefix="chauban-foreign-") as folder:
        root = Path(folder) / "root.pem"
        root.write_bytes(root_pem)
        files = [root]
        for number, content in enumerate(lists):
            files.append(Path(folder) / f"{number}.crl")
            files[-1].write_bytes(content)
        ended = run(
            [
                *(java, *_JAVA, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"),
                *("-classpath", f"{jars.with_name('classes')}:{jars}/*", "ValidatePdf"),
                *(*files, *paths),
            ],
            _SECONDS,
        )
    lines = [line.split("\t", 2) for line in ended.output.splitlines()]
    found = {file: Verdict(word == "accepted", said) for word, file, said in lines}
    unsaid = ended.verdict(accepted=False)
    return [found.get(str(path), unsaid) for path in paths]


def pdfsig(path: Path) -> Verdict:
    """Poppler's pdfsig, certificates aside: every signature is valid, and there is one.

    It ends with 0 for a digest that does not fit, so its words count.
    """
    ended = run([program("pdfsig"), "-nocert", path], _SECONDS)
    validations = _VALID.findall(ended.output)
    valid = bool(validations) and set(validations) == {"Signature is Valid."}
    return ended.verdict(accepted=ended.code == 0 and valid)


def _jar(name: str) -> Path:
    path = TOOLS / "pdf-verifiers" / name
    if not path.exists():
        missing(name)
    return path
