#!/usr/bin/env python3
"""Writes tests/fixtures/images/: one small photo in many formats, and what a viewer shows of each.

    scripts/make_image_fixtures.py

Needs NumPy and Pillow. `NAME.expected.png` holds the RGB pixels of `NAME.jpg`, `.png` or `.bmp`:
upright, of 8 bits, over white where transparent.
"""

import pathlib
import struct
import zlib

import numpy
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "images"
HEIGHT, WIDTH = 37, 51


def photo() -> numpy.ndarray:
    """Slopes, a disc and stripes: [HEIGHT, WIDTH, 3]."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    red = 40 + 3 * x + 50 * ((x - 14) ** 2 + (y - 11) ** 2 < 60)
    green = 200 - 4 * y - 40 * ((x + y) % 12 < 5)
    blue = 30 + 3 * x + 2 * y
    return numpy.clip(numpy.stack([red, green, blue], axis=-1), 0, 255).astype(numpy.uint8)


def over_white(image: Image.Image) -> Image.Image:
    pixels = numpy.asarray(image.convert("RGBA")).astype(int)
    alpha = pixels[:, :, 3:]
    blended = (pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return Image.fromarray(blended.astype(numpy.uint8))


def expect(name: str, image: Image.Image) -> None:
    over_white(ImageOps.exif_transpose(image)).save(FOLDER / f"{name}.expected.png")


def save(name: str, image: Image.Image, **options) -> None:
    image.save(FOLDER / name, **options)
    expect(pathlib.Path(name).stem, Image.open(FOLDER / name))


def exif(orientation: int) -> bytes:
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def save_16_bits(name: str, pixels: numpy.ndarray) -> None:
    """Pillow writes no 16-bit colour: [H, W, C] of `pixels` << 8 and some low bits, C = 1, 3, 4."""
    height, width, channels = pixels.shape
    wide = (pixels.astype(">u2") << 8) + 200
    rows = b"".join(b"\0" + wide[y].astype(">u2").tobytes() for y in range(height))
    kind = {1: 0, 3: 2, 4: 6}[channels]
    with open(FOLDER / f"{name}.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for label, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        ):
            crc = zlib.crc32(label + body)
            file.write(struct.pack(">I", len(body)) + label + body + struct.pack(">I", crc))
    expect(name, Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    rgb = Image.fromarray(photo())
    grey = rgb.convert("L")
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = Image.fromarray(((5 * x + 7 * y) % 256).astype(numpy.uint8))
    rgba, grey_alpha = rgb.copy(), grey.copy()
    rgba.putalpha(alpha)
    grey_alpha.putalpha(alpha)
    palette = rgb.quantize(16)

    for subsampling, name in enumerate(("444", "422", "420")):
        save(f"jpeg_{name}.jpg", rgb, quality=92, subsampling=subsampling)
    save("jpeg_progressive.jpg", rgb, quality=85, progressive=True)
    save("jpeg_restart.jpg", rgb, quality=85, subsampling=0, restart_marker_blocks=3)
    save("jpeg_grey.jpg", grey, quality=92)
    save("jpeg_cmyk.jpg", rgb.convert("CMYK"), quality=95)
    save("jpeg_turned.jpg", rgb, quality=92, exif=exif(6))
    save("jpeg_mirrored.jpg", rgb, quality=92, exif=exif(5))
    save("png_rgb.png", rgb)
    save("png_rgba.png", rgba)
    save("png_grey.png", grey)
    save("png_grey_alpha.png", grey_alpha)
    save("png_bits.png", grey.point(lambda value: 255 * (value > 120)).convert("1"))
    save("png_palette.png", palette)
    save("png_palette_clear.png", palette, transparency=bytes(range(0, 256, 16)))
    save("png_colour_key.png", rgb, transparency=tuple(photo()[3, 4]))
    save("png_turned.png", rgb, exif=exif(8))
    save_16_bits("png_16_grey", numpy.asarray(grey)[:, :, None])
    save_16_bits("png_16_rgb", photo())
    save_16_bits("png_16_rgba", numpy.asarray(rgba))
    save("bmp_rgb.bmp", rgb)
    save("bmp_palette.bmp", palette)
    save("bmp_grey.bmp", grey)
    # Whole blocks: for decoding at a half, a quarter, an eighth.
    large = rgb.resize((208, 152), Image.BICUBIC)
    save("jpeg_large.jpg", large, quality=90, exif=exif(6))


if __name__ == "__main__":
    main()
