"""The grammar of the command line. Words for people come from the message catalogues."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import NoReturn

from domain.agents import Role
from domain.errors import InvalidValueError
from domain.record import IsolationGround
from domain.values import Secrecy

Translate = Callable[[str], str]


KINDS = ("original", "pdfa", "text", "words")
"""What `get --as` hands out; another word after `--as` names the acting agent there, too."""


class UsageError(Exception):
    """The command line cannot be read."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.format_usage()}{message}")


def build(say: Translate) -> argparse.ArgumentParser:
    """The parser, its help in the language of `say`."""
    # Without defaults: an option before the command must not be lost to the command's own.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere = common.add_argument_group(say("help-common"))
    everywhere.add_argument("--archive", metavar="DIR", help=say("help-archive"))
    everywhere.add_argument(
        "--as", dest="as_given", action="append", metavar="AGENT", help=say("help-as")
    )
    everywhere.add_argument("--command", metavar="ID", help=say("help-command"))
    everywhere.add_argument("--basis", metavar="CODE", help=say("help-basis"))
    everywhere.add_argument("--reference", metavar="REF", help=say("help-reference"))
    everywhere.add_argument("--why", metavar="TEXT", help=say("help-why"))
    everywhere.add_argument("--lang", choices=("vi", "en"), help=say("help-lang"))
    everywhere.add_argument("--json", action="store_true", help=say("help-json"))

    parser = _Parser(prog="chauban", description=say("help-chauban"), parents=[common])
    commands = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def add(
        name: str,
        group: "argparse._SubParsersAction[_Parser]" = commands,
        prefix: str = "",
    ) -> argparse.ArgumentParser:
        text = say(f"help-{prefix}{name}")
        made = group.add_parser(name, help=text, description=text, parents=[common])
        made.set_defaults(run=f"{prefix}{name}")
        return made

    def add_group(
        name: str,
    ) -> "argparse._SubParsersAction[_Parser]":
        made = commands.add_parser(name, help=say(f"help-{name}"))
        return made.add_subparsers(dest="verb", metavar="VERB", required=True)

    init = add("init")
    init.add_argument("--name", default="Châu Bản")
    init.add_argument("--agency", metavar="CODE", default="H33")
    init.add_argument("--agency-name", metavar="NAME")

    agency = add_group("agency")
    agency_add = add("add", agency, "agency-")
    agency_add.add_argument("code")
    agency_add.add_argument("agency_name", metavar="name")
    agency_add.add_argument("--parent", metavar="CODE")
    agency_add.add_argument("--from", dest="since", type=_day, metavar="DATE")
    agency_code = add("code", agency, "agency-")
    agency_code.add_argument("ref")
    agency_code.add_argument("code")
    agency_code.add_argument("--from", dest="since", type=_day, metavar="DATE", required=True)
    agency_code.add_argument("--until", type=_day, metavar="DATE")

    procedure_add = add("add", add_group("procedure"), "procedure-")
    procedure_add.add_argument("file")

    agent_add = add("add", add_group("agent"), "agent-")
    agent_add.add_argument("agent_name", metavar="name")
    roles = [role.value for role in Role if role is not Role.SYSTEM]
    agent_add.add_argument("--role", action="append", choices=roles, required=True)
    agent_add.add_argument("--agency", action="append", metavar="CODE", required=True)
    agent_add.add_argument("--until", type=_day, metavar="DATE")

    dossier = add_group("dossier")
    opening = add("open", dossier, "dossier-")
    opening.add_argument("--agency", metavar="CODE", required=True)
    opening.add_argument("--deciding", metavar="CODE")
    opening.add_argument("--title", required=True)
    kind = opening.add_mutually_exclusive_group()
    kind.add_argument("--procedure", metavar="CODE")
    kind.add_argument("--work-file", action="store_true")
    opening.add_argument("--code")
    for name in ("applicant", "phone", "id-number", "address"):
        opening.add_argument(f"--{name}")
    add("close", dossier, "dossier-").add_argument("ref")
    paper = add("paper", dossier, "dossier-")
    paper.add_argument("ref")
    paper.add_argument("--location", required=True)

    ingest = add("ingest")
    ingest.add_argument("files", nargs="+", metavar="FILE")
    ingest.add_argument("--dossier", metavar="CODE", required=True)
    ingest.add_argument(
        "--secrecy", choices=[level.value for level in Secrecy], default=Secrecy.ORDINARY.value
    )
    ingest.add_argument("--device")
    ingest.add_argument("--sheets", type=int)
    ingest.add_argument("--documents", type=int)

    search = add("search")
    search.add_argument("query", nargs="+")
    search.add_argument("--agency", metavar="CODE")
    search.add_argument("--year", type=int)
    search.add_argument("--type", dest="type_name")
    search.add_argument("--limit", type=int, default=10)
    search.add_argument("--offset", type=int, default=0)

    for name in ("show", "history"):
        made = add(name)
        made.add_argument("ref")
        made.add_argument("--at", metavar="WHEN")

    get = add("get")
    get.add_argument("ref")
    get.add_argument("-o", "--output", metavar="FILE", required=True)

    correct = add("correct")
    for name in ("ref", "field", "value"):
        correct.add_argument(name)
    add("confirm").add_argument("ref")
    isolate = add("isolate")
    isolate.add_argument("ref")
    isolate.add_argument(
        "--ground",
        choices=[ground.value for ground in IsolationGround],
        default=IsolationGround.OTHER.value,
    )

    erase = add_group("erase")
    for name in ("request", "refuse", "restrict", "approve"):
        add(name, erase, "erase-").add_argument("ref")

    add("backup").add_argument("folder")
    add("restore").add_argument("folder")
    key_commands = add_group("keys")
    recovery = add("recovery", key_commands, "keys-")
    recovery.add_argument("-o", "--output", metavar="FILE", required=True)
    recover = add("recover", key_commands, "keys-")
    recover.add_argument("file")
    for made in (recovery, recover):
        made.add_argument("--passphrase-file", metavar="FILE")

    verify = add("verify")
    verify.add_argument("ref", nargs="?")
    verify.add_argument("--certificate", metavar="SHA256")
    add("rebuild").add_argument("views", nargs="*", metavar="NAME")
    add("work")
    add("worker")
    add("doctor")
    return parser


def _day(text: str) -> date:
    """A day as YYYY-MM-DD or dd/mm/yyyy."""
    try:
        if "/" in text:
            day, month, year = (int(part) for part in text.split("/"))
            return date(year, month, day)
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("YYYY-MM-DD | dd/mm/yyyy") from None


def parse_date(text: str) -> date:
    """Like the options' days, for files; InvalidValueError for anything else."""
    try:
        return _day(text)
    except argparse.ArgumentTypeError as exc:
        raise InvalidValueError("invalid-date", field="in_force_from") from exc
