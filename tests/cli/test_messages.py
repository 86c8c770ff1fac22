"""Everything that the program can say stands in both catalogues, and nothing else does.

The codes are collected from the source: what is raised, found and said. A code that is put
together at run time has a prefix, and each prefix has its vocabulary below.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import cache
from itertools import product
from pathlib import Path
from string import Formatter

import pytest
from jinja2 import Environment, nodes

from api import answers, lines, parser, showing, usage
from api.commands import COMMANDS
from domain.access import Action
from domain.agency import CodeForm, Succession
from domain.agents import AgentKind, Role
from domain.dossier import DossierField, DossierKind
from domain.erasure import CaseState
from domain.events import STORED_EVENTS
from domain.identity import SCOPES
from domain.keyring import KeyGround, LogEndGround
from domain.papers import PageState
from domain.procedure import TimeUnit
from domain.reads import ReadKind
from domain.record import Carrier, Described, IsolationGround, RecordField, RepresentationKind
from domain.searching import Match, Order
from domain.services import browsing, comparing, oversight, recounting, replaying
from domain.services.stationing import FileState
from domain.values import Kind
from infrastructure.messages import Catalogue

REPOSITORY = Path(__file__).parents[2]
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
FINDERS = (
    "domain/services/dating.py",
    "domain/services/oversight.py",
    "infrastructure/journal/inspection_notes.py",
    "infrastructure/journal/rows_inspected.py",
    "infrastructure/journal/whole_inspected.py",
    "infrastructure/evidence/inspection.py",
    "infrastructure/journal/verification.py",
    "infrastructure/views/inspection.py",
)
"""Modules that make findings; every code in them is one, or the code of an error."""
NOT_FINDINGS = frozenset({"command-answers", "utf-8", *oversight.NOT_PROVED,
                          oversight.CERTIFICATE_NOT_PROVED, oversight.HASHES_NOT_PROVED,
                          oversight.BETWEEN_TOKENS, oversight.INCREMENTAL_NOT_PROVED,
                          oversight.KEY_NOT_PROVED, oversight.LOG_NOT_PROVED,
                          "stream-incomplete"})  # fmt: skip
PAGES = ("api/web/", "api/routes/")
"""Modules of the pages; a constant in them that begins with `page-` is a message they show."""
TELLERS = frozenset({"t", "details_help"})
"""What templates call with the whole name of a message."""
TABLES = frozenset({"_MEANINGS", "_DISK_FAULTS", "_S3_FAULTS", "_UNAVAILABLE", "_BUSY", "_DAMAGED"})
"""Where adapters say what a foreign error means."""


def event_fields() -> set[str]:
    """The fields of events that only the report of an evidence pack names."""
    known = {*replaying.FACTS, *comparing.RECORD_FIELDS, *comparing.DOSSIER_FIELDS, *answers.SHORT}
    known |= {*showing.TOLD, *lines.DAYS, "certificate", "signatures"}
    names = {item.name for event in STORED_EVENTS.values() for item in fields(event)}
    return {name.replace("_", "-") for name in {*names - known, "records"}}


VOCABULARIES: dict[str, Iterable[str]] = {
    "action": Action,
    "agent-kind": AgentKind,
    "attestation": ("overdue", "undated", "unwitnessed", "ending"),
    "case": CaseState,
    "carrier": Carrier,
    "code-form": CodeForm,
    "denied": ("no-role", "other-agency", "isolated", "restricted"),
    "detail": (
        *("history", "state", "compare", "reads", "verify", "events", "page", "list"),
        *("describe", "correct", "closing", "receipt", "station", "tray", "evidence"),
        *("proof", "envelope", "signed-search"),
        *RepresentationKind,
    ),
    "dossier-kind": DossierKind,
    "event": STORED_EVENTS,
    "fact": {
        name.replace("_", "-")
        for name in (*replaying.FACTS, *comparing.DOSSIER_FIELDS, *comparing.RECORD_FIELDS)
    },
    "facet": ("agency", "year", "type", "confirmed", "procedure", "kind"),
    "ground": IsolationGround,
    "key-ground": KeyGround,
    "log-end-ground": LogEndGround,
    "ingest": ("stored", "duplicate", "refused", "failed"),
    "kind": Kind,
    "lock": ("none", "compliance"),
    "match": Match,
    "order": Order,
    "origin": Described,
    "not-proved": (
        *oversight.NOT_PROVED,
        oversight.CERTIFICATE_NOT_PROVED,
        oversight.HASHES_NOT_PROVED,
        oversight.BETWEEN_TOKENS,
        oversight.INCREMENTAL_NOT_PROVED,
        oversight.KEY_NOT_PROVED,
        oversight.LOG_NOT_PROVED,
        *recounting.NOT_PROVED,
    ),
    "page-state": PageState,
    "paper-state": browsing.PaperState,
    "paper": ("added", "removed", "changed"),
    "proves": recounting.PROVES,
    "progress": ("journal", "log", "objects", "views"),
    "purpose": ("work", "audit", "administration"),
    "reads": ReadKind,
    "remains": ("original-kept", "pdfa-kept", "assembly-kept", "shared-text"),
    "report-about": ("dossier", "record"),
    "report-attested": ("witness", "time"),
    "event-field": event_fields(),
    "representation": RepresentationKind,
    "role": Role,
    "scope": SCOPES,
    "signed-search-gone": ("erased", "isolated"),
    "station-file": FileState,
    "succession": Succession,
    "thing": Kind,
    "unit": TimeUnit,
    "task": ("read", "confirm", "look"),
    "verdict": (
        *("valid", "intact", "broken", "changed-after-signing", "unknown-algorithm", "unreadable"),
        *("weak-algorithm", "no-anchors", "unknown-issuer", "revoked", "expired", "unclear"),
    ),
    "signature-reason": (
        *("revocation-unknown", "not-yet-valid", "not-for-signing", "chain-unsound"),
        *("weak-digest", "weak-certificate"),
    ),
    "signed": ("proved", "claimed", "none"),
    "revocation": ("good", "revoked", "unknown"),
    "coverage": ("entire-file", "entire-revision", "part", "unclear"),
    "witness": ("alarm",),
    "warning": (
        "low-resolution",
        "no-colour",
        "same-bytes-elsewhere",
        "pages-unread",
        "pages-drawn",
        "pictures-re-encoded",
        "signature-not-in-pdfa",
        "pdfa-unavailable",
        "lock-lapsed",
    ),
    "check": (
        "archive",
        "keys",
        "signing-key",
        "anchors",
        "authorities",
        "log",
        "attestation",
        "witnesses",
        "disk",
        "sqlite",
        "ocrmypdf",
        "tesseract",
        "sandbox",
        "objects",
        "opening",
        "views",
        "work",
        "lock",
    ),
    "doctor-sandbox": ("bubblewrap", "limits"),
    "doctor-objects": ("files", "s3"),
    "done": (
        "init",
        "backup",
        "keys-recovery",
        "keys-recover",
        *(name for name in COMMANDS if name not in answers.WRITERS),
        *answers.ERASING,
    ),
    "name": {
        name.replace("_", "-")
        for name in (
            *answers.SHORT,
            *showing.TOLD,
            *lines.DAYS,
            *RecordField,
            *DossierField,
            *showing.DOSSIER,
            *showing.RECORD,
            # What `verify` counts, and the fields of a query.
            *("signatures", "disclosures", "erased", "commands", "claims", "views", "leaves"),
            "doubtful",
            *("type", "year", "date", "status", "code", "signature"),
        )
    },
    # What `history` says of an event, besides the findings of the journal.
    "finding": ("event-missing",),
}
"""For each prefix of a code that is put together, what may follow it."""


@cache
def sources() -> dict[str, ast.Module]:
    found = {}
    for package in ("domain", "infrastructure", "ingest", "api"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            found[str(path.relative_to(REPOSITORY))] = ast.parse(path.read_text())
    return found


def name_of(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def constants(node: ast.AST | None) -> Iterator[str]:
    """The texts that an expression may be: itself, or either branch of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


