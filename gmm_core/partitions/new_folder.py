"""A new folder for what workers write, in the place that an administrator names (GMM_OUT).

Nothing outside of that place is written, and nothing in it is changed: each writing has a folder of
its own, which is made for it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from gmm_core.data.pieces import opened

_LONGEST = 60  # characters of a name: folders' names end at 255 bytes
_TRIES, _PAUSE = 5, 0.2  # of removing, while workers end what they were at; seconds between


def check_room(place: str, needed: int, limit: float) -> None:
    """Refuse what may be more than a place is allowed to hold, with what lies there already.

    Parameters
    ----------
    place : a folder that is there, or an address of fsspec.
    needed : bytes that will be written, at most.
    limit : bytes that may lie there; 0 for any number.

    Raises
    ------
    ValueError
        When there is no such room.
    """
    if not limit:
        return
    filesystem, root = opened(place)
    present = int(filesystem.du(root)) if filesystem.exists(root) else 0
    if present + needed > limit:
        raise ValueError(
            f"This takes up to {_size(needed)}, and the folder that results are written to has "
            f"{_size(present)} of the {_size(limit)} that it may have (GMM_OUT_BYTES). Ask whoever "
            "runs this server to make room or allow more, or write them elsewhere from the command "
            "line: mixture-explorer score --partitioned --out."
        )


def _size(n: float) -> str:
    unit, name = (1e9, "GB") if n >= 1e9 else (1e6, "MB")
    return f"{n / unit:,.1f} {name}"


@contextmanager
def new_folder(place: str, title: str) -> Iterator[tuple[str, str]]:
    """Make a folder in a place, and give its name and its address; it goes again where this fails.

    Parameters
    ----------
    place : a folder that is there, or an address of fsspec.
    title : what the folder is called after; of what may be in a title, letters and digits are left.

    Raises
    ------
    ValueError
        When there is no such place, nothing answers there, or no folder can be made in it.
    """
    filesystem, root = opened(place)
    local = "file" in filesystem.protocol
    # Links are followed here, by what the administrator named, and nowhere below.
    root = os.path.realpath(root) if local else root.rstrip("/")
    try:
        if not filesystem.isdir(root):
            raise ValueError(
                "The folder that results are written to is not there (GMM_OUT). Ask whoever runs "
                "this server."
            )
        name = _made(filesystem, root, title)
    except (OSError, ImportError) as error:
        raise ValueError(
            "No folder can be made where results are written to (GMM_OUT): "
            f"{getattr(error, 'strerror', None) or type(error).__name__}. Ask whoever runs this "
            "server."
        ) from error
    scheme = "" if local else place.partition("://")[0] + "://"
    try:
        yield name, f"{scheme}{root}/{name}"
    except BaseException:
        _removed(filesystem, f"{root}/{name}")
        raise


def _made(filesystem: Any, root: str, title: str) -> str:
    """Make a folder of a name that is not taken, and return the name."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", title).strip("-")[:_LONGEST] or "results"
    number = 1
    while True:
        name = plain if number == 1 else f"{plain}-{number}"
        with suppress(FileExistsError):  # somebody else makes it in this moment
            if not filesystem.exists(f"{root}/{name}"):
                filesystem.makedirs(f"{root}/{name}", exist_ok=False)
                return name
        number += 1


def _removed(filesystem: Any, path: str) -> None:
    """Remove a folder; what a worker is still writing may hold it up."""
    for _ in range(_TRIES):
        with suppress(OSError):
            filesystem.rm(path, recursive=True)
        if not filesystem.exists(path):
            return
        time.sleep(_PAUSE)
