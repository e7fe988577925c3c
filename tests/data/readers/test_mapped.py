"""Parts of an array in a .npy file equal those of the whole, and no read goes past its end."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from seqrt.data.readers.mapped import Mapped
from seqrt.data.readers.npy import read_npy
from seqrt.errors import InputError

AXES = (slice(1, 3), slice(0, 2), slice(None))

can_be_cut = pytest.mark.skipif(sys.platform == "win32", reason="a mapped file stays as it is")


@pytest.fixture
def mapped(tmp_path):
    """Save an array as x.npy and map it."""

    def save(array):
        np.save(tmp_path / "x.npy", array)
        return Mapped(tmp_path / "x.npy")

    return save


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", ">f8", "<i2", ">u8", "?", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 3, 2)])
def test_a_part_is_that_of_the_whole_array(mapped, tmp_path, kind, order, shape):
    array = np.random.default_rng(0).uniform(0, 90, shape).astype(kind)
    file = mapped(np.asarray(array, order=order))

    part = file.part(*AXES[: len(shape)])

    want = read_npy(tmp_path / "x.npy")[AXES[: len(shape)]]
    assert file.shape == shape
    assert part.dtype == want.dtype
    assert part.flags.c_contiguous
    np.testing.assert_array_equal(part, want)


@can_be_cut
def test_a_part_is_a_copy_that_outlives_the_file(mapped, tmp_path):
    part = mapped(np.arange(6.0)).part(slice(2, 4))
    (tmp_path / "x.npy").write_bytes(b"")

    np.testing.assert_array_equal(part, [2, 3])


def test_an_empty_array_has_empty_parts(mapped):
    assert mapped(np.zeros((0, 5, 2))).part(slice(0, 3)).shape == (0, 5, 2)
    assert mapped(np.zeros((4, 0, 2))).part(slice(1, 3)).shape == (2, 0, 2)


@can_be_cut
def test_a_file_cut_short_while_it_is_read_is_an_error_and_no_crash(mapped, tmp_path):
    file = mapped(np.zeros((100_000, 4)))
    os.truncate(tmp_path / "x.npy", 5000)

    with pytest.raises(
        InputError, match=r"^E_INPUT_TRUNCATED: .*x\.npy must be complete, but it was cut"
    ):
        file.part(slice(99_000, 100_000))


def test_a_file_that_is_cut_short_is_refused_before_it_is_read(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(5))
    os.truncate(tmp_path / "x.npy", 160)

    with pytest.raises(InputError, match=r"^E_INPUT_TRUNCATED: .* shape \(5,\) needs 40 bytes"):
        Mapped(tmp_path / "x.npy")


@pytest.mark.parametrize("content", [b"", b"rubbish"])
def test_what_is_no_npy_file_is_refused(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)

    with pytest.raises(InputError, match=r"^E_INPUT_(TRUNCATED|FORMAT): .*x\.npy must be"):
        Mapped(tmp_path / "x.npy")
