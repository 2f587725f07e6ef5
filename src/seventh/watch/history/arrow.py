"""Arrays of Python handed to DuckDB where they lie, by Arrow's C stream interface.

https://arrow.apache.org/docs/format/CStreamInterface.html; DuckDB takes any object that has
``__arrow_c_stream__``. The arrays stay this module's: ``release`` has nothing to free.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Mapping
from typing import Any

_FORMATS = {"b": b"c", "h": b"s", "i": b"i", "q": b"l"}
"""Arrow's letters for the types of arrays: int8, int16, int32, int64."""
_POINTER = ctypes.c_void_p


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))
_GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.POINTER(_Schema))
_GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.POINTER(_Array))
_GET_ERROR = ctypes.CFUNCTYPE(_POINTER, _POINTER)

_Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))), ("dictionary", _POINTER),
    ("release", _RELEASE_SCHEMA), ("private_data", _POINTER),
]  # fmt: skip
_Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(_POINTER)), ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", _POINTER), ("release", _RELEASE_ARRAY), ("private_data", _POINTER),
]  # fmt: skip
_Stream._fields_ = [
    ("get_schema", _GET_SCHEMA), ("get_next", _GET_NEXT), ("get_last_error", _GET_ERROR),
    ("release", _RELEASE_STREAM), ("private_data", _POINTER),
]  # fmt: skip

_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = [_POINTER, ctypes.c_char_p, _POINTER]


def _released(release: Any) -> Any:
    """Return the callback that marks a structure as released, as the interface wants it."""

    def mark(released: Any) -> None:
        released.contents.release = release()

    return release(mark)


_release_schema = _released(_RELEASE_SCHEMA)
_release_array = _released(_RELEASE_ARRAY)
_release_stream = _released(_RELEASE_STREAM)
_no_error = _GET_ERROR(lambda _: None)


class Table:
    """One batch of columns: it must live until the query has ended."""

    def __init__(self, columns: Mapping[str, array[int]]) -> None:
        """Take columns by name, of one length."""
        self._kept: list[Any] = []
        schemas = [self._schema(_FORMATS[each.typecode], name) for name, each in columns.items()]
        arrays = [self._array(len(each), (each,)) for each in columns.values()]
        length = arrays[0].length
        assert all(each.length == length for each in arrays)  # noqa: S101 - read as memory
        self._fields = self._schema(b"+s", "", schemas)
        self._rows = self._array(length, (), arrays)

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Return a stream of the one batch."""
        ended = False

        def get_schema(_: Any, out: Any) -> int:
            out[0] = self._fields
            return 0

        def get_next(_: Any, out: Any) -> int:
            nonlocal ended
            out[0] = _Array() if ended else self._rows
            ended = True
            return 0

        callbacks = _GET_SCHEMA(get_schema), _GET_NEXT(get_next)
        stream = _Stream(*callbacks, _no_error, _release_stream, None)
        self._kept += [callbacks, stream]
        return _capsule(ctypes.addressof(stream), b"arrow_array_stream", None)

    def _schema(self, letters: bytes, name: str, children: list[Any] | None = None) -> Any:
        children = children or []
        pointers = (ctypes.POINTER(_Schema) * max(1, len(children)))(
            *(ctypes.pointer(each) for each in children)
        )
        self._kept += [*children, pointers]
        return _Schema(
            letters, name.encode(), None, 0, len(children), pointers, None, _release_schema, None
        )

    def _array(
        self, length: int, buffers: tuple[array[int], ...], children: list[Any] | None = None
    ) -> Any:
        children = children or []
        pointers = (ctypes.POINTER(_Array) * max(1, len(children)))(
            *(ctypes.pointer(each) for each in children)
        )
        # The first buffer says which are null: there are none.
        addresses = (_POINTER * (1 + len(buffers)))(
            None, *(each.buffer_info()[0] for each in buffers)
        )
        self._kept += [*children, pointers, addresses, *buffers]
        return _Array(
            length, 0, 0, 1 + len(buffers), len(children), addresses, pointers, None,
            _release_array, None,
        )  # fmt: skip
