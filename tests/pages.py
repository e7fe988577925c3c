"""The pages of the repository, taken apart: prose, fenced blocks, code spans, links, anchors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

HOUSE = Path(__file__).parents[1]
HELP = re.compile(r"<!-- help: (seqrt ?[a-z]*) -->\n```text\n(.*?)```", re.DOTALL)
COPY = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OURS = re.compile(r"(?:[\w-]+/)*(?:[\w-]+\.py|[\w-]+/)|(?:tools|tests|seqrt)/[\w./-]+")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
NUMBER = re.compile(r"-?\d+\.\d+")


class Page(NamedTuple):
    """A page: its path from the root, its whole text, and the text around its fenced blocks."""

    name: str
    text: str
    prose: str

    @property
    def folder(self) -> Path:
        return (HOUSE / self.name).parent

    def blocks(self, language: str) -> list[str]:
        copies = {text for _, text in COPY.findall(self.text)}
        found = [text for kind, text in FENCE.findall(self.text) if kind == language]
        return [text for text in found if text not in copies]

    def spans(self) -> list[str]:
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    def anchors(self) -> set[str]:
        titles = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
        return {*slugs, *re.findall(r'<a id="([^"]+)">', self.prose)}


def _page(path: Path) -> Page:
    text = path.read_text(encoding="utf-8")
    return Page(path.relative_to(HOUSE).as_posix(), text, FENCE.sub("", text))


def _pages() -> dict[str, Page]:
    paths = [HOUSE / "README.md", HOUSE / "CHANGELOG.md"]
    for room in ("models", "seqrt", "tests", "tools"):
        paths += sorted((HOUSE / room).rglob("*.md"))
    paths = [path for path in paths if "node_modules" not in path.parts]
    return {page.name: page for page in map(_page, paths)}


PAGES = _pages()
README, TOOLS, CLI = (PAGES[f"{place}README.md"] for place in ("", "tools/", "seqrt/cli/"))
HELPS = {command.strip(): text for command, text in HELP.findall(CLI.text)}
