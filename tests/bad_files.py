"""Bad inputs on the command line: wrong files and lines, and the error that each must give.

A case writes a file into the folder it runs in, or has lines for stdin, and names the exit code and
the code in the one line on stderr. All are for unidirectional models of two features, speed and
load, without a window and with the `last` head.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrt.cli import main

MODEL = "MODEL"
OUT = "y.npy"
INPUT, USAGE, UNWRITTEN = 3, 2, 7
_MAGIC = b"\x93NUMPY\x01\x00"


class BadFile(NamedTuple):
    """Arguments for `seqrt`, the wrong file or lines, the exit code, the code of the error.

    MODEL among the arguments stands for the model's path, OUT for that of the predictions.
    """

    name: str
    words: tuple[str, ...]
    code: int
    head: str
    file: str = ""
    content: bytes = b""
    stdin: bytes | None = None


def cases() -> Iterator[BadFile]:
    """Yield every case."""
    for name, content, head in [*_npy(), *_damaged_npy()]:
        yield _predicted(f"npy: {name}", "d.npy", content, head)
    for name, content, head in _npz():
        yield _predicted(f"npz: {name}", "d.npz", content, head)
    for name, text, head in _csv():
        yield _predicted(f"csv: {name}", "d.csv", text, head)
        yield _judged(f"csv judged: {name}", "d.csv", text, head)
    for name, content, head in _labelled():
        yield _judged(f"npz judged: {name}", "d.npz", content, head)
    for name, text, head in _lines():
        words = ("stream", MODEL)
        yield BadFile(f"stdin: {name}", words, INPUT, f"E_INPUT_{head}", stdin=text)
    for name, text, head in _keyed_lines():
        words = ("stream", MODEL, "--key", "car")
        yield BadFile(f"stdin with a key: {name}", words, INPUT, f"E_INPUT_{head}", stdin=text)
    yield from _words()


def _predicted(name: str, file: str, content: bytes, head: str) -> BadFile:
    words = ("predict", file, "-m", MODEL, "-o", OUT)
    return BadFile(name, words, INPUT, f"E_INPUT_{head}", file, content)


def _judged(name: str, file: str, content: bytes, head: str) -> BadFile:
    words = ("evaluate", file, "-m", MODEL, "--target", "wear")
    words = words[:4] if file.endswith(".npz") else words
    return BadFile(name, words, INPUT, f"E_INPUT_{head}", file, content)


def saved(array: Any) -> bytes:
    """Return what np.save writes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archived(**arrays: Any) -> bytes:
    """Return what np.savez writes."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def zeros(*shape: int) -> Any:
    """Return zeros as float32."""
    return np.zeros(shape, np.float32)


def holding(value: Any, kind: str = "f4", shape: tuple[int, ...] = (2, 5, 2)) -> Any:
    """Return zeros of dtype `kind`, except for one `value`."""
    x = np.zeros(shape, kind)
    x[(-1,) * len(shape)] = value
    return x


def _npy() -> Iterator[tuple[str, bytes, str]]:
    for shape in [(), (5,), (5, 1), (5, 3), (5, 2, 3), (2, 5, 1), (1, 1, 5, 2)]:
        yield f"shape {shape}", saved(zeros(*shape)), "SHAPE"
    for kind in ("c8", "c16", "O", "M8[s]", "m8[s]", "V4", [("a", "f4")], "S3", "U3"):
        yield f"dtype {kind}", saved(np.zeros((2, 5, 2), kind)), "DTYPE"
    for value, kind in product((np.nan, np.inf, -np.inf), ("f4", "f8", ">f4", ">f8", "f2")):
        yield f"{value} {kind}", saved(holding(value, kind)), "NONFINITE"
    for value in (np.nan, np.inf):
        yield f"{value} in a series", saved(holding(value, "f8", (9, 2))), "NONFINITE"
        yield f"{value} in columns", saved(np.asfortranarray(holding(value))), "NONFINITE"
    for value, kind in ((1e300, "f8"), (-1e39, ">f8"), (2**24 + 1, "i8"), (2**64 - 1, "u8")):
        yield f"{value} {kind}", saved(holding(value, kind)), "RANGE"
    yield "objects to unpickle", saved(np.array([{"a": 1}], object)), "DTYPE"


def _damaged_npy() -> Iterator[tuple[str, bytes, str]]:
    good = saved(zeros(2, 5, 2))
    for size in (0, 1, 5, 7, 9, 40, 127, len(good) - 1):
        yield f"cut to {size} bytes", good[:size], "TRUNCATED"
    yield "with bytes behind", good + b"0", "FORMAT"
    yield "text", b"this is no array at all, sorry", "FORMAT"
    yield "version 9", good[:6] + b"\x09" + good[7:], "FORMAT"
    yield "a header of 4 GB", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1), "FORMAT"
    for text, head in (
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 9, 2), }", "TRUNCATED"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 5, 2), }", "FORMAT"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2.0, 5, 2), }", "FORMAT"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 5), }", "FORMAT"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999, 2), }", "FORMAT"),
        ("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 5, 2), }", "FORMAT"),
        ("{'descr': '<f4', 'shape': (2, 5, 2), }", "FORMAT"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 5, 2), 'x': 1}", "FORMAT"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (2, 5, 2), }", "DTYPE"),
        ("{'descr': '<f16', 'fortran_order': False, 'shape': (2, 5, 2), }", "DTYPE"),
        ("{'descr': '', 'fortran_order': False, 'shape': (2, 5, 2), }", "DTYPE"),
        ("__import__('os').abort()", "DTYPE"),
        ("(" * 5000, "DTYPE"),
        ("\\", "DTYPE"),
        ("", "DTYPE"),
    ):
        raw = text.encode() + b"\n"
        whole = _MAGIC + struct.pack("<H", len(raw)) + raw + bytes(80)
        yield f"header {text[-50:]!r}", whole, head


def _npz() -> Iterator[tuple[str, bytes, str]]:
    x = zeros(2, 5, 2)
    for name, array, head in (
        ("four axes", zeros(1, 2, 5, 2), "SHAPE"),
        ("three features", zeros(2, 5, 3), "SHAPE"),
        ("NaN", holding(np.nan), "NONFINITE"),
        ("Inf, big-endian", holding(np.inf, ">f4"), "NONFINITE"),
        ("too large", holding(1e300, "f8"), "RANGE"),
        ("rounded", holding(2**24 + 1, "i8"), "RANGE"),
        ("text", np.full((2, 5, 2), "a"), "DTYPE"),
    ):
        yield name, archived(x=array, lengths=np.array([5, 5])), head
    yield "objects", _zipped({"x.npy": saved(np.full((2, 5, 2), None))}), "DTYPE"
    for name, lengths in (
        ("negative", [5, -1]),
        ("too long", [5, 6]),
        ("too few", [5]),
        ("fractions", [5.0, 5.0]),
        ("truth", [True, True]),
        ("of two axes", [[5, 5]]),
        ("huge", [5, 2**62]),
        ("text", ["5", "5"]),
    ):
        yield f"lengths {name}", archived(x=x, lengths=np.array(lengths)), "LENGTHS"
    yield "flat lengths that do not add up", archived(x=x[0], lengths=np.array([2, 2])), "LENGTHS"
    yield "members of other names", archived(a=x, b=x), "MEMBERS"
    yield "nothing inside", _zipped({}), "MEMBERS"
    yield "a path outside", _zipped({"../x.npy": saved(x), "y.npy": saved(zeros(2))}), "MEMBERS"
    yield "a member that is no array", _zipped({"x.npy": b"no array at all"}), "FORMAT"
    yield "an empty member", _zipped({"x.npy": b""}), "TRUNCATED"
    yield "a bomb", _zipped({"x.npy": _zeros_of(100 << 20)}), "BOMB"
    yield "another packing", _zipped({"x.npy": saved(x)}, zipfile.ZIP_LZMA), "FORMAT"
    good = archived(x=x)
    for size in (0, 10, len(good) // 2, len(good) - 1):
        yield f"cut to {size} bytes", good[:size], "DAMAGED"
    yield "a changed number", good[:190] + b"\xff" + good[191:], "DAMAGED"
    yield "no archive", b"this is no archive at all, sorry", "DAMAGED"


def _zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _zeros_of(size: int) -> bytes:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({size // 10}, 5, 2), }}\n".encode()
    return _MAGIC + struct.pack("<H", len(head)) + head + bytes(size // 10 * 10)


def _csv() -> Iterator[tuple[str, bytes, str]]:
    """Yield tables that no command can use."""
    for cell, head in (
        ("", "MISSING"),
        ("nan", "MISSING"),
        ("NA", "MISSING"),
        ("null", "MISSING"),
        ("inf", "CELL"),
        ("1e999", "CELL"),
        ("oops", "CELL"),
        ("0x10", "CELL"),
        ("1_000", "CELL"),
        ("1 000", "CELL"),
        ("12:30", "CELL"),
        ("#", "CELL"),
        ("TRUE", "CELL"),
    ):
        lines = f"speed,load,wear\n1,2,3\n4,{cell},6\n7,8,9\n"
        yield f"cell {cell!r}", lines.encode(), head
    mixed = "speed;load;wear\n1;2.5;3\n4;1,5;6\n7;8.25;9\n"
    yield "a decimal comma among points", mixed.encode(), "CELL"
    yield "too large for float32", b"speed,load,wear\n1,2,3\n4,1e300,6\n7,8,9\n", "RANGE"
    yield "a short row", b"speed,load,wear\n1,2,3\n4,5\n7,8,9\n", "RAGGED"
    yield "a long row", b"speed,load,wear\n1,2,3\n4,5,6,7\n7,8,9\n", "RAGGED"
    yield "an empty row", b"speed,load,wear\n1,2,3\n\n7,8,9\n", "RAGGED"
    yield "an open quote", b'speed,load,wear\n1,"2,3\n4,5,6\n7,8,9\n', "FORMAT"
    yield "two columns of one name", b"speed,load,load,wear\n1,2,3,4\n", "HEADER"
    yield "another column", b"speed,weight,wear\n1,2,3\n4,5,6\n", "COLUMN"
    yield "no names", b"1,2,3\n4,5,6\n", "COLUMN"
    yield "empty", b"", "EMPTY"
    yield "blank lines", b"\n\n\n", "EMPTY"
    yield "UTF-16", "speed,load,wear\n1,2,3\n".encode("utf-16"), "ENCODING"
    yield "no UTF-8", b"speed,load,wear\n1,2,3\n4,\xff,6\n", "ENCODING"


def _labelled() -> Iterator[tuple[str, bytes, str]]:
    x = zeros(2, 5, 2)
    for name, y, head in (
        ("y of other rows", zeros(3, 2), "SHAPE"),
        ("one y", zeros(), "SHAPE"),
        ("y of four axes", zeros(2, 5, 2, 1), "SHAPE"),
        ("y of NaN", np.array([[1, np.nan], [1, 1]], "f4"), "NONFINITE"),
        ("y of Inf", np.array([[1, np.inf], [1, 1]], "f4"), "NONFINITE"),
        ("y too large", np.array([[1, 1e300], [1, 1]]), "RANGE"),
        ("y that int64 cannot hold", np.array([2**64 - 1, 0], np.uint64), "RANGE"),
    ):
        yield name, archived(x=x, y=y), head
    yield "x of NaN", archived(x=holding(np.nan), y=zeros(2, 2)), "NONFINITE"


def _lines() -> Iterator[tuple[str, bytes, str]]:
    for cell in ("", "nan", "inf", "1e39", "x", "1_000", "0x1", "1;2", "--1"):
        yield f"cell {cell!r}", f"1,2\n3,{cell}\n".encode(), "NUMBER"
    for value in ("null", "true", '"x"', "[]", "{}"):
        yield f"JSON {value}", f"[1, 2]\n[3, {value}]\n".encode(), "NUMBER"
    for value in ("NaN", "Infinity", "-Infinity", "1e39"):
        yield f"JSON {value}", f"[1, 2]\n[3, {value}]\n".encode(), "NONFINITE"
    for text, head in (
        ("1,2\n3\n", "RAGGED"),
        ("1,2\n3,4,5\n", "RAGGED"),
        ("[1, 2]\n[3]\n", "SHAPE"),
        ("[1, 2]\n[3, 4, 5]\n", "SHAPE"),
        ("[1, 2]\n3\n", "FORMAT"),
        ("[1, 2]\n[3, 4\n", "FORMAT"),
        ("[1, 2]\n" + "[" * 100_000 + "\n", "FORMAT"),
        ("[1, 2]\n[3, " + "9" * 5000 + "]\n", "FORMAT"),
        ('{"speed": 1, "load": 2}\n{"speed": 1}\n', "COLUMN"),
        ("speed,weight\n1,2\n", "COLUMN"),
        ("speed,load,load\n1,2,3\n", "HEADER"),
        ("1,2\n3,4", "TRUNCATED"),
        ("[1, 2]\n[3, 4", "TRUNCATED"),
        ('1,2\n3,"4\n', "FORMAT"),
    ):
        yield repr(text[-30:]), text.encode(), head
    yield "no UTF-8", b"1,2\n3,\xff\n", "ENCODING"
    yield "an endless line", b"1,2\n" + b"1" * (3 << 20), "FORMAT"


def _keyed_lines() -> Iterator[tuple[str, bytes, str]]:
    yield "no names", b"a,1,2\n", "HEADER"
    yield "no key", b"speed,load\n1,2\n", "COLUMN"
    yield "a list", b"[1, 2]\n", "FORMAT"
    yield "a fraction for a key", b'{"car": 1.5, "speed": 1, "load": 2}\n', "FORMAT"
    yield "a list for a key", b'{"car": [1], "speed": 1, "load": 2}\n', "FORMAT"
    yield "a bad cell", b"car,speed,load\na,1,2\nb,3,x\n", "NUMBER"


def _words() -> Iterator[BadFile]:
    good = saved(zeros(2, 5, 2))

    def wrong(name: str, code: int, head: str, *words: str, file: str = "d.npy") -> BadFile:
        return BadFile(name, words, code, head, file, good)

    at = ("-m", MODEL)
    yield wrong("no such file", INPUT, "E_INPUT_FILE", "predict", "e.npy", *at, "-o", OUT)
    yield wrong(
        "a folder without tables", INPUT, "E_INPUT_FILE", "predict", ".", *at, "-o", OUT, file="d"
    )
    yield wrong(
        "no such kind", USAGE, "data must be", "predict", "d.dat", *at, "-o", OUT, file="d.dat"
    )
    long = "n" * 5000 + ".npy"
    yield wrong("a name of 5,000 letters", INPUT, "E_INPUT_FILE", "predict", long, *at, "-o", OUT)
    yield wrong("a NUL in the name", USAGE, "null byte", "predict", "a\0b.npy", *at, "-o", OUT)
    yield wrong("no UTF-8 in the name", INPUT, "E_INPUT_FILE", "predict", "a\udcff.npy", *at)
    yield wrong(
        "over the input", UNWRITTEN, "E_OUTPUT_INPUT", "predict", "d.npy", *at, "-o", "d.npy"
    )
    yield wrong("into no folder", UNWRITTEN, "E_OUTPUT", "predict", "d.npy", *at, "-o", "no/y.npy")
    yield wrong("onto a folder", UNWRITTEN, "E_OUTPUT", "predict", "d.npy", *at, "-o", ".")
    for value in ("0", "-1", "1.5", "x", ""):
        words = ("predict", "d.npy", *at, "-o", OUT, "--threads", value)
        yield wrong(f"--threads {value!r}", USAGE, "--threads", *words)
    yield wrong("an unknown option", USAGE, "--fast", "predict", "d.npy", *at, "--fast")
    yield wrong("no data", USAGE, "Missing argument", "predict", *at)
    yield wrong("two files", USAGE, "argument", "predict", "d.npy", "e.npy", *at)
    yield wrong("an unknown device", USAGE, "device", "predict", "d.npy", *at, "--device", "tpu")
    yield wrong("an unknown command", USAGE, "No such command", "foretell", "d.npy", *at)
    yield wrong("a span for sequences", USAGE, "--span", "evaluate", "d.npy", *at, "--span", "1:2")
    yield BadFile("no state", ("stream", MODEL, "--restore", "s"), INPUT, "E_INPUT_FILE", stdin=b"")
    words = ("stream", MODEL, "--restore", "d.state")
    yield BadFile("a state of noise", words, INPUT, "E_STATE", "d.state", good, stdin=b"1,2\n")
    words = ("stream", MODEL, "--save", "no/d.state")
    yield BadFile("no folder for the state", words, UNWRITTEN, "E_OUTPUT", stdin=b"1,2\n")
    words = ("stream", MODEL, "--key", "wear")
    yield BadFile("a key that is an output", words, USAGE, "--key must be", stdin=b"1,2\n")


def written(case: BadFile, folder: Path, model: Path) -> list[str]:
    """Write the file of a case into `folder`; return the arguments with the model's path."""
    if case.file:
        (folder / case.file).write_bytes(case.content)
    return [str(model) if word == MODEL else word for word in case.words]