@cache
def calls() -> list[tuple[str, ast.Call]]:
    return [
        (path, node)
        for path, module in sources().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
    ]


@cache
def raised() -> dict[str, list[frozenset[str]]]:
    """Each code that is raised, with the details of each place; all defaults of classes, too."""
    found: dict[str, list[frozenset[str]]] = {}
    for _, call in calls():
        name = name_of(call)
        if name not in defaults() and name != "_refused":
            continue
        details = frozenset(word.arg for word in call.keywords if word.arg is not None)
        if name == "_refused":  # The query language: where it stands, and what else is told.
            details |= {"offset"}
        codes = list(constants(call.args[0])) if call.args else [defaults()[name]]
        if call.args and isinstance(call.args[0], ast.JoinedStr):
            assert name == "ClaimTakenError"
            codes = [f"{kind}-taken" for kind in claim_kinds()]
        for code in codes:
            found.setdefault(code, []).append(details)
    for code in (*defaults().values(), *mapped()):
        found.setdefault(code, [])
    return found


@cache
def defaults() -> dict[str, str]:
    """The default code of each class of errors."""
    return {
        node.name: value
        for node in ast.walk(sources()["domain/errors.py"])
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.Assign)
        for value in constants(item.value)
    }


@cache
def claim_kinds() -> set[str]:
    found = set()
    for _, call in calls():
        if name_of(call) == "Claim" and call.args:
            found.update(constants(call.args[0]))
    return found


