"""A look at Parquet's own tables of contents before a reader follows them.

A footer may nest its schema without end, and a page may claim to unpack to gigabytes: a reader
written in C++ then ends the whole process, or takes all memory. Both stand in Thrift's compact
protocol, of which this module reads what is needed and skips the rest.
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator

# Types of the protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_DEPTH = 16
"""Structs within structs; Parquet's own go eight deep."""


class Compact:
    """Reads one buffer from a position on.

    Raises
    ------
    ValueError, IndexError
        When the bytes are not what the protocol says.
    """

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def varint(self) -> int:
        """Read a number of seven bits a byte."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("A number has too many bytes.")

    def number(self) -> int:
        """Read a signed number."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Go through the fields of a struct: (number, type); the caller reads each value."""
        last = 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return
            last = last + (head >> 4) if head >> 4 else self.number()
            yield last, head & 15

    def items(self) -> tuple[int, int]:
        """Read the head of a list: how many items, and their type."""
        head = self.data[self.at]
        self.at += 1
        many = head >> 4
        return (self.varint() if many == 15 else many), head & 15

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over a value."""
        if depth > _DEPTH:
            raise ValueError("Structs are nested too deeply.")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self.at += 1
        elif kind in (4, 5, 6):
            self.varint()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            length = self.varint()
            self.at += length
        elif kind in (_LIST, _SET):
            many, of = self.items()
            for _ in range(many):
                # A boolean in a list takes a byte, unlike one that is a field.
                self.skip(_BYTE if of in (_TRUE, _FALSE) else of, depth + 1)
        elif kind == _MAP:
            many = self.varint()
            kinds = self.data[self.at] if many else 0
            self.at += 1 if many else 0
            for _ in range(many):
                self.skip(kinds >> 4, depth + 1)
                self.skip(kinds & 15, depth + 1)
        elif kind == _STRUCT:
            for _, of in self.fields():
                self.skip(of, depth + 1)
        else:
            raise ValueError("A field has no known type.")
        if self.at > len(self.data):
            raise IndexError("A value reaches past the end.")


def schema_shape(footer: bytes) -> tuple[int, int]:
    """Count the elements of a footer's schema, and how deep they are nested.

    Raises
    ------
    ValueError, IndexError
        When the footer is not one.
    """
    reader = Compact(footer)
    for number, kind in reader.fields():
        if number != 2 or kind != _LIST:
            reader.skip(kind)
            continue
        many, _ = reader.items()
        open_groups: list[int] = []
        deepest = 0
        for _ in range(many):
            children = 0
            for field, of in reader.fields():
                if field == 5 and of == 5:
                    children = reader.number()
                else:
                    reader.skip(of)
            if open_groups:
                open_groups[-1] -= 1
            if children > 0:
                open_groups.append(children)
            deepest = max(deepest, len(open_groups))
            while open_groups and open_groups[-1] <= 0:
                open_groups.pop()
        return many, deepest
    raise ValueError("The footer has no schema.")


def page_sizes(data: bytes, start: int, end: int) -> Iterator[int]:
    """Go through the pages of a column chunk: what each says it unpacks to, in bytes.

    Raises
    ------
    ValueError, IndexError
        When a page's header is none, or a size is negative.
    """
    reader = Compact(data, start)
    while reader.at < end:
        unpacked = packed = -1
        for number, kind in reader.fields():
            if number == 2 and kind == 5:
                unpacked = reader.number()
            elif number == 3 and kind == 5:
                packed = reader.number()
            else:
                reader.skip(kind)
        if unpacked < 0 or packed < 0:
            raise ValueError("A page has no size.")
        yield unpacked
        reader.at += packed
