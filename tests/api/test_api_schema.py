"""The OpenAPI document is complete, and the server keeps to it whatever it is asked."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.v1 import openapi
from tests.api.caller import Program, calling, token_of
from tests.pages.site import Site

DOCUMENT: dict[str, Any] = openapi()
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_dict(DOCUMENT)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_public_and_names_no_data(site: Site) -> None:
    answer = httpx.get(f"{site.address}/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


def test_every_operation_is_described() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    for method, path, operation in operations():
        assert operation["description"], path
        assert operation["tags"], path
        assert operation["security"][0].keys() == {"token"}, path
        wanted = {"401", "403", "404", "422", "429", "500", "503"}
        wanted |= {"201", "400", "409", "413", "415"} if method == "post" else {"200"}
        assert wanted <= operation["responses"].keys(), path


@pytest.mark.parametrize("label", [f"{m.upper()} {p}" for m, p, _ in operations()])
def test_answers_are_as_described(site: Site, record_a: str, label: str) -> None:
    """Half of the requests speak of things that exist, so that they get beyond a 404."""
    method, path = label.split(" ")
    operation = schema[path][method]
    headers = {"Authorization": f"Bearer {token_of(site, 'archivist')}"}

    @_FEW
    @given(case=operation.as_strategy(), exists=st.booleans())
    def check(case: Any, exists: bool) -> None:
        if exists:
            for name, value in (("ref", "HS-A"), ("id", record_a), ("event", "1")):
                if name in case.path_parameters:
                    case.path_parameters[name] = value
        case.call_and_validate(base_url=site.address, headers=headers, checks=_CHECKS)

    check()


_WORDS = st.text(max_size=60) | st.sampled_from(
    ["'; DROP TABLE records; --", "<script>alert(1)</script>", "=1+1", "\u202eabc", "a" * 10_000]
)


def test_no_query_string_breaks_the_server(site: Site) -> None:
    with calling(site, token_of(site, "archivist", "read")) as program:
        _any_query(program)


def _any_query(program: Program) -> None:
    names = st.sampled_from(
        [
            *("q", "agency", "year", "type", "limit", "offset", "cursor", "at", "kind", "closed"),
            *("from", "to", "dossier", "confirmed", "sort"),
        ]
    )

    @settings(_FEW, max_examples=80)
    @given(
        path=st.sampled_from(["/search", "/dossiers", "/dossiers/HS-A", "/dossiers/HS-A/history"]),
        asked=st.lists(st.tuples(names, _WORDS), max_size=4),
    )
    def check(path: str, asked: list[tuple[str, str]]) -> None:
        clean = [(name, text.encode(errors="replace")) for name, text in asked]
        answer = program.get(path, params=clean)
        assert answer.status_code < 500, (path, asked, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"

    check()
