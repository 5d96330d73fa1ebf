"""Image datasets as their publishers ship them, read sample by sample.

Small files in every format, written by Python's own libraries, numpy and Pillow; none by our code. And Fashion-MNIST
itself, where deploy/fetch-data.sh has put it.
"""

import gzip
import hashlib
import io
import os
import pathlib
import pickle
import random
import struct
import tempfile
import unittest
import warnings
import zipfile

import numpy
from PIL import Image

import python2_pickle
from listed_samples import FORMS, ReaderError, list_samples, pack, put

warnings.filterwarnings("ignore", message=".*numpy.core.*")
DATA = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tributary/data/root"
FINE = [f"fine{i}" for i in range(100)]
COARSE = [f"coarse{i}" for i in range(20)]
TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def sha256(content):
    return hashlib.sha256(bytes(content)).hexdigest()


def noise(*shape, seed=1):
    return numpy.random.default_rng(seed).integers(0, 256, shape, dtype=numpy.uint8)


def lines(names):
    return ("\n".join(names) + "\n\n").encode()


class Images(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def fresh(self, name):
        folder = self.root / name
        folder.mkdir(parents=True)
        return folder

    def check(self, samples, images, labels, classes, first_line=1):
        """Each image, label and line, in order."""
        self.assertEqual(len(samples), len(images))
        for i, (sample, image, label) in enumerate(zip(samples, images, labels)):
            self.assertEqual(sample["hash"], sha256(image), f"sample {i}")
            self.assertEqual((sample["label"], sample["class"]), (label, classes[label]), f"sample {i}")
            self.assertEqual((sample["line"], sample["owner"], sample["text"]), (i + first_line, "", ""))

    def refused(self, *parts, dataset, root, options=()):
        with self.assertRaises(ReaderError) as caught:
            list_samples(dataset, root, *options)
        for part in parts:
            self.assertIn(part, str(caught.exception))


class Cifar100(Images):
    TRAIN, TEST = 30, 12

    def setUp(self):
        super().setUp()
        draw = random.Random(3)
        self.pixels = {"train": noise(self.TRAIN, 3072, seed=1), "test": noise(self.TEST, 3072, seed=2)}
        self.fine = {part: [draw.randrange(100) for _ in rows] for part, rows in self.pixels.items()}
        self.coarse = {part: [draw.randrange(20) for _ in rows] for part, rows in self.pixels.items()}
        self.fine["train"][:2], self.coarse["train"][:2] = [0, 99], [19, 0]

    def binary(self, part):
        return b"".join(bytes([c, f]) + row.tobytes()
                        for c, f, row in zip(self.coarse[part], self.fine[part], self.pixels[part]))

    def binary_files(self):
        return {"cifar-100-binary/coarse_label_names.txt": lines(COARSE),
                "cifar-100-binary/fine_label_names.txt": lines(FINE),
                "cifar-100-binary/train.bin": self.binary("train"), "cifar-100-binary/test.bin": self.binary("test")}

    def python_files(self, dumps, text=str):
        def batch(part):
            return {text("filenames"): [text(f"image{i}.png") for i in range(len(self.fine[part]))],
                    text("batch_label"): text("training batch 1 of 1"), text("fine_labels"): self.fine[part],
                    text("coarse_labels"): self.coarse[part], text("data"): self.pixels[part]}
        meta = {text("fine_label_names"): [text(name) for name in FINE],
                text("coarse_label_names"): [text(name) for name in COARSE]}
        return {"cifar-100-python/meta": dumps(meta), "cifar-100-python/train": dumps(batch("train")),
                "cifar-100-python/test": dumps(batch("test")), "cifar-100-python/file.txt~": b""}

    def check_all(self, root):
        for variant, labels, names in (("fine", self.fine, FINE), ("coarse", self.coarse, COARSE)):
            listed = list_samples("CIFAR100", root, "--variant", variant)
            self.check(listed.train, self.pixels["train"], labels["train"], names)
            self.check(listed.test, self.pixels["test"], labels["test"], names)
            self.assertEqual(listed.skipped, [])
            self.assertEqual(listed.header["classes"], names)
        header = listed.header
        self.assertEqual(header["raw"], {"height": 32, "width": 32, "channels": 3, "planar": True})
        for key, values in (("mean", (.5071, .4865, .4409)), ("deviation", (.2673, .2564, .2762))):
            for ours, published in zip(header[key], values):
                self.assertAlmostEqual(ours, published, places=6)
        self.assertEqual(list_samples("cifar-100", root).header["classes"], FINE)

    def test_the_binary_version_is_read_from_archives_of_every_form_and_from_folders(self):
        for form in FORMS:
            with self.subTest(form):
                folder = self.fresh("in" + form)
                pack(folder / ("cifar-100-binary" + form), self.binary_files())
                self.check_all(folder / ("cifar-100-binary" + form))
                self.check_all(folder)
        put(self.fresh("unpacked"), self.binary_files())
        self.check_all(self.root / "unpacked")
        self.check_all(self.root / "unpacked/cifar-100-binary")

    def test_the_python_version_is_read_of_every_protocol_of_python_3(self):
        for protocol in range(6):
            for text in (str, str.encode):
                with self.subTest(protocol=protocol, text=text):
                    folder = self.fresh(f"of-{protocol}-{text.__name__}")
                    files = self.python_files(lambda value: pickle.dumps(value, protocol=protocol), text)
                    pack(folder / "cifar-100-python.tar.gz", files)
                    self.check_all(folder)
                    put(folder / "unpacked", files)
                    self.check_all(folder / "unpacked/cifar-100-python")

    def test_the_python_version_is_read_as_python_2_wrote_it(self):
        for protocol in (0, 2):
            with self.subTest(protocol=protocol):
                folder = self.fresh(f"of-{protocol}")
                files = self.python_files(lambda value: python2_pickle.dumps(value, protocol), str.encode)
                again = pickle.loads(files["cifar-100-python/train"], encoding="bytes")
                self.assertTrue((again[b"data"] == self.pixels["train"]).all())
                pack(folder / "cifar-100-python.zip", files)
                self.check_all(folder)

    def test_an_older_numpys_names_are_known(self):
        files = {name: content.replace(b"numpy._core.", b"numpy.core.") for name, content in
                 self.python_files(lambda value: pickle.dumps(value, protocol=2)).items()}
        self.assertNotEqual(files, self.python_files(lambda value: pickle.dumps(value, protocol=2)))
        put(self.root, files)
        self.check_all(self.root)

    def test_labels_may_be_numpys_integers(self):
        self.fine = {part: [numpy.int64(label) for label in labels] for part, labels in self.fine.items()}
        put(self.root, self.python_files(pickle.dumps))
        self.check_all(self.root)

    def test_a_record_with_a_wrong_label_is_listed_by_its_number(self):
        self.fine["train"][4] = 100
        put(self.root, self.binary_files())
        listed = list_samples("cifar-100", self.root)
        self.assertEqual(listed.skipped, [("train.bin", 5, "label 100; expected 0 to 99")])
        self.assertEqual([sample["line"] for sample in listed.train], [1, 2, 3, 4, *range(6, 31)])
        self.assertEqual(listed.train[4]["hash"], sha256(self.pixels["train"][5]))

    def test_a_record_cut_short_is_listed(self):
        files = self.binary_files()
        files["cifar-100-binary/test.bin"] = files["cifar-100-binary/test.bin"][:-5]
        put(self.root, files)
        listed = list_samples("cifar-100", self.root)
        self.assertEqual(len(listed.test), self.TEST - 1)
        self.assertEqual(listed.skipped, [("test.bin", self.TEST, "a record cut short: 3069 of 3074 bytes")])

    def test_what_cannot_be_understood_is_refused_by_name(self):
        good = self.binary_files()
        for name, content, *parts in (("train.bin", b"abc", "train.bin", "3 bytes"),
                                      ("fine_label_names.txt", lines(FINE[:99]), "99 names", "100 were expected"),
                                      ("test.bin", None, "test.bin", "not there")):
            folder = self.fresh("bad-" + name)
            files = {**good, "cifar-100-binary/" + name: content}
            put(folder, {file: content for file, content in files.items() if content is not None})
            self.refused(*parts, dataset="cifar-100", root=folder)
        self.refused("no variant \"sharp\"", dataset="cifar-100", root=self.root, options=["--variant", "sharp"])
        self.refused("holds no", "train.bin", dataset="cifar-100", root=self.fresh("empty"))
        self.refused("NOT_FOUND", dataset="cifar-100", root=self.root / "none")

    def test_an_archive_cut_short_is_told(self):
        for form in FORMS:
            with self.subTest(form):
                folder = self.fresh("cut" + form)
                archive = folder / ("cifar-100-binary" + form)
                pack(archive, self.binary_files())
                archive.write_bytes(archive.read_bytes()[:-20_000])
                self.refused(archive.name, dataset="cifar-100", root=folder)
                self.refused(archive.name, dataset="cifar-100", root=archive)

    def test_a_pickle_that_would_run_something_is_refused_by_its_name(self):
        class Evil:
            def __reduce__(self):
                return os.system, (f"touch {evidence}",)
        evidence = self.root / "evidence"
        for protocol in range(6):
            folder = self.fresh(f"evil-{protocol}")
            files = self.python_files(pickle.dumps)
            files["cifar-100-python/train"] = pickle.dumps({"data": Evil()}, protocol=protocol)
            put(folder, files)
            self.refused("train", "system", "refused", dataset="cifar-100", root=folder)
        self.assertFalse(evidence.exists())

    def test_a_pickle_of_another_shape_is_refused(self):
        good = self.python_files(pickle.dumps)
        for i, (batch, *parts) in enumerate((
                ([1, 2], "fine_labels"), ({"fine_labels": [1]}, "data"),
                ({"fine_labels": [1, 2], "data": noise(3, 3072)}, "[3, 3072]", "[2, 3072]"),
                ({"fine_labels": [1, 2], "data": noise(2, 3072).astype("f4")}, "f4"),
                ({"fine_labels": [1, 2], "data": numpy.asfortranarray(noise(2, 3072))}, "Fortran"),
                ({"fine_labels": ["one"], "data": noise(1, 3072)}, "integers"))):
            folder = self.fresh(f"shape-{i}")
            put(folder, {**good, "cifar-100-python/test": pickle.dumps(batch)})
            self.refused("cifar-100-python/test", *parts, dataset="cifar-100", root=folder)
        put(self.fresh("cut"), {**good, "cifar-100-python/test": good["cifar-100-python/test"][:-100]})
        self.refused("cifar-100-python/test", "cut short", dataset="cifar-100", root=self.root / "cut")


class Cifar10(Images):
    def setUp(self):
        super().setUp()
        self.batches = {f"data_batch_{i}": noise(4, 3072, seed=i) for i in range(1, 6)}
        self.batches["test_batch"] = noise(6, 3072, seed=9)
        draw = random.Random(4)
        self.labels = {name: [draw.randrange(10) for _ in rows] for name, rows in self.batches.items()}

    def check_all(self, root):
        listed = list_samples("cifar-10", root)
        self.assertEqual((len(listed.train), len(listed.test)), (20, 6))
        for i in range(5):
            name = f"data_batch_{i + 1}"
            self.check(listed.train[4 * i:4 * i + 4], self.batches[name], self.labels[name], TEN)
            self.assertIn(name, listed.train[4 * i]["origin"])
        self.check(listed.test, self.batches["test_batch"], self.labels["test_batch"], TEN)
        self.assertEqual((listed.header["mean"], listed.header["deviation"]), ([.5] * 3, [.5] * 3))

    def test_both_versions_are_read(self):
        binary = {f"cifar-10-batches-bin/{name}.bin": b"".join(
            bytes([label]) + row.tobytes() for label, row in zip(self.labels[name], rows))
            for name, rows in self.batches.items()}
        binary["cifar-10-batches-bin/batches.meta.txt"] = lines(TEN)
        python = {f"cifar-10-batches-py/{name}": python2_pickle.dumps(
            {b"data": rows, b"labels": self.labels[name], b"batch_label": b"batch"}, 2)
            for name, rows in self.batches.items()}
        python["cifar-10-batches-py/batches.meta"] = python2_pickle.dumps(
            {b"num_cases_per_batch": 10000, b"label_names": [name.encode() for name in TEN], b"num_vis": 3072}, 0)
        pack(self.fresh("binary") / "cifar-10-binary.tar.gz", binary)
        pack(self.fresh("python") / "cifar-10-python.tar.gz", python)
        put(self.fresh("folder"), python)
        for name in ("binary", "python", "folder", "folder/cifar-10-batches-py", "binary/cifar-10-binary.tar.gz"):
            with self.subTest(name):
                self.check_all(self.root / name)


def idx(array):
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


class Mnist(Images):
    CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

    def setUp(self):
        super().setUp()
        self.images = {"train": noise(20, 28, 28, seed=1), "t10k": noise(8, 28, 28, seed=2)}
        self.labels = {part: noise(len(images), seed=5) % 10 for part, images in self.images.items()}

    def files(self, ending="", form=lambda content: content):
        return {f"{part}-{what}-ubyte{ending}": form(idx(array))
                for part in self.images
                for what, array in (("images-idx3", self.images[part]), ("labels-idx1", self.labels[part]))}

    def check_all(self, root, dataset="fashion-mnist", classes=None):
        listed = list_samples(dataset, root)
        self.check(listed.train, self.images["train"], self.labels["train"].tolist(), classes or self.CLASSES)
        self.check(listed.test, self.images["t10k"], self.labels["t10k"].tolist(), classes or self.CLASSES)
        self.assertEqual(listed.header["raw"], {"height": 28, "width": 28, "channels": 1, "planar": False})
        self.assertEqual([listed.header[key] for key in ("channels", "mean", "deviation")], [1, [.5], [.5]])

    def test_the_four_files_are_read_packed_or_not_wherever_they_lie(self):
        packed = self.files(".gz", gzip.compress)
        for name, files in (("plain", self.files()), ("packed", packed)):
            put(self.fresh(name), files)
            put(self.root / (name + "-root/usr/share/datasets/fashion-mnist"), files)
            put(self.root / (name + "-torchvision/FashionMNIST/raw"), files)
            pack(self.fresh(name + "-archive") / "fashion-mnist-master.zip",
                 {"fashion-mnist-master/data/fashion/" + file: content for file, content in files.items()})
            for place in ("", "-root", "-torchvision", "-archive"):
                with self.subTest(name + place):
                    self.check_all(self.root / (name + place))
        self.check_all(self.root / "plain", "mnist", [str(i) for i in range(10)])

    def test_a_wrong_label_is_listed_by_its_number(self):
        self.labels["t10k"][2] = 10
        put(self.root, self.files())
        listed = list_samples("fashion-mnist", self.root)
        self.assertEqual(listed.skipped, [("t10k-images-idx3-ubyte", 3, "label 10; expected 0 to 9")])
        self.assertEqual(len(listed.test), 7)

    def test_damaged_files_are_refused_by_name(self):
        packed = self.files(".gz", gzip.compress)
        name = "t10k-images-idx3-ubyte.gz"
        for i, (content, *parts) in enumerate((
                (packed[name][:-30], "cut short"), (b"no gzip at all", "IDX"), (gzip.compress(b"no idx"), "IDX"),
                (gzip.compress(idx(self.images["t10k"])[:-1]), "dimensions"),
                (gzip.compress(idx(self.images["t10k"]) + b"x"), "dimensions"),
                (gzip.compress(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**31, 4) + b"x"), "dimensions"),
                (gzip.compress(idx(self.images["t10k"][:5])), "labels [8]", "5 images"),
                (gzip.compress(idx(self.images["t10k"][:, :20])), "20 x 28"))):
            folder = self.fresh(f"damaged-{i}")
            put(folder, {**packed, name: content})
            self.refused("t10k-", *parts, dataset="fashion-mnist", root=folder)
        self.refused("holds no", "train-images-idx3-ubyte", dataset="fashion-mnist", root=self.fresh("none"))
        del packed["t10k-labels-idx1-ubyte.gz"]
        put(self.fresh("three"), packed)
        self.refused("t10k-labels-idx1-ubyte", "not there", dataset="fashion-mnist", root=self.root / "three")

    def test_fashion_mnist_itself(self):
        folder = DATA / "usr/share/datasets/fashion-mnist"
        if not folder.exists():
            self.skipTest(f"SKIPPED: {folder} is not there; deploy/fetch-data.sh fetches it")
        read = lambda name: gzip.decompress((folder / (name + "-ubyte.gz")).read_bytes())
        for root in (DATA, folder):
            listed = list_samples("fashion-mnist", root)
            for part, name, count in ((listed.train, "train", 60_000), (listed.test, "t10k", 10_000)):
                images, labels = read(name + "-images-idx3"), read(name + "-labels-idx1")
                self.assertEqual(struct.unpack(">4I", images[:16]), (2051, count, 28, 28))
                self.check(part, [images[16 + 784 * i:800 + 784 * i] for i in range(count)], list(labels[8:]),
                           self.CLASSES)
            self.assertEqual(listed.skipped, [])


