"""Assemble: the pages of an arranged record become one PDF, in the sandbox.

A crash here leaves nothing: the PDF goes with the sandbox, and what tells how it was made is
stored with what is read from it.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from domain.arrangement import Arrangement, Source, orders, place_of, turns
from domain.papers import Inspection, Limits, PaperReader
from domain.record import Record
from domain.services.storing import named
from domain.values import Tool
from ingest.context import Assembly, ToRead


@contextmanager
def assembled(
    reader: PaperReader,
    state: Record,
    paths: Sequence[str],
    found: Sequence[Inspection],
    limits: Limits,
) -> Iterator[ToRead]:
    """What the record shows: its only original as it came, or what a person made of several.

    The copy carries no signature; what was signed must not look as if it never was, so the
    signatures of the originals count for it.
    """
    if state.arrangement is None:
        yield ToRead(paths[0], found[0], state.sources[0].file.sha256, None)
        return
    places = []
    for number, degrees in state.arrangement:
        at, page = place_of(state.sources, number)
        places.append((at, page, degrees))
    with reader.assemble(paths, places, limits) as made:
        signed = sum(one.signatures for one in found)
        inspection = replace(reader.inspect(made.path, limits), signatures=signed)
        recipe = _recipe(state.sources, state.arrangement, made.tool)
        yield ToRead(made.path, inspection, recipe.file.sha256, recipe)


def _recipe(sources: Sequence[Source], pages: Arrangement, tool: Tool) -> Assembly:
    said = {
        "sources": [{"sha256": each.file.sha256.text, "pages": each.pages} for each in sources],
        "order": orders(pages),
        "turned": turns(pages),
        "tool": vars(tool),
    }
    raw = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return Assembly(named(raw, "application/json"), raw, tool)
