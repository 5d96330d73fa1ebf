#!/usr/bin/env python3
"""A model that `tributary export` wrote, in PyTorch: of images, texts or pairs, equal to the coordinator's.

    exported_model.py MODEL.safetensors --onnx FILE.onnx

As a module: `model = load("MODEL.safetensors")`, then `model(images)`, `model(tokens)` or `model(images, tokens)`. All that is
needed stands in the file: tensors under the names of the paper's release (`--names paper`), and the shape, the norms' eps, the
names of the classes and the images' normalisation in its metadata. Needs torch and safetensors; --onnx needs onnx and
onnxscript as well. Exit codes: 0 done, 2 wrong use, 3 a file that is not such a model.
"""

import argparse
import json
import pathlib
import sys

import torch
from safetensors import SafetensorError, safe_open
from torch.nn import functional as F

OPSET = 18


class Block(torch.nn.Module):
    """x += attention(norm1(x)), then x += mlp(norm2(x))."""

    def __init__(self, dim, heads, eps):
        super().__init__()
        self.heads = heads
        self.norm1 = torch.nn.LayerNorm(dim, eps=eps)
        self.norm2 = torch.nn.LayerNorm(dim, eps=eps)
        self.attn = torch.nn.ModuleDict({"qkv": torch.nn.Linear(dim, 3 * dim), "proj": torch.nn.Linear(dim, dim)})
        self.mlp = torch.nn.ModuleDict({"fc1": torch.nn.Linear(dim, 4 * dim), "fc2": torch.nn.Linear(4 * dim, dim)})

    def forward(self, x):
        # [batch, tokens, 3 * dim] -> three times [batch, heads, tokens, dim / heads]
        q, k, v = self.attn["qkv"](self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + self.attn["proj"](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class ExportedModel(torch.nn.Module):
    """`about`: the file's metadata, by key. Parameters have the file's names."""

    def __init__(self, about):
        super().__init__()
        self.about = about
        self.modality = about["modality"]
        dim, depth, heads = (int(about[key]) for key in ("dim", "depth", "heads"))
        self.embeddings, self.blockses = torch.nn.ModuleDict(), torch.nn.ModuleDict()
        self.heads = torch.nn.ModuleDict()
        for place, kind in (("0", "image"), ("1", "text")):
            if self.modality not in (kind, "pair"):
                continue
            self.embeddings[place] = self._image(about, dim) if kind == "image" else self._text(about, dim)
            self.blockses[place] = torch.nn.ModuleList(
                Block(dim, heads, float(about["block_norm_eps"])) for _ in range(depth))
            if self.modality == kind:
                self.heads[place] = torch.nn.ModuleDict({"head": torch.nn.Linear(dim, int(about["classes"]))})
        self.norm = torch.nn.LayerNorm(dim, eps=float(about["final_norm_eps"]))

    @staticmethod
    def _image(about, dim):
        patch, side = int(about["patch"]), int(about["image_size"]) // int(about["patch"])
        module = torch.nn.Module()
        module.pos_embed = torch.nn.Parameter(torch.zeros(1, 1 + side * side, dim))
        module.cls_token = torch.nn.Parameter(torch.zeros(1, 1, dim))
        module.embed = torch.nn.ModuleDict({"proj": torch.nn.Conv2d(int(about["channels"]), dim, patch, patch)})
        return module

    @staticmethod
    def _text(about, dim):
        module = torch.nn.Module()
        module.text_embeddings = torch.nn.ModuleDict({
            "word_embeddings": torch.nn.Embedding(int(about["vocabulary_size"]), dim),
            "position_embeddings": torch.nn.Embedding(int(about["max_tokens"]), dim),
            "token_type_embeddings": torch.nn.Embedding(2, dim),
            "LayerNorm": torch.nn.LayerNorm(dim, eps=float(about["text_norm_eps"]))})
        return module

    def _blocks(self, place, x):
        for block in self.blockses[place]:
            x = block(x)
        return self.norm(x[:, 0])

    def image_features(self, images):
        """[batch, channels, side, side], normalised by the metadata's mean and deviation -> [batch, dim]."""
        parts = self.embeddings["0"]
        if images.shape[1] == 1 and int(self.about["channels"]) == 3:
            images = images.expand(-1, 3, -1, -1)
        x = parts.embed["proj"](images).flatten(2).transpose(1, 2)
        return self._blocks("0", torch.cat([parts.cls_token.expand(x.shape[0], -1, -1), x], 1) + parts.pos_embed)

    def text_features(self, tokens):
        """[batch, at most max_tokens] ids of `[CLS] ... [SEP]`, padded with 0, which is no mask -> [batch, dim]."""
        parts = self.embeddings["1"].text_embeddings
        x = (parts["word_embeddings"](tokens) + parts["position_embeddings"].weight[:tokens.shape[1]]
             + parts["token_type_embeddings"].weight[0])
        return self._blocks("1", parts["LayerNorm"](x))

    def forward(self, *inputs):
        """Class scores [batch, classes]; of a pair model the two embeddings, of length 1 each."""
        if self.modality == "image":
            return self.heads["0"]["head"](self.image_features(*inputs))
        if self.modality == "text":
            return self.heads["1"]["head"](self.text_features(*inputs))
        images, tokens = inputs
        return F.normalize(self.image_features(images)), F.normalize(self.text_features(tokens))

    def example(self):
        """Inputs of the right shapes, for tracing."""
        side, tokens = int(self.about["image_size"]), int(self.about["max_tokens"])
        images = torch.zeros(2, int(self.about["channels"]), side, side)
        texts = torch.zeros(2, tokens, dtype=torch.long)
        return {"image": (images,), "text": (texts,), "pair": (images, texts)}[self.modality]


def load(path):
    """ValueError, with the reason, for a file that is not such a model."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: {error}") from error
    if about.get("names") != "paper":
        raise ValueError(f"{path} was not written by `tributary export --names paper`: its metadata has names = "
                         f"{about.get('names')}")
    model = ExportedModel(about)
    model.load_state_dict(state, strict=True)
    return model.eval()


def write_onnx(model, path):
    """One ONNX file; the batch may have any size. Classes, mean and deviation are its metadata."""
    import onnx

    inputs = {"image": ["images"], "text": ["tokens"], "pair": ["images", "tokens"]}[model.modality]
    outputs = ["image_embedding", "text_embedding"] if model.modality == "pair" else ["logits"]
    batch = torch.export.Dim("batch")
    torch.onnx.export(model, model.example(), str(path), input_names=inputs, output_names=outputs, opset_version=OPSET,
                      dynamo=True, external_data=False, dynamic_shapes=(tuple({0: batch} for _ in inputs),), verbose=False)
    proto = onnx.load(path)
    for key in ("class_names", "mean", "deviation", "image_size", "max_tokens"):
        if key in model.about:
            proto.metadata_props.add(key=key, value=model.about[key])
    onnx.save(proto, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--onnx", type=pathlib.Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    try:
        model = load(arguments.model)
    except ValueError as error:
        print(f"exported_model: {error}", file=sys.stderr)
        return 3
    write_onnx(model, arguments.onnx)
    classes = json.loads(model.about.get("class_names", "[]"))
    print(f"{arguments.onnx}: {model.modality} model" + (f" of {len(classes)} classes" if classes else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
