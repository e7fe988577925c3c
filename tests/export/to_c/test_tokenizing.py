"""A tokenizer in C gives the ids of Python, byte by byte, for every text."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import c_programs
import numpy as np
import pytest
import torch

import seqrt
from seqrt.contract.text import Text
from seqrt.export import export, export_c, shrink
from seqrt.export.to_c.tokenizing.golden_texts import golden_texts, proof_of_texts
from seqrt.export.to_c.tokenizing.known_words import known_words
from seqrt.export.to_c.tokenizing.tokenizer import TextCode, text_code
from seqrt.text.tokenizer import Tokenizer
from seqrt.training import Network

NETS = Path(__file__).parents[2] / "runtime" / "nets"
PAGE = Path(__file__).parents[3] / "seqrt" / "export" / "to_c" / "README.md"
WORDS = (
    *("good", "not", "naïve", "!", "日本語", "\U0001f600", "a", "b", "ab", "ba", "_x9", "'", "\\"),
    *("?", "w" * 64, "é" * 32, "0", "00", "z" * 63),
)
TEXTS = {
    "bytes": Text("bytes", 4),
    "words": Text("words", 4, lower="ascii", vocabulary=WORDS),
    "case": Text("words", 4, vocabulary=("Good", "É", "it", "IT")),
    "one": Text("words", 4, lower="ascii", vocabulary=("x",)),
}
PIECES = (
    *(word.encode() for word in WORDS),
    *(b"Good", b"IT", b"it", "É".encode(), b"\xff\xfe", b"\xe6\x97", b"\x00", b"\x1f", b"\x85"),
    *(b" ", b" ", b"\n", b"\t", b"\r", b"\f", b"\v", b"W" * 65, b"w" * 300, "👩‍🚀".encode()),
)
DRIVER = """
#include <stdint.h>
#include <stdio.h>
#include <string.h>
DECLARED
DEFINED
PROOF
int main(int count, char **words) {
    static NAME_text text;
    int32_t ids[2], size;
    int i, j, byte, n;
    (void)words;
    if (count > 1) { return !texts_hold(); }
    while (fread(&size, 4, 1, stdin) == 1) {
        for (i = 0; i <= size; i++) {
            byte = i < size ? getchar() : 0;
            n = i < size ? NAME_text_push(&text, (unsigned char)byte, ids)
                         : NAME_text_end(&text, ids);
            for (j = 0; j < n; j++) { printf("%d ", (int)ids[j]); }
        }
        printf("\\n");
    }
    return 0;
}
"""


def random_texts(count: int) -> list[bytes]:
    rng = np.random.Generator(np.random.PCG64(3))
    texts = []
    for _ in range(count):
        pieces = [PIECES[i] for i in rng.integers(0, len(PIECES), rng.integers(0, 16))]
        pieces.insert(0, rng.bytes(int(rng.integers(0, 12))))
        texts.append(b"".join(pieces))
    return texts


def source_of(code: TextCode, proof: str) -> str:
    source = DRIVER.replace("DECLARED", code.declared).replace("DEFINED", code.defined)
    return source.replace("PROOF", proof).replace("NAME", "pump")


@pytest.fixture(scope="module", params=c_programs.COMPILERS or ["none"])
def programs(request: Any, tmp_path_factory: Any) -> dict[str, Path]:
    """A program for each of TEXTS, with all warnings and sanitizers."""
    if request.param == "none":
        pytest.skip("no C compiler: neither gcc nor clang is installed")
    folder, found = tmp_path_factory.mktemp("text"), {}
    for kind, text in TEXTS.items():
        path = folder / f"{kind}.c"
        path.write_text(source_of(text_code(text, "pump"), proof_of_texts(text)))
        flags = c_programs.SANITIZED
        c_programs.run([request.param, *flags, path, "-o", path.with_suffix("")])
        found[kind] = path.with_suffix("")
    return found


@pytest.mark.parametrize("kind", TEXTS)
def test_bytes_one_by_one_give_the_ids_that_python_gives_the_whole(
    programs: dict[str, Path], kind: str
) -> None:
    texts = random_texts(2000)
    data = b"".join(np.int32(len(text)).tobytes() + text for text in texts)

    done = subprocess.run([programs[kind]], input=data, capture_output=True, check=True)

    tokenizer = Tokenizer(TEXTS[kind])
    lines = done.stdout.decode().splitlines()
    got = [[int(word) for word in line.split()] for line in lines]
    assert got == [tokenizer.encode(text).tolist() for text in texts]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_device_can_prove_its_tokenizer(programs: dict[str, Path], kind: str) -> None:
    done = subprocess.run([programs[kind], "prove"], capture_output=True, check=True, text=True)

    assert done.stdout == "pump: 3 of 3 texts have the ids of Python: holds\n"


def test_a_tokenizer_that_gives_other_ids_fails_its_proof(tmp_path: Path, compiler: str) -> None:
    code = text_code(TEXTS["words"], "pump")
    wrong = code.defined.replace("byte >= 0x80", "byte > 0xc3")
    assert wrong != code.defined
    source = source_of(replace(code, defined=wrong), proof_of_texts(TEXTS["words"]))
    (tmp_path / "wrong.c").write_text(source)
    c_programs.run([compiler, tmp_path / "wrong.c", "-o", tmp_path / "wrong"])

    done = subprocess.run([tmp_path / "wrong", "prove"], capture_output=True, check=False)

    assert done.returncode == 1
    assert done.stdout.endswith(b"FAILS\n")


def test_golden_texts_have_known_words_unknown_ones_and_invalid_bytes() -> None:
    texts = golden_texts(TEXTS["words"])

    assert texts == golden_texts(TEXTS["words"])
    ids = {each for _, found in texts for each in found}
    assert 0 in ids
    assert len(ids) > 15
    with pytest.raises(UnicodeDecodeError):
        b"".join(data for data, _ in texts).decode()


def test_a_word_takes_its_bytes_and_two_more() -> None:
    known = known_words(("good", "not", "a", "no"))

    assert known.bytes == 4 + 3 + 1 + 2 + 2 * 4 + 2 * 5
    assert known.longest == 4


def test_the_largest_vocabulary_is_searched_right(tmp_path: Path, compiler: str) -> None:
    vocabulary = tuple(f"{i:x}" for i in np.random.default_rng(0).permutation(65_535).tolist())
    code = text_code(Text("words", 4, vocabulary=vocabulary), "pump")
    source = source_of(code, "static int texts_hold(void) { return 1; }")
    (tmp_path / "large.c").write_text(source)
    c_programs.run([compiler, "-O1", tmp_path / "large.c", "-o", tmp_path / "large"])
    text = " ".join([*vocabulary[::-1], "ffff", "10000", "g", "-"]).encode()

    done = subprocess.run(
        [tmp_path / "large"],
        input=np.int32(len(text)).tobytes() + text,
        capture_output=True,
        check=True,
    )

    assert [int(word) for word in done.stdout.split()] == [*range(65_535, 0, -1), 0, 0, 0, 0]


def test_every_id_outside_the_table_reads_row_0(tmp_path: Path, compiler: str) -> None:
    files = {"words": (NETS / "format2" / "words.onnx").read_bytes()}
    program = c_programs.Program(files, tmp_path, compiler)
    start = np.zeros(program.files["words"].manifest.state_size, np.float32)
    ids = ([0, 3, 0, 0], [-1, 3, 7, 2**31 - 1], [-(2**31), 3, 8, -7])

    ends = [program.steps([("words", np.array(each), start)])[0] for each in ids]

    for y, end in ends[1:]:
        np.testing.assert_array_equal(y, ends[0][0])
        np.testing.assert_array_equal(end, ends[0][1])


def test_the_export_says_how_to_read_text_and_what_it_takes(tmp_path: Path, compiler: str) -> None:
    words = export_c(NETS / "format2" / "words.onnx", tmp_path, name="pump")
    numbers = export_c(NETS / "gru-last.onnx", tmp_path, name="other")

    assert (words.vocabulary, words.text) == (47, 7)
    assert words.proved_with
    header = words.header.read_text()
    assert "int pump_text_push(pump_text *text, unsigned char byte, int32_t ids[2]);" in header
    assert "The vocabulary takes 47 bytes of the constants, and a pump_text 7 bytes." in header
    assert (numbers.vocabulary, numbers.text) == (0, 0)
    assert "text" not in numbers.header.read_text()


def test_a_table_of_16_bits_stays_so_in_c(tmp_path: Path, compiler: str) -> None:
    torch.manual_seed(0)
    vocabulary = tuple(f"{i:x}" for i in range(999))
    net = Network("gru", 1, (4,), 2, tokens=1000, embedding=16).eval()
    net.metadata = replace(net.metadata, text=Text("words", 16, vocabulary=vocabulary))
    export(net, tmp_path / "large.onnx")
    shrink(tmp_path / "large.onnx", tmp_path / "small.onnx", weights="fp16")

    large, small = (export_c(tmp_path / f"{name}.onnx", tmp_path) for name in ("large", "small"))

    assert small.proved_with
    assert large.constants - small.constants > 2 * 1000 * 16


def test_the_example_of_the_page_reads_a_text(tmp_path: Path, compiler: str) -> None:
    path = NETS / "format2" / "words.onnx"
    (example,) = re.findall(r"```c\n(#include \"reviews.*?)```", PAGE.read_text(), re.DOTALL)
    main = """
#include <stdio.h>
int main(void) {
    int c;
    while ((c = getchar()) != EOF) { on_byte((unsigned char)c); }
    on_end();
    printf("%.9g %.9g", y[0], y[1]);
    return 0;
}
"""
    written = export_c(path, tmp_path, name="reviews")
    (tmp_path / "main.c").write_text(example + main)
    flags = c_programs.SANITIZED
    program = tmp_path / "program"
    c_programs.run([compiler, *flags, tmp_path / "main.c", written.source, "-o", program])
    text = "Not a NAÏVE film: good \U0001f600 film".encode()

    done = subprocess.run([program], input=text, capture_output=True, check=True)

    got = [float(word) for word in done.stdout.split()]
    np.testing.assert_allclose(got, seqrt.load(path).predict([text])[0], rtol=1e-5)
