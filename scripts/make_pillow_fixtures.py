#!/usr/bin/env python3
"""Writes tests/fixtures/pillow/: what Pillow makes of one small image.

    scripts/make_pillow_fixtures.py

Needs NumPy and Pillow 9: later ones may resize the columns first, which rounds differently.
`ops.png` holds the results of OPS one below the other, in that order, which is that of
tests/data/images/pillow_test.cpp.
"""

import pathlib

import numpy
from PIL import Image, ImageEnhance, ImageOps

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "pillow"
FILL = (120, 60, 200)


def photo(height: int, width: int) -> Image.Image:
    """Slopes, edges and noise in every channel."""
    random = numpy.random.default_rng(1)
    y, x = numpy.mgrid[0:height, 0:width]
    red = 40 + 5 * x + 60 * ((x - 14) ** 2 + (y - 11) ** 2 < 60)
    green = 200 - 4 * y - 70 * ((x + y) % 12 < 5)
    blue = 30 + 3 * x + 2 * y + 90 * (y > 20)
    pixels = numpy.stack([red, green, blue], axis=-1) + random.normal(0, 12, (height, width, 3))
    return Image.fromarray(numpy.clip(pixels, 9, 240).astype(numpy.uint8))


def affine(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    return image.transform(image.size, Image.AFFINE, matrix, Image.BILINEAR, fillcolor=FILL)


def solarize_add(image: Image.Image, amount: int) -> Image.Image:
    table = [min(255, value + amount) if value < 128 else value for value in range(256)]
    return image.point(table * 3)


OPS = [
    lambda image: ImageEnhance.Brightness(image).enhance(1.7),
    lambda image: ImageEnhance.Brightness(image).enhance(0.3),
    lambda image: ImageEnhance.Contrast(image).enhance(1.9),
    lambda image: ImageEnhance.Contrast(image).enhance(0.25),
    lambda image: ImageEnhance.Color(image).enhance(1.8),
    lambda image: ImageEnhance.Color(image).enhance(0.4),
    lambda image: ImageEnhance.Sharpness(image).enhance(1.9),
    lambda image: ImageEnhance.Sharpness(image).enhance(0.1),
    ImageOps.autocontrast,
    ImageOps.equalize,
    ImageOps.invert,
    lambda image: ImageOps.posterize(image, 3),
    lambda image: ImageOps.solarize(image, 100),
    lambda image: solarize_add(image, 70),
    lambda image: affine(image, (1, 0.23, 0, 0, 1, 0)),
    lambda image: affine(image, (1, 0, 0, -0.3, 1, 0)),
    lambda image: affine(image, (1, 0, 6.4, 0, 1, 0)),
    lambda image: affine(image, (1, 0, 0, 0, 1, -5.25)),
    lambda image: image.rotate(27.5, Image.BILINEAR, fillcolor=FILL),
    lambda image: image.rotate(-133, Image.BILINEAR, fillcolor=FILL),
]
SIZES = [(17, 50), (61, 23), (7, 5), (56, 72)]  # height, width


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    image = photo(28, 36)
    image.save(FOLDER / "photo.png")
    results = numpy.concatenate([numpy.asarray(op(image)) for op in OPS])
    Image.fromarray(results).save(FOLDER / "ops.png")
    for name, method in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
        for height, width in SIZES:
            resized = image.resize((width, height), method)
            resized.save(FOLDER / f"{name}_{height}x{width}.png")


if __name__ == "__main__":
    main()
