"""Images that Pillow writes have the same pixels here as Pillow gives them: decoded, in grey, resized, turned."""

import itertools
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import numpy
from PIL import Image

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "image_pixels"
ORIENTATION = 0x0112


def photograph(height, width, seed):
    """Broad shapes, fine grain and hard edges."""
    draws = numpy.random.default_rng(seed)
    shapes = Image.fromarray(draws.integers(0, 256, (5, 7, 3), dtype=numpy.uint8))
    pixels = numpy.asarray(shapes.resize((width, height), Image.BICUBIC)).astype(int)
    pixels = pixels + draws.normal(0, 10, pixels.shape).astype(int)
    pixels[height // 3:height // 2, width // 4:width // 2] = draws.integers(0, 2, 3) * 255
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))


class Decoding(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.files = 0

    def write(self, image, suffix, **options):
        self.files += 1
        path = pathlib.Path(self.folder.name) / f"{self.files}.{suffix}"
        image.save(path, **options)
        return path

    def run_tool(self, wishes):
        """One line of output for each (path, channels, height, width, angle)."""
        lines = "".join(" ".join(map(str, wish)) + "\n" for wish in wishes)
        done = subprocess.run([TOOL], input=lines, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
        self.assertEqual(done.returncode, 0, done.stderr[-1000:])
        return done.stdout.splitlines()

    def pixels(self, path, channels=3, height=0, width=0, angle=0):
        (line,) = self.run_tool([(path, channels, height, width, angle)])
        sides = tuple(map(int, line.split()))
        shape = sides + ((3,) if channels == 3 else ())
        return numpy.fromfile(f"{path}.out", numpy.uint8).reshape(shape)

    def compare(self, path, **wish):
        with Image.open(path) as image:
            expected = numpy.asarray(image.convert("RGB" if wish.get("channels", 3) == 3 else "L"))
        numpy.testing.assert_array_equal(self.pixels(path, **wish), expected)

    def test_jpegs_of_every_kind_have_pillows_pixels(self):
        for (height, width), subsampling, progressive, quality in itertools.product(
                [(48, 64), (37, 51), (1, 1), (200, 3)], [0, 1, 2], [False, True], [30, 95]):
            with self.subTest(sides=(height, width), subsampling=subsampling, progressive=progressive, quality=quality):
                self.compare(self.write(photograph(height, width, quality), "jpg", quality=quality,
                                        subsampling=subsampling, progressive=progressive))

    def test_grey_and_four_ink_jpegs_have_pillows_pixels(self):
        for mode in ["L", "CMYK"]:
            path = self.write(photograph(37, 51, 1).convert(mode), "jpg")
            self.compare(path)
            self.compare(path, channels=1)

    def test_one_channel_is_pillows_grey(self):
        self.compare(self.write(photograph(37, 51, 2), "jpg"), channels=1)
        self.compare(self.write(photograph(37, 51, 2), "png"), channels=1)

    def test_restart_markers_are_followed(self):
        self.compare(self.write(photograph(64, 64, 3), "jpg", restart_marker_blocks=2))

    def test_no_orientation_is_applied(self):
        for suffix, turned in itertools.product(["jpg", "png", "tiff", "webp"], range(1, 9)):
            exif = Image.Exif()
            exif[ORIENTATION] = turned
            options = {"lossless": True} if suffix == "webp" else {}
            with self.subTest(suffix=suffix, turned=turned):
                image = photograph(20, 30, 4)
                path = self.write(image, suffix, exif=exif, **options)
                if suffix == "tiff":  # which alone Pillow turns
                    numpy.testing.assert_array_equal(self.pixels(path), numpy.asarray(image))
                else:
                    self.compare(path)

    def test_formats_without_loss_have_pillows_pixels(self):
        for suffix, mode in [("png", "RGB"), ("png", "L"), ("png", "P"), ("png", "1"), ("bmp", "RGB"), ("ppm", "RGB"),
                             ("tiff", "RGB")]:
            with self.subTest(suffix=suffix, mode=mode):
                self.compare(self.write(photograph(37, 51, 5).convert(mode), suffix))

    def test_what_is_cut_at_every_50th_byte_is_refused(self):
        for suffix, options in [("jpg", {}), ("jpg", {"progressive": True}), ("png", {}), ("bmp", {}), ("tiff", {}),
                                ("webp", {})]:
            whole = self.write(photograph(48, 64, 6), suffix, **options)
            data = whole.read_bytes()
            cuts = []
            for end in range(0, len(data), 50):
                cuts.append(whole.with_name(f"cut{end}.{suffix}"))
                cuts[-1].write_bytes(data[:end])
            lines = self.run_tool([(cut, 3, 0, 0, 0) for cut in cuts])
            self.assertEqual(len(lines), len(cuts))
            for cut, line in zip(cuts, lines):
                self.assertTrue(line.startswith("DATA_LOSS"), f"{cut.name}: {line}")

    def test_what_is_changed_in_one_byte_never_crashes(self):
        stream = random.Random(7)
        for suffix in ["jpg", "png"]:
            data = self.write(photograph(48, 64, 7), suffix).read_bytes()
            changed = []
            for i in range(300):
                changed.append(pathlib.Path(self.folder.name) / f"changed{i}.{suffix}")
                place = stream.randrange(len(data))
                changed[-1].write_bytes(data[:place] + bytes([stream.randrange(256)]) + data[place + 1:])
            for line in self.run_tool([(path, 3, 0, 0, 0) for path in changed]):
                self.assertTrue(line.startswith("DATA_LOSS") or line == "48 64", line)

    def test_resized_images_have_pillows_pixels(self):
        for sides, to, channels in itertools.product([(48, 64), (37, 51), (300, 20), (1, 9)],
                                                     [(16, 16), (24, 100), (224, 224), (1, 1)], [1, 3]):
            with self.subTest(sides=sides, to=to, channels=channels):
                path = self.write(photograph(*sides, 8), "png")
                with Image.open(path) as image:
                    image = image.convert("RGB" if channels == 3 else "L").resize(to[::-1], Image.BILINEAR)
                numpy.testing.assert_array_equal(
                    self.pixels(path, channels=channels, height=to[0], width=to[1]), numpy.asarray(image))

    def test_turned_images_are_within_one_level_of_pillows(self):
        path = self.write(photograph(61, 61, 9), "png")
        for angle in [-170, -45, -7.5, .5, 30, 90]:
            with Image.open(path) as image:
                turned = numpy.asarray(image.rotate(angle, Image.BILINEAR, fillcolor=(255, 255, 255))).astype(int)
            # Pillow cuts fractions off, here they are rounded.
            difference = numpy.abs(self.pixels(path, angle=angle).astype(int) - turned)
            self.assertLessEqual(numpy.sort(difference.ravel())[-20], 1, f"{angle}: {difference.max()}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
