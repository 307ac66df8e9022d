"""Results as bytes, and back: what the store keeps and what workers send while they run.

Pickle would run code from whoever can write to the database, so it is not used. A value becomes a
JSON header, which says how it is built, followed by the raw bytes of its arrays; both are
compressed. Only results of registered kinds of run are built again, and float64 comes back bit for
bit.
"""

import importlib
import json
import struct
import sys
import zlib
from collections import ChainMap
from dataclasses import fields, is_dataclass
from math import prod
from typing import Any

import numpy as np

from gmm_core.runs import kinds

# Where the types lie that stand inside results. A name instead of the class keeps this module
# light: it is imported by the web process and by every worker before they need any of these.
_PARTS = {"Parameters": "gmm_core.mixture", "Patch": "gmm_core.runs.progress"}

_MAGIC = b"GMMv1\n"
_LENGTH = struct.Struct("<Q")
# Arrays start at multiples of this, so that they are read in place and aligned for every dtype.
_ALIGNMENT = 16
# Booleans, integers, floats and fixed-width text. Objects are what pickle would be needed for.
_ARRAY_KINDS = "biufU"
# Draws hardly compress and curves full of NaN compress at any level: the fastest level loses
# nothing.
_COMPRESSION = 1
# Fewer numbers are packed in no time, NaN or not.
_WORTHWHILE = 4096


def pack(value: Any) -> bytes:
    """Turn a result, or plain values and arrays, into compressed bytes.

    Parameters
    ----------
    value : a result (MapFit, GuideFit, Posterior, Parameters, Patch), a NumPy array of numbers,
        booleans or text, None, bool, int, float, str, or a tuple, list or dict (with str keys) of
        these.

    Returns
    -------
    Bytes that `unpack` reads.

    Raises
    ------
    ValueError
        When something inside has another type.
    """
    arrays: list[np.ndarray] = []
    header = json.dumps(_encode(value, arrays), separators=(",", ":")).encode()
    compressor = zlib.compressobj(_COMPRESSION)
    chunks = [_MAGIC]

    def write(data: Any) -> None:
        chunks.append(compressor.compress(data))

    write(_LENGTH.pack(len(header)))
    write(header)
    write(bytes(-(_LENGTH.size + len(header)) % _ALIGNMENT))
    for array in arrays:
        data = array.tobytes()
        write(data)
        write(bytes(-len(data) % _ALIGNMENT))
    chunks.append(compressor.flush())
    return b"".join(chunks)