class MedMnist(Images):
    CLASSES = {"pathmnist": 9, "chestmnist": 15, "dermamnist": 7, "octmnist": 4, "pneumoniamnist": 2, "retinamnist": 5,
               "breastmnist": 2, "bloodmnist": 8, "tissuemnist": 8, "organamnist": 11, "organcmnist": 11,
               "organsmnist": 11}
    COLOUR = {"pathmnist", "dermamnist", "retinamnist", "bloodmnist"}

    def arrays(self, name, side=28, dtype=numpy.uint8):
        arrays, draw = {}, numpy.random.default_rng(7)
        for part, count in (("train", 90), ("val", 7), ("test", 11)):
            shape = (count, side, side) + ((3,) if name in self.COLOUR else ())
            arrays[part + "_images"] = noise(*shape, seed=count)
            if name == "chestmnist":
                arrays[part + "_labels"] = (draw.random((count, 14)) < .1).astype(dtype)
            else:
                arrays[part + "_labels"] = draw.integers(0, self.CLASSES[name], (count, 1)).astype(dtype)
        return arrays

    def check_all(self, arrays, name, root, *options, dataset=None):
        listed = list_samples(dataset or name, root, *options)
        classes = listed.header["classes"]
        self.assertEqual(len(classes), self.CLASSES[name])
        for part, samples in (("train", listed.train), ("test", listed.test)):
            labels = arrays[part + "_labels"]
            if name == "chestmnist":
                labels = [list(row).index(1) if any(row) else 14 for row in labels]
            else:
                labels = [int(row[0]) for row in labels]
            self.check(samples, arrays[part + "_images"], labels, classes)
        self.assertEqual(listed.skipped, [])
        self.assertEqual(listed.header["channels"], 3 if name in self.COLOUR else 1)
        self.assertEqual(listed.header["mean"], [.5] * listed.header["channels"])
        self.assertEqual(listed.header["images"], 101)
        return listed

    def test_every_set_is_read_as_a_variant_and_by_its_own_name(self):
        for name in self.CLASSES:
            with self.subTest(name):
                arrays = self.arrays(name)
                numpy.savez_compressed(self.root / f"{name}.npz", **arrays)
                self.check_all(arrays, name, self.root)
                self.check_all(arrays, name, self.root, "--variant", name, dataset="medmnist")
        self.assertEqual(list_samples("chestmnist", self.root).header["classes"][-1], "no finding")
        self.refused('no variant "brain"', "organcmnist", dataset="medmnist", root=self.root, options=["--variant", "brain"])

    def test_labels_may_be_of_any_integers_and_files_stored(self):
        for dtype in ("u1", "i1", "<i2", ">i2", "<u4", "<i8", ">i8", "<u8"):
            with self.subTest(dtype):
                folder = self.fresh(dtype.replace("<", "little").replace(">", "big"))
                arrays = self.arrays("organcmnist", dtype=numpy.dtype(dtype))
                numpy.savez(folder / "organcmnist.npz", **arrays)
                self.check_all(arrays, "organcmnist", folder)

    def test_of_several_sizes_the_small_one_is_taken_unless_a_file_is_named(self):
        small, large = self.arrays("organamnist"), self.arrays("organamnist", 64)
        numpy.savez_compressed(self.root / "organamnist_64.npz", **large)
        listed = self.check_all(large, "organamnist", self.root)
        self.assertEqual(listed.header["raw"]["height"], 64)
        numpy.savez_compressed(self.root / "organamnist.npz", **small)
        self.check_all(small, "organamnist", self.root)
        self.check_all(large, "organamnist", self.root / "organamnist_64.npz")

    def test_a_wrong_label_is_listed_by_its_row(self):
        arrays = self.arrays("breastmnist", dtype=numpy.int64)
        arrays["train_labels"][3, 0], arrays["test_labels"][0, 0] = -1, 2
        numpy.savez_compressed(self.root / "breastmnist.npz", **arrays)
        listed = list_samples("breastmnist", self.root)
        self.assertEqual(listed.skipped, [("train_images.npy", 4, "label -1; expected 0 to 1"),
                                          ("test_images.npy", 1, "label 2; expected 0 to 1")])
        self.assertEqual(listed.test[0]["hash"], sha256(arrays["test_images"][1]))

    def test_arrays_of_another_form_are_refused_by_name(self):
        good = self.arrays("octmnist")
        images = good["test_images"]
        for i, (key, array, *parts) in enumerate((
                ("test_images", images.astype("f4"), "test_images", "f4"),
                ("test_images", images[:, :, 0], "test_images", "[11, 28]"),
                ("test_images", numpy.asfortranarray(images), "test_images", "Fortran"),
                ("test_images", images[:, :14], "test_images", "another size"),
                ("test_images", images[:5], "test_labels", "[11, 1]", "[5, 1]"),
                ("test_labels", good["test_labels"].astype("f8"), "test_labels", "f8"),
                ("test_labels", numpy.array([[None]] * 11), "test_labels", "no array of"))):
            folder = self.fresh(f"form-{i}")
            numpy.savez_compressed(folder / "octmnist.npz", **{**good, key: array})
            self.refused(*parts, dataset="octmnist", root=folder)
        del good["test_labels"]
        numpy.savez(self.root / "octmnist.npz", **good)
        self.refused("no array \"test_labels\"", "train_images", dataset="octmnist", root=self.root)

    def test_a_header_that_lies_is_refused(self):
        arrays = self.arrays("octmnist")
        for i, (told, lie) in enumerate(((b"(11, 28, 28)", b"(12, 28, 28)"), (b"(11, 28, 28)", b"(99999999999)"),
                                         (b"'|u1'", b"'<u8'"), (b"'shape'", b"'shapo'"))):
            stored = io.BytesIO()
            numpy.save(stored, arrays["test_images"])
            content = stored.getvalue().replace(told, lie[:len(told)].ljust(len(told)))
            folder = self.fresh(f"lie-{i}")
            with zipfile.ZipFile(folder / "octmnist.npz", "w", zipfile.ZIP_DEFLATED) as archive:
                for key, array in arrays.items():
                    with archive.open(key + ".npy", "w") as file:
                        file.write(content) if key == "test_images" else numpy.save(file, array)
            self.refused("test_images", dataset="octmnist", root=folder)


