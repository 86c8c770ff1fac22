"""`docker compose up`, really built and run: a paper goes in through the one published port, is
read, confirmed and locked in the store, and outlives every service's end."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from tests.api.caller import END, Program
from tests.cli.desk import PAPER_A, SENTENCE_A, scan
from tests.containers.composing import Project, compose_file, composed
from tests.containers.podman import LENT
from tests.services import free_port

pytestmark = [pytest.mark.services, pytest.mark.timeout(2400)]  # The first run builds MinIO.

PASSWORD = "một câu đủ dài để nhớ"
SERVING = ("minio", "web", "worker")
_LINK = re.compile(r"^admin: (http\S+/enrol/\S+)$", re.MULTILINE)
_SEED = re.compile(r'name="seed" value="([A-Z2-7]+)"')
_IN_STORE = """
import json, sys
from datetime import timedelta
from infrastructure.objects.minio import S3ObjectStore
from infrastructure.objects.s3 import connect
from infrastructure.settings import read_settings
from minio.error import S3Error
bucket = read_settings().bucket
client, key = connect(bucket), "sha256/" + sys.argv[1]
(version,) = [each.version_id for each in client.list_objects(
    bucket.name, prefix=key, include_version=True)]
kept = client.get_object_retention(bucket.name, key, version)
try:
    client.remove_object(bucket.name, key, version)
    refused = "nothing"
except S3Error as exc:
    refused = exc.code
left = client.stat_object(bucket.name, key, version_id=version).size
print(json.dumps({"mode": kept.mode, "until": kept.retain_until_date.isoformat(),
    "refused": refused, "size": left}))
"""
"""Asks the store, with the archive's own credentials, how it keeps an object and to destroy it."""


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with composed(free_port()) as running:
        yield running


def until(check: Callable[[], bool], seconds: float, project: Project, service: str) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, project.log(service)
        time.sleep(0.3)


def in_store(project: Project, sha256: str) -> dict[str, Any]:
    """What the store says of an object, asked from the worker's container."""
    python = "/opt/chauban/.venv/bin/python"
    found: dict[str, Any] = json.loads(project.run_in("worker", python, "-c", _IN_STORE, sha256)[1])
    return found


def test_only_the_web_is_published_and_on_loopback() -> None:
    services = compose_file({})["services"]
    assert {name for name, said in services.items() if said.get("ports")} == {"web"}
    assert services["web"]["ports"] == ["127.0.0.1:8080:8080"]
    text = json.dumps(services)
    assert not re.search(r"(?i)password\"|secret_key\"|privileged\": true|docker\.sock", text)


