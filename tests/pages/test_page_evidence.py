"""Evidence packs from the pages and from the API: streamed, genuine, kept as exports."""

import io
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
            with ZipFile(io.BytesIO(answer.content)) as packed:
                assert {"verify.sh", "report.pdf", "manifest.jws"} <= set(packed.namelist())
        assert program.get(f"/dossiers/{_DOSSIER}/evidence?without=x").status_code == 422


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("H33.05-260302-0017", "chung-cu-H33.05-260302-0017.zip"),
        ("390/QĐ-UBND", "chung-cu-390-QD-UBND.zip"),
    ],
)
def test_the_name_of_the_file_is_ascii(reference: str, name: str) -> None:
    assert file_name(reference) == name
