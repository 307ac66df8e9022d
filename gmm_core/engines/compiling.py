"""numba's compiler, whose cache on the disk may be damaged, full or missing.

Compiled code is kept on the disk, so that it is compiled once for an installation. numba trusts
what it finds there and insists on writing: a file that a power cut left empty, or a full disk,
would end every fit. Here each file carries a digest. What does not match it, and what cannot be
read, is compiled again; where nothing can be written, code is compiled in each process.

Engines import `njit` and `cfunc` from here.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import pickle
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from numba import cfunc, njit
from numba.core import caching, config

__all__ = ["cfunc", "njit"]

logger = logging.getLogger(__name__)

_DIGEST = hashlib.sha256
_warned: set[str] = set()


@cache
def sources(folder: Path) -> str:
    """Return a digest of the Python files of a folder, their names and what is in them."""
    digest = _DIGEST()
    for file in sorted(folder.glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


class _Checked(caching.IndexDataCacheFile):
    """The index and the code of one function; what is damaged is as good as not there.

    A digest follows the pickles, which end by themselves: a process without this class reads the
    files too.
    """

    def __init__(self, cache_path: str, filename_base: str, source_stamp: Any) -> None:
        # What stands in other files is compiled in, constants and callees: a change of any makes
        # all of it anew.
        super().__init__(cache_path, filename_base, (source_stamp, sources(Path(__file__).parent)))

    def _dump(self, obj: Any) -> bytes:
        packed: bytes = super()._dump(obj)
        return packed + _DIGEST(packed).digest()

    def _load_index(self) -> Any:
        try:
            # Behind the version, which numba writes by itself.
            if self._intact(Path(self._index_path), skip=True):
                return super()._load_index()
        except FileNotFoundError:
            return {}
        except Exception as error:  # whatever a damaged pickle raises
            _tell("read", self._cache_path, error)
            return {}
        _tell("read", self._cache_path, "a file in it is damaged")
        return {}

    def _load_data(self, name: str) -> Any:
        try:
            if self._intact(Path(self._data_path(name))):
                return super()._load_data(name)
        except FileNotFoundError:
            raise
        except Exception as error:
            _tell("read", self._cache_path, error)
            raise OSError(f"{name} cannot be read") from error
        _tell("read", self._cache_path, "a file in it is damaged")
        raise OSError(f"{name} is damaged")  # which numba takes for a file that is gone

    def save(self, key: Any, data: Any) -> None:
        """Keep compiled code, where there is room for it, in a file that its signature names.

        numba counts: two processes that compile at the same time would write the code of different
        signatures into one file, and who reads it could compile nothing that calls it.
        """
        number = int.from_bytes(_DIGEST(repr(key).encode()).digest()[:8])
        name = self._data_name(number)
        try:
            index = self._load_index()
            if index.get(key) != name:
                self._save_index(index | {key: name})
            self._save_data(name, data)
        except OSError as error:
            _tell("written", self._cache_path, error)

    def _intact(self, path: Path, skip: bool = False) -> bool:
        content = path.read_bytes()
        if skip:
            content = content[len(pickle.dumps(self._version, protocol=-1)) :]
        size = _DIGEST().digest_size
        return _DIGEST(content[:-size]).digest() == content[-size:]


def _tell(what: str, folder: Any, why: object) -> None:
    """Say once in the log what the cache does not do."""
    if what in _warned:
        return
    _warned.add(what)
    logger.warning(
        "The cache of compiled code in %s could not be %s (%s): fits are the same, and the first "
        "ones of a process wait until it has compiled.",
        folder,
        what,
        why,
    )


def _place() -> None:
    """Find a folder for the cache where there is none, or numba would refuse to compile."""
    try:
        caching.FunctionCache(_place)
    except RuntimeError:
        # Of this process alone, since what is read from it is run.
        folder = tempfile.mkdtemp(prefix="gmm-compiled-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        config.CACHE_DIR = folder  # type: ignore[attr-defined]
        _tell("written", Path(__file__).parent, "NUMBA_CACHE_DIR names no folder for it either")


caching.IndexDataCacheFile = _Checked  # type: ignore[misc]
_place()
