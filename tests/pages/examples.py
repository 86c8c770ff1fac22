"""Things of a served archive by their identities, for addresses."""

import re

from tests.cli.desk import Chauban, record_of
from tests.pages.catalogue import Things
from tests.pages.site import Client

PROCEDURE = """
code = "1.013979"
name = "Cấp đổi giấy chứng nhận"
in_force_from = 2026-01-01
[[components]]
name = "Đơn đề nghị"
"""
"""A file for `chauban procedure add`."""


def examples(chauban: Chauban, admin: Client, agency: str, code: str, person: str) -> Things:
    """The things of an agency; `admin` is an administrator's visit, for what no command tells."""

    def listed(address: str, kind: str, name: str) -> str:
        return found(admin.get(address).text, rf"({kind}-[0-9a-f-]{{36}})[^<]*>{name}<")

    record = record_of(chauban, code)
    return Things(
        agency=listed("/admin/agencies", "agency", agency),
        dossier=found(chauban("--json", "show", code).out, r"(dossier-[0-9a-f-]{36})"),
        record=record,
        person=listed("/admin/people", "agent", person),
        batch=found(chauban("--json", "history", record).out, r"(batch-[0-9a-f-]{36})"),
        event=str(chauban.json("history", code)["events"][0]["position"]),
        procedure=found(admin.get("/admin/procedures").text, r"(procedure-[0-9a-f-]{36})"),
    )


def found(text: str, pattern: str) -> str:
    """The first group of the pattern; it must be there."""
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match[1]
