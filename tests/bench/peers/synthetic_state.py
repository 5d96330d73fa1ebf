"""A float32 model of a given size in the shapes of transformer blocks, without meaning.

Copied beside the apps of each framework when a benchmark starts.
"""

import math

import numpy as np

TENSORS_OF_A_BLOCK = 12


def shapes(megabytes, tensors):
    """Shapes of about `tensors` tensors with megabytes * 1e6 bytes in all, twelve for each block."""
    blocks = max(1, round(tensors / TENSORS_OF_A_BLOCK))
    floats = megabytes * 1e6 / 4 / blocks  # of a block: 12 d^2 + 13 d
    d = max(1, int((-13 + math.sqrt(169 + 48 * floats)) / 24))
    block = [(d,), (d,), (3 * d, d), (3 * d,), (d, d), (d,), (d,), (d,), (4 * d, d), (4 * d,), (d, 4 * d), (d,)]
    return block * blocks


def make(megabytes, tensors):
    """The same values each time, of the size of trained weights."""
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
            for shape in shapes(megabytes, tensors)]


def change(arrays, number):
    """Adds a constant that depends on the client's `number`: equal updates would be a special case."""
    constant = np.float32((number % 1000 + 1) * 1e-6)
    return [array + constant for array in arrays]
