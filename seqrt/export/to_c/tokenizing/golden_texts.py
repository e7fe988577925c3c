"""Made-up texts with the ids that Python gives them, which a device runs to prove its tokenizer."""

from __future__ import annotations

from typing import Final

import numpy as np

from seqrt.contract.text import LONGEST_WORD, Text
from seqrt.export.to_c.text import array_text
from seqrt.text.tokenizer import Tokenizer

_TEXTS: Final = 3
_PIECES: Final = 60
_SEPARATORS: Final = b" \t\n\r\f\v"
_PROGRAM: Final = """
TEXTS

/* whether the bytes of a text, one by one, give these ids */
static int gives(const unsigned char *bytes, int size, const int32_t *ids, int count) {
    NAME_text text;
    int32_t found[2];
    int i, j, n, at = 0;
    memset(&text, 0, sizeof text);
    for (i = 0; i <= size; i++) {
        n = i < size ? NAME_text_push(&text, bytes[i], found) : NAME_text_end(&text, found);
        for (j = 0; j < n; j++, at++) {
            if (at == count || found[j] != ids[at]) { return 0; }
        }
    }
    return at == count;
}

static int texts_hold(void) {
    int right = 0;
RUNS
    printf("NAME: %d of COUNT texts have the ids of Python: %s\\n", right,
           right == COUNT ? "holds" : "FAILS");
    return right == COUNT;
}
"""


def golden_texts(text: Text) -> list[tuple[bytes, list[int]]]:
    """Return texts with their ids; the same for the same `text`.

    They are made of words of the vocabulary, random bytes and words that are too long, and never
    of the texts of the training.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    tokenizer = Tokenizer(text)
    found = []
    for _ in range(_TEXTS):
        data = b"".join(_piece(text, rng) for _ in range(_PIECES))
        found.append((data, tokenizer.encode(data).tolist()))
    return found


def _piece(text: Text, rng: np.random.Generator) -> bytes:
    """Return a word of the vocabulary, as it is or in capitals, or something else, and its end."""
    kind = rng.integers(8)
    if kind == 0 or not text.vocabulary:
        return rng.bytes(int(rng.integers(1, 6)))
    if kind == 1:
        return b"w" * int(rng.integers(LONGEST_WORD - 1, LONGEST_WORD + 3)) + b" "
    word = text.vocabulary[rng.integers(len(text.vocabulary))].encode()
    end = rng.integers(len(_SEPARATORS) + 2)
    return (word.upper() if rng.random() < 0.3 else word) + _SEPARATORS[end : end + 1]


def proof_of_texts(text: Text) -> str:
    """Return the C of `texts_hold`, which tokenizes the golden texts and prints a line.

    NAME stands for the name of the model.
    """
    arrays, runs = [], []
    for i, (data, ids) in enumerate(golden_texts(text)):
        arrays.append(array_text("unsigned char", f"text_{i}", list(map(str, data))))
        arrays.append(array_text("int32_t", f"text_{i}_ids", list(map(str, ids))))
        runs.append(f"    right += gives(text_{i}, {len(data)}, text_{i}_ids, {len(ids)});")
    program = _PROGRAM.replace("TEXTS", "\n".join(arrays)).replace("RUNS", "\n".join(runs))
    return program.replace("COUNT", str(_TEXTS)).strip("\n")
