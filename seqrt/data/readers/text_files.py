"""Tables from .txt files: each a text, labelled by its folder, or each line of one a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from seqrt.data.readers.source import check_utf8, class_folders, opened
from seqrt.data.table import Table
from seqrt.encoding.column import TableColumn
from seqrt.encoding.text.texts import Texts
from seqrt.errors import UsageError

TEXT: Final = "text"
LABEL: Final = "label"
_BOM: Final = b"\xef\xbb\xbf"


def read_text_files(paths: Sequence[Path], folder: str | Path | None = None) -> Table:
    """Return a table with a row for each file: its text, without line breaks at the end.

    In a `folder` with folders for classes, each row has the `label` of its folder. Raises
    InputError (E_INPUT_ENCODING) for a file that is not UTF-8, and UsageError for a single class.
    """
    columns = {TEXT: text_column(_texts([read_text(path) for path in paths]))}
    folders = [] if folder is None else class_folders(folder)
    if folders:
        if len(folders) == 1:
            raise UsageError(
                f"{folder} must hold a folder of .txt files for each class, but has only"
                f" {folders[0].name!r}. Name that folder, or add one for another class."
            )
        columns[LABEL] = TableColumn.of_text([path.parent.name for path in paths])
    return Table(
        str(folder or f"{len(paths)} files"),
        columns,
        np.ones(len(paths), np.int64),
        files=tuple(map(str, paths)),
        file_of=np.arange(len(paths)),
    )


def read_text_lines(path: str | Path) -> Table:
    """Return a table with a row for each line of a .txt file, blank ones too."""
    with opened(path) as file:
        content = file.read()
    check_utf8(path, content)
    content = content.removeprefix(_BOM)
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    texts = _texts([line.removesuffix(b"\r") for line in lines])
    return Table(str(path), {TEXT: text_column(texts)}, range(1, len(texts) + 1))


def read_text(path: str | Path) -> bytes:
    """Return the text of a file as UTF-8, without line breaks at its end."""
    with opened(path) as file:
        content = file.read()
    check_utf8(path, content)
    return content.removeprefix(_BOM).rstrip(b"\r\n")


def text_column(texts: Texts) -> TableColumn:
    """Return a column of texts, which are not read as numbers or dates."""
    return TableColumn(np.full(len(texts), np.nan), texts, "text")


def _texts(contents: list[bytes]) -> Texts:
    return Texts.of_lengths(b"".join(contents), np.array(list(map(len, contents)), np.int64))
