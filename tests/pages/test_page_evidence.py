"""Evidence packs from the pages and from the API: streamed, genuine, kept as exports."""

import io
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from api.routes.evidence import file_name
from tests.api.caller import calling, token_of
from tests.cli.desk import record_of
from tests.evidence.packs import checked, unpacked
from tests.pages.site import Site

_DOSSIER = "HS-A"


def test_a_button_gives_a_pack_that_is_genuine(site: Site, tmp_path: Path) -> None:
    with site.client("archivist") as client:
        page = client.get(f"/dossiers/{_DOSSIER}").text
        assert "evidence.zip" in page
        assert 'name="without"' in page
        answer = client.get(f"/dossiers/{_DOSSIER}/evidence.zip", params={"without": ["title"]})
        record = record_of(site.chauban, _DOSSIER)
        assert f"/records/{record}/evidence.zip" in client.get(f"/records/{record}").text
        of_record = client.get(f"/records/{record}/evidence.zip")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="chung-cu-HS-A.zip"' in answer.headers["content-disposition"]
    for name, content in (("dossier", answer.content), ("record", of_record.content)):
        verdict = checked(unpacked(content, tmp_path / name))
        assert verdict.code == 0, verdict.said
    with site.client("auditor") as client:
        found = client.get("/audit", params={"find": _DOSSIER}).headers["location"]
        reads = client.get(found.replace("/history/", "/reads/")).text
    assert "gói chứng cứ" in reads


def test_a_field_that_nobody_knows_is_refused(site: Site) -> None:
    with site.client("archivist") as client:
        answer = client.get(f"/dossiers/{_DOSSIER}/evidence.zip", params={"without": "colour"})
    assert answer.status_code == 422
    assert "colour" in answer.text


def test_a_program_gets_the_same_pack(site: Site) -> None:
    record = record_of(site.chauban, _DOSSIER)
    with calling(site, token_of(site, "archivist")) as program:
        for path in (f"/dossiers/{_DOSSIER}/evidence", f"/records/{record}/evidence"):
            answer = program.get(path)
            assert answer.status_code == 200
            assert answer.headers["missing-documents"] == answer.headers["altered-events"] == "0"
            with ZipFile(io.BytesIO(answer.content)) as packed:
                assert {"verify.sh", "report.pdf", "manifest.jws"} <= set(packed.namelist())
        assert program.get(f"/dossiers/{_DOSSIER}/evidence?without=x").status_code == 422


@pytest.mark.parametrize("fault", ["lost", "damaged"])
def test_what_the_archive_has_no_more_is_told_before_the_pack_is_handed_out(
    own_site: Site, tmp_path: Path, fault: str
) -> None:
    record = record_of(own_site.chauban, _DOSSIER)
    with own_site.client("archivist") as client:
        whole = client.get(f"/records/{record}/files/original").content
        digest = sha256(whole).hexdigest()
        (path,) = (own_site.chauban.folder / "objects").rglob(digest)
        path.chmod(0o600)
        path.unlink() if fault == "lost" else path.write_bytes(whole[:-1])
        told = client.get(f"/dossiers/{_DOSSIER}/evidence.zip", params={"without": ["title"]})
        assert told.headers["content-type"].startswith("text/html")
        assert digest in told.text
        assert f'href="/records/{record}"' in told.text
        assert ("tệp đã mất" if fault == "lost" else "tệp bị hỏng") in told.text
        assert 'name="without" value="title"' in told.text
        asked = {"without": ["title"], "damaged": "true"}
        pack = client.get(f"/dossiers/{_DOSSIER}/evidence.zip", params=asked)
    verdict = checked(unpacked(pack.content, tmp_path / "pack"))
    assert verdict.code == 0, verdict.said
    assert "1 files that events name are NOT in the pack" in verdict.said
    with own_site.client("auditor") as client:
        found = client.get("/audit", params={"find": _DOSSIER}).headers["location"]
        reads = client.get(found.replace("/history/", "/reads/")).text
    assert reads.count("gói chứng cứ") == 1, "what was not handed out is no export"
    with calling(own_site, token_of(own_site, "archivist")) as program:
        answer = program.get(f"/records/{record}/evidence")
    assert answer.headers["missing-documents"] == "1"
    assert answer.headers["altered-events"] == "0"


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("H33.05-260302-0017", "chung-cu-H33.05-260302-0017.zip"),
        ("390/QĐ-UBND", "chung-cu-390-QD-UBND.zip"),
    ],
)
def test_the_name_of_the_file_is_ascii(reference: str, name: str) -> None:
    assert file_name(reference) == name
