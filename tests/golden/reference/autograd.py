"""Reverse-mode differentiation over numpy arrays, as much of it as the golden vectors need.

The arrays' own type says how exactly it computes: float64 for vectors, float32 to see how far rounding carries.
"""
import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _summed_to(gradient: np.ndarray, shape: tuple) -> np.ndarray:
    """Undoes broadcasting."""
    while gradient.ndim > len(shape):
        gradient = gradient.sum(0)
    for axis, size in enumerate(shape):
        if size == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis, keepdims=True)
    return gradient


class Var:
    """A value, and how it came about."""

    def __init__(self, value, parents=()):
        self.value = np.asarray(value)
        self.parents = parents  # (Var, function from our gradient to a gradient of that one)
        self.grad = None

    def backward(self) -> None:
        """Leaves d self / d v in `v.grad` of everything that self, a scalar, was made of."""
        order, seen = [], set()

        def visit(var):
            if id(var) in seen:
                return
            seen.add(id(var))
            for parent, _ in var.parents:
                visit(parent)
            order.append(var)

        visit(self)
        self.grad = np.ones_like(self.value)
        for var in reversed(order):
            for parent, step in var.parents:
                gradient = _summed_to(step(var.grad), parent.value.shape)
                parent.grad = gradient if parent.grad is None else parent.grad + gradient

    def __add__(self, other):
        other = var(other, self)
        return Var(self.value + other.value, ((self, lambda g: g), (other, lambda g: g)))

    def __mul__(self, other):
        other = var(other, self)
        return Var(self.value * other.value,
                   ((self, lambda g: g * other.value), (other, lambda g: g * self.value)))

    def __sub__(self, other):
        return self + var(other, self) * -1

    def __truediv__(self, other):
        return self * var(other, self) ** -1

    def __pow__(self, exponent):
        return Var(self.value ** self.value.dtype.type(exponent),
                   ((self, lambda g: g * self.value.dtype.type(exponent)
                     * self.value ** self.value.dtype.type(exponent - 1)),))

    def __matmul__(self, other):
        swap = lambda array: np.swapaxes(array, -1, -2)
        return Var(self.value @ other.value,
                   ((self, lambda g: g @ swap(other.value)), (other, lambda g: swap(self.value) @ g)))

    def __getitem__(self, index):
        def spread(g):
            gradient = np.zeros_like(self.value)
            np.add.at(gradient, index, g)
            return gradient
        return Var(self.value[index], ((self, spread),))

    def sum(self, axis=None, keepdims=False):
        def spread(g):
            if axis is not None and not keepdims:
                g = np.expand_dims(g, axis)
            return np.broadcast_to(g, self.value.shape)
        return Var(self.value.sum(axis, keepdims=keepdims), ((self, spread),))

    def mean(self, axis=None, keepdims=False):
        count = self.value.size if axis is None else self.value.shape[axis]
        return self.sum(axis, keepdims) * (1 / count)

    def exp(self):
        result = np.exp(self.value)
        return Var(result, ((self, lambda g: g * result),))

    def log(self):
        return Var(np.log(self.value), ((self, lambda g: g / self.value),))

    def reshape(self, *shape):
        return Var(self.value.reshape(shape), ((self, lambda g: g.reshape(self.value.shape)),))

    def transpose(self, *axes):
        return Var(self.value.transpose(axes), ((self, lambda g: g.transpose(np.argsort(axes))),))


def var(value, like: Var) -> Var:
    return value if isinstance(value, Var) else Var(np.asarray(value, like.value.dtype))


def concat(parts: list, axis: int = 0) -> Var:
    ends = np.cumsum([part.value.shape[axis] for part in parts])

    def piece(end, size):
        return lambda g: np.take(g, range(end - size, end), axis)

    return Var(np.concatenate([part.value for part in parts], axis),
               tuple((part, piece(end, part.value.shape[axis])) for part, end in zip(parts, ends)))


def gelu(x: Var) -> Var:
    """x times the normal distribution up to x."""
    below = (0.5 * (1 + _erf(x.value / math.sqrt(2)))).astype(x.value.dtype)
    density = np.exp(-x.value ** 2 / 2) / x.value.dtype.type(math.sqrt(2 * math.pi))
    return Var(x.value * below, ((x, lambda g: g * (below + x.value * density)),))


def softmax(x: Var) -> Var:
    """Over the last axis."""
    powers = (x - x.value.max(-1, keepdims=True)).exp()
    return powers / powers.sum(-1, keepdims=True)


def cross_entropy(logits: Var, labels: np.ndarray) -> Var:
    """The mean over rows."""
    shifted = logits - logits.value.max(1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    return (shifted.exp().sum(1).log() - right).mean()


def layer_norm(x: Var, weight: Var, bias: Var, eps: float) -> Var:
    centred = x - x.mean(-1, keepdims=True)
    deviation = ((centred * centred).mean(-1, keepdims=True) + eps) ** 0.5
    return centred / deviation * weight + bias
