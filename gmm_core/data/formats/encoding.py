"""From bytes to text: which of the formats it cannot be, and how its characters are written."""

from __future__ import annotations

import numpy as np

from gmm_core.data.formats.table import Unreadable

SAMPLE_BYTES = 65_536
"""What is looked at to tell the delimiter: some hundreds of lines, in milliseconds."""


def refuse_known_binaries(data: bytes, expected: str) -> None:
    """Raise for the formats that are known by their first bytes and not read here."""
    signatures = {
        b"\x1f\x8b": "compressed (gzip)",
        b"BZh": "compressed (bzip2)",
        b"\xfd7zXZ": "compressed (xz)",
        b"7z\xbc\xaf": "compressed (7z)",
        b"\x28\xb5\x2f\xfd": "compressed (zstd)",
        b"%PDF": "a PDF document",
        b"\x93NUMPY": "a NumPy file",
        b"\x89HDF": "an HDF5 file",
        b"SQLite format 3": "a database",
    }
    for start, what in signatures.items():
        if data.startswith(start):
            raise Unreadable(
                f"The file is {what}, but {expected} was expected. "
                "Unpack it, or save it in one of these formats."
            )


def decode(data: bytes, expected: str) -> tuple[str, str]:
    """Turn bytes into text by its byte order mark, else UTF-8, else Windows' Latin-1.

    Parameters
    ----------
    expected : the formats that are read, for the sentence about a file of none of them.

    Returns
    -------
    The text, and its encoding.

    Raises
    ------
    ValueError
        When the bytes are no text, or a text of blank lines.
    """
    refuse_known_binaries(data, expected)
    marks = [
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ]
    encoding = next((name for mark, name in marks if data.startswith(mark)), None)
    if encoding is None:
        # Some programs write UTF-16 without a mark: every other byte of plain text is then zero.
        head = np.frombuffer(data[: 4096 // 2 * 2], dtype=np.uint8)
        zero_even, zero_odd = (float((head[i::2] == 0).mean()) for i in (0, 1 % head.size))
        if head.size >= 4 and zero_odd > 0.8 and zero_even < 0.1:
            encoding = "utf-16-le"
        elif head.size >= 4 and zero_even > 0.8 and zero_odd < 0.1:
            encoding = "utf-16-be"
    binary = Unreadable(
        f"The file is binary, whatever its name says, but {expected} was expected. "
        "Export the table as CSV and choose that file."
    )
    if encoding is not None:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise binary from error
        encoding = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be")
    else:
        if b"\0" in data:
            raise binary
        try:
            text, encoding = data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            # cp1252 is Latin-1 with printable characters where Latin-1 has control codes.
            text, encoding = data.decode("cp1252", "replace"), "latin-1"
    sample = text[:SAMPLE_BYTES]
    controls = sum(c < " " and c not in "\t\n\r\f\v\x1a" for c in sample)
    if controls > len(sample) / 100:
        raise binary
    if not text.strip():
        raise Unreadable(
            "The file holds only blank lines, but a table of numbers was expected. "
            "Choose a file with at least one row."
        )
    return text, encoding.upper()
