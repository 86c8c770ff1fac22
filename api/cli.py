"""`chauban`: the command line, an entry point.

Exit codes: 0 done; 1 done, and something is wrong with the archive or a file; 2 the command was
wrong; 3 a part is not available. Nothing is ever half-done.
"""

import contextlib
import json
import os
import signal
import sys
import unicodedata
from argparse import Namespace
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import Any

from api import parser
from api.commands import COMMANDS, Context
from api.console import Console
from api.ingesting import Declared, ingest
from domain.agents import Agent
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    IntegrityError,
    NotFoundError,
    ReadingError,
    UnavailableError,
)
from domain.services import Archive, Request, erasing, oversight
from domain.services.deciding import load, resolve
from domain.values import Basis, CommandId, Kind, Secrecy
from infrastructure import bootstrap
from infrastructure.bootstrap import House, Settings

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command."""
    given = [unicodedata.normalize("NFC", each) for each in arguments or sys.argv[1:]]
    settings = bootstrap.read_settings()
    say = bootstrap.messages(english=_english(given, settings))
    console = Console(say)
    as_json = "--json" in given
    try:
        chosen = parser.build(say.text).parse_args(given)
        return _run(chosen, console, as_json=as_json)
    except parser.UsageError as exc:
        sys.stderr.write(f"{exc}\n")
        return _failed(as_json, "usage", str(exc), 2)
    except ArchiveError as exc:
        return _failed(as_json, exc.code, console.trouble(exc.code, exc.details), _exit_code(exc))
    except KeyboardInterrupt:
        console.trouble("interrupted", {})
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _english(given: Sequence[str], settings: Settings) -> bool:
    for at, word in enumerate(given):
        if word.startswith("--lang"):
            return (word.partition("=")[2] or "".join(given[at + 1 : at + 2])) == "en"
    return settings.english


def _exit_code(exc: ArchiveError) -> int:
    match exc:
        case UnavailableError() | ConcurrentChangeError():
            return 3
        case IntegrityError() | ReadingError():
            return 1
        case _:
            return 2


def _failed(as_json: bool, code: str, text: str, exit_code: int) -> int:  # noqa: FBT001
    if as_json:
        print(json.dumps({"error": code, "message": text}, ensure_ascii=False))
    return exit_code


def _run(chosen: Namespace, console: Console, *, as_json: bool) -> int:
    settings = bootstrap.read_settings(getattr(chosen, "archive", None))
    special = _WITHOUT_ARCHIVE.get(chosen.run)
    if special is not None:
        result, code = special(chosen, settings, console)
        _answer(chosen.run, result, console, as_json=as_json)
        return code
    with bootstrap.opened(settings) as house:
        if chosen.run != "worker":
            house.archive.views.catch_up()
        request = _request(chosen, house)
        if chosen.run == "ingest":
            return _ingest(chosen, house, request, console, as_json=as_json)
        if chosen.run == "worker":
            return _worker(settings)
        if chosen.run == "backup":
            done = bootstrap.back_up(house, Path(chosen.folder))
            result, code = vars(done), 0
        else:
            context = Context(house.archive, request, chosen, console.progress)
            result, code = COMMANDS[chosen.run](context)
    _answer(chosen.run, result, console, as_json=as_json)
    return code


def _answer(command: str, result: dict[str, Any], console: Console, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False), flush=True)
    else:
        console.answer(command, result)


def _request(chosen: Namespace, house: House) -> Request:
    basis = Basis(getattr(chosen, "basis", "33/2024/QH15"), getattr(chosen, "reference", None))
    command = getattr(chosen, "command", None) or house.archive.identifiers.new()
    if not 1 <= len(command) <= 200 or not command.isprintable():
        raise NotFoundError("invalid-command-id")
    return Request(_agent(chosen, house), CommandId(command), basis)


def _agent(chosen: Namespace, house: House) -> Agent:
    """Who acts. On the command line that is a claim, and `verify` says so."""
    given = [word for word in getattr(chosen, "as_given", []) if not _is_kind(chosen, word)]
    if not given:
        if house.default_agent is None:
            raise NotFoundError("no-agent-for-account")
        return load(house.archive, house.default_agent).agent()
    try:
        return load(house.archive, resolve(house.archive, given[-1], Kind.AGENT)).agent()
    except NotFoundError:
        named = house.archive.catalogue.agents_named(given[-1])
        if len(named) != 1:
            raise NotFoundError("unknown-agent" if not named else "agent-ambiguous") from None
        return load(house.archive, named[0]).agent()


def _is_kind(chosen: Namespace, word: str) -> bool:
    return chosen.run == "get" and word in parser.KINDS


def _ingest(
    chosen: Namespace, house: House, request: Request, console: Console, *, as_json: bool
) -> int:
    dossier = resolve(house.archive, chosen.dossier, Kind.DOSSIER)
    declared = Declared(chosen.device, chosen.sheets, chosen.documents, Secrecy(chosen.secrecy))
    bad = False
    answers = ingest(
        house.archive,
        request,
        dossier,
        chosen.files,
        declared,
        lambda: bootstrap.start_worker(house.settings, until_idle=True),
        console.progress,
    )
    for each in answers:
        bad = bad or each["state"] in ("refused", "failed")
        _answer("ingest", each, console, as_json=as_json)
    return 1 if bad else 0


def _worker(settings: Settings) -> int:
    """Background work until it is told to stop; a second one has nothing to do."""
    child = bootstrap.start_worker(settings, until_idle=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: child.send_signal(number))
    return child.wait()


# ---------------------------------------------------------------- without an open archive

Special = tuple[dict[str, Any], int]


def _init(chosen: Namespace, settings: Settings, console: Console) -> Special:
    founded = bootstrap.found_archive(
        settings,
        name=chosen.name,
        agency=chosen.agency,
        agency_name=chosen.agency_name or chosen.name,
    )
    return {"archive": str(founded.directory), "certificate": founded.certificate}, 0


def _keys_recovery(chosen: Namespace, settings: Settings, console: Console) -> Special:
    passphrase = _passphrase(chosen, console, twice=True)
    done = bootstrap.write_recovery_file(settings, passphrase, Path(chosen.output))
    return {"keys": done}, 0


def _keys_recover(chosen: Namespace, settings: Settings, console: Console) -> Special:
    passphrase = _passphrase(chosen, console, twice=False)
    return {"keys": bootstrap.recover_keys(settings, Path(chosen.file), passphrase)}, 0


def _passphrase(chosen: Namespace, console: Console, *, twice: bool) -> str:
    """From a file, a terminal, or standard input; never from the arguments."""
    if chosen.passphrase_file:
        try:
            return Path(chosen.passphrase_file).read_text().strip()
        except OSError as exc:
            raise UnavailableError("file-unreadable", file=chosen.passphrase_file) from exc
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    first = getpass(console.text("ask-passphrase"))
    if twice and getpass(console.text("ask-passphrase-again")) != first:
        raise NotFoundError("passphrases-differ")
    return first


def _restore(chosen: Namespace, settings: Settings, console: Console) -> Special:
    done = bootstrap.restore(settings, Path(chosen.folder).absolute())
    with bootstrap.opened(settings) as house:
        archive = house.archive
        archive.views.catch_up()
        again = erasing.complete_all(archive)
        request = _request(chosen, house)
        result = oversight.verify(archive, request, progress=console.progress)
    found = [vars(each) for each in result.findings]
    return {**vars(done), "erasures": again, "ok": result.ok, "findings": found}, (
        0 if result.ok else 1
    )


def _doctor(chosen: Namespace, settings: Settings, console: Console) -> Special:
    checks = [
        {"name": each.name, "ok": each.ok, "what": console.text(each.code, **each.details)}
        for each in bootstrap.check_installation(settings)
    ]
    if all(check["ok"] for check in checks):
        with contextlib.suppress(ArchiveError), bootstrap.opened(settings) as house:
            checks.extend(_inside(house.archive, console))
    return {"checks": checks}, 0 if all(check["ok"] for check in checks) else 1


def _inside(archive: Archive, console: Console) -> list[dict[str, Any]]:
    behind = archive.journal.position() - archive.index.position()
    stuck = sum(item.state == "stuck" for item in archive.work.items())
    return [
        {
            "name": "views",
            "ok": True,
            "what": console.text("doctor-views", behind=behind),
        },
        {
            "name": "work",
            "ok": stuck == 0,
            "what": console.text("doctor-work", stuck=stuck),
        },
    ]


_WITHOUT_ARCHIVE = {
    "init": _init,
    "keys-recovery": _keys_recovery,
    "keys-recover": _keys_recover,
    "restore": _restore,
    "doctor": _doctor,
}


if __name__ == "__main__":
    raise SystemExit(main())
