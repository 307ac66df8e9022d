"""The list of file formats: how each is recognised by its content, and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gmm_core.data.formats.encoding import decode
from gmm_core.data.formats.table import RawTable, Unreadable


@dataclass(frozen=True)
class File:
    """The bytes of a file, its name ("" for none), and which sheet of a workbook is wanted."""

    data: bytes
    filename: str = ""
    sheet: str | None = None

    @cached_property
    def decoded(self) -> tuple[str, str]:
        """The file as text, and its encoding.

        Raises
        ------
        ValueError
            When it holds no text.
        """
        return decode(self.data, listed())


@dataclass(frozen=True)
class Format:
    """A file format.

    name : as sentences call it.
    endings : of its files' names. A page offers such files; the content decides what they are.
    recognises : whether a file is of it, by its content.
    read : reads the cells; what it raises becomes a sentence.
    caged : a file can end the process in which it is read, so that it is read in a child.
    """

    name: str
    endings: tuple[str, ...]
    recognises: Callable[[File], bool]
    read: Callable[[File], RawTable]
    caged: bool = False


FORMATS: list[Format] = []
"""The first that recognises a file reads it: those of bytes stand before those of text."""


def recognise(file: File) -> Format:
    """Find the format of a file by its content.

    Raises
    ------
    ValueError
        When it is empty, or of a format that is known and not read.
    """
    if not file.data.strip():
        raise Unreadable(
            "The file is empty, but a table of numbers was expected. "
            "Choose a file with at least one row."
        )
    return next(one for one in FORMATS if one.recognises(file))


def listed() -> str:
    """Name the formats for a sentence: "CSV, JSON, Excel or Parquet"."""
    *names, last = (one.name for one in reversed(FORMATS))
    return f"{', '.join(names)} or {last}" if names else last


def endings() -> list[str]:
    """Return the endings of files that can be read: "csv", "parquet", ..."""
    return [ending for one in FORMATS for ending in one.endings]