def mapped() -> Iterator[str]:
    """Codes in tables: what an error of the system, of SQLite or of an S3 service means."""
    for path, module in sources().items():
        for node in ast.walk(module) if path.startswith("infrastructure") else ():
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                places = [node] if {getattr(t, "id", "") for t in targets} & TABLES else []
            elif isinstance(node, ast.Call) and name_of(node) in ("get", "next"):
                places = [arg for arg in node.args[1:] if isinstance(arg, ast.Constant)]
            else:
                continue
            inside = (
                text for place in places for each in ast.walk(place) for text in constants(each)
            )
            yield from (text for text in inside if CODE.fullmatch(text))


@cache
def findings() -> set[str]:
    """Codes of findings: what finders name, and every error of integrity in the journal."""
    named, other = set[str](), set[str]()
    for path, call in calls():
        told = ("Finding", "_finding", "_listed") if path in FINDERS else ()
        if name_of(call) in told and call.args:
            named.update(constants(call.args[0]))
        if name_of(call) == "IntegrityError" and path.startswith("infrastructure/journal"):
            named.update(constants(call.args[0] if call.args else None))
    for path in FINDERS:
        for node in ast.walk(sources()[path]):
            other.update(constants(node))
    named |= {code for code in other if CODE.fullmatch(code)} - set(raised())
    return {code for code in named if CODE.fullmatch(code)} - NOT_FINDINGS


@cache
def said() -> set[str]:
    """Codes of messages that are asked for by their whole name."""
    found = set[str]()
    for path, call in calls():
        receiver = getattr(call.func, "value", None)
        if getattr(receiver, "id", "") == "form":
            continue  # `form.text("title")` asks for a field.
        if name_of(call) in ("text", "trouble") and path.startswith(("api", "ingest")):
            found.update(constants(call.args[0] if call.args else None))
        if name_of(call) == "named" and len(call.args) == 2:
            for prefix, code in product(*(list(constants(arg)) for arg in call.args)):
                found.add(f"{prefix}-{code}")
    for node in ast.walk(sources()["infrastructure/doctor.py"]):
        found.update(code for code in constants(node) if re.match(r"doctor-.*\w$", code))
    for node in ast.walk(sources()["infrastructure/evidence/report.py"]):
        found.update(code for code in constants(node) if re.match(r"report-.*\w$", code))
    return {*found, *(code for _, code in usage.COMPLAINTS), *shown_by_pages()}


@cache
def shown_by_pages() -> set[str]:
    """Codes in templates, in the modules that fill them, and of what is said after a redirect."""
    found = set[str]()
    for path, module in sources().items():
        for node in ast.walk(module) if path.startswith(PAGES) else ():
            found.update(c for c in constants(node) if re.fullmatch(r"page-.*\w", c))
            if isinstance(node, ast.keyword) and node.arg == "done":
                found.update(f"page-done-{code}" for code in constants(node.value))
            if isinstance(node, ast.Call) and name_of(node) == "t" and node.args:
                found.update(constants(node.args[0]))
    for call in template_calls():
        target = call.node
        name = target.attr if isinstance(target, nodes.Getattr) else getattr(target, "name", "")
        if name in TELLERS and call.args:
            found.update(words(call.args[0]))
        if name == "named" and len(call.args) == 2:
            for prefix, code in product(*(list(words(arg)) for arg in call.args)):
                found.add(f"{prefix}-{code}")
    return found