def test_each_service_is_confined(project: Project) -> None:
    for service in project.services:
        found = project.inspect(service)
        host = found["HostConfig"]
        assert found["Config"]["User"] == "10001:10001"
        assert host["ReadonlyRootfs"] is True
        assert not found["BoundingCaps"]
        assert "no-new-privileges" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
        bound = [each for ports in host["PortBindings"].values() for each in ports]
        assert {each["HostIp"] for each in bound} == ({"127.0.0.1"} if service == "web" else set())
    for service in SERVING:
        status = project.run_in(service, "cat", "/proc/1/status")[1]
        assert re.search(r"^CapBnd:\s0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
        code, _ = project.run_in(service, "touch", "/usr/local/bin/left", check=False)
        assert code != 0
    for service in ("minio", "worker"):
        routes = project.run_in(service, "cat", "/proc/net/route")[1].splitlines()[1:]
        assert routes
        assert "00000000" not in {line.split()[1] for line in routes}, "there is a way out"


def test_the_store_answers_nobody_outside(project: Project) -> None:
    networks = project.inspect("minio")["NetworkSettings"]["Networks"]
    assert len(networks) == 1
    assert not project.inspect("minio")["NetworkSettings"]["Ports"].get("9000/tcp")
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex(("127.0.0.1", 9000)) != 0


def test_secrets_are_in_their_volumes_alone(project: Project) -> None:
    listed = project.run_in(
        "minio", "stat", "-c", "%a %u %n", "/var/lib/chauban-store/secret-key",
        "/var/lib/chauban-store/access-key", "/var/lib/chauban-certificate/private.key",
    )[1]  # fmt: skip
    assert {line.rsplit(" ", 1)[0] for line in listed.splitlines()} == {"600 10001"}
    keys = [
        project.run_in("minio", "cat", f"/var/lib/chauban-store/{name}")[1]
        for name in ("access-key", "secret-key")
    ]
    assert [len(key) for key in keys] == [20, 40]
    for service in project.services:
        told = json.dumps(project.inspect(service)) + project.log(service)
        assert not any(key in told for key in keys)
    code, _ = project.run_in("web", "ls", "/var/lib/chauban-certificate/private.key", check=False)
    assert code != 0, "the store's private key is the store's alone"


def test_images_hold_nothing_of_the_machine_that_built_them(project: Project) -> None:
    for service in ("web", "minio"):
        image = f"{project.services[service]['image']}:{project.prefix}"
        for path in LENT:
            said = project.engine(
                "run", "--rm", "--network", "none", "--user", "0", image, "cat", path, check=False
            )
            assert said.stdout == "", path
    inside = project.run_in("web", "ls", "-A", "/opt/chauban")[1].split()
    assert set(inside) == {".tools", ".venv", "api", "deploy", "domain", "infrastructure", "ingest"}


def test_a_paper_is_taken_in_confirmed_and_locked_and_outlives_every_service(
    project: Project, tmp_path: Path
) -> None:
    # Given: the administrator enrols with the link of the log, and lets a clerk in.
    (link,) = _LINK.findall(project.log("init"))
    assert link.startswith(project.origin)
    enrol_with_second_factor(link)
    assert httpx.get(link).status_code == 404, "the link is good for once"
    made = project.chauban(
        "agent", "add", "Cán bộ quét", "--role", "scanning-clerk", "--agency", "H33"
    )
    project.chauban("user", "add", made["agent"], "clerk")
    scopes = [word for scope in ("read", "receive", "describe") for word in ("--scope", scope)]
    token = project.chauban(
        "token", "add", made["agent"], "Máy quét", "--role", "scanning-clerk", "--agency", "H33",
        *scopes, "--until", END,
    )["token"]  # fmt: skip

    # When: a scan goes in through the published port, is read, and a person confirms it.
    paper = scan(tmp_path / "a.jpg", PAPER_A).read_bytes()
    with httpx.Client(
        base_url=project.origin, timeout=60, headers={"Authorization": f"Bearer {token}"}
    ) as http:
        clerk = Program(http)
        body = {"agency": "H33", "title": "Hồ sơ trong thùng", "kind": "work-file"}
        dossier = answered(clerk.post("/dossiers", body), 201)["id"]
        batch = answered(clerk.post(f"/dossiers/{dossier}/batches", {"files": 1}), 201)["batch"]
        receipt = answered(clerk.send(batch, paper), 201)
        record = f"/records/{receipt['record']}"

        def is_read() -> bool:
            return len(clerk.get(record).json()["representations"]) > 1

        until(is_read, 120, project, "worker")
        assert SENTENCE_A in clerk.get(record).json()["pages"][0]["text"]
        answered(clerk.post(f"{record}/confirmation", {}), 201)

        # Then: its bytes lie under a lock that their own keys do not open.
        sha256 = receipt["sha256"].removeprefix("sha256:")
        kept = in_store(project, sha256)
        assert kept["mode"] == "COMPLIANCE"
        assert kept["size"] == len(paper)
        assert kept["refused"] != "nothing"

        # And: nothing is lost when every service ends, by order or by a power cut.
        before = clerk.get(f"{record}/history").json()
        for service in SERVING:
            kill(project, service)
        project.await_healthy("minio")
        project.await_healthy("web")
        for service in SERVING:
            project.engine("restart", "--time", "20", project.name(service), seconds=90)
        project.await_healthy("minio")
        project.await_healthy("web")
        assert clerk.get(f"{record}/history").json() == before
        assert clerk.get(f"{record}/files/original").content == paper
        assert in_store(project, sha256)["until"] == kept["until"]

        # And: the worker goes on.
        other = scan(tmp_path / "b.jpg", ("ĐƠN ĐỀ NGHỊ", "Đề nghị cấp giấy")).read_bytes()
        batch = answered(clerk.post(f"/dossiers/{dossier}/batches", {"files": 1}), 201)["batch"]
        record = f"/records/{answered(clerk.send(batch, other), 201)['record']}"
        until(is_read, 120, project, "worker")
    verified = project.chauban("verify")
    assert verified["ok"] is True, verified["findings"]

    # And: a second `up` of the first steps changes nothing and tells no new link.
    for step in ("secrets", "init"):
        project.engine("start", project.name(step))
        project.await_completed(step)
    assert _LINK.findall(project.log("init")) == [link]
    assert in_store(project, sha256)["mode"] == "COMPLIANCE"


def enrol_with_second_factor(link: str) -> None:
    """As an administrator does in a browser: a password, and the code of a device."""
    page = httpx.get(link)
    assert page.status_code == 200, page.text
    seed = _SEED.search(page.text)
    assert seed is not None
    code = pyotp.TOTP(seed[1]).now()
    form = {"password": PASSWORD, "again": PASSWORD, "seed": seed[1], "code": code}
    done = httpx.post(link, data=form)
    assert done.status_code == 303, done.text


def answered(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kill(project: Project, service: str) -> None:
    """SIGKILL from outside, as a power cut; the restart policy brings the service back."""
    old = int(project.inspect(service)["State"]["Pid"])
    assert old > 1
    os.kill(old, signal.SIGKILL)

    def is_back() -> bool:
        return int(project.inspect(service)["State"]["Pid"]) not in (0, old)

    until(is_back, 60, project, service)
