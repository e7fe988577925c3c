"""Archives: x, y and lengths, checked by their directory before anything is unpacked."""

from __future__ import annotations

import errno
import io
import mmap
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from seqrt.data import read
from seqrt.data.limits import ReadLimits
from seqrt.data.readers.npz import read_npz
from seqrt.errors import InputError, ResourceError

LIMITS = ReadLimits(unpacked=1 << 20)
ALL_LARGE = replace(LIMITS, mapped=1)


def member(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.fixture
def path(tmp_path):
    """The path of a test's archive."""
    return tmp_path / "data.npz"


def pack(path, entries, method=zipfile.ZIP_STORED):
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_comes_back(path, save):
    x, y = np.arange(12.0).reshape(2, 3, 2), np.array(["walk", "run"])
    save(path, x=x, y=y, lengths=[3, 2])

    arrays = read_npz(path, LIMITS)

    assert sorted(arrays) == ["lengths", "x", "y"]
    np.testing.assert_array_equal(arrays["x"], x)
    assert arrays["y"].tolist() == ["walk", "run"]
    assert arrays["lengths"].tolist() == [3, 2]


def test_a_lone_array_is_x_whatever_its_name(path):
    np.savez(path, np.arange(3.0))

    arrays = read_npz(path, LIMITS)

    assert arrays["x"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "names",
    [["y"], ["x", "lens"], ["x", "../x"], ["a", "b"], ["x", "X"], []],
)
def test_other_members_than_x_y_and_lengths_are_named(path, names):
    pack(path, [(f"{name}.npy", member(np.zeros(2))) for name in names])

    with pytest.raises(InputError, match=r"^E_INPUT_MEMBERS: .* must contain x, .*; got") as caught:
        read_npz(path, LIMITS)

    assert all(f"'{name}'" in str(caught.value) for name in names)


def test_upper_case_x_and_y_are_x_and_y(path):
    np.savez(path, X=np.zeros((2, 3, 1)), Y=[1, 0])

    assert sorted(read_npz(path, LIMITS)) == ["x", "y"]


@pytest.mark.parametrize(
    ("names", "arrays"),
    [
        (["X_train", "y_train"], "x=old['X_train'], y=old['y_train']"),
        (["X_train", "y_train", "X_test", "y_test"], "x=old['X_train'], y=old['y_train']"),
        (["data", "labels"], "x=old['data'], y=old['labels']"),
        (["x", "seq_len"], "x=old['x'], lengths=old['seq_len']"),
    ],
)
def test_members_under_other_names_are_mapped_to_those_that_are_probably_meant(path, names, arrays):
    np.savez(path, **{name: np.zeros(2) for name in names})

    with pytest.raises(InputError, match=r"^E_INPUT_MEMBERS: .* must contain x, .*") as caught:
        read_npz(path, LIMITS)

    assert f"old = np.load('data.npz'); np.savez(path, {arrays})" in str(caught.value)


def test_the_arrays_that_the_message_writes_are_read(path):
    np.savez(path, X_train=np.zeros((2, 3, 1)), y_train=[1, 0])
    with pytest.raises(InputError) as caught:
        read_npz(path, LIMITS)
    code = str(caught.value).partition("write it again: ")[2].removesuffix(".")

    exec(code.replace("'data.npz'", "path"), {"np": np, "path": path})  # noqa: S102 - our own message

    assert sorted(read_npz(path, LIMITS)) == ["x", "y"]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("x", "np.savez(path, x=np.concatenate(x), lengths=[len(item) for item in x], y=y)"),
        ("y", "y=y.astype(str)"),
        ("lengths", "lengths=lengths.astype(np.int64)"),
    ],
)
def test_objects_are_refused_with_what_to_write_instead(path, key, fix):
    objects = np.empty(2, object)
    objects[:] = [np.zeros((3, 1)), np.zeros((4, 1))]
    arrays = {"x": np.zeros((2, 4, 1)), "y": np.zeros(2), "lengths": [3, 4]}
    np.savez(path, **arrays | {key: objects})

    with pytest.raises(InputError, match=rf"^E_INPUT_DTYPE: .*, {key} .* never unpickled") as error:
        read_npz(path, LIMITS)

    assert fix in str(error.value)


def test_a_member_that_is_there_twice_is_refused(path):
    pack(path, [("x.npy", member(np.zeros(2))), ("x.npy", member(np.ones(2)))])

    with pytest.raises(
        InputError, match=r"^E_INPUT_MEMBERS: .* must contain 'x' only once, got it twice"
    ):
        read_npz(path, LIMITS)


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused(path):
    np.savez(path, x=np.zeros(1000), y=np.zeros(1000))

    with pytest.raises(
        InputError, match=r"^E_INPUT_SIZE: .* at most 10,000 bytes, but declares 16,256"
    ):
        read_npz(path, ReadLimits(unpacked=10_000))


