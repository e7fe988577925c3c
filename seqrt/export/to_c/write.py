"""Writes NAME.h and NAME.c, both or none."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqrt.export.to_c.compiling import Compiled, check_cases, compiled_sizes
from seqrt.export.to_c.source import Sources, sources
from seqrt.export.to_c.text import check_name, name_from
from seqrt.files import make_folder, writing
from seqrt.runtime.opening.file import ModelFile, Trust, read_model


@dataclass(frozen=True)
class ExportedC:
    """The C of a model that was written, and its sizes in bytes.

    `constants` are the weights, in flash; `state` is the memory of one stream; `workspace` is the
    part of the stack that the numbers of one step take. Of a model that reads text, `vocabulary`
    is the part of the constants that the words take, and `text` the memory of one text that is
    tokenized; else both are 0. `compiled` has what a compiler of this machine says, None if there
    is none. `proved_with` is the compiler with which the golden cases held here, "" if there was
    none.
    """

    header: Path
    source: Path
    name: str
    constants: int
    state: int
    workspace: int
    vocabulary: int
    text: int
    compiled: Compiled | None
    proved_with: str


def export_c(
    model: str | os.PathLike[str] | bytes,
    folder: str | os.PathLike[str],
    *,
    name: str | None = None,
    trust: Trust = "sealed",
) -> ExportedC:
    """Write the model file at `model`, or its bytes, as `NAME.h` and `NAME.c` in `folder`.

    The C computes one step: README.md beside this file says how to compile and call it. `name`
    begins all names in C; the default is made from the name of the model. `trust` is that of
    `seqrt.load`. If this machine has a C compiler, the golden cases of the file are compiled and
    run first.

    Raises UsageError for a network that reads whole sequences and for a name that C does not allow,
    ModelError for a file that `seqrt.load` would not open, ParityError if a golden case does not
    hold, and OutputError if the files cannot be written; an older pair of files is then unchanged.
    """
    file = ModelFile.parse(model, trust) if isinstance(model, bytes) else read_model(model, trust)
    chosen = check_name(name_from(file.manifest.name) if name is None else name)
    text = sources(file, chosen)
    proved_with = check_cases(text, chosen)
    compiled = compiled_sizes(text, chosen)
    make_folder(os.fspath(folder))
    header, source = (Path(folder) / f"{chosen}.{end}" for end in "hc")
    _write_both(header, source, text)
    return ExportedC(
        header,
        source,
        chosen,
        text.constants,
        text.state,
        text.workspace,
        text.vocabulary,
        text.text,
        compiled,
        proved_with,
    )


def _write_both(header: Path, source: Path, text: Sources) -> None:
    """Write both files under temporary names, then rename them.

    If the second rename fails, the older header is put back.
    """
    before = header.read_bytes() if header.is_file() else None
    replaced = False
    try:
        with writing(source) as whole:
            whole.write(text.source.encode())
            whole.flush()
            with writing(header) as part:
                part.write(text.header.encode())
            replaced = True
    except BaseException:
        if replaced:
            with suppress(OSError):
                header.unlink() if before is None else header.write_bytes(before)
        raise
