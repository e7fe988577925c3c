"""Opens a saved Keras model, .keras or legacy .h5, as JSON and one HDF5 file in memory.

The file is untrusted. A .keras file is a zip archive with three known members; sizes are checked
before anything is decompressed, and no member is ever written to disk.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from seqrt.errors import InputError
from seqrt.export.keras.hdf5 import Hdf5
from seqrt.export.keras.json_config import parse_config
from seqrt.export.keras.refusal import bad_file
from seqrt.export.untrusted import LARGEST_FILE, as_ascii, bytes_of

_LARGEST_JSON = 1 << 24
# A member may not decompress to more than this many times the whole file.
_LARGEST_RATIO = 100
_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_MOST_ENTRIES = 16
# The record that ends a zip archive, without a comment: signature, disks, entries, size and place
# of the directory. The last one before it in an archive over 4 GiB has the other signature.
_END = struct.Struct("<4s4H2LH")
_END_MARK, _END64_MARK, _END64_SIZE = b"PK\x05\x06", b"PK\x06\x07", 20


@dataclass(frozen=True)
class Archive:
    """A saved model: its configuration, its HDF5 file, the version of Keras that wrote it."""

    config: dict[str, Any]
    weights: Hdf5
    keras: str
    legacy: bool


def open_archive(content: bytes) -> Archive:
    """Return the parts of a .keras or .h5 file.

    Raises InputError (E_KERAS_FILE) for a file that is damaged or unsafe.
    """
    if content.startswith(b"PK\x03\x04"):
        return _from_zip(content)
    file = Hdf5(content)
    config = parse_config(file.text("model_config", _LARGEST_JSON), "the attribute model_config")
    return Archive(config, file, file.text("keras_version", 100, default=""), legacy=True)


def content_of(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a regular file of limited size; raise InputError for any other.

    The codes are E_KERAS_FILE and E_INPUT_FILE.
    """
    return bytes_of(path, bad_file, "a .keras or .h5 file")


def _from_zip(content: bytes) -> Archive:
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            _check_names([info.filename for info in archive.infolist()])
            read = {name: _inflated(archive, info, len(content)) for name, info in members.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise bad_file(f"the .keras file is not a whole zip archive ({error})") from None
    except NotImplementedError:
        raise bad_file("the .keras file is compressed in an unusual way") from None
    config = parse_config(_decoded(read["config.json"]), "config.json")
    metadata = parse_config(_decoded(read["metadata.json"]), "metadata.json")
    version = metadata.get("keras_version", "")
    keras = version if isinstance(version, str) else ""
    return Archive(config, Hdf5(read["model.weights.h5"]), keras, legacy=False)


def _check_directory(content: bytes) -> None:
    """Raise InputError unless the directory is small; zipfile would read any number of entries."""
    place = len(content) - _END.size
    mark, _, _, _, entries, size, _, comment = _END.unpack(content[place:].rjust(_END.size, b"\0"))
    large = content[max(0, place - _END64_SIZE) : place].startswith(_END64_MARK)
    if mark != _END_MARK or comment or large:
        raise bad_file("the .keras file must end with the directory of a zip archive")
    if entries > _MOST_ENTRIES or size > _MOST_ENTRIES << 10:
        raise bad_file(f"the .keras file must have the members of model.save(), got {entries}")


def _check_names(names: list[str]) -> None:
    if sorted(names) == sorted(_MEMBERS):
        return
    extra, missing = sorted(set(names) - _MEMBERS), sorted(_MEMBERS - set(names))
    wrong = (
        f"has {as_ascii(extra[0])}" if extra else f"lacks {missing[0]}" if missing else "repeats"
    )
    raise bad_file(
        f"the .keras file must have exactly {', '.join(sorted(_MEMBERS))}, but it {wrong}",
        "Layers with files of their own, such as TextVectorization, cannot be imported.",
    )


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo, whole: int) -> bytes:
    most = LARGEST_FILE if info.filename.endswith(".h5") else _LARGEST_JSON
    if info.flag_bits & 1:
        raise bad_file(f"{info.filename} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise bad_file(f"{info.filename} must be stored or deflated")
    if info.file_size > min(most, _LARGEST_RATIO * whole):
        raise bad_file(
            f"{info.filename} would decompress to {info.file_size:,} bytes from a file of"
            f" {whole:,}, more than is allowed"
        )
    with archive.open(info) as member:
        content = member.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise bad_file(f"{info.filename} must have {info.file_size:,} bytes, got {len(content):,}")
    return content


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_file(f"its JSON must be UTF-8 ({error.reason})") from None
