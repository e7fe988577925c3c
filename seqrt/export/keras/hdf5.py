"""Reads arrays and texts from an untrusted HDF5 file in memory; needs h5py.

HDF5 can point to other files (external links, external storage, virtual datasets), run compression
plugins, and declare arrays of any size. Here every step of a path must be a hard link, and an array
must lie in this file, uncompressed and in one piece, before a byte of it is allocated.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrt.errors import MissingExtraError, SeqrtError
from seqrt.export.keras.refusal import bad_file
from seqrt.export.untrusted import as_ascii

_MOST_AXES = 4
_MOST_TEXTS = 4096
_LONGEST_NAME = 1024
_MOST_MEMBERS = 1 << 14
# What h5py raises for damaged files besides.
_LESS_COMMON = (RuntimeError, ArithmeticError, MemoryError, SystemError, AttributeError)


def check_installed() -> Any:
    """Return h5py; raise MissingExtraError with the command that installs it."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise MissingExtraError(
            "importing a Keras model needs h5py. Install it with: pip install 'seqrt[keras]'"
        ) from None
    return h5py


class Hdf5:
    """An HDF5 file. Paths are tuples of names, from the root."""

    def __init__(self, content: bytes) -> None:
        """Open the file; raise InputError if `content` is not HDF5."""
        self._h5py: Any = check_installed()
        # Of numbers in all arrays read: links may name one array many times.
        self._left = len(content)
        with _explained():
            self._root: Any = self._h5py.File(io.BytesIO(content), "r")

    def names(self, *path: str) -> list[str]:
        """Return the names in a group, none if there is no such group."""
        with _explained():
            group = self._find(path)
            if group is None:
                return []
            if not isinstance(group, self._h5py.Group) or len(group) > _MOST_MEMBERS:
                raise bad_file(f"{_joined(path)} must be a small group")
            return list(group)

    def array(self, *path: str) -> NDArray[Any]:
        """Return an array of numbers; raise InputError unless it lies whole in this file."""
        with _explained():
            found = self._find(path)
            if found is None:
                raise bad_file(f"weights are missing: there is no {_joined(path)}")
            self._check(found, _joined(path))
            values: NDArray[Any] = found[()]
            return np.asarray(values)

    def text(self, name: str, longest: int, *path: str, default: str | None = None) -> str:
        """Return a text attribute of the group at `path`."""
        found = self.texts(name, *path, longest=longest, single=True)
        if found is None:
            if default is None:
                raise bad_file(
                    f"the HDF5 file must have the attribute {name}",
                    "Files with weights alone have no layers: save the whole model.",
                )
            return default
        return found[0]

    def texts(
        self, name: str, *path: str, longest: int = _LONGEST_NAME, single: bool = False
    ) -> list[str] | None:
        """Return an attribute that is a list of texts (or one text), None if it is missing."""
        with _explained():
            group = self._find(path)
            if group is None or name not in group.attrs:
                return None
            where = f"the attribute {name} of {_joined(path)}"
            attribute = group.attrs.get_id(name)
            shape, kind = attribute.shape, attribute.dtype
            fits = shape == () if single else len(shape) == 1 and shape[0] <= _MOST_TEXTS
            if shape == (0,) and not single:
                return []
            if not fits or kind.kind not in "SO" or kind.itemsize > longest:
                raise bad_file(f"{where} must be text, got {kind} of shape {shape}")
            values = np.asarray(group.attrs[name], dtype=object).reshape(-1)
            return [_text(value, longest, where) for value in values]

    def _find(self, path: tuple[str, ...]) -> Any:
        """Return what is at `path`, None if there is nothing; follow hard links only."""
        place = self._root
        for name in path:
            if not isinstance(place, self._h5py.Group):
                return None
            if name in ("", ".", "..") or "/" in name or len(name) > _LONGEST_NAME:
                raise bad_file(f"{as_ascii(name)} is not the name of a layer or a weight")
            # The low-level calls look at the link alone; `name in group` would follow it.
            links, encoded = place.id.links, name.encode()
            if not links.exists(encoded):
                return None
            if links.get_info(encoded).type != self._h5py.h5l.TYPE_HARD:
                raise bad_file(
                    f"{_joined(path)} is a soft or external link, and links to other places or"
                    " files are not followed"
                )
            place = place[name]
        return place

    def _check(self, found: Any, where: str) -> None:
        if not isinstance(found, self._h5py.Dataset):
            raise bad_file(f"{where} must be an array")
        layout, shape, kind = found.id.get_create_plist(), found.shape, found.dtype
        pieces = self._h5py.h5d
        if layout.get_layout() == pieces.VIRTUAL:
            raise bad_file(f"{where} is a virtual dataset, which reads other files")
        if layout.get_external_count():
            raise bad_file(f"{where} has external storage: its numbers lie in another file")
        if layout.get_layout() not in (pieces.CONTIGUOUS, pieces.COMPACT) or layout.get_nfilters():
            raise bad_file(f"{where} must be stored in one piece, neither chunked nor compressed")
        if shape is None or len(shape) > _MOST_AXES or kind.kind not in "fiu" or kind.itemsize > 8:
            raise bad_file(f"{where} must be an array of numbers, got {kind} of shape {shape}")
        size = math.prod(int(n) for n in shape) * kind.itemsize
        if not 0 < size == found.id.get_storage_size() or size > self._left:
            raise bad_file(f"{where} has shape {shape}, which is not stored in this file")
        self._left -= size


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the errors of h5py into one of seqrt."""
    try:
        yield
    except SeqrtError:
        raise
    except (OSError, LookupError, ValueError, TypeError, *_LESS_COMMON) as error:
        raise bad_file(
            f"the file is neither a whole .keras nor a whole .h5 file ({as_ascii(str(error))})"
        ) from None


def _text(value: Any, longest: int, where: str) -> str:
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(text, str) or len(text) > longest:
        raise bad_file(f"{where} must be text of at most {longest:,} characters")
    return text


def _joined(path: tuple[str, ...]) -> str:
    return as_ascii("/".join(path) or "/")
