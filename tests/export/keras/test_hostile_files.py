"""A Keras file from a stranger opens no other file, runs nothing, and allocates nothing huge."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from seqrt.errors import InputError
from seqrt.export.keras import read_keras, trial
from seqrt.export.keras.archive import content_of
from seqrt.export.keras.reading import read_content

KERNEL = "layers/lstm/cell/vars/0"
SHAPE = (2, 16)


def read_file(path):
    """Read a file in this process; the trial in another one is slow."""
    return read_content(content_of(path))


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        read_file(path)
    assert "\n" not in str(caught.value)
    return caught.value


def replaced(make):
    """Return a change that puts something else in the place of the first kernel."""

    def change(file):
        del file[KERNEL]
        make(file)

    return change


@pytest.fixture
def secret(tmp_path):
    """A file beside the model that it must not read."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = np.full(SHAPE, 7, np.float32)
    return tmp_path / "secret.h5"


def test_the_file_that_the_attacks_start_from_is_read(keras_file, path):
    layers = read_file(keras_file.write(path)).layers

    assert [layer.kind for layer in layers] == ["LSTM", "Dense"]


def test_an_external_link_is_not_followed(keras_file, path, secret):
    link = h5py.ExternalLink(str(secret), "/data")

    keras_file.write(path, replaced(lambda file: file.__setitem__(KERNEL, link)))

    refused(path, "E_KERAS_FILE: 'layers/lstm/cell/vars/0' is a soft or external link")


def test_a_group_that_is_an_external_link_is_not_followed(keras_file, path, secret):
    def change(file):
        del file["layers"]
        file["layers"] = h5py.ExternalLink(str(secret), "/")

    keras_file.write(path, change)

    refused(path, "'layers/.*' is a soft or external link")


def test_a_soft_link_is_not_followed(keras_file, path):
    link = h5py.SoftLink("/layers/lstm/cell/vars/1")

    keras_file.write(path, replaced(lambda file: file.__setitem__(KERNEL, link)))

    refused(path, "is a soft or external link")


def test_a_virtual_dataset_is_not_read(keras_file, path, secret):
    layout = h5py.VirtualLayout(SHAPE, np.float32)
    layout[:] = h5py.VirtualSource(str(secret), "data", SHAPE)

    keras_file.write(path, replaced(lambda file: file.create_virtual_dataset(KERNEL, layout)))

    refused(path, "is a virtual dataset, which reads other files")


def test_external_storage_is_not_read(keras_file, path, tmp_path):
    numbers = tmp_path / "numbers.bin"
    numbers.write_bytes(bytes(4 * 32))
    stored = [(str(numbers), 0, 4 * 32)]

    keras_file.write(
        path,
        replaced(lambda file: file.create_dataset(KERNEL, SHAPE, np.float32, external=stored)),
    )

    refused(path, "has external storage: its numbers lie in another file")


def test_compressed_and_chunked_arrays_are_not_read(keras_file, path):
    def change(file):
        file.create_dataset(KERNEL, data=np.zeros(SHAPE, np.float32), compression="gzip")

    keras_file.write(path, replaced(change))

    refused(path, "must be stored in one piece, neither chunked nor compressed")


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 20, 1 << 20), (0, 16)])
def test_a_shape_that_is_not_stored_is_refused_before_it_is_allocated(keras_file, path, shape):
    keras_file.write(path, replaced(lambda file: file.create_dataset(KERNEL, shape, np.float32)))

    tracemalloc.start()
    refused(path, "which is not stored in this file")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 << 20


def test_one_array_under_many_names_is_read_no_more_often_than_the_file_holds(keras_file, path):
    size = 64
    keras_file.layers[:] = [
        {"class_name": "Embedding", "config": {"name": f"e{i}", "input_dim": 64, "output_dim": 64}}
        for i in range(size)
    ]

    def change(file):
        file["big"] = np.zeros((64, 64), np.float32)
        for i in range(size):
            file[f"layers/embedding{f'_{i}' if i else ''}/vars/0"] = file["big"]

    keras_file.write(path, change)

    refused(path, "which is not stored in this file")


def test_a_group_inside_itself_ends(keras_file, path):
    def change(file):
        file["layers/dense/cell"] = file["layers/dense"]

    keras_file.write(path, change)

    refused(path, "Dense 'dense' must have 2 weights, not more")


@pytest.mark.parametrize("kind", [h5py.string_dtype(), "S8", "c8", np.dtype([("a", "f4")]), bool])
def test_weights_are_numbers(keras_file, path, kind):
    keras_file.write(path, replaced(lambda file: file.create_dataset(KERNEL, SHAPE, kind)))

    refused(path, "must be an array of numbers")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
def test_a_weight_that_is_not_finite_is_named(keras_file, path, wrong):
    keras_file.arrays["layers/dense/vars/1"] = np.array([wrong])

    keras_file.write(path)

    refused(path, "bias of Dense 'dense' contains NaN or Inf")


