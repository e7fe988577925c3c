"""Arrays from .npy files: valid ones are read, all others rejected in one line."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from numpy.lib.recfunctions import structured_to_unstructured

from seqrt.data.readers.npy import read_array, read_npy
from seqrt.errors import InputError


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npy(header, payload=b"", version=1):
    text = header.encode("latin-1")
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + payload


def header(descr="'<f4'", order="False", shape="(2,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


@pytest.fixture
def read(tmp_path):
    """Read bytes as the file x.npy."""

    def read_bytes(data):
        (tmp_path / "x.npy").write_bytes(data)
        return read_npy(tmp_path / "x.npy")

    return read_bytes


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.arange(6, dtype=np.float64).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(3, dtype=np.float16),
        np.array([True, False]),
        np.array([2**64 - 1], np.uint64),
        np.array(["walk", "µ", ""]),
        np.zeros((0, 5, 2), np.float32),
        np.zeros((4, 0), np.float32),
        np.array(3.5),
        np.array([np.nan, np.inf, -0.0]),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_what_numpy_saves_comes_back_bit_for_bit(read, array):
    back = read(saved(array))

    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "u2", "U3"])
def test_big_endian_is_read_as_the_same_values(read, kind):
    array = np.array([1, 2, 300]).astype(kind)

    back = read(saved(array.astype(f">{kind}")))

    np.testing.assert_array_equal(back, array)
    assert back.dtype.isnative


def test_bytes_are_read_as_text(read):
    back = read(saved(np.array([b"walk", "lärm".encode()])))

    assert back.tolist() == ["walk", "lärm"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_every_version_of_the_format_is_read(read, version):
    back = read(npy(header(), np.float32([1, 2]).tobytes(), version))

    assert back.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "text",
    [
        """{"shape":(2,),"fortran_order":False,"descr":"<f4"}""",
        "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 2 , ) }   \n",
    ],
)
def test_headers_of_other_writers_are_read(read, text):
    assert read(npy(text, np.float32([1, 2]).tobytes())).tolist() == [1.0, 2.0]


def test_any_other_byte_than_0_is_true(read):
    back = read(npy(header("'|b1'"), b"\x00\x07"))

    assert back.tobytes() == b"\x00\x01"


def test_a_file_cut_short_anywhere_is_told_as_that(read):
    whole = saved(np.arange(5, dtype=np.float32))

    for end in range(len(whole)):
        with pytest.raises(InputError, match=r"^E_INPUT_(TRUNCATED|FORMAT): .*x\.npy must be"):
            read(whole[:end])
    with pytest.raises(InputError, match=r"TRUNCATED: .* shape \(5,\) needs 20 bytes, got 19\."):
        read(whole[:-1])


def test_a_file_that_is_cut_while_it_is_read_is_told_as_that():
    whole = saved(np.arange(5, dtype=np.float32))

    with pytest.raises(
        InputError, match=r"E_INPUT_TRUNCATED: x must be complete, but .* 7 bytes early"
    ):
        read_array(io.BytesIO(whole[:-7]), len(whole), "x")


def test_bytes_behind_the_array_are_refused(read):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* has 21 bytes .* \(5,\) needs 20"):
        read(saved(np.arange(5, dtype=np.float32)) + b"\0")


@pytest.mark.parametrize(
    "shape",
    ["(99999999999999999,)", "(4294967296, 4294967296, 4)", "(1000000000000,)"],
)
def test_a_huge_shape_is_refused_before_memory_is_taken_for_it(read, shape):
    with pytest.raises(InputError, match=r"^E_INPUT_TRUNCATED: .* needs [0-9,]+ bytes, got 8\."):
        read(npy(header(shape=shape), bytes(8)))


@pytest.mark.parametrize("shape", ["(1000000000, 0, 3)", "(0, 999999999999999999)"])
def test_an_axis_of_0_does_not_hide_a_huge_one(read, shape):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* has shape"):
        read(npy(header(shape=shape)))


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}], object),
        np.array([1 + 2j]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(2, [("a", "f4"), ("b", "i4")]),
        np.zeros(2, np.longdouble),
        np.zeros(2, "V4"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_what_is_neither_plain_number_nor_text_is_refused_and_never_unpickled(read, array):
    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .* must hold plain numbers or text"):
        read(saved(array, allow_pickle=True))


def test_records_are_refused_with_the_call_that_converts_them(read):
    records = np.array([(1.0, 2), (3.0, 4)], [("a", "f4"), ("b", "i4")])

    with pytest.raises(InputError, match=r"np\.lib\.(recfunctions\.\w+)\(x\)") as refused:
        read(saved(records))

    assert "got records or objects" in str(refused.value)
    assert structured_to_unstructured(records).shape == (2, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        header(shape="(-2,)"),
        header(shape="(2.0,)"),
        header(shape="(1 2,)"),
        header(shape="(,)"),
        header(shape="(" + "9" * 5000 + ",)"),
        header(shape="(" * 5000),
        header(order="1"),
        header() + "__import__('os')",
        header().replace("}", "'more': 1, }"),
        header() + header(),
        "{'descr': '<f4', " + "-" * 9000 + "1}",
    ],
)
def test_a_header_that_is_none_is_refused(read, text):
    with pytest.raises(InputError, match=r"^E_INPUT_(FORMAT|DTYPE): .*x\.npy must"):
        read(npy(text, bytes(8)))


def test_a_long_header_is_refused_before_it_is_read(read):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* a header of 4,294,967,295 bytes"):
        read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04 a zip", b"\x93NUMPY\x09\x00\x00\x00", b"1,2,3,4,5\n"]
)
def test_what_is_no_npy_file_says_how_it_starts(read, start):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* written by np\.save, but starts"):
        read(start)


def test_four_axes_are_refused(read):
    with pytest.raises(InputError, match=r"^E_INPUT_SHAPE: .* at most 3 axes .*\(1, 1, 1, 1\)"):
        read(saved(np.zeros((1, 1, 1, 1))))


@pytest.mark.parametrize("letter", [0x110000, 0xD800, 0xFFFFFFFF])
def test_text_that_is_no_unicode_is_refused(read, letter):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* text that is not Unicode"):
        read(npy(header("'<U2'", shape="(1,)"), struct.pack("<2I", 65, letter)))


def test_bytes_that_are_no_text_are_refused(read):
    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* text that is not UTF-8"):
        read(npy(header("'|S2'", shape="(1,)"), b"\xff\xfe"))


def test_changed_bytes_are_read_or_refused_and_nothing_else(read):
    rng = np.random.default_rng(0)
    whole = saved(np.arange(12, dtype=np.float64).reshape(3, 4))
    refused = 0

    for _ in range(1500):
        data = bytearray(whole)
        for place in rng.integers(0, 128, rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            read(bytes(data))
        except InputError:
            refused += 1

    assert 500 < refused < 1500