def template_calls() -> Iterator[nodes.Call]:
    for path in sorted((REPOSITORY / "api/templates").rglob("*.html")):
        yield from Environment(autoescape=True).parse(path.read_text()).find_all(nodes.Call)


def words(node: nodes.Node) -> Iterator[str]:
    """As `constants`, of an expression in a template."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from words(node.expr1)
        if node.expr2 is not None:
            yield from words(node.expr2)


@cache
def heard() -> set[str]:
    """What the parser asks for while it is built."""

    class Listening:
        def __init__(self) -> None:
            self.codes: set[str] = set()

        def text(self, code: str, /, **details: str | int) -> str:
            self.codes.add(code)
            return "x"

    listening = Listening()
    parser.build(listening)
    return listening.codes


@cache
def composed() -> set[str]:
    return {f"{prefix}-{each}" for prefix, words in VOCABULARIES.items() for each in words}


def codes_of(language: str) -> frozenset[str]:
    return Catalogue(language).codes()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_code_that_can_be_shown_has_a_message(language: str) -> None:
    wanted = {*raised(), *said(), *heard(), *composed()}
    wanted |= {f"finding-{code}" for code in findings()}
    assert sorted(wanted - codes_of(language)) == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_message_is_left_over(language: str) -> None:
    used = {*raised(), *said(), *heard(), *composed()}
    used |= {f"finding-{code}" for code in findings()}
    assert sorted(codes_of(language) - used) == []


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_gaps_of_a_message_are_filled_by_every_place_that_raises_it(language: str) -> None:
    catalogue = Catalogue(language)
    for code, places in raised().items():
        gaps = gaps_of(catalogue, code)
        for details in places:
            assert gaps <= details, (code, gaps, details)
        if code in refusals():
            assert not gaps, f"{code}: a work list and an event keep the code alone"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_gaps_of_a_message_are_filled_by_every_template_that_shows_it(language: str) -> None:
    catalogue, seen = Catalogue(language), 0
    for call in template_calls():
        if getattr(call.node, "name", "") == "t":
            for code in words(call.args[0]):
                given = {word.key for word in call.kwargs}
                assert gaps_of(catalogue, code) == given, code
                seen += 1
    assert seen > 20


@cache
def refusals() -> set[str]:
    """Codes that are stored in an event and told later, without details."""
    found = set()
    for _, call in calls():
        if name_of(call) in ("RefusedFileError", "ReadingError"):
            found.update(constants(call.args[0] if call.args else None))
    return found


def gaps_of(catalogue: Catalogue, code: str) -> set[str]:
    raw = catalogue.template(code)
    return {name for _, name, _, _ in Formatter().parse(raw) if name is not None}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_code_stands_in_two_files(language: str) -> None:
    folder = REPOSITORY / "infrastructure" / "messages" / language
    codes = [
        code
        for path in sorted(folder.glob("*.po"))
        for code in re.findall(r'^msgid "(.+)"$', path.read_text(), re.MULTILINE)
    ]
    assert [code for code, count in Counter(codes).items() if count > 1] == []


def test_both_languages_have_the_same_messages_and_gaps() -> None:
    vietnamese, english = Catalogue("vi"), Catalogue("en")
    assert vietnamese.codes() == english.codes()
    for code in vietnamese.codes():
        assert gaps_of(vietnamese, code) == gaps_of(english, code), code
        texts = vietnamese.template(code), english.template(code)
        marks = [sorted(re.findall(r"%\(\w+\)s", text)) for text in texts]
        assert marks[0] == marks[1], code


def test_an_error_in_vietnamese_says_what_was_kept() -> None:
    """At least two sentences: what happened; what was kept, or what to do."""
    catalogue = Catalogue("vi")
    for code in raised():
        assert len(re.findall(r"[.:;!?](?= |$)", catalogue.template(code))) >= 2, code


def test_no_english_stands_in_the_vietnamese_catalogue() -> None:
    english = {"the", "is", "was", "not", "of", "and", "cannot", "nothing"}
    for code in Catalogue("vi").codes():
        words = set(re.findall(r"[^\W\d_]+", Catalogue("vi").template(code).lower()))
        assert not words & english, code


def test_a_gap_without_a_detail_stays_visible() -> None:
    assert "<reference>" in Catalogue("en").text("not-found")
    assert Catalogue("en").text("no-such-code") == "no-such-code"
