"""Random models of timm, transformers and torchvision: taken as init.image, they compute the same in ours, or are refused by name."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import timm
import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

import tiny_federation as tiny

sys.path.insert(0, str(tiny.SOURCE / "deploy/examples"))
import exported_model

FORWARD = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", tiny.SOURCE / "build/release/tests")) / "forward_file"
TOLERANCE = 1e-5
BLOCK_EPS, FINAL_EPS = 1e-5, 1e-6  # of our models
DIM, DEPTH, HEADS, PATCH, SIDE = 32, 2, 2, 8, 32
ABOUT = {"modality": "image", "dim": DIM, "depth": DEPTH, "heads": HEADS, "patch": PATCH, "image_size": SIDE, "channels": 3,
         "max_tokens": 8, "vocabulary_size": 20, "classes": 3, "block_norm_eps": BLOCK_EPS, "final_norm_eps": FINAL_EPS,
         "text_norm_eps": 1e-12, "names": "paper"}
HUGGING_FACE = {"hidden_size": DIM, "num_hidden_layers": DEPTH, "num_attention_heads": HEADS, "image_size": SIDE,
                "patch_size": PATCH, "layer_norm_eps": BLOCK_EPS}


def random_weights(model):
    for tensor in model.parameters():
        torch.nn.init.normal_(tensor, std=.1)
    return model.eval()


def timm_vit(**more):
    model = timm.models.VisionTransformer(
        **{"img_size": SIDE, "patch_size": PATCH, "embed_dim": DIM, "depth": DEPTH, "num_heads": HEADS, "num_classes": 10,
           "norm_layer": functools.partial(torch.nn.LayerNorm, eps=BLOCK_EPS), **more})
    for norm in (model.norm, model.fc_norm):
        norm.eps = FINAL_EPS
    return random_weights(model)


class Pretrained(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pretrained_test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.image = torch.randn(3, 3, SIDE, SIDE)
        about = {key: str(value) for key, value in ABOUT.items()}
        ours = random_weights(exported_model.ExportedModel(about))
        save_file({name: tensor.contiguous() for name, tensor in ours.state_dict().items()}, self.folder / "ours.safetensors",
                  metadata=about)
        save_file({"image": self.image}, self.folder / "input.safetensors")

    def take(self, file):
        """(our feature from the file's weights, or None; what was said)"""
        output = self.folder / "output.safetensors"
        done = subprocess.run([FORWARD, self.folder / "ours.safetensors", self.folder / "input.safetensors", output,
                               "--init-image", file], capture_output=True, text=True, check=False)
        return (load_file(output)["feature"] if done.returncode == 0 else None), done.stderr

    def file_of(self, model, prefix=""):
        path = self.folder / "weights.safetensors"
        save_file({prefix + name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
        return path

    def assertComputesTheSame(self, file, token):
        """`token`: theirs, before it is divided by its length."""
        feature, said = self.take(file)
        self.assertIsNotNone(feature, said)
        torch.testing.assert_close(feature, F.normalize(token), rtol=TOLERANCE, atol=TOLERANCE)

    def assertRefused(self, file, *said):
        feature, message = self.take(file)
        self.assertIsNone(feature)
        for text in (str(file), *said):
            self.assertIn(text, message)

    def saved(self, model):
        model.save_pretrained(self.folder / "saved")
        return self.folder / "saved/model.safetensors"

    @torch.no_grad()
    def test_timms_vits(self):
        for more in ({}, {"init_values": 1e-5}, {"no_embed_class": True}, {"qkv_bias": False}, {"fc_norm": True}):
            with self.subTest(**more):
                model = timm_vit(**more)
                token = model.fc_norm(model.forward_features(self.image)[:, 0])
                for prefix in ("", "module.", "visual.trunk."):
                    self.assertComputesTheSame(self.file_of(model, prefix), token)

    @torch.no_grad()
    def test_hugging_faces_vit_and_dinov2(self):
        for kind in ("ViT", "Dinov2"):
            with self.subTest(kind):
                wide = {"intermediate_size": 4 * DIM} if kind == "ViT" else {}
                config = getattr(transformers, f"{kind}Config")(**HUGGING_FACE, **wide, num_labels=4)
                model = random_weights(getattr(transformers, f"{kind}ForImageClassification")(config))
                body = model.vit if kind == "ViT" else model.dinov2
                file = self.saved(model)
                body.layernorm.eps = FINAL_EPS
                token = body(self.image).last_hidden_state[:, 0]
                self.assertComputesTheSame(file, token)
                # The names inside of transformers 5 differ from those that it saves.
                shutil.copy(file.parent / "config.json", self.folder)
                self.assertComputesTheSame(self.file_of(model), token)

    @torch.no_grad()
    def test_clips_vision_model_as_far_as_its_norms_allow(self):
        config = transformers.CLIPVisionConfig(**HUGGING_FACE, intermediate_size=4 * DIM, hidden_act="gelu")
        model = random_weights(transformers.CLIPVisionModel(config))
        self.assertRefused(self.saved(model), "a norm before the first block", "pre_layrnorm.weight")
        without = {name: tensor for name, tensor in load_file(self.saved(model)).items() if "pre_layrnorm" not in name}
        save_file(without, self.folder / "saved/model.safetensors")
        body = model.vision_model if hasattr(model, "vision_model") else model
        body.pre_layrnorm = torch.nn.Identity()
        body.post_layernorm.eps = FINAL_EPS
        self.assertComputesTheSame(self.folder / "saved/model.safetensors", model(self.image).pooler_output)
        (self.folder / "saved/config.json").unlink()
        self.assertRefused(self.folder / "saved/model.safetensors", "quick_gelu")

    @torch.no_grad()
    def test_torchvisions_vit(self):
        model = random_weights(torchvision.models.VisionTransformer(
            SIDE, PATCH, DEPTH, HEADS, DIM, 4 * DIM, num_classes=10,
            norm_layer=functools.partial(torch.nn.LayerNorm, eps=BLOCK_EPS)))
        model.encoder.ln.eps = FINAL_EPS
        model.heads = torch.nn.Identity()
        self.assertComputesTheSame(self.file_of(model), model(self.image))

    @torch.no_grad()
    def test_the_eps_that_libraries_have_changes_little_where_variances_are_not_small(self):
        model = timm_vit(norm_layer=None)
        feature, _ = self.take(self.file_of(model))
        token = F.normalize(model.forward_features(self.image)[:, 0])
        torch.testing.assert_close(feature, token, rtol=1e-3, atol=1e-3)

    def test_what_the_model_cannot_compute_is_refused_by_name(self):
        cases = {"a norm of queries and keys": {"qk_norm": True}, "norm_pre.weight": {"pre_norm": True},
                 "mlp.fc1_g": {"mlp_layer": timm.layers.SwiGLU}, "mlp.fc2.weight": {"mlp_layer": timm.layers.SwiGLUPacked}}
        for name, more in cases.items():
            with self.subTest(name):
                self.assertRefused(self.file_of(timm_vit(**more)), name)
        dinov3 = transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(
            **HUGGING_FACE, intermediate_size=4 * DIM))
        self.assertRefused(self.saved(dinov3), "rotary positions")
        swiglu = transformers.Dinov2Model(transformers.Dinov2Config(**HUGGING_FACE, use_swiglu_ffn=True))
        self.assertRefused(self.saved(swiglu), "a gated MLP")
        beit = transformers.BeitModel(transformers.BeitConfig(
            **HUGGING_FACE, intermediate_size=4 * DIM, use_relative_position_bias=True))
        self.assertRefused(self.saved(beit), "relative positions")

    def test_tokens_that_the_model_does_not_have_are_left_out(self):
        for more in ({"reg_tokens": 4}, {"class_token": False, "global_pool": "avg"}):
            feature, said = self.take(self.file_of(timm_vit(**more)))
            self.assertIsNotNone(feature, said)

    def test_another_number_of_heads_is_refused(self):
        config = transformers.ViTConfig(**{**HUGGING_FACE, "num_attention_heads": 4}, intermediate_size=4 * DIM)
        file = self.saved(transformers.ViTModel(config, add_pooling_layer=False))
        self.assertEqual(json.loads((file.parent / "config.json").read_text())["num_attention_heads"], 4)
        self.assertRefused(file, "4 attention heads", "model.heads = 4")

    def test_the_files_that_were_once_taken_in_part(self):
        """A ViT without positions, as BEiT's with relative ones; and a file of which only the last norm has a known name."""
        state = timm_vit().state_dict()
        state.pop("pos_embed")
        file = self.folder / "weights.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
        self.assertRefused(file, "embeddings.0.pos_embed")
        save_file({"norm.weight": torch.ones(DIM), "norm.bias": torch.zeros(DIM), "layer.0.norm1.weight": torch.ones(DIM)}, file)
        self.assertRefused(file, "layer.0.norm1.weight")


if __name__ == "__main__":
    unittest.main(verbosity=2)