def left_behind(case: BadFile, folder: Path) -> list[str]:
    """Return the names of files in the folder that the case did not write."""
    return sorted(path.name for path in folder.iterdir() if path.name != case.file)


Run = Callable[[list[str], bytes | None], tuple[int, str, str]]


def faults(case: BadFile, folder: Path, model: Path, run: Run) -> list[str]:
    """Run a case in an empty `folder`; return a list of faults, empty if it behaved as it must.

    `run` takes the arguments and stdin, and returns the exit code, stdout and stderr.
    """
    code, out, err = run(written(case, folder, model), case.stdin)
    found = []
    if code != case.code:
        found.append(f"exit code {code} instead of {case.code}")
    lines = err.strip().splitlines()
    if "Traceback" in err or "bug of ours" in err:
        found.append("a traceback, or a bug reported")
    if not lines or not lines[-1].startswith("seqrt: ") or case.head not in lines[-1]:
        found.append(f"no line with {case.head}: {lines[-1:]}")
    if out and case.stdin is None:
        found.append("something on stdout")
    left = left_behind(case, folder)
    if left:
        found.append(f"left behind: {left}")
    return found


def called(words: list[str], stdin: bytes | None) -> tuple[int, str, str]:
    """Run a command in this process; return the exit code, stdout and stderr."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", errors, write_through=True)
        for errors in ("strict", "backslashreplace")
    )
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin or b""))
    code: object = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
    except SystemExit as leave:
        code = leave.code
    finally:
        sys.stdin = before
    texts = [file.buffer.getvalue().decode("utf-8", "replace") for file in (out, err)]
    return int(code or 0) if isinstance(code, int | None) else 1, texts[0], texts[1]
