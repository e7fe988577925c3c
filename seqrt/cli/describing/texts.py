"""Texts in words: those of a data set, and how a model reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from seqrt.cli.run_report import listed
from seqrt.wording import counted

if TYPE_CHECKING:
    from seqrt.contract import Manifest
    from seqrt.training.problems.description import Description
    from seqrt.training.problems.text.facts import TextFacts

Lines = Iterator[tuple[str, str]]

_MOST_WORDS = 8


def lines_of_texts(description: Description, facts: TextFacts) -> Lines:
    """Yield what a description says of texts: pairs of label and text."""
    table = description.table
    if table is None:
        yield "data", f"{description.name}: a text of {counted(facts.longest, 'byte')}"
        return
    rows, columns = counted(table.rows, "row"), counted(len(table.names), "column")
    yield "data", f"{description.name}: a table of {rows}, {columns}"
    more = f"{facts.shortest:,} to " if facts.shortest < facts.longest else ""
    lengths = f"{more}{counted(facts.longest, facts.unit)} (median {facts.median:,g})"
    yield "texts", f"{counted(facts.count, 'text')} in {facts.column}, of {lengths}"
    if facts.words:
        yield "words", f"{facts.words:,} different ones, {facts.known:,} of them in the vocabulary"
    if facts.labels:
        shown = listed([f"{label} ({count:,})" for label, count in facts.labels])
        yield "labels", f"{len(facts.labels):,}: {shown}"


def record_of_texts(description: Description, facts: TextFacts) -> dict[str, Any]:
    """Return what a description says of texts, for JSON."""
    known = {name: value for name, value in asdict(facts).items() if name != "labels"}
    rows = None if description.table is None else description.table.rows
    labels = {str(label): count for label, count in facts.labels}
    return {"kind": "texts", "rows": rows, "texts": known, "labels": labels or None}


def lines_of_tokens(m: Manifest) -> Lines:
    """Yield how text becomes the ids that a model reads, and what its file tells of the texts."""
    if m.text is None:
        yield "reads", f"token ids from 0 to {m.tokens - 1:,}"
        return
    where = "" if m.task == "generate" else f" in the column {m.text.column}"
    if m.text.kind == "bytes":
        yield "reads", f"text{where}, byte by byte"
        return
    lower = " in lower case" if m.text.lower == "ascii" else ""
    words = m.text.vocabulary
    known = f"{counted(len(words), 'known word')}, and one id for all others"
    yield "reads", f"text{where}, word by word{lower}: {known}"
    yield "words", ", ".join(words[:_MOST_WORDS]) + (", ..." if len(words) > _MOST_WORDS else "")
    yield "", "the words are training data, and whoever has the file can read them"
