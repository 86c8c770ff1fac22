"""Runs docker-compose.yml with podman: the part of its language that the file uses, no more.

What a service says and this does not know fails the test, so that nothing is passed over.
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers.podman import Podman, build, podman

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+):-([^{}$]*)\}")
_KNOWN = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image",
    "mem_limit", "network_mode", "networks", "pids_limit", "ports", "read_only", "restart",
    "security_opt", "tmpfs", "volumes",
}  # fmt: skip
_COMPLETE_SECONDS = 120
_HEALTHY_SECONDS = 90


@dataclass
class Project:
    """The services of the compose file, as containers, networks and volumes under one prefix."""

    engine: Podman
    prefix: str
    services: Mapping[str, Mapping[str, Any]]
    networks: Mapping[str, Mapping[str, Any]]
    volumes: Mapping[str, Any]
    origin: str
    started: list[str] = field(default_factory=list)

    def name(self, part: str) -> str:
        """What podman calls a service, network or volume."""
        return f"{self.prefix}-{part}"

    def up(self) -> None:
        """As `docker compose up`: images, networks, volumes, and each service after its needs."""
        targets = {each["image"]: each["build"]["target"] for each in self.services.values()}
        for image, target in targets.items():
            build(self.engine, ROOT, target, f"{image}:{self.prefix}")
        for network, said in self.networks.items():
            internal = ["--internal"] if (said or {}).get("internal") else []
            self.engine("network", "create", *internal, self.name(network))
        for volume in self.volumes:
            self.engine("volume", "create", self.name(volume))
        for service in self.services:
            self._start(service)

    def _start(self, service: str) -> None:
        if service in self.started:
            return
        for needed, said in self.services[service].get("depends_on", {}).items():
            self._start(needed)
            if said["condition"] == "service_healthy":
                self.await_healthy(needed)
            else:
                self.await_completed(needed)
        self.started.append(service)
        self.engine("run", "--detach", "--name", self.name(service), *self._words(service))

    def _words(self, service: str) -> list[str]:
        said = self.services[service]
        assert said.keys() <= _KNOWN, said.keys() - _KNOWN
        words = ["--hostname", service, "--pids-limit", str(said["pids_limit"])]
        words += ["--memory", said["mem_limit"], "--restart", said.get("restart", "no")]
        if said["read_only"]:
            words += ["--read-only", "--read-only-tmpfs=false"]
        for option, key in (
            ("--cap-drop", "cap_drop"),
            ("--security-opt", "security_opt"),
            ("--tmpfs", "tmpfs"),
            ("--publish", "ports"),
        ):
            words += [word for value in said.get(key, ()) for word in (option, value)]
        for name, value in said.get("environment", {}).items():
            words += ["--env", f"{name}={value}"]
        for volume in said["volumes"]:
            words += ["--volume", self.name(volume)]
        for network in said.get("networks", ()):
            words += ["--network", f"{self.name(network)}:alias={service}"]
        if "network_mode" in said:
            words += ["--network", said["network_mode"]]
        return [*words, f"{said['image']}:{self.prefix}", *said.get("command", ())]

    def await_completed(self, service: str) -> None:
        """Until a step has ended well."""
        code = self.engine("wait", self.name(service), seconds=_COMPLETE_SECONDS).stdout.strip()
        assert code == "0", f"{service} ended with {code}: {self.log(service)}"

    def await_healthy(self, service: str) -> None:
        """Until the service's own health check says so."""
        kind, *command = self.services[service]["healthcheck"]["test"]
        assert kind == "CMD"
        end = time.monotonic() + _HEALTHY_SECONDS
        while self.run_in(service, *command, check=False)[0] != 0:
            if time.monotonic() > end:
                pytest.fail(f"{service} is not healthy: {self.log(service)}")
            time.sleep(0.3)

    def run_in(self, service: str, *command: str, check: bool = True) -> tuple[int, str]:
        """Exit code and output of a command in a running service."""
        done = self.engine("exec", self.name(service), *command, seconds=120, check=False)
        if check:
            assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.returncode, done.stdout

    def chauban(self, *words: str) -> dict[str, Any]:
        """The command line in the web's container."""
        answer: dict[str, Any] = json.loads(self.run_in("web", "chauban", "--json", *words)[1])
        return answer

    def inspect(self, service: str) -> dict[str, Any]:
        """What podman knows of a container."""
        (found,) = json.loads(self.engine("inspect", self.name(service)).stdout)
        return dict(found)

    def log(self, service: str) -> str:
        """What a service has printed."""
        done = self.engine("logs", self.name(service), check=False)
        return (done.stdout + done.stderr)[-6000:]

    def down(self) -> None:
        """Takes everything away that `up` made, whatever became of it; images stay as layers."""
        for service in reversed(self.started):
            self.engine("rm", "--force", "--time", "3", self.name(service), check=False)
        for volume in self.volumes:
            self.engine("volume", "rm", "--force", self.name(volume), check=False)
        for network in self.networks:
            self.engine("network", "rm", "--force", self.name(network), check=False)
        for image in {f"{each['image']}:{self.prefix}" for each in self.services.values()}:
            self.engine("untag", image, check=False)


def compose_file(environment: Mapping[str, str]) -> dict[str, Any]:
    """docker-compose.yml with its variables filled in, the innermost first."""
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    while _VARIABLE.search(text):
        text = _VARIABLE.sub(lambda found: environment.get(found[1]) or found[2], text)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@contextmanager
def composed(port: int) -> Iterator[Project]:
    """The whole project with its page on `port`, gone when the context ends."""
    said = compose_file({"CHAUBAN_PORT": str(port)})
    project = Project(
        engine=podman(),
        prefix=f"chauban-test-{secrets.token_hex(4)}",
        services=said["services"],
        networks=said["networks"],
        volumes=said["volumes"],
        origin=f"http://localhost:{port}",
    )
    try:
        project.up()
        project.await_healthy("web")
        yield project
    finally:
        project.down()
