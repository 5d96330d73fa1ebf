"""The models in numpy, from docs/algorithm.md section 1: names, shapes, initial values, forward passes."""
import dataclasses

import numpy as np

from autograd import Var, concat, gelu, layer_norm, softmax

BLOCK_EPS, FINAL_EPS, TEXT_EPS = 1e-5, 1e-6, 1e-12
MLP_RATIO = 4
LAYERS = {"none": (), "attn": ("attn.qkv", "attn.proj"), "mlp": ("mlp.fc1", "mlp.fc2"),
          "all": ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")}


@dataclasses.dataclass
class Spec:
    dim: int = 12
    depth: int = 3
    heads: int = 3
    image_size: int = 15
    patch: int = 5
    max_tokens: int = 9
    vocab: int = 37
    image_classes: int = 6
    text_classes: int = 4


def shapes_of(spec: Spec, kind: str, layers: str = "none") -> dict[str, tuple]:
    """Name -> shape in state order. `kind`: img, txt or pair; pairs have no auxiliary weights."""
    dim, shapes = spec.dim, {}
    sides = {"img": (0,), "txt": (1,), "pair": (0, 1)}[kind]
    if 0 in sides:
        shapes["embeddings.0.pos_embed"] = (1, (spec.image_size // spec.patch) ** 2 + 1, dim)
        shapes["embeddings.0.cls_token"] = (1, 1, dim)
        shapes["embeddings.0.embed.proj.weight"] = (dim, 3, spec.patch, spec.patch)
        shapes["embeddings.0.embed.proj.bias"] = (dim,)
    if 1 in sides:
        text = "embeddings.1.text_embeddings."
        shapes[text + "word_embeddings.weight"] = (spec.vocab, dim)
        shapes[text + "position_embeddings.weight"] = (spec.max_tokens, dim)
        shapes[text + "token_type_embeddings.weight"] = (2, dim)
        shapes[text + "LayerNorm.weight"] = shapes[text + "LayerNorm.bias"] = (dim,)

    def linear(name, rows, columns):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (rows, columns), (rows,)
        if kind != "pair" and name.split(".", 3)[3] in LAYERS[layers]:
            shapes[f"{name}.cross_modal_scale"] = (1,)
            shapes[f"{name}.aux_weight"] = (rows, columns)

    for side in sides:
        for layer in range(spec.depth):
            block = f"blockses.{side}.{layer}."
            shapes[block + "norm1.weight"] = shapes[block + "norm1.bias"] = (dim,)
            linear(block + "attn.qkv", 3 * dim, dim)
            linear(block + "attn.proj", dim, dim)
            shapes[block + "norm2.weight"] = shapes[block + "norm2.bias"] = (dim,)
            linear(block + "mlp.fc1", MLP_RATIO * dim, dim)
            linear(block + "mlp.fc2", dim, MLP_RATIO * dim)
    shapes["norm.weight"] = shapes["norm.bias"] = (dim,)
    if kind != "pair":
        classes = spec.image_classes if kind == "img" else spec.text_classes
        shapes[f"heads.{sides[0]}.head.weight"] = (classes, dim)
        shapes[f"heads.{sides[0]}.head.bias"] = (classes,)
    return shapes


def initial_state(rng, spec: Spec, kind: str, layers: str = "none", gate: float = 0) -> dict[str, np.ndarray]:
    """Values that float32 holds, not so small that a forward pass says nothing of them."""
    state = {}
    for name, shape in shapes_of(spec, kind, layers).items():
        values = rng.normal(0, 0.3, shape)
        if name.endswith("cross_modal_scale"):
            values = np.full(shape, gate)
        elif name.endswith("norm1.weight") or name.endswith("norm2.weight") or name in (
                "norm.weight", "embeddings.1.text_embeddings.LayerNorm.weight"):
            values = 1 + values / 3
        state[name] = values.astype(np.float32)
    return state


class Model:
    """A model over `state`, computing in `dtype`."""

    def __init__(self, spec: Spec, kind: str, state: dict[str, np.ndarray], dtype=np.float64):
        self.spec, self.kind, self.dtype = spec, kind, dtype
        self.parameters = {name: Var(values.astype(dtype)) for name, values in state.items()}

    def state(self) -> dict[str, np.ndarray]:
        return {name: var.value for name, var in self.parameters.items()}

    def merged(self) -> dict[str, np.ndarray]:
        """W + g A under plain names."""
        result = {}
        for name, values in self.state().items():
            if name.endswith(".aux_weight") or name.endswith(".cross_modal_scale"):
                continue
            layer = name.removesuffix(".weight")
            if f"{layer}.aux_weight" in self.parameters and name.endswith(".weight"):
                values = self._weight(layer).value
            result[name] = values
        return result

    def image_token(self, images: np.ndarray) -> Var:
        """Token 0 of [B,1 or 3,H,W]."""
        images = np.broadcast_to(images, (len(images), 3) + images.shape[2:]).astype(self.dtype)
        p, count = self.spec.patch, images.shape[2] // self.spec.patch
        patches = images.reshape(len(images), 3, count, p, count, p).transpose(0, 2, 4, 1, 3, 5)
        patches = Var(patches.reshape(len(images), count * count, 3 * p * p))
        kernel = self._get("embeddings.0.embed.proj.weight").reshape(self.spec.dim, 3 * p * p)
        x = patches @ kernel.transpose(1, 0) + self._get("embeddings.0.embed.proj.bias")
        cls = self._get("embeddings.0.cls_token") + np.zeros((len(images), 1, self.spec.dim), self.dtype)
        return self._run(0, concat([cls, x], 1) + self._get("embeddings.0.pos_embed"))

    def text_token(self, tokens: np.ndarray) -> Var:
        """Token 0 of [B,T]. The row of [PAD] learns nothing, as in the original."""
        text = "embeddings.1.text_embeddings."
        table = self._get(text + "word_embeddings.weight")
        learns = Var((tokens != 0)[:, :, None].astype(self.dtype))
        words = table[tokens] * learns + Var(table.value[tokens]) * (1 - learns.value)
        x = words + self._get(text + "position_embeddings.weight")[np.arange(tokens.shape[1])]
        x = x + self._get(text + "token_type_embeddings.weight")[0]
        return self._run(1, layer_norm(x, self._get(text + "LayerNorm.weight"),
                                       self._get(text + "LayerNorm.bias"), TEXT_EPS))

    def token(self, inputs: np.ndarray) -> Var:
        """Of a uni-modal model."""
        return self.image_token(inputs) if self.kind == "img" else self.text_token(inputs)

    def logits(self, token: Var) -> Var:
        head = "heads.0.head" if self.kind == "img" else "heads.1.head"
        return token @ self._get(head + ".weight").transpose(1, 0) + self._get(head + ".bias")

    def _get(self, name: str) -> Var:
        return self.parameters[name]

    def _weight(self, layer: str) -> Var:
        weight = self._get(layer + ".weight")
        if layer + ".aux_weight" not in self.parameters:
            return weight
        return weight + self._get(layer + ".cross_modal_scale") * self._get(layer + ".aux_weight")

    def _linear(self, layer: str, x: Var) -> Var:
        return x @ self._weight(layer).transpose(1, 0) + self._get(layer + ".bias")

    def _attention(self, block: str, x: Var) -> Var:
        batch, tokens, dim = x.value.shape
        size = dim // self.spec.heads
        parts = self._linear(block + "attn.qkv", x).reshape(batch, tokens, 3, self.spec.heads, size)
        parts = parts.transpose(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        mixed = softmax((q @ k.transpose(0, 1, 3, 2)) * size ** -0.5) @ v
        return self._linear(block + "attn.proj", mixed.transpose(0, 2, 1, 3).reshape(batch, tokens, dim))

    def _norm(self, name: str, x: Var, eps: float) -> Var:
        return layer_norm(x, self._get(name + ".weight"), self._get(name + ".bias"), eps)

    def _run(self, side: int, x: Var) -> Var:
        for layer in range(self.spec.depth):
            block = f"blockses.{side}.{layer}."
            x = x + self._attention(block, self._norm(block + "norm1", x, BLOCK_EPS))
            hidden = gelu(self._linear(block + "mlp.fc1", self._norm(block + "norm2", x, BLOCK_EPS)))
            x = x + self._linear(block + "mlp.fc2", hidden)
        return self._norm("norm", x, FINAL_EPS)[:, 0]


def normalised(token: Var) -> Var:
    return token / ((token * token).sum(-1, keepdims=True) ** 0.5)