def test_a_bomb_is_refused_by_its_directory(path):
    np.savez_compressed(path, x=np.zeros(10 << 20))

    with pytest.raises(InputError, match=r"^E_INPUT_BOMB: .* 200 times its size"):
        read_npz(path, ReadLimits(unpacked=1 << 30))


def test_small_arrays_of_zeros_pass_however_well_they_pack(path):
    np.savez_compressed(path, x=np.zeros(100_000))

    assert not read_npz(path, LIMITS)["x"].any()


def test_a_member_that_says_a_larger_size_than_it_has_takes_no_memory(path):
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
    pack(path, [("x.npy", data)])

    with pytest.raises(InputError, match=r"^E_INPUT_TRUNCATED: .*data\.npz, x must be complete"):
        read_npz(path, LIMITS)


def test_a_changed_number_is_seen_by_its_crc(path):
    np.savez(path, x=np.arange(100.0))
    data = bytearray(path.read_bytes())
    place = data.index(np.float64(57).tobytes())
    data[place + 3] ^= 1
    path.write_bytes(data)

    with pytest.raises(InputError, match=r"^E_INPUT_DAMAGED: .*Bad CRC-32"):
        read_npz(path, LIMITS)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_kinds_of_packing_are_refused(path, method):
    pack(path, [("x.npy", member(np.zeros(9)))], method)

    with pytest.raises(InputError, match=r"^E_INPUT_FORMAT: .* must be stored or deflated"):
        read_npz(path, LIMITS)


def test_objects_are_never_unpickled(path):
    np.savez(path, x=np.array([{}], object))

    with pytest.raises(InputError, match=r"^E_INPUT_DTYPE: .*data\.npz, x must hold plain numbers"):
        read_npz(path, LIMITS)


@pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"no archive at all", b"\x93NUMPY\x01\x00"])
def test_what_is_no_archive_is_refused(path, data):
    path.write_bytes(data)

    with pytest.raises(
        InputError, match=r"^E_INPUT_DAMAGED: .* must be an archive written by np.savez, but"
    ):
        read_npz(path, LIMITS)


def test_an_archive_cut_short_anywhere_is_refused(path):
    np.savez(path, x=np.arange(5.0))
    whole = path.read_bytes()

    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"^E_INPUT_DAMAGED"):
            read_npz(path, LIMITS)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_changed_bytes_are_read_or_refused_and_nothing_else(path, save):
    rng = np.random.default_rng(0)
    save(path, x=np.arange(8.0), y=np.arange(2), lengths=[4, 4])
    whole = path.read_bytes()
    refused = 0

    for _ in range(700):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            read_npz(path, LIMITS)
        except InputError:
            refused += 1

    assert 200 < refused <= 700


@pytest.mark.parametrize("others", [{}, {"y": np.arange(3.0), "lengths": [4, 1, 2]}])
def test_a_large_x_stays_in_the_file(path, others):
    x = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    np.savez(path, **others, x=x)

    arrays = read_npz(path, ALL_LARGE)

    np.testing.assert_array_equal(arrays["x"], x)
    assert arrays.keys() == {"x", *others}
    assert isinstance(arrays["x"].base, mmap.mmap)
    assert isinstance(read(path, limits=ALL_LARGE).x.values.base.base, mmap.mmap)


def test_what_stays_in_the_file_may_be_larger_than_the_limit(path):
    np.savez(path, x=np.ones((10, 10, 2), np.float32), y=np.zeros(10))

    assert read_npz(path, replace(ALL_LARGE, unpacked=300))["x"].sum() == 200


@pytest.mark.parametrize(
    ("save", "x"),
    [
        (np.savez, np.ones((10, 10, 2))),
        (np.savez, np.ones((2, 10, 10), np.float32).T),
        (np.savez, np.ones((10, 10, 2), ">f4")),
        (np.savez_compressed, np.ones((10, 10, 2), np.float32)),
    ],
)
def test_other_numbers_are_read_and_have_the_limit(path, save, x):
    save(path, x=x, y=np.zeros(10))

    assert read_npz(path, ALL_LARGE)["x"].sum() == 200
    with pytest.raises(InputError, match=r"^E_INPUT_SIZE: .* 300 bytes.*float32 with np\.savez"):
        read_npz(path, replace(ALL_LARGE, unpacked=300))


def test_what_stays_in_the_file_is_whole(path):
    np.savez(path, x=np.ones((10, 10, 2), np.float32))
    damaged = bytearray(path.read_bytes())
    damaged[500] ^= 1
    path.write_bytes(damaged)

    with pytest.raises(InputError, match=r"^E_INPUT_DAMAGED: .* \(Bad CRC-32"):
        read_npz(path, ALL_LARGE)


def test_a_file_that_cannot_be_mapped_is_too_large_for_memory(path, monkeypatch):
    def none_left(*_, **__):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    np.savez(path, x=np.ones((10, 10, 2), np.float32), y=np.zeros(10))
    monkeypatch.setattr(mmap, "mmap", none_left)

    with pytest.raises(ResourceError, match=r"^E_MEMORY"):
        read(path, limits=ALL_LARGE)
