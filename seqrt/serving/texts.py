"""Texts of a request as the ids that a model of text reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqrt.contract import LENGTHS, X
from seqrt.serving.asked import Asked
from seqrt.serving.described import TEXT
from seqrt.serving.refused import malformed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqrt.runtime import Model


def ids_in(model: Model, asked: Asked) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return x (B, T) and lengths (B,) of the texts (B,) or (B, 1) of a request.

    Raises RefusedRequest for texts in a sequence that may end in the middle of a word, for a text
    without tokens, and for other inputs beside them.
    """
    texts = asked.tensors[TEXT]
    if texts.shape not in {texts.shape[:1], (*texts.shape[:1], 1)}:
        raise malformed(f"the shape of {TEXT} must be [rows], got {list(texts.shape)}.")
    if {*asked.tensors} & {X, LENGTHS}:
        raise malformed(f"a request has either {TEXT}, or {X} and {LENGTHS}.")
    kind = model.manifest.text.kind if model.manifest.text else ""
    if asked.turn and kind != "bytes":
        raise malformed(
            f"the {TEXT} of a sequence may end in the middle of a word. Send whole texts without a"
            f" sequence_id, or the ids of the words as {X}."
        )
    rows = [model.encode(each) for each in texts.ravel().tolist()]
    lengths = np.array([len(row) for row in rows], np.int32)
    if not lengths.all():
        raise malformed(f"{TEXT}[{int(lengths.argmin())}] has no tokens. Leave out empty texts.")
    x = np.zeros((len(rows), lengths.max()), np.int64)
    for row, ids in zip(x, rows, strict=True):
        row[: len(ids)] = ids
    return x, lengths
