"""`chauban`: the command line, an entry point.

Exit codes: 0 done; 1 done, and something is wrong with the archive or a file; 2 the command was
wrong; 3 a part is not available; 130 it was interrupted. Nothing is ever half-done.
"""

import contextlib
import signal
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from api import answers, parser, shapes
from api.acting import request_of
from api.commands import COMMANDS
from api.console import Console
from api.context import Context
from api.files import read_file
from api.ingesting import Declared, ingest
from api.passphrase import read_passphrase
from api.proving import attestation_checks, log_check
from api.usage import UsageError
from api.watching import watch
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    IntegrityError,
    NotFoundError,
    ReadingError,
    UnavailableError,
)
from domain.services import Archive, Request, keeping, oversight
from domain.services.deciding import resolve
from domain.values import Kind, Secrecy
from infrastructure import bootstrap
from infrastructure.bootstrap import House, Settings

_INTERRUPTED = 130
_EVEN_DAMAGED = frozenset({"backup", "evidence", "history", "rebuild", "verify", "worker"})
"""Commands that are needed most when a view or an event is damaged."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = given[: given.index("--")] if "--" in given else given
    say = bootstrap.messages(english=_english(options))
    console = Console(say, as_json="--json" in options)
    chosen = Namespace()
    try:
        parser.build(say).parse_args(given, chosen)
        return _run(chosen, console)
    except UsageError as exc:
        return _failed(console, "usage", console.complain(str(exc)), 2)
    except ArchiveError as exc:
        said = console.trouble(exc.code, _facts(chosen, exc))
        return _failed(console, exc.code, said, _exit_code(exc))
    except OSError as exc:
        said = console.trouble("system-error", {"cause": exc.strerror or type(exc).__name__})
        return _failed(console, "system-error", said, 3)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # The second one finds us leaving.
        return _failed(console, "interrupted", console.trouble("interrupted", {}), _INTERRUPTED)
    except Exception as exc:
        # Its text may hold what a paper says; the place is enough to find the fault.
        place = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        said = console.trouble("unexpected", {"kind": type(exc).__name__, "where": where})
        return _failed(console, "unexpected", said, 3)
    finally:
        console.flush()


def _english(options: Sequence[str]) -> bool:
    for at, word in enumerate(options):
        if word == "--lang" or word.startswith("--lang="):
            return (word.partition("=")[2] or "".join(options[at + 1 : at + 2])) == "en"
    return bootstrap.prefers_english()


def _facts(chosen: Namespace, exc: ArchiveError) -> dict[str, str | int]:
    """The details of an error; a reference is told as it was typed, so that it says no more."""
    typed = getattr(chosen, "ref", None) or getattr(chosen, "dossier", None)
    if exc.code == NotFoundError.code and typed:
        return {**exc.details, "reference": typed[:80]}
    return exc.details


def _exit_code(exc: ArchiveError) -> int:
    match exc:
        case UnavailableError() | ConcurrentChangeError():
            return 3
        case IntegrityError() | ReadingError():
            return 1
        case _:
            return 2


def _failed(console: Console, code: str, text: str, exit_code: int) -> int:
    if console.as_json:
        console.json({"error": code, "message": text})
    return exit_code


def _run(chosen: Namespace, console: Console) -> int:
    settings = bootstrap.read_settings(getattr(chosen, "archive", None))
    if chosen.run == "serve":
        return _serve(chosen, settings, console)
    if chosen.run == "witness-serve":
        return _serve_witness(chosen, console)
    special = _WITHOUT_ARCHIVE.get(chosen.run)
    if special is not None:
        result, code = special(chosen, settings, console)
        _answer(chosen.run, result, console)
        return code
    with bootstrap.opened(settings) as house:
        _catch_up(chosen, house)
        request = request_of(chosen, house.archive, house.default_agent)
        if chosen.run == "ingest":
            return _ingest(chosen, house, request, console)
        if chosen.run == "worker":
            return _worker(settings)
        if chosen.run == "watch":
            once = chosen.once
            return watch(
                chosen,
                str(settings.directory),
                request,
                lambda: bootstrap.start_worker(settings, until_idle=once),
                console,
            )
        if chosen.run == "backup":
            done = bootstrap.back_up(house, Path(chosen.folder))
            result, code = vars(done), 0
        else:
            context = Context(house.archive, request, chosen, console.progress)
            result, code = COMMANDS[chosen.run](context)
        _answer(chosen.run, result, console)
        return code


def _catch_up(chosen: Namespace, house: House) -> None:
    try:
        house.archive.views.catch_up()
    except (IntegrityError, UnavailableError):
        if chosen.run not in _EVEN_DAMAGED:
            raise


def _answer(command: str, result: dict[str, Any], console: Console) -> None:
    if console.as_json:
        console.json(result)
    else:
        answers.tell(console, command, result)


def _ingest(chosen: Namespace, house: House, request: Request, console: Console) -> int:
    dossier = resolve(house.archive, chosen.dossier, Kind.DOSSIER)
    declared = Declared(
        chosen.device, chosen.sheets, chosen.documents, Secrecy(chosen.secrecy), chosen.paper
    )
    bad = False
    told = ingest(
        house.archive,
        request,
        dossier,
        chosen.files,
        declared,
        lambda: bootstrap.start_worker(house.settings, until_idle=True),
        console.progress,
    )
    for each in told:
        bad = bad or each["state"] in ("refused", "failed")
        _answer("ingest", each, console)
    return 1 if bad else 0


def _worker(settings: Settings) -> int:
    """Background work until it is told to stop; a second one has nothing to do."""
    child = bootstrap.start_worker(settings, until_idle=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: child.send_signal(number))
    return child.wait()


def _serve(chosen: Namespace, settings: Settings, console: Console) -> int:
    """Pages and API until it is told to stop."""
    from api.app import serve  # Imported with its only user: it takes longer than most commands.

    return serve(
        settings,
        host=chosen.host,
        port=chosen.port,
        worker=not chosen.no_worker,
        ready=lambda address: _ready(console, address),
    )


def _serve_witness(chosen: Namespace, console: Console) -> int:
    """A witness of other logs until it is told to stop; it has nothing to do with an archive."""
    from api.witnessing import serve  # As above.

    with bootstrap.opened_witness(Path(chosen.folder), console) as (witness, clock):
        return serve(
            witness,
            clock,
            host=chosen.host,
            port=chosen.port,
            ready=lambda address: _ready(console, address),
        )


def _ready(console: Console, address: str) -> None:
    if console.as_json:
        console.json({"address": address})
    else:
        console.line(console.text("serving", address=address))
        console.flush()


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
    passphrase = read_passphrase(chosen.passphrase_file, console, twice=True)
    done = bootstrap.write_recovery_file(settings, passphrase, Path(chosen.output))
    return {"keys": done}, 0


def _keys_recover(chosen: Namespace, settings: Settings, console: Console) -> Special:
    passphrase = read_passphrase(chosen.passphrase_file, console, twice=False)
    content = read_file(Path(chosen.file))
    return {"keys": bootstrap.recover_keys(settings, content, passphrase)}, 0


def _restore(chosen: Namespace, settings: Settings, console: Console) -> Special:
    done = bootstrap.restore(settings, Path(chosen.folder).absolute())
    with bootstrap.opened(settings) as house:
        house.archive.views.catch_up()
        request = request_of(chosen, house.archive, house.default_agent)
        result = oversight.verify(house.archive, request, progress=console.progress)
    found = [vars(each) for each in result.findings]
    answer = {**vars(done), "ok": result.ok, "findings": found}
    return answer, 0 if result.ok else 1


def _doctor(chosen: Namespace, settings: Settings, console: Console) -> Special:
    checks = [
        {"name": each.name, "ok": each.ok, "what": console.text(each.code, **each.details)}
        for each in bootstrap.check_installation(settings)
    ]
    if all(check["ok"] for check in checks):
        try:
            with bootstrap.opened(settings) as house:
                checks.extend(_inside(house.archive, console))
        except ArchiveError as exc:
            what = console.text(exc.code, **exc.details)
            checks.append({"name": "opening", "ok": False, "what": what})
    return {"checks": checks}, 0 if all(check["ok"] for check in checks) else 1


def _inside(archive: Archive, console: Console) -> list[dict[str, Any]]:
    behind = archive.journal.position() - archive.index.position()
    stuck = sum(item.state == "stuck" for item in archive.work.items())
    return [
        {"name": "views", "ok": True, "what": console.text("doctor-views", behind=behind)},
        {"name": "work", "ok": stuck == 0, "what": console.text("doctor-work", stuck=stuck)},
        _lock(archive, console),
        log_check(archive, console),
        *attestation_checks(archive, console),
    ]


def _lock(archive: Archive, console: Console) -> dict[str, Any]:
    """Whether the store keeps the lock that it offers, proved now, and which locks lapsed."""
    try:
        archive.objects.probe()
    except UnavailableError as exc:
        return {"name": "lock", "ok": False, "what": console.text(exc.code, **exc.details)}
    if archive.objects.lock == keeping.UNLOCKED:
        return {"name": "lock", "ok": True, "what": console.text("doctor-lock-none")}
    lapsed = len(keeping.lapses(archive))
    days = archive.lock_horizon.days
    what = console.text("doctor-lock", days=days, lapsed=lapsed)
    return {"name": "lock", "ok": lapsed == 0, "what": what}


def _witness_init(chosen: Namespace, settings: Settings, console: Console) -> Special:
    return {"vkey": bootstrap.found_witness(Path(chosen.folder), chosen.witness_name)}, 0


def _witness_log(chosen: Namespace, settings: Settings, console: Console) -> Special:
    with bootstrap.opened_witness(Path(chosen.folder), console) as (witness, _):
        if chosen.withdraw is not None:
            witness.withdraw(chosen.withdraw)
            return {"origin": chosen.withdraw, "withdrawn": True}, 0
        return {"origin": witness.register(chosen.vkey)}, 0


def _witness_status(chosen: Namespace, settings: Settings, console: Console) -> Special:
    with bootstrap.opened_witness(Path(chosen.folder), console) as (witness, _):
        told = shapes.witness(witness)
    return told, 1 if told["forks"] else 0


_WITHOUT_ARCHIVE: dict[str, Callable[[Namespace, Settings, Console], Special]] = {
    "init": _init,
    "keys-recovery": _keys_recovery,
    "keys-recover": _keys_recover,
    "restore": _restore,
    "doctor": _doctor,
    "witness-init": _witness_init,
    "witness-log": _witness_log,
    "witness-status": _witness_status,
}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        raise SystemExit(main())
    raise SystemExit(_INTERRUPTED)