def test_a_missing_weight_is_named(keras_file, path):
    del keras_file.arrays["layers/dense/vars/1"]

    keras_file.write(path)

    refused(path, "Dense 'dense' has no weights bias")


def test_a_weight_of_the_wrong_shape_is_named(keras_file, path):
    keras_file.arrays["layers/lstm/cell/vars/1"] = np.zeros((5, 16), np.float32)

    keras_file.write(path)

    refused(path, r"recurrent_kernel of LSTM 'lstm' must have shape \(4, 16\), got \(5, 16\)")


# The archive


def test_a_zip_bomb_is_refused_before_it_is_inflated(keras_file, path):
    keras_file.compression = zipfile.ZIP_DEFLATED
    keras_file.members["config.json"] = b" " * (15 << 20)

    keras_file.write(path)

    tracemalloc.start()
    refused(path, "would decompress to 15,728,640 bytes from a file of")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5 << 20


@pytest.mark.parametrize("name", ["../evil.py", "/etc/passwd", "assets/x.txt", "layers.py"])
def test_other_members_are_refused_by_name(keras_file, path, name):
    keras_file.members[name] = b"x"

    keras_file.write(path)

    refused(path, f"but it has '{name}'")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_a_missing_member_is_named(keras_file, path, name):
    keras_file.members[name] = None

    keras_file.write(path)

    refused(path, f"but it lacks {name}")


def test_a_directory_of_very_many_members_is_not_read(keras_file, path):
    content = bytearray(keras_file.write(path).read_bytes())
    struct.pack_into("<2H", content, len(content) - 14, 60000, 60000)

    path.write_bytes(content)

    refused(path, "must have the members of model.save")


def test_every_cut_of_a_file_is_refused(keras_file, path):
    content = keras_file.write(path).read_bytes()

    for size in range(0, len(content), 997):
        path.write_bytes(content[:size])
        refused(path, "E_KERAS_FILE")


def test_a_changed_byte_is_an_error_of_seqrt_or_no_error(keras_file, path):
    content = keras_file.hdf5()
    rng = np.random.default_rng(0)

    for place in rng.integers(0, len(content), 300):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        keras_file.members["model.weights.h5"] = bytes(damaged)
        try:
            read_file(keras_file.write(path))
        except InputError as error:
            assert error.code == "E_KERAS_FILE"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("[" * 100_000, "nested at most 64 deep"),
        ('{"a":' * 70 + "1" + "}" * 70, "nested at most 64 deep"),
        ('{"a": 1, "a": 2}', "a key occurs twice"),
        ('{"a": NaN}', "not a finite number"),
        ("[]", "must be a JSON object"),
        ("{", "must be JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "must be JSON"),
    ],
)
def test_hostile_json_is_one_line(keras_file, path, text, match):
    keras_file.members["config.json"] = text.encode()

    keras_file.write(path)

    refused(path, match)


def test_json_that_is_not_utf_8_is_refused(keras_file, path):
    keras_file.members["config.json"] = b"\xff\xfe{}"

    refused(keras_file.write(path), "must be UTF-8")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"not a model" * 99])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)

    refused(path, "E_KERAS_FILE")


def test_a_file_that_is_not_there_and_a_folder_and_a_pipe_are_refused(path, tmp_path):
    refused(path, "E_INPUT_FILE: cannot read .*: No such file or directory")
    refused(tmp_path, "E_(KERAS|INPUT)_FILE")
    os.mkfifo(path)
    refused(path, "must be a regular file, not a folder, pipe or device")


# The trial in another process

EVERY_STEP = Path(__file__).parent / "files" / "every-step.h5"


def test_a_file_that_hangs_the_hdf5_library_is_given_up(path, monkeypatch):
    damaged = bytearray(EVERY_STEP.read_bytes())
    for place, value in ((1932, 127), (4512, 255), (8526, 255)):
        damaged[place] = value
    path.write_bytes(damaged)
    monkeypatch.setattr(trial, "_SECONDS", 5)

    with pytest.raises(InputError, match=r"E_KERAS_FILE: .* does not come to an end"):
        read_keras(path)


def test_a_crash_of_the_hdf5_library_is_an_error(path, monkeypatch):
    path.write_bytes(EVERY_STEP.read_bytes())
    monkeypatch.setattr(trial, "_CODE", "import os; os.abort()")

    with pytest.raises(InputError, match=r"E_KERAS_FILE: .* crashes the HDF5 library"):
        read_keras(path)


def test_a_trial_reads_the_file_as_this_process_does_and_loads_no_torch():
    content = EVERY_STEP.read_bytes()
    ending = "\nassert 'h5py' in sys.modules and 'torch' not in sys.modules"
    folder = Path(trial.__file__).parents[1]

    done = subprocess.run(
        [sys.executable, "-c", trial._CODE + ending, str(folder), *sys.path],
        input=content,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