def unpack(data: bytes) -> Any:
    """Read what `pack` wrote. Arrays come back read-only, since results are shared.

    Raises
    ------
    ValueError
        When the bytes are not from `pack`, are damaged, or name a type that is not known here.
    """
    if not bytes(data[: len(_MAGIC)]) == _MAGIC:
        raise ValueError(
            f"These {len(data)} bytes are not a stored result: they start with "
            f"{bytes(data[:6])!r}, and {_MAGIC!r} was expected. Compute the run again."
        )
    try:
        decompressor = zlib.decompressobj()
        body = decompressor.decompress(memoryview(data)[len(_MAGIC) :])
        if not decompressor.eof or decompressor.unused_data:
            raise ValueError("the bytes end too early or too late")
        (length,) = _LENGTH.unpack_from(body)
        start = _LENGTH.size + length
        header = json.loads(body[_LENGTH.size : start])
        return _decode(header, _Arrays(body, start + -start % _ALIGNMENT))
    except (zlib.error, struct.error, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ValueError(
            f"The stored result is damaged ({error}). Compute the run again."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"The stored result cannot be read: {error}. Compute the run again."
        ) from error


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """Write `value` as JSON, in which arrays stand by dtype and shape, and append them."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in _ARRAY_KINDS:
            raise ValueError(
                f"An array of dtype {value.dtype} cannot be stored: numbers, booleans or text were "
                "expected. Convert it, for instance to float64."
            )
        array = np.ascontiguousarray(value).reshape(value.shape)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        node = {"array": array.dtype.str, "shape": list(array.shape)}
        lengths = _lengths(array)
        if lengths is None:
            arrays.append(array)
            return node
        arrays += [lengths, array[np.arange(array.shape[1]) < lengths[:, None]]]
        return node | {"until_nan": True}
    if isinstance(value, list):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(f"A dict is stored by text keys only; its keys are {list(value)[:5]}.")
        return {"dict": {key: _encode(item, arrays) for key, item in value.items()}}
    name = type(value).__name__
    if name in _types() and type(value) is _type(name):
        return {
            "type": name,
            "fields": {
                key: _encode(getattr(value, key), arrays) for key in _field_names(type(value))
            },
        }
    raise ValueError(
        f"A value of type {name} cannot be stored. Expected {', '.join(_types())}, arrays, or "
        "plain values; the `results` of a kind of run name its types."
    )


def _lengths(array: np.ndarray) -> np.ndarray | None:
    """How many numbers of each row come before it is NaN to its end, where that saves much.

    The curves of starts that were not trained: to compress their NaN took longer than the fit.
    """
    if array.ndim != 2 or array.dtype.str != "<f8" or array.size < _WORTHWHILE:
        return None
    missing = array.view("<u8") == np.array(np.nan, "<f8").view("<u8")  # no other bits of a NaN
    T = array.shape[1]
    lengths = np.where(missing.all(axis=1), 0, T - np.argmin(missing[:, ::-1], axis=1))
    return lengths.astype("<i8") if lengths.sum() < array.size / 2 else None


class _Arrays:
    """The arrays of one body, read one after the other in the order in which they were written."""

    def __init__(self, body: bytes, start: int) -> None:
        self.body = body
        self.position = start

    def next(self, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        count = prod(shape)
        if dtype.kind not in _ARRAY_KINDS or any(size < 0 for size in shape):
            raise ValueError(f"an array of dtype {dtype} and shape {shape} was found")
        size = count * dtype.itemsize
        if self.position + size > len(self.body):
            raise ValueError("an array is longer than the bytes that are left")
        if size:
            array = np.frombuffer(self.body, dtype, count, self.position).reshape(shape)
        else:
            array = np.empty(shape, dtype)
            array.flags.writeable = False
        self.position += size + -size % _ALIGNMENT
        return array


def _decode(node: Any, arrays: _Arrays) -> Any:
    if isinstance(node, list):
        return [_decode(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    if "array" in node:
        dtype = np.dtype(node["array"])
        if "until_nan" in node:
            R, T = node["shape"]
            lengths = arrays.next(np.dtype("<i8"), (R,))
            array = np.full((R, T), np.nan)
            array[np.arange(T) < lengths[:, None]] = arrays.next(dtype, (int(lengths.sum()),))
            array.flags.writeable = False
            return array
        if sys.byteorder == "big":
            array = arrays.next(dtype, tuple(node["shape"]))
            return array.astype(dtype.newbyteorder("="))
        return arrays.next(dtype, tuple(node["shape"]))
    if "tuple" in node:
        return tuple(_decode(item, arrays) for item in node["tuple"])
    if "dict" in node:
        return {key: _decode(item, arrays) for key, item in node["dict"].items()}
    if node.get("type") not in _types():
        raise ValueError(f"it holds a {node.get('type')!r}, which this version does not know")
    cls = _type(node["type"])
    return cls(**{key: _decode(item, arrays) for key, item in node["fields"].items()})


def _types() -> dict[str, str]:
    """Where each type lives that may be built again."""
    return dict(ChainMap(*(dict(kind.results) for kind in kinds.every()), _PARTS))


def _type(name: str) -> Any:
    return getattr(importlib.import_module(_types()[name]), name)


def _field_names(cls: Any) -> list[str]:
    if is_dataclass(cls):
        return [field.name for field in fields(cls) if field.init]
    return list(cls.model_fields)  # a pydantic model