class ImageFolder(Images):
    def picture(self, seed, form="PNG"):
        file = io.BytesIO()
        Image.fromarray(noise(9, 7, 3, seed=seed)).save(file, form)
        return file.getvalue()

    def setUp(self):
        super().setUp()
        self.train = {"cat/1.png": self.picture(1), "cat/inner/2.JPG": self.picture(2, "JPEG"),
                      "d\u00f6g/3.jpeg": self.picture(3, "JPEG"), "d\u00f6g/4.bmp": self.picture(4, "BMP"),
                      "ant/5.webp": self.picture(5, "WEBP")}
        self.test = {"cat/6.png": self.picture(6), "d\u00f6g/7.tif": self.picture(7, "TIFF")}
        self.classes = ["ant", "cat", "d\u00f6g"]

    def images_of(self, samples):
        return {(sample["class"], sample["hash"]) for sample in samples}

    def expected(self, files):
        return {(name.split("/")[0], sha256(content)) for name, content in files.items()}

    def parts(self, test="test", before=""):
        return {**{f"{before}train/{name}": content for name, content in self.train.items()},
                **{f"{before}{test}/{name}": content for name, content in self.test.items()}}

    def check_parts(self, root):
        listed = list_samples("image-folder", root)
        self.assertEqual(listed.header["classes"], self.classes)
        self.assertEqual(self.images_of(listed.train), self.expected(self.train))
        self.assertEqual(self.images_of(listed.test), self.expected(self.test))
        self.assertEqual((len(listed.train), len(listed.test)), (5, 2))
        self.assertEqual((listed.header["raw"], listed.skipped), (None, []))
        for sample in listed.train + listed.test:
            self.assertEqual(sample["class"], self.classes[sample["label"]])
            self.assertIn("/" + sample["class"] + "/", sample["file"])

    def test_parts_are_read_from_a_folder_and_from_archives_of_every_form(self):
        for form in FORMS:
            with self.subTest(form):
                pack(self.fresh("in" + form) / ("pets" + form), self.parts("val", "pets/"))
                self.check_parts(self.root / ("in" + form))
                self.check_parts(self.root / ("in" + form) / ("pets" + form))
        for test in ("test", "val", "valid", "validation"):
            put(self.fresh(test), self.parts(test))
            self.check_parts(self.root / test)

    def test_without_parts_a_share_is_drawn_the_same_each_time(self):
        files = {f"class{i % 3}/{i:03}.png": self.picture(i) for i in range(120)}
        put(self.fresh("folder"), files)
        pack(self.fresh("archive") / "a.tar.gz", {"wrapped/" + name: content for name, content in files.items()})
        for share in ("0.25", "0"):
            drawn = []
            for place in ("folder", "archive", "archive/a.tar.gz"):
                listed = list_samples("image-folder", self.root / place, "--test-share", share, "--seed", "5")
                self.assertEqual(listed.header["classes"], ["class0", "class1", "class2"])
                self.assertEqual(self.images_of(listed.train + listed.test), self.expected(files))
                drawn.append([sample["hash"] for sample in listed.test])
            self.assertEqual(drawn[0], drawn[1])
            self.assertEqual(drawn[0], drawn[2])
            self.assertTrue(15 <= len(drawn[0]) <= 45 if share == "0.25" else not drawn[0])
        other = list_samples("image-folder", self.root / "folder", "--test-share", "0.25", "--seed", "6")
        self.assertNotEqual([sample["hash"] for sample in other.test],
                            [sample["hash"] for sample in list_samples(
                                "image-folder", self.root / "folder", "--test-share", "0.25", "--seed", "5").test])
        self.refused("test share 1", dataset="image-folder", root=self.root / "folder", options=["--test-share", "1"])

    def test_what_is_not_taken_is_listed(self):
        put(self.root, {**self.parts(), "train/cat/notes.txt": b"x", "train/stray.png": self.picture(8),
                        "test/emu/9.png": self.picture(9), "train/cat/._1.png": b"shadow"})
        listed = list_samples("image-folder", self.root)
        self.assertEqual((len(listed.train), len(listed.test)), (5, 2))
        reasons = {name: reason for name, _, reason in listed.skipped}
        self.assertEqual(set(reasons), {"notes.txt", "stray.png", "9.png", "._1.png"})
        for name, part in (("notes.txt", "no image by its name"), ("stray.png", "no class's folder"),
                           ("9.png", "no class \"emu\""), ("._1.png", "hidden")):
            self.assertIn(part, reasons[name])

    def test_a_class_may_be_called_train(self):
        put(self.root, {"train/1.png": self.picture(1), "bus/2.png": self.picture(2)})
        listed = list_samples("image-folder", self.root, "--test-share", "0")
        self.assertEqual(self.images_of(listed.train), {("train", sha256(self.picture(1))),
                                                        ("bus", sha256(self.picture(2)))})

    def test_one_class_alone_is_a_class(self):
        put(self.root, {"cat/1.png": self.picture(1), "cat/2.png": self.picture(2)})
        self.assertEqual(list_samples("image-folder", self.root, "--test-share", "0").header["classes"], ["cat"])

    def test_a_folder_without_images_is_refused(self):
        put(self.root, {"readme.txt": b"x"})
        self.refused("holds no", ".png", dataset="image-folder", root=self.root)
        put(self.root, {"1.png": self.picture(1)})
        self.refused("no images in folders of classes", dataset="image-folder", root=self.root)


if __name__ == "__main__":
    unittest.main(verbosity=2)
