"""Checks of text: it means the ids of its tokens, and a stream may cut it anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqrt.runtime.model import Model
from seqrt.testing.assertions import assert_refused, assert_same
from seqrt.testing.model_under_test import ModelUnderTest

_NO_UTF8 = b"\xff\xfe na\xc3"
_SEED, _CUTS = 20261127, 50


def checks_for(model: Model) -> list[Callable[[ModelUnderTest], None]]:
    """Return the checks of this file, which apply to models that read text."""
    if model.manifest.text is None:
        return []
    always: list[Callable[[ModelUnderTest], None]] = [
        a_text_means_the_ids_of_its_tokens,
        ids_outside_the_table_are_unknown,
    ]
    return [*always, a_text_cut_anywhere_is_the_whole] if model.manifest.streamable else always


def a_text_means_the_ids_of_its_tokens(tested: ModelUnderTest) -> None:
    """Texts in a list, an array or a table, as str or bytes; a single one is refused."""
    model, texts = tested.model, _texts(tested)
    ids = [model.encode(text) for text in texts]
    want = model.predict(ids)
    column = np.array(texts, object)
    table = {model.manifest.text.column: texts} if model.manifest.text else {}
    for given in (texts, tuple(texts), column, [_as_str(text) for text in texts]):
        assert_same(_joined(model.predict(given)), _joined(want), "predictions for texts and ids")
    assert_same(_joined(model.predict(model.encode(table))), _joined(want), "those of a table")
    assert_refused("E_INPUT_TYPE", "a single text", model.predict, texts[0])
    for wrong in (None, 1.5, [1]):
        assert_refused("E_INPUT_TYPE", f"{wrong} among texts", model.predict, [texts[0], wrong])


def ids_outside_the_table_are_unknown(tested: ModelUnderTest) -> None:
    """The graph reads any other number as it reads 0, the id of unknown tokens."""
    x, other = tested.x, tested.x
    x[:, ::3] = 0
    for wrong in (-1, tested.tokens, 2**40, -(2**63)):
        other[:, ::3] = wrong
        got, want = tested.model.run(other, any_ids=True), tested.model.run(x)
        for part in (0, 1):
            assert_same(got[part], want[part], f"results for the ids {wrong} and 0")


def a_text_cut_anywhere_is_the_whole(tested: ModelUnderTest) -> None:
    """Pieces of bytes, and a stream that is saved and resumed between two of them."""
    model, rng = tested.model, np.random.Generator(np.random.PCG64(_SEED))
    text = b" ".join(_texts(tested)) + b" "
    want = model.stream().push(model.encode(text))
    for _ in range(_CUTS):
        edges = sorted(rng.integers(0, len(text) + 1, 3).tolist())
        stream, outputs = model.stream(), []
        for start, end in zip([0, *edges], [*edges, len(text)], strict=True):
            steps = stream.steps
            y = stream.push(text[start:end])
            if tested.per_step or stream.steps > steps:
                outputs.append(y)
            stream = model.stream(stream.save())
        got = np.concatenate(outputs) if tested.per_step else outputs[-1]
        assert_same(got, want, f"outputs for a text cut at {edges} and for the whole")


def _as_str(text: bytes) -> str:
    """Return a text as str; bytes that are no UTF-8 become escapes."""
    return text.decode(errors="surrogateescape")


def _texts(tested: ModelUnderTest) -> list[bytes]:
    """Return a text of the tokens of each row of x, one of no token, and one of no UTF-8."""
    decode = tested.model.tokenizer.decode
    return [*(decode(row) for row in tested.x), b"", _NO_UTF8]


def _joined(y: Any) -> Any:
    return np.concatenate(y) if isinstance(y, list) else y
