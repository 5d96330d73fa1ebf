"""Pickles as Python 2 wrote them, which Python 3 cannot: opcodes put down by hand.

`str` of Python 2 is given as bytes. Checked against Python 3's own reader.
"""

import pickle
import struct

import numpy


def _bytes0(value):
    return b"S" + repr(value)[1:].encode("ascii") + b"\n"


def _bytes2(value):
    if len(value) < 256:
        return b"U" + bytes([len(value)]) + value
    return b"T" + struct.pack("<i", len(value)) + value


def _write(value, string):
    if value is None:
        return b"N"
    if isinstance(value, bytes):
        return string(value)
    if isinstance(value, int):
        return b"I%d\n" % value
    if isinstance(value, tuple):
        return b"(" + b"".join(_write(item, string) for item in value) + b"t"
    if isinstance(value, list):
        return b"(l" + b"".join(_write(item, string) + b"a" for item in value)
    if isinstance(value, dict):
        return b"(d" + b"".join(_write(key, string) + _write(item, string) + b"s" for key, item in value.items())
    assert isinstance(value, numpy.ndarray) and value.dtype == numpy.uint8
    dtype = b"cnumpy\ndtype\n" + _write((b"u1", 0, 1), string) + b"R" + _write(
        (3, b"|", None, None, None, -1, -1, 0), string) + b"b"
    state = b"(I1\n" + _write(value.shape, string) + dtype + b"I00\n" + string(value.tobytes()) + b"t"
    return (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _write((0,), string) + string(b"b") + b"tR" +
            state + b"b")


def dumps(value, protocol):
    """`protocol`: 0 or 2."""
    written = (b"" if protocol == 0 else b"\x80\x02") + _write(value, _bytes0 if protocol == 0 else _bytes2) + b"."
    pickle.loads(written, encoding="bytes")  # or it is no pickle
    return written
