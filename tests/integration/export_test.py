"""What `tributary export` writes, PyTorch and timm load, and compute the same; and what timm writes, we do."""

import functools
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import timm
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

import tiny_federation as tiny

FORWARD = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", tiny.SOURCE / "build/release/tests")) / "forward_file"
TOLERANCE = 1e-5


def timm_model(about, image_size=None):
    """timm's ViT of an exported file's shape."""
    model = timm.models.VisionTransformer(
        img_size=image_size or int(about["image_size"]), patch_size=int(about["patch"]), embed_dim=int(about["dim"]),
        depth=int(about["depth"]), num_heads=int(about["heads"]), num_classes=int(about["classes"]),
        norm_layer=functools.partial(torch.nn.LayerNorm, eps=float(about["block_norm_eps"])))
    model.norm.eps = float(about["final_norm_eps"])
    return model.eval()


def blocks(state, prefix, x, about):
    """The blocks and the final norm, from the paper's names alone."""
    heads, eps = int(about["heads"]), float(about["block_norm_eps"])
    for layer in range(int(about["depth"])):
        at = lambda name: (state[f"{prefix}.{layer}.{name}.weight"], state[f"{prefix}.{layer}.{name}.bias"])
        y = F.layer_norm(x, x.shape[-1:], *at("norm1"), eps)
        q, k, v = F.linear(y, *at("attn.qkv")).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.softmax(q @ k.mT / q.shape[-1] ** .5, -1) @ v
        x = x + F.linear(y.transpose(1, 2).flatten(2), *at("attn.proj"))
        y = F.gelu(F.linear(F.layer_norm(x, x.shape[-1:], *at("norm2"), eps), *at("mlp.fc1")))
        x = x + F.linear(y, *at("mlp.fc2"))
    return F.layer_norm(x[:, 0], x.shape[-1:], state["norm.weight"], state["norm.bias"], float(about["final_norm_eps"]))


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="export_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1)
        code, _ = tiny.Run(run_file, cls.folder / "run").finish()
        assert code == 0, code
        torch.manual_seed(1)
        cls.image = torch.randn(5, 3, 32, 32)

    def export(self, dataset, names):
        path = self.folder / f"{dataset}.{names}.safetensors"
        subprocess.run([tiny.BIN / "tributary", "export", self.folder / "run", "--dataset", dataset, "--names", names,
                        "--out", path], check=True, stdout=subprocess.DEVNULL)
        with safe_open(path, "pt") as file:
            return path, file.metadata()

    def ours(self, model, *more, **inputs):
        source, target = self.folder / "input.safetensors", self.folder / "output.safetensors"
        save_file({name: tensor.float().contiguous() for name, tensor in inputs.items()}, source)
        subprocess.run([FORWARD, model, source, target, *more], check=True)
        return load_file(target)

    def assertClose(self, ours, theirs):
        torch.testing.assert_close(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE)

    def test_timm_computes_the_same_from_our_image_model(self):
        path, about = self.export("icon-contexts", "timm")
        model = timm_model(about)
        model.load_state_dict(load_file(path), strict=True)
        ours = self.ours(self.export("icon-contexts", "paper")[0], image=self.image)
        with torch.no_grad():
            self.assertClose(ours["logits"], model(self.image))
            self.assertClose(ours["feature"], F.normalize(model.forward_features(self.image)[:, 0]))

    def test_pytorch_computes_the_same_from_our_pair_model(self):
        path, about = self.export("icon-names", "paper")
        state = load_file(path)
        tokens = torch.randint(0, int(about["vocabulary_size"]), (5, int(about["max_tokens"])))
        text = {name.removeprefix("embeddings.1.text_embeddings."): tensor for name, tensor in state.items()}
        x = text["word_embeddings.weight"][tokens] + text["position_embeddings.weight"] + text["token_type_embeddings.weight"][0]
        x = F.layer_norm(x, x.shape[-1:], text["LayerNorm.weight"], text["LayerNorm.bias"], float(about["text_norm_eps"]))
        ours = self.ours(path, image=self.image, tokens=tokens)
        self.assertClose(ours["text_embedding"], F.normalize(blocks(state, "blockses.1", x, about)))
        x = F.conv2d(self.image, state["embeddings.0.embed.proj.weight"], state["embeddings.0.embed.proj.bias"],
                     stride=int(about["patch"])).flatten(2).mT
        x = torch.cat([state["embeddings.0.cls_token"].expand(len(x), -1, -1), x], 1) + state["embeddings.0.pos_embed"]
        self.assertClose(ours["image_embedding"], F.normalize(blocks(state, "blockses.0", x, about)))

    def test_we_compute_the_same_from_timms_weights_at_another_resolution(self):
        path, about = self.export("icon-contexts", "paper")
        theirs = timm_model(about, image_size=56)
        for tensor in theirs.parameters():
            torch.nn.init.normal_(tensor, std=.1)
        file = self.folder / "vit.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in theirs.state_dict().items()}, file)
        theirs.set_input_size((32, 32))  # resamples the positions
        with torch.no_grad():
            feature = F.normalize(theirs.forward_features(self.image)[:, 0])
        self.assertClose(self.ours(path, "--init-image", file, image=self.image)["feature"], feature)

    def test_a_model_that_is_not_there_names_those_that_are(self):
        done = subprocess.run([tiny.BIN / "tributary", "export", self.folder / "run", "--dataset", "nonsense", "--out",
                               self.folder / "x"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("icon-contexts, icon-names, wordnet-glosses", done.stderr)
        done = subprocess.run([tiny.BIN / "tributary", "export", self.folder / "run", "--dataset", "wordnet-glosses",
                               "--names", "timm", "--out", self.folder / "x"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no image parts", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
