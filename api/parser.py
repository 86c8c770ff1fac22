"""The grammar of the command line. Words for people come from the message catalogues.

Paths are taken as the shell gave them, byte for byte; every other word is text and becomes NFC.
"""

import argparse
from typing import Any

from api.usage import Parser, day, words
from domain.agency import Succession
from domain.agents import Role
from domain.arrangement import QUARTERS
from domain.identity import SCOPES
from domain.ports import Messages
from domain.record import IsolationGround
from domain.searching import Order
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
        self._agencies()
        self._procedures()
        self._agents()
        self._accounts()
        self._tokens()
        self._dossiers()
        self._records()
        self._arranging()
        self._erasing()
        self._keeping()
        self._proving()
        self._witnessing()
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

    def _agencies(self) -> None:
        add, agency = self._option, self._group("agency")
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
        made = self._command("code-end", agency, "agency-")
        add(made, "ref", "arg-code", "option-agency")
        add(made, "code", "arg-code", "option-agency-code")
        add(made, "--until", "arg-day", "option-until", type=day, required=True)
        made = self._command("rename", agency, "agency-")
        add(made, "ref", "arg-code", "option-agency")
        add(made, "agency_name", "arg-name", "option-agency-name")
        add(made, "--from", "arg-day", "option-since", dest="since", type=day)
        made = self._command("move", agency, "agency-")
        add(made, "ref", "arg-code", "option-agency")
        add(made, "--parent", "arg-code", "option-parent", required=True)
        add(made, "--from", "arg-day", "option-since", dest="since", type=day)
        made = self._command("succeed", agency, "agency-")
        add(made, "ref", "arg-code", "option-agency")
        ways = [way.value for way in Succession]
        add(made, "--how", "arg-way", "option-how", choices=ways, required=True)
        add(made, "--to", "arg-code", "option-successor", dest="to", action="append", default=[])
        add(made, "--on", "arg-day", "option-ended-on", type=day, required=True)

    def _procedures(self) -> None:
        procedure = self._group("procedure")
        made = self._command("add", procedure, "procedure-")
        self._option(made, "file", "arg-file", "option-procedure-file", path=True)
        self._command("list", procedure, "procedure-")

    def _agents(self) -> None:
        add, agent = self._option, self._group("agent")
        made = self._command("add", agent, "agent-")
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

        def one_role(verb: str) -> Parser:
            made = self._command(verb, agent, "agent-")
            add(made, "ref", "arg-agent", "option-known-agent")
            add(made, "--role", "arg-role", "option-one-role", choices=roles, required=True)
            add(made, "--agency", "arg-code", "option-agency", required=True)
            return made

        granting = one_role("grant")
        add(granting, "--from", "arg-day", "option-agent-since", dest="since", type=day)
        add(granting, "--until", "arg-day", "option-agent-until", type=day)
        one_role("revoke")
        lending = one_role("substitute")
        add(lending, "--for", "arg-agent", "option-absent", dest="absent", required=True)
        add(lending, "--from", "arg-day", "option-agent-since", dest="since", type=day)
        add(lending, "--until", "arg-day", "option-agent-until", type=day, required=True)
        ending = one_role("substitute-end")
        add(ending, "--for", "arg-agent", "option-absent", dest="absent", required=True)

    def _accounts(self) -> None:
        add, user = self._option, self._group("user")
        adding = self._command("add", user, "user-")
        closing = self._command("close", user, "user-")
        for made in (adding, closing):
            add(made, "agent", "arg-agent", "option-user-agent")
        add(adding, "login", "arg-login", "option-login")

    def _tokens(self) -> None:
        add, token = self._option, self._group("token")
        adding = self._command("add", token, "token-")
        listing = self._command("list", token, "token-")
        revoking = self._command("revoke", token, "token-")
        for made in (adding, listing, revoking):
            add(made, "agent", "arg-agent", "option-token-agent")
        add(revoking, "handle", "arg-handle", "option-handle")
        add(adding, "token_name", "arg-name", "option-token-name")
        roles = [role.value for role in Role if role is not Role.SYSTEM]
        add(adding, "--role", "arg-role", "option-token-role", choices=roles, required=True)
        add(adding, "--agency", "arg-code", "option-token-agency", required=True)
        scopes = sorted(SCOPES)
        add(
            adding,
            "--scope",
            "arg-scope",
            "option-scope",
            action="append",
            choices=scopes,
            required=True,
        )
        add(adding, "--until", "arg-day", "option-token-until", type=day, required=True)

    def _proving(self) -> None:
        add, log = self._option, self._group("log")
        self._command("status", log, "log-")
        self._command("attest", log, "log-")
        self._command("restart", log, "log-")
        exporting = self._command("export", log, "log-")
        add(exporting, "folder", "arg-folder", "option-log-folder", path=True)
        proof = self._command("proof", log, "log-")
        add(proof, "event", "arg-event", "option-event")
        add(proof, "--output", "arg-file", "option-proof-output", path=True, required=True)
        add(proof, "--entry", "arg-file", "option-entry", path=True)
        evidence = self._command("evidence")
        add(evidence, "ref", "arg-reference", "option-dossier-or-record")
        add(evidence, "--output", "arg-file", "option-evidence-output", path=True, required=True)
        add(evidence, "--without", "arg-field", "option-without", nargs="+", action="extend",
            default=[])  # fmt: skip
        # The reference first: behind the names that are left out it would be taken for one.
        names = ("arg-reference", "arg-file", "arg-field")
        ref, file, field = (self._say.text(each) for each in names)
        evidence.usage = f"%(prog)s [-h] {ref} -o {file} [--without {field} [{field} ...]]"

    def _witnessing(self) -> None:
        add, witness = self._option, self._group("witness")
        making = self._command("init", witness, "witness-")
        registering = self._command("log", witness, "witness-")
        serving = self._command("serve", witness, "witness-")
        telling = self._command("status", witness, "witness-")
        for made in (making, registering, serving, telling):
            add(made, "folder", "arg-folder", "option-witness-folder", path=True)
        add(making, "--name", "arg-name", "option-witness-name", dest="witness_name", required=True)
        either = registering.add_mutually_exclusive_group(required=True)
        add(either, "vkey", "arg-vkey", "option-vkey", nargs="?")
        add(either, "--withdraw", "arg-name", "option-withdraw")
        add(serving, "--host", "arg-host", "option-host", default="127.0.0.1")
        add(serving, "--port", "arg-number", "option-port", type=int, default=8090)

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
        watch = self._command("watch")
        add(watch, "folder", "arg-folder", "option-watch-folder", path=True)
        watch.add_argument("--once", action="store_true", help=self._say.text("option-watch-once"))
        add(watch, "--settle", "arg-number", "option-watch-settle", type=float, default=5.0)
        search = self._command("search")
        add(search, "query", "arg-query", "option-query", nargs="*")
        add(search, "--agency", "arg-code", "option-agency")
        add(search, "--year", "arg-number", "option-year", type=int)
        add(search, "--type", "arg-type", "option-type", dest="type_name")
        add(search, "--from", "arg-day", "option-issued-from", dest="issued_from", default="")
        add(search, "--to", "arg-day", "option-issued-to", dest="issued_to", default="")
        add(search, "--dossier", "arg-code", "option-in-dossier", default="")
        add(search, "--confirmed", "arg-truth", "option-confirmed", choices=("true", "false"))
        orders = [order.value for order in Order]
        add(search, "--sort", "arg-order", "option-sort", choices=orders, default="best")
        add(search, "--limit", "arg-number", "option-limit", type=int, default=10)
        add(search, "--offset", "arg-number", "option-offset", type=int, default=0)
        search.add_argument("--signed", action="store_true", help=self._say.text("option-signed"))
        add(search, "--output", "arg-file", "option-signed-output", path=True)
        add(search, "--check", "arg-file", "option-search-check", path=True)
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
        add(self._command("retry"), "ref", "arg-record", "option-record")
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

    def _arranging(self) -> None:
        add, record = self._option, self._group("record")

        def on_record(verb: str) -> Parser:
            made = self._command(verb, record, "record-")
            add(made, "ref", "arg-record", "option-record")
            return made

        turn = on_record("turn")
        add(turn, "page", "arg-number", "option-turned-page", type=int)
        quarters = [degrees for degrees in QUARTERS if degrees]
        add(turn, "--by", "arg-degrees", "option-by", type=int, choices=quarters, required=True)
        add(on_record("order"), "order", "arg-pages", "option-order")
        add(on_record("split"), "pages", "arg-pages", "option-pages")
        add(on_record("merge"), "other", "arg-record", "option-other-record")
        add(on_record("move"), "dossier", "arg-dossier", "option-new-dossier")
        on_record("withdraw")

    def _erasing(self) -> None:
        erase = self._group("erase")
        for name in ("request", "refuse", "restrict", "approve"):
            made = self._command(name, erase, "erase-")
            self._option(made, "ref", "arg-dossier", "option-dossier")

    def _keeping(self) -> None:
        add = self._option
        hold = self._group("hold")
        for name in ("place", "lift"):
            add(self._command(name, hold, "hold-"), "ref", "arg-dossier", "option-dossier")
        for name in ("backup", "restore"):
            made = self._command(name)
            add(made, "folder", "arg-folder", "option-backup-folder", path=True)
        keys = self._group("keys")
        recovery = self._command("recovery", keys, "keys-")
        add(recovery, "--output", "arg-file", "option-output", path=True, required=True)
        recover = self._command("recover", keys, "keys-")
        add(recover, "file", "arg-file", "option-recovery-file", path=True)
        self._command("list", keys, "keys-")
        rotate = self._command("rotate", keys, "keys-")
        rotate.add_argument("--log", action="store_true", help=self._say.text("option-log-key"))
        compromised = self._command("compromised", keys, "keys-")
        add(compromised, "key", "arg-key", "option-key")
        add(compromised, "--since", "arg-when", "option-key-since", required=True)
        for made in (recovery, recover):
            add(made, "--passphrase-file", "arg-file", "option-passphrase-file", path=True)
        verify = self._command("verify")
        add(verify, "ref", "arg-reference", "option-any", nargs="?")
        add(verify, "--certificate", "arg-digest", "option-certificate")
        add(verify, "--since", "arg-file", "option-since-checkpoint", path=True)
        add(verify, "--remember", "arg-file", "option-remember", path=True)
        verify.add_argument("--hashes", action="store_true", help=self._say.text("option-hashes"))
        verify.add_argument(
            "--incremental", action="store_true", help=self._say.text("option-incremental")
        )
        add(self._command("rebuild"), "views", "arg-view", "option-views", nargs="*")
        for name in ("work", "worker", "doctor"):
            self._command(name)
        serve = self._command("serve")
        add(serve, "--host", "arg-host", "option-host", default="127.0.0.1")
        add(serve, "--port", "arg-number", "option-port", type=int, default=8080)
        serve.add_argument(
            "--no-worker", action="store_true", help=self._say.text("option-no-worker")
        )
