"""What `tributary export` writes, PyTorch and timm load, and compute the same; and what timm writes, we do."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import onnxruntime
import timm
import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tokenizers import BertWordPieceTokenizer
from torch.nn import functional as F

import shard_reader
import tiny_federation as tiny

sys.path.insert(0, str(tiny.SOURCE / "deploy/examples"))
import exported_model

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
        code, cls.result = tiny.Run(run_file, cls.folder / "run").finish()
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

    def export_folder(self, dataset, form):
        path = self.folder / f"{dataset}.{form}"
        subprocess.run([tiny.BIN / "tributary", "export", self.folder / "run", "--dataset", dataset, "--format", form,
                        "--out", path], check=True, stdout=subprocess.DEVNULL)
        return path

    def held_out(self, dataset):
        """(inputs as the model takes them, labels) of the test shard."""
        rows = shard_reader.rows(self.folder / "data" / dataset / "test/test.shard")
        labels = torch.tensor([label for _, label, _ in rows])
        if rows[0][0] is None:
            tokenizer = BertWordPieceTokenizer(str(tiny.SOURCE / "deploy/assets/bert-base-uncased/vocab.txt"), lowercase=True)
            tokenizer.enable_truncation(8)
            tokenizer.enable_padding(length=8)
            return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch([text for *_, text in rows])]), labels
        images = torch.stack([torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(32, 32, 3)
                              for image, *_ in rows])
        return (images.permute(0, 3, 1, 2) / 255 - .5) / .5, labels

    def assertAccuracy(self, dataset, logits, labels):
        """To the last sample: the coordinator counted the same number of right answers."""
        task = self.result["tasks"][dataset]
        self.assertEqual(len(labels), task["samples"])
        self.assertEqual((logits.argmax(1) == labels).sum().item(), round(task["accuracy"] * task["samples"] / 100))

    @torch.no_grad()
    def test_every_form_reaches_the_results_accuracy_to_the_last_sample(self):
        images, labels = self.held_out("icon-contexts")
        path, _ = self.export("icon-contexts", "paper")
        model = exported_model.load(path)
        exact = model(images)
        self.assertAccuracy("icon-contexts", exact, labels)
        self.assertClose(self.ours(path, image=images)["logits"], exact)

        folder = self.export_folder("icon-contexts", "transformers")
        theirs = transformers.AutoModelForImageClassification.from_pretrained(folder)
        self.assertAccuracy("icon-contexts", theirs(images).logits, labels)
        self.assertEqual(list(theirs.config.id2label.values()), json.loads(model.about["class_names"]))
        theirs.vit.layernorm.eps = float(model.about["final_norm_eps"])
        self.assertClose(exact, theirs(images).logits)

        folder = self.export_folder("icon-contexts", "timm")
        theirs = timm.create_model(f"local-dir:{folder}", checkpoint_path=str(folder / "model.safetensors")).eval()
        self.assertAccuracy("icon-contexts", theirs(images), labels)
        theirs.norm.eps = float(model.about["final_norm_eps"])
        self.assertClose(exact, theirs(images))

        tokens, labels = self.held_out("wordnet-glosses")
        model = exported_model.load(self.export("wordnet-glosses", "paper")[0])
        self.assertAccuracy("wordnet-glosses", model(tokens), labels)

    @torch.no_grad()
    def test_onnx_runtime_computes_the_same(self):
        torch.manual_seed(2)
        for dataset in tiny.DATASETS:
            path, about = self.export(dataset, "paper")
            model = exported_model.load(path)
            exported_model.write_onnx(model, self.folder / "model.onnx")
            session = onnxruntime.InferenceSession(self.folder / "model.onnx")
            tokens = torch.randint(0, int(about["vocabulary_size"]), (5, int(about["max_tokens"])))
            inputs = {"image": (self.image,), "text": (tokens,), "pair": (self.image, tokens)}[model.modality]
            outputs = session.run(None, {place.name: value.numpy() for place, value in zip(session.get_inputs(), inputs)})
            exact = model(*inputs)
            for theirs, ours in zip(outputs, exact if model.modality == "pair" else (exact,), strict=True):
                self.assertClose(ours, torch.from_numpy(theirs))
            self.assertEqual(session.get_modelmeta().custom_metadata_map.get("class_names"), about.get("class_names"))

    @torch.no_grad()
    def test_the_image_part_of_a_pair_model_is_a_vit_model_of_transformers(self):
        folder = self.export_folder("icon-names", "transformers")
        theirs, said = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
        self.assertFalse(said["missing_keys"] or said["unexpected_keys"], said)
        theirs.layernorm.eps = 1e-6
        model = exported_model.load(self.export("icon-names", "paper")[0])
        self.assertClose(F.normalize(model.image_features(self.image)), F.normalize(theirs(self.image).last_hidden_state[:, 0]))

    def test_the_pages_examples_run_as_they_stand(self):
        place = self.folder / "page"
        (place / "out").mkdir(parents=True)
        (place / "build/release").mkdir(parents=True)
        for name, target in {"deploy": tiny.SOURCE / "deploy", "build/release/bin": tiny.BIN,
                             "out/quickstart": self.folder / "run"}.items():
            (place / name).symlink_to(target)
        shutil.copy(next((self.folder / "source").rglob("thing-3.png")), place / "icon.png")
        page = (tiny.SOURCE / "docs/use-a-model.md").read_text()
        blocks = re.findall(r"^```(sh|python)\n(.*?)^```", page, re.M | re.S)
        self.assertGreaterEqual(len(blocks), 8)
        python = pathlib.Path(sys.executable).parent
        for kind, text in blocks:
            command = [sys.executable, "-c", text] if kind == "python" else ["bash", "-euc", text]
            done = subprocess.run(command, cwd=place, env={**os.environ, "PATH": f"{python}:{os.environ['PATH']}"},
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{text}\n{done.stderr}")
            if "class_names" in text or "id2label" in text or "label_names" in text:
                self.assertIn(done.stdout.splitlines()[0], self.result_classes())

    def result_classes(self):
        return [name for dataset in ("icon-contexts", "wordnet-glosses")
                for name in json.loads(self.export(dataset, "paper")[1]["class_names"])]

    def test_a_run_under_way_gives_its_committed_rounds(self):
        run_file = tiny.write_run_file(self.folder / "long.toml", self.folder / "data", 1000)
        run = tiny.Run(run_file, self.folder / "long")
        self.addCleanup(run.kill)
        run.await_event("round_committed", lambda data: data["round"] == 2)
        path = self.folder / "under_way.safetensors"
        subprocess.run([tiny.BIN / "tributary", "export", self.folder / "long", "--dataset", "icon-contexts", "--out", path],
                       check=True, stdout=subprocess.DEVNULL)
        with safe_open(path, "pt") as file:
            self.assertGreaterEqual(int(file.metadata()["round"]), 2)
            self.assertEqual(len(json.loads(file.metadata()["class_names"])), int(file.metadata()["classes"]))
        exported_model.load(path)
        done = subprocess.run([tiny.BIN / "tributary", "export", self.folder / "long", "--dataset", "icon-contexts", "--round",
                               "0", "--out", path], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("holds no checkpoint of round 0", done.stderr)

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
