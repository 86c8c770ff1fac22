"""The grammar of the command line. Words for people come from the message catalogues.

Paths are taken as the shell gave them, byte for byte; every other word is text and becomes NFC.
"""

import argparse
from typing import Any

from api.usage import Parser, day, words
from domain.agents import Role
from domain.ports import Messages
from domain.record import IsolationGround
from domain.values import Secrecy

KINDS = ("original", "pdfa", "text", "words")
"""What `get --as` hands out; another word after `--as` names the acting agent there, too."""


def build(say: Messages) -> Parser:
    """The parser, its help in the language of `say`."""
    return _Grammar(say).whole()


class _Grammar:
    """Builds the parser; each method adds the commands of one subject."""

    def __init__(self, say: Messages) -> None:
        self._say = say
        self._top = Parser(
            say=say,
            prog="chauban",
            description=say.text("help-chauban"),
            parents=[self._common()],
        )
        self._commands: Any = self._top.add_subparsers(
            dest="name", metavar=say.text("arg-command"), required=True
        )

    def whole(self) -> Parser:
        self._founding()
        self._dossiers()
        self._records()
        self._erasing()
        self._keeping()
        return self._top

    # ------------------------------------------------------------ pieces

    def _common(self, *, acting: bool = True) -> argparse.ArgumentParser:
        """Without defaults: an option before the command must not be lost to the command's own."""
        common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
        group = common.add_argument_group(self._say.text("help-common"))
        self._option(group, "--archive", "arg-folder", "help-archive", path=True)
        if acting:
            self._option(group, "--as", "arg-agent", "help-as", dest="as_given", action="append")
        self._option(group, "--command", "arg-id", "help-command")
        self._option(group, "--basis", "arg-code", "help-basis")
        self._option(group, "--reference", "arg-reference", "help-reference")
        self._option(group, "--why", "arg-text", "help-why")
        self._option(group, "--lang", "arg-language", "help-lang", choices=("vi", "en"))
        group.add_argument("--json", action="store_true", help=self._say.text("help-json"))
        return common

    def _option(
        self,
        to: Any,
        name: str,
        metavar: str,
        text: str,
        *,
        path: bool = False,
        **more: Any,
    ) -> None:
        """An argument with a value; `path` keeps its bytes as they are."""
        if not path:
            more.setdefault("type", words)
        flags = ("-o", name) if name == "--output" else (name,)
        to.add_argument(*flags, metavar=self._say.text(metavar), help=self._say.text(text), **more)

    def _command(
        self, name: str, to: Any = None, prefix: str = "", *, acting: bool = True
    ) -> Parser:
        text = self._say.text(f"help-{prefix}{name}")
        made: Parser = (to or self._commands).add_parser(
            name, say=self._say, help=text, description=text, parents=[self._common(acting=acting)]
        )
        made.set_defaults(run=f"{prefix}{name}")
        return made

    def _group(self, name: str) -> Any:
        text = self._say.text(f"help-{name}")
        made = self._commands.add_parser(name, say=self._say, help=text, description=text)
        return made.add_subparsers(dest="verb", metavar=self._say.text("arg-verb"), required=True)

    # ------------------------------------------------------------ subjects

    def _founding(self) -> None:
        add = self._option
        init = self._command("init")
        add(init, "--name", "arg-name", "option-init-name", default="Châu Bản")
        add(init, "--agency", "arg-code", "option-init-agency", default="H33")
        add(init, "--agency-name", "arg-name", "option-init-agency-name")
        agency = self._group("agency")
        made = self._command("add", agency, "agency-")
        add(made, "code", "arg-code", "option-agency-code")
        add(made, "agency_name", "arg-name", "option-agency-name")
        add(made, "--parent", "arg-code", "option-parent")
        add(made, "--from", "arg-day", "option-since", dest="since", type=day)
        made = self._command("code", agency, "agency-")
        add(made, "ref", "arg-code", "option-agency")
        add(made, "code", "arg-code", "option-agency-code")
        add(made, "--from", "arg-day", "option-since", dest="since", type=day, required=True)
        add(made, "--until", "arg-day", "option-until", type=day)
        made = self._command("add", self._group("procedure"), "procedure-")
        add(made, "file", "arg-file", "option-procedure-file", path=True)
        made = self._command("add", self._group("agent"), "agent-")
        add(made, "agent_name", "arg-name", "option-agent-name")
        roles = [role.value for role in Role if role is not Role.SYSTEM]
        add(
            made,
            "--role",
            "arg-role",
            "option-role",
            action="append",
            choices=roles,
            required=True,
        )
        add(made, "--agency", "arg-code", "option-agent-agency", action="append", required=True)
        add(made, "--from", "arg-day", "option-agent-since", dest="since", type=day)
        add(made, "--until", "arg-day", "option-agent-until", type=day)

    def _dossiers(self) -> None:
        add, dossier = self._option, self._group("dossier")
        opening = self._command("open", dossier, "dossier-")
        add(opening, "--agency", "arg-code", "option-receiving", required=True)
        add(opening, "--deciding", "arg-code", "option-deciding")
        add(opening, "--title", "arg-text", "option-title", required=True)
        kind = opening.add_mutually_exclusive_group()
        add(kind, "--procedure", "arg-code", "option-procedure")
        kind.add_argument(
            "--work-file", action="store_true", help=self._say.text("option-work-file")
        )
        add(opening, "--code", "arg-code", "option-dossier-code")
        add(opening, "--applicant", "arg-name", "option-applicant")
        add(opening, "--phone", "arg-phone", "option-phone")
        add(opening, "--id-number", "arg-number", "option-id-number")
        add(opening, "--address", "arg-text", "option-address")
        closing = self._command("close", dossier, "dossier-")
        add(closing, "ref", "arg-dossier", "option-dossier")
        paper = self._command("paper", dossier, "dossier-")
        add(paper, "ref", "arg-dossier", "option-dossier")
        add(paper, "--location", "arg-text", "option-location", required=True)

    def _records(self) -> None:
        add = self._option
        ingest = self._command("ingest")
        add(ingest, "files", "arg-file", "option-files", path=True, nargs="+")
        add(ingest, "--dossier", "arg-dossier", "option-dossier", required=True)
        add(
            ingest,
            "--secrecy",
            "arg-level",
            "option-secrecy",
            choices=[level.value for level in Secrecy],
            default=Secrecy.ORDINARY.value,
        )
        add(ingest, "--device", "arg-text", "option-device")
        add(ingest, "--paper", "arg-text", "option-paper")
        add(ingest, "--sheets", "arg-number", "option-sheets", type=int)
        add(ingest, "--documents", "arg-number", "option-documents", type=int)
        search = self._command("search")
        add(search, "query", "arg-query", "option-query", nargs="+")
        add(search, "--agency", "arg-code", "option-agency")
        add(search, "--year", "arg-number", "option-year", type=int)
        add(search, "--type", "arg-type", "option-type", dest="type_name")
        add(search, "--limit", "arg-number", "option-limit", type=int, default=10)
        add(search, "--offset", "arg-number", "option-offset", type=int, default=0)
        for name, what in (("show", "option-dossier-or-record"), ("history", "option-any")):
            made = self._command(name)
            add(made, "ref", "arg-reference", what)
            add(made, "--at", "arg-when", "option-at")
        get = self._command("get", acting=False)
        add(get, "ref", "arg-record", "option-record")
        add(
            get,
            "--as",
            "arg-kind",
            "option-get-as",
            dest="as_here",  # Beside `as_given`, which stands before the command.
            action="append",
            default=[],
        )
        add(get, "--output", "arg-file", "option-output", path=True, required=True)
        correct = self._command("correct")
        add(correct, "ref", "arg-reference", "option-dossier-or-record")
        add(correct, "field", "arg-field", "option-field")
        add(correct, "value", "arg-value", "option-value")
        add(self._command("confirm"), "ref", "arg-record", "option-record")
        isolate = self._command("isolate")
        add(isolate, "ref", "arg-record", "option-record")
        add(
            isolate,
            "--ground",
            "arg-ground",
            "option-ground",
            choices=[ground.value for ground in IsolationGround],
            default=IsolationGround.OTHER.value,
        )

    def _erasing(self) -> None:
        erase = self._group("erase")
        for name in ("request", "refuse", "restrict", "approve"):
            made = self._command(name, erase, "erase-")
            self._option(made, "ref", "arg-dossier", "option-dossier")

    def _keeping(self) -> None:
        add = self._option
        for name in ("backup", "restore"):
            made = self._command(name)
            add(made, "folder", "arg-folder", "option-backup-folder", path=True)
        keys = self._group("keys")
        recovery = self._command("recovery", keys, "keys-")
        add(recovery, "--output", "arg-file", "option-output", path=True, required=True)
        recover = self._command("recover", keys, "keys-")
        add(recover, "file", "arg-file", "option-recovery-file", path=True)
        for made in (recovery, recover):
            add(made, "--passphrase-file", "arg-file", "option-passphrase-file", path=True)
        verify = self._command("verify")
        add(verify, "ref", "arg-reference", "option-any", nargs="?")
        add(verify, "--certificate", "arg-digest", "option-certificate")
        add(self._command("rebuild"), "views", "arg-view", "option-views", nargs="*")
        for name in ("work", "worker", "doctor"):
            self._command(name)
