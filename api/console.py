"""Answers for people at a terminal: the same facts as `--json`, in lines and in their language."""

import sys
from collections.abc import Mapping
from typing import Any

from domain.ports import Messages

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_MARK_ON, _MARK_OFF = "\ue000", "\ue001"


class Console:
    """Writes answers to standard output, progress and troubles to standard error."""

    def __init__(self, say: Messages) -> None:
        self._say = say
        self._colour = sys.stdout.isatty()
        self._live = sys.stderr.isatty()

    def progress(self, what: str, done: int, total: int) -> None:
        """One line that is overwritten on a terminal, and nothing in a log."""
        if self._live:
            text = f"{what} {done}/{total}" if total else what
            sys.stderr.write(f"\r\x1b[2K{_clean(text)}")
            if total and done >= total:
                sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def text(self, code: str, **details: str | int) -> str:
        """A message in the user's language."""
        return self._say.text(code, **details)

    def trouble(self, code: str, details: Mapping[str, str | int]) -> str:
        """What happened, what was kept, what to do next; also the text of the answer."""
        text = self._say.text(code, **details)
        sys.stderr.write(f"{_clean(text)}\n")
        return text

    def answer(self, command: str, result: Mapping[str, Any]) -> None:
        """The answer of a command."""
        writer = getattr(self, f"_{command.replace('-', '_')}", self._fields)
        writer(result)

    def line(self, text: str) -> None:
        """One line; control characters of strangers never reach the terminal."""
        print(_clean(text))

    # ------------------------------------------------------------ one writer a kind of answer

    def _fields(self, result: Mapping[str, Any], indent: str = "") -> None:
        for name, value in result.items():
            if isinstance(value, Mapping):
                self.line(f"{indent}{self._name(name)}:")
                self._fields(value, indent + "  ")
            elif isinstance(value, list):
                self.line(f"{indent}{self._name(name)}: {len(value)}")
                for item in value:
                    self._item(item, indent + "  ")
            elif value not in (None, ""):
                self.line(f"{indent}{self._name(name)}: {value}")

    def _item(self, item: object, indent: str) -> None:
        if isinstance(item, Mapping):
            shown = ", ".join(f"{v}" for v in item.values() if v not in (None, "", []))
            self.line(f"{indent}- {shown}")
        else:
            self.line(f"{indent}- {item}")

    def _name(self, name: str) -> str:
        text = self._say.text(f"name-{name.replace('_', '-')}")
        return name if text.startswith("name-") else text

    def _ingest(self, result: Mapping[str, Any]) -> None:
        state = self._say.text(f"ingest-{result['state']}", record=result["record"] or "")
        self.line(f"{result['file']}: {state}")
        if result["reason"]:
            self.line(f"  {self._say.text(result['reason'])}")
        if result["pages"]:
            pages = " ".join(f"{page['n']}:{page['state']}" for page in result["pages"])
            self.line(f"  {self._say.text('name-pages')} {pages}")
        for warning in result["warnings"]:
            self.line(f"  {self._say.text('warning-' + warning)}")

    def _search(self, result: Mapping[str, Any]) -> None:
        self.line(self._say.text("search-total", total=result["total"]))
        on, off = (_BOLD, _PLAIN) if self._colour else ("«", "»")
        for n, hit in enumerate(result["hits"], 1):
            match = self._say.text(f"match-{hit['match']}")
            self.line(
                f"{n}. {hit['dossier']} · {hit['record']} · "
                f"{self._say.text('page-n', n=hit['page'])} · {match}"
            )
            snippet = _clean(" ".join(hit["snippet"].split()))
            print("   " + snippet.replace(_MARK_ON, on).replace(_MARK_OFF, off))
        for name, values in result["facets"].items():
            counted = ", ".join(f"{value} ({count})" for value, count in values)
            if counted:
                self.line(f"{self._name(name)}: {counted}")

    def _show(self, result: Mapping[str, Any]) -> None:
        pages = result.get("pages", [])
        self._fields({name: value for name, value in result.items() if name != "pages"})
        for page in pages:
            self.line(f"--- {self._say.text('page-n', n=page['n'])} ({page['state']})")
            for text in page["text"].splitlines():
                self.line(text)

    def _history(self, result: Mapping[str, Any]) -> None:
        for each in result["events"]:
            signature = self._say.text(f"signature-{each['signature']}")
            what = self._say.text(f"event-{each['type']}")
            self.line(f"{each['position']:>6}  {each['at']}  {what}")
            self.line(f"        {each['by']['role']} {each['by']['agent']} · {signature}")
            data = each["data"]
            if "field" in data:
                self.line(
                    f"        {self._name(data['field'])}: {data['value']} ({data['reason']})"
                )
            if each["erased"]:
                self.line(f"        {self._say.text('erased-values')}")

    def _verify(self, result: Mapping[str, Any]) -> None:
        self.line(self._say.text("verify-ok" if result["ok"] else "verify-not-ok"))
        for finding in result["findings"]:
            text = self._say.text(f"finding-{finding['kind']}")
            self.line(f"  ! {text} ({finding['where']} {finding['what']})")
        counted = ", ".join(f"{self._name(k)} {v}" for k, v in result["checked"].items())
        self.line(f"{self._say.text('verify-checked')}: {counted}")
        self.line(f"{self._say.text('verify-not-proved')}:")
        for item in result["not_proved"]:
            self.line(f"  - {self._say.text('not-proved-' + item)}")

    def _work(self, result: Mapping[str, Any]) -> None:
        for part in ("pending", "failed"):
            self.line(f"{self._say.text('work-' + part)}: {len(result[part])}")
            for item in result[part]:
                task = self._say.text(f"task-{item['task']}")
                reason = f": {self._say.text(item['reason'])}" if item["reason"] else ""
                self.line(f"  {item['dossier']} {item['record']} {task}{reason}")
        for item in result["incidents"]:
            ground = self._say.text(f"ground-{item['ground']}")
            self.line(f"  ! {item['dossier_code']} {item['record']} {ground}")

    def _doctor(self, result: Mapping[str, Any]) -> None:
        for check in result["checks"]:
            self.line(f"{'✓' if check['ok'] else '✗'} {check['name']}: {check['what']}")


def _clean(text: str) -> str:
    """Without control characters and direction tricks, whatever a stranger wrote."""
    return "".join(c if c.isprintable() or c in "\t\ue000\ue001" else "\ufffd" for c in text)
