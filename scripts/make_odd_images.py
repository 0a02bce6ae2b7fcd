#!/usr/bin/env python3
"""Writes tests/fixtures/odd_images/: small files of every kind that cameras, scanners, browsers and
old programs leave behind, and the pixels that Pillow shows of each.

    scripts/make_odd_images.py

Needs NumPy, Pillow and cjpeg (libjpeg-turbo-progs). `files.tsv` has a line for each file: its name,
height, width, the largest difference allowed, the offset of its RGB pixels in `expected.gz`; or its
name, `refused` and a part of the message. Expected is what ImageOps.exif_transpose gives, of 8 bits,
over white where transparent. Where Pillow leaves the text of PNG (colour keys of other depths than
8 bits) or does not undo an orientation (of type BYTE), the pixels are computed here.
"""

import gzip
import io
import pathlib
import shutil
import struct
import subprocess
import zlib

import numpy
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "odd_images"
SHORT, LONG, BYTE = 3, 4, 1

lines: list[str] = []
pixels = bytearray()


def photo(height: int, width: int) -> numpy.ndarray:
    """Slopes, a disc, stripes and some noise: [height, width, 3]."""
    y, x = numpy.mgrid[0:height, 0:width]
    red = 40 + 200 * x // max(1, width) + 50 * ((x - 9) ** 2 + (y - 7) ** 2 < 40)
    green = 220 - 180 * y // max(1, height) - 60 * ((x + y) % 9 < 3)
    blue = 30 + 3 * x + 2 * y
    noise = numpy.random.default_rng(height * 1000 + width).integers(0, 9, (height, width, 3))
    image = numpy.stack([red, green, blue], axis=-1) + noise
    return numpy.clip(image, 0, 255).astype(numpy.uint8)


def over_white(rgba: numpy.ndarray) -> numpy.ndarray:
    wide = rgba.astype(int)
    alpha = wide[:, :, 3:]
    return ((wide[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(numpy.uint8)


def shown(image: Image.Image) -> numpy.ndarray:
    """What Pillow shows of a file, as RGB."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":
        image = Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8))
    if image.mode == "CMYK":
        return numpy.asarray(image.convert("RGB"))
    return over_white(numpy.asarray(image.convert("RGBA")))


def add(name: str, data: bytes, expected: numpy.ndarray | None = None, allowed: int = 0) -> None:
    (FOLDER / name).write_bytes(data)
    if expected is None:
        expected = shown(Image.open(io.BytesIO(data)))
    height, width, _ = expected.shape
    lines.append(f"{name}\t{height}\t{width}\t{allowed}\t{len(pixels)}")
    pixels.extend(expected.tobytes())


def refuse(name: str, data: bytes, part: str) -> None:
    (FOLDER / name).write_bytes(data)
    lines.append(f"{name}\trefused\t{part}")


# ---- EXIF


def exif(orientation: int, order: str = "<", kind: int = SHORT, before: int = 0) -> bytes:
    """A TIFF block with `before` other entries ahead of the orientation."""
    entries = b"".join(struct.pack(order + "HHII", 0x0100 + i, LONG, 1, 7) for i in range(before))
    value = struct.pack(order + {SHORT: "HH", LONG: "I", BYTE: "BBH"}[kind],
                        *{SHORT: (orientation, 0), LONG: (orientation,),
                          BYTE: (orientation, 0, 0)}[kind])
    entries += struct.pack(order + "HHI", 0x0112, kind, 1) + value
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IH", 8, before + 1) + entries + bytes(4)


def turned(image: numpy.ndarray, orientation: int) -> numpy.ndarray:
    steps = {1: lambda a: a, 2: numpy.fliplr, 3: lambda a: numpy.rot90(a, 2), 4: numpy.flipud,
             5: lambda a: a.transpose(1, 0, 2), 6: lambda a: numpy.rot90(a, 3),
             7: lambda a: numpy.rot90(a, 2).transpose(1, 0, 2), 8: numpy.rot90}
    return numpy.ascontiguousarray(steps[orientation](image))


# ---- JPEG


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def cjpeg(image: numpy.ndarray, *options: str) -> bytes:
    height, width, _ = image.shape
    ppm = b"P6 %d %d 255\n" % (width, height) + image.tobytes()
    return subprocess.run(["cjpeg", *options], input=ppm, capture_output=True, check=True).stdout


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + segment(marker, body) + jpeg[2:]


def without_segment(jpeg: bytes, marker: int) -> bytes:
    at = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]:]


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value):]


def jpegs() -> None:
    def jpeg(name: str, data: bytes, expected: numpy.ndarray | None = None) -> None:
        add(f"jpeg_{name}", data, expected, allowed=1)

    image = photo(29, 43)
    for sample in ("1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2"):
        jpeg(f"{sample}.jpg", cjpeg(image, "-quality", "90", "-sample", sample))
        jpeg(f"{sample}_progressive.jpg", cjpeg(image, "-progressive", "-sample", sample))
    jpeg("mixed_samples.jpg", cjpeg(image, "-sample", "2x2,1x2,2x1"))
    for height, width in ((1, 1), (1, 17), (17, 1), (8, 8), (16, 16), (15, 33), (2, 3)):
        jpeg(f"{height}_by_{width}.jpg", cjpeg(photo(height, width), "-sample", "2x2"))
    for quality in (1, 10, 50, 75, 100):
        jpeg(f"quality_{quality}.jpg", cjpeg(image, "-quality", str(quality)))
    jpeg("ending.jfif", cjpeg(image))
    jpeg("ending.JPE", cjpeg(image))
    jpeg("arithmetic.jpg", cjpeg(image, "-arithmetic"))
    jpeg("arithmetic_progressive.jpg", cjpeg(image, "-arithmetic", "-progressive"))
    jpeg("restart_rows.jpg", cjpeg(image, "-restart", "1"))
    jpeg("restart_blocks.jpg", cjpeg(image, "-restart", "2B"))
    jpeg("restart_progressive.jpg", cjpeg(image, "-restart", "1B", "-progressive"))
    jpeg("optimized.jpg", cjpeg(image, "-optimize"))
    jpeg("grey.jpg", cjpeg(image, "-grayscale"))
    jpeg("grey_2x2.jpg", cjpeg(image, "-grayscale", "-sample", "2x2"))
    jpeg("grey_progressive.jpg", cjpeg(image, "-grayscale", "-progressive"))
    jpeg("fast_transform.jpg", cjpeg(image, "-dct", "fast"))
    jpeg("smoothed.jpg", cjpeg(image, "-smooth", "20"))
    rgb = cjpeg(image, "-rgb")
    jpeg("rgb_adobe.jpg", rgb)
    jpeg("rgb_by_names.jpg", without_segment(rgb, 0xEE))
    plain = cjpeg(image, "-quality", "85")
    bare = without_segment(plain, 0xE0)
    jpeg("no_jfif.jpg", bare)
    jpeg("adobe_ycc.jpg", with_segment(bare, 0xEE, b"Adobe\0d\0\0\0\0\1"))
    jpeg("adobe_unknown.jpg", with_segment(bare, 0xEE, b"Adobe\0d\0\0\0\0\7"))
    jpeg("jfif_2.jpg", patched(plain, 11, b"\2"))
    jpeg("comment.jpg", with_segment(plain, 0xFE, b"\x1b[31m" * 50))
    jpeg("bytes_after_the_end.jpg", plain + b"\0\1\2 and more" * 9)
    jpeg("two_in_one.jpg", plain + cjpeg(photo(9, 9)))
    jpeg("filled.jpg", plain[:2] + b"\xff" * 7 + plain[2:])
    jpeg("icc.jpg", with_segment(plain, 0xE2, b"ICC_PROFILE\0\1\1" + bytes(200)))
    jpeg("icc_broken.jpg", with_segment(plain, 0xE2, b"ICC_PROFILE\0\3\1" + bytes(9)))
    jpeg("thumbnail.jpg", with_segment(plain, 0xE3, cjpeg(photo(5, 5))))
    for quality in (75, 95):
        inks = saved(Image.fromarray(image).convert("CMYK"), "JPEG", quality=quality)
        jpeg(f"cmyk_{quality}.jpg", inks)
        jpeg(f"cmyk_no_adobe_{quality}.jpg", without_segment(inks, 0xEE))
        transform = inks.index(b"Adobe") + 11
        jpeg(f"ycck_{quality}.jpg", patched(inks, transform, b"\2"))
    red = saved(Image.new("CMYK", (16, 12), (0, 200, 200, 20)), "JPEG", quality=95)
    jpeg("cmyk_red.jpg", red)
    jpeg("cmyk_red_no_adobe.jpg", without_segment(red, 0xEE))

    for orientation in range(1, 9):
        for order, kind, before in (("<", SHORT, 0), (">", SHORT, 3), ("<", LONG, 1)):
            block = b"Exif\0\0" + exif(orientation, order, kind, before)
            name = f"turned_{orientation}_{'le' if order == '<' else 'be'}_{kind}.jpg"
            jpeg(name, with_segment(cjpeg(photo(11, 14)), 0xE1, block))
    for order in "<>":
        upright = shown(Image.open(io.BytesIO(cjpeg(photo(11, 14)))))
        block = b"Exif\0\0" + exif(6, order, BYTE)
        jpeg(f"turned_6_{'le' if order == '<' else 'be'}_1.jpg",
             with_segment(cjpeg(photo(11, 14)), 0xE1, block), turned(upright, 6))
        block = b"Exif\0\0" + exif(9, order)
        jpeg(f"turned_9_{'le' if order == '<' else 'be'}.jpg",
             with_segment(cjpeg(photo(11, 14)), 0xE1, block), upright)
    jpeg("exif_cut.jpg", with_segment(plain, 0xE1, b"Exif\0\0" + exif(6)[:13]),
         shown(Image.open(io.BytesIO(plain))))

    frame = plain.index(b"\xff\xc0")
    refuse("jpeg_12_bits.jpg", patched(patched(plain, frame + 1, b"\xc1"), frame + 4, b"\x0c"),
           "is a JPEG of 12 bits, of which only 8 are read: convert it")
    refuse("jpeg_lossless.jpg", patched(plain, frame + 1, b"\xc3"),
           "is a lossless or hierarchical JPEG")
    refuse("jpeg_no_height.jpg", patched(plain, frame + 5, b"\0\0"), "damaged JPEG: Empty JPEG image")
    refuse("jpeg_cut.jpg", plain[:len(plain) * 2 // 3], "truncated JPEG")
    refuse("jpeg_no_end.jpg", plain[:-2], "truncated JPEG")
    middle = len(plain) * 2 // 3
    refuse("jpeg_overwritten.jpg", patched(plain, middle, bytes(60)), "damaged JPEG: ")
    refuse("jpeg_bytes_before_the_end.jpg", plain[:-2] + bytes(40) + plain[-2:],
           "extraneous bytes before marker 0xd9")
    refuse("jpeg_lost_restart.jpg", cjpeg(image, "-restart", "1B").replace(b"\xff\xd1", b"\xff\xd4"),
           "damaged JPEG: ")
    refuse("jpeg_only_header.jpg", plain[:frame] + b"\xff\xd9", "damaged JPEG, no picture")


# ---- PNG

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed_rows(values: numpy.ndarray, depth: int, filters: bool) -> bytes:
    """Rows of [h, w, c] with a filter each: none, or all five in turn."""
    rows, before, step = [], None, max(1, values.shape[2] * depth // 8)
    for y, row in enumerate(values):
        if depth == 16:
            line = row.astype(">u2").tobytes()
        else:
            bits = numpy.unpackbits(row.astype(numpy.uint8).reshape(-1, 1), axis=1)[:, 8 - depth:]
            line = numpy.packbits(bits.reshape(-1)).tobytes()
        rows.append(filtered(line, before or bytes(len(line)), step, y % 5 if filters else 0))
        before = line
    return b"".join(rows)


def filtered(line: bytes, above: bytes, step: int, kind: int) -> bytes:
    out = bytearray([kind])
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = left + above[i] - corner
        nearest = min((left, above[i], corner), key=lambda v: abs(guess - v))
        out.append((value - (0, left, above[i], (left + above[i]) // 2, nearest)[kind]) % 256)
    return bytes(out)


ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1))


def png(values: numpy.ndarray, kind: int, depth: int, before: bytes = b"", after: bytes = b"",
        interlaced: bool = False, filters: bool = True, parts: int = 1) -> bytes:
    height, width, _ = values.shape
    passes = [values[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [values]
    data = zlib.compress(b"".join(packed_rows(p, depth, filters) for p in passes if p.size))
    size = -(-len(data) // parts)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
            + b"".join(chunk(b"IDAT", data[i * size:(i + 1) * size]) for i in range(parts))
            + after + chunk(b"IEND", b""))


def values_of(kind: int, depth: int, height: int = 23, width: int = 19) -> numpy.ndarray:
    """A photo, and a slope for alpha, of so many bits a sample."""
    y, x = numpy.mgrid[0:height, 0:width]
    rgb = photo(height, width).astype(int)
    alpha = ((9 * x + 7 * y) % 256)[:, :, None]
    planes = rgb if kind in (RGB, RGBA) else rgb[:, :, :1]
    if kind in (GREY_ALPHA, RGBA):
        planes = numpy.concatenate([planes, alpha], axis=-1)
    return planes * 257 - (x[:, :, None] % 200 if depth == 16 else 0) * (planes > 0) \
        if depth == 16 else planes >> (8 - depth)


def pngs() -> None:
    colors = chunk(b"PLTE", bytes((7 * i + 5 * (i % 3)) % 256 for i in range(768)))
    for kind, depths in ((GREY, (1, 2, 4, 8, 16)), (RGB, (8, 16)), (PALETTE, (1, 2, 4, 8)),
                         (GREY_ALPHA, (8, 16)), (RGBA, (8, 16))):
        for depth in depths:
            before = colors[:0]
            if kind == PALETTE:
                before = chunk(b"PLTE", colors[8:8 + 3 * 2 ** depth])
            for interlaced in (False, True):
                name = f"png_{kind}_{depth}{'_interlaced' if interlaced else ''}.png"
                add(name, png(values_of(kind, depth), kind, depth, before, interlaced=interlaced))
    for height, width in ((1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (5, 3), (8, 8)):
        add(f"png_interlaced_{height}_by_{width}.png",
            png(values_of(RGB, 8, height, width), RGB, 8, interlaced=True))
    add("png_no_filter.png", png(values_of(RGB, 8), RGB, 8, filters=False))
    add("png_many_parts.png", png(values_of(RGB, 8), RGB, 8, parts=40))

    # Transparency of grey and RGB is one colour; where Pillow takes its 16 bits for 8, from the text.
    for kind, depth in ((GREY, 1), (GREY, 2), (GREY, 4), (GREY, 8), (GREY, 16), (RGB, 8), (RGB, 16)):
        values = values_of(kind, depth)
        key = values[4, 6]
        body = b"".join(struct.pack(">H", int(v)) for v in key)
        scaled = values >> 8 if depth == 16 else values * 255 // (2 ** depth - 1)
        rgba = numpy.concatenate([scaled if kind == RGB else numpy.repeat(scaled, 3, axis=-1),
                                  255 * (values != key).any(axis=-1, keepdims=True)], axis=-1)
        add(f"png_key_{kind}_{depth}.png", png(values, kind, depth, chunk(b"tRNS", body)),
            over_white(rgba))
    for count in (1, 3, 16):
        alphas = bytes(17 * i for i in range(count))
        add(f"png_palette_alphas_{count}.png",
            png(values_of(PALETTE, 4), PALETTE, 4,
                chunk(b"PLTE", colors[8:56]) + chunk(b"tRNS", alphas)))
    for name, before in (
            ("gamma", chunk(b"gAMA", struct.pack(">I", 100000))),
            ("gamma_odd", chunk(b"gAMA", struct.pack(">I", 22000))),
            ("srgb", chunk(b"sRGB", b"\0")),
            ("chromaticities", chunk(b"cHRM", struct.pack(">8I", *range(10000, 90000, 10000)))),
            ("profile", chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200)))),
            ("background", chunk(b"bKGD", bytes(6))),
            ("significant", chunk(b"sBIT", b"\5\6\5")),
            ("resolution", chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))),
            ("text", chunk(b"tEXt", b"Title\0\x1b[31m")),
            ("packed_text", chunk(b"zTXt", b"Title\0\0" + zlib.compress(bytes(10000)))),
            ("unknown_chunk", chunk(b"prIv", bytes(50))),
            ("animated", chunk(b"acTL", struct.pack(">II", 1, 0)))):
        add(f"png_{name}.png", png(values_of(RGB, 8), RGB, 8, before))
    add("png_background_alpha.png",
        png(values_of(RGBA, 8), RGBA, 8, chunk(b"bKGD", struct.pack(">3H", 255, 0, 0))))
    add("png_text_after.png", png(values_of(RGB, 8), RGB, 8, after=chunk(b"tEXt", b"Title\0after")))
    add("png_bytes_after_the_end.png", png(values_of(RGB, 8), RGB, 8) + b"more")
    for orientation in (2, 5, 8):
        data = chunk(b"eXIf", exif(orientation, "<>"[orientation % 2]))
        add(f"png_turned_{orientation}.png", png(values_of(RGB, 8), RGB, 8, data))
        add(f"png_turned_{orientation}_after.png", png(values_of(RGB, 8), RGB, 8, after=data))

    whole = png(values_of(RGB, 8), RGB, 8)
    refuse("png_cut.png", whole[:len(whole) // 2], "truncated PNG")
    refuse("png_no_end.png", whole[:-12], "truncated PNG")
    refuse("png_flipped.png", patched(whole, 60, bytes([whole[60] ^ 1])), "damaged PNG")
    refuse("png_flipped_text.png",
           png(values_of(RGB, 8), RGB, 8, chunk(b"tEXt", b"Title\0x")).replace(b"Title\0x", b"Title\0y"),
           "damaged PNG, wrong checksum of a chunk")
    header = struct.pack(">IIBBBBB", 19, 23, 3, 2, 0, 0, 0)
    refuse("png_3_bits.png", whole[:8] + chunk(b"IHDR", header) + whole[33:], "damaged PNG")
    short = zlib.compress(bytes(58 * 20))
    refuse("png_rows_missing.png", whole[:33] + chunk(b"IDAT", short) + chunk(b"IEND", b""),
           "damaged PNG")
    refuse("png_no_palette.png", png(values_of(PALETTE, 4), PALETTE, 4), "damaged PNG")


# ---- BMP


def bmp(bits: int, rows: bytes, height: int, width: int, *, size: int = 40, compression: int = 0,
        masks: tuple = (), palette: bytes = b"", colors: int = 0, gap: int = 0) -> bytes:
    if size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(rows),
                             2835, 2835, colors, 0)
    masks_bytes = b"".join(struct.pack("<I", m) for m in masks)
    header = (header + masks_bytes).ljust(size, b"\0")
    body = header + palette + bytes(gap)
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(rows), 0, 0, 14 + len(body)) + body + rows


def padded(rows: list[bytes]) -> bytes:
    """From the lowest row up."""
    return b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))


def indices(bits: int, height: int, width: int) -> list[bytes]:
    values = values_of(GREY, bits, height, width)
    return [packed_rows(values[y:y + 1], bits, False)[1:] for y in range(height)]


def fields(masks: tuple, bits: int, rgba: numpy.ndarray) -> list[bytes]:
    """Pixels of 16 or 32 bits whose channels lie where the masks say."""
    pixel = numpy.zeros(rgba.shape[:2], numpy.uint64)
    for c, mask in enumerate(masks):
        if mask == 0:
            continue
        shift = (mask & -mask).bit_length() - 1
        most = mask >> shift
        value = rgba[:, :, c].astype(numpy.uint64) * most // 255
        pixel |= value << numpy.uint64(shift)
    return [row.astype(f"<u{bits // 8}").tobytes() for row in pixel]


def bmps() -> None:
    height, width = 13, 11
    image = photo(height, width)
    rgba = numpy.concatenate([image, values_of(RGBA, 8, height, width)[:, :, 3:]], axis=-1)
    bgr = padded([row[:, ::-1].tobytes() for row in image])
    top = b"".join(row[:, ::-1].tobytes().ljust((3 * width + 3) // 4 * 4, b"\0") for row in image)
    for size in (12, 40, 52, 56, 64, 108, 124):
        add(f"bmp_24_v{size}.bmp", bmp(24, bgr, height, width, size=size))
        if size > 12:
            add(f"bmp_24_v{size}_from_top.bmp", bmp(24, top, -height, width, size=size))
        for bits in (1, 4, 8):
            entry = 3 if size == 12 else 4
            palette = b"".join(bytes([(37 * i) % 256, (91 * i + 5) % 256, 255 - i, 0][:entry])
                               for i in range(2 ** bits))
            add(f"bmp_{bits}_v{size}.bmp", bmp(bits, padded(indices(bits, height, width)), height,
                                               width, size=size, palette=palette))
    add("ending.dib", bmp(24, bgr, height, width))
    add("bmp_gap.bmp", bmp(24, bgr, height, width, gap=13))
    few = b"".join(bytes([40 * i, 255 - 30 * i, 9 * i, 0]) for i in range(6))
    rows = [bytes(v % 6 for v in row) for row in indices(8, height, width)]
    add("bmp_8_six_colours.bmp", bmp(8, padded(rows), height, width, palette=few, colors=6))
    add("bmp_8_from_top.bmp", bmp(8, b"".join(r + bytes(-len(r) % 4) for r in rows), -height, width,
                                  palette=few, colors=6))
    grey = b"".join(bytes([i, i, i, 0]) for i in range(256))
    add("bmp_8_grey.bmp", bmp(8, padded(indices(8, height, width)), height, width, palette=grey))
    add("bmp_1_black_white.bmp", bmp(1, padded(indices(1, height, width)), height, width,
                                     palette=bytes(4) + b"\xff\xff\xff\0"))
    add("bmp_1_white_black.bmp", bmp(1, padded(indices(1, height, width)), height, width,
                                     palette=b"\xff\xff\xff\0" + bytes(4)))

    m555, m565 = (0x7C00, 0x3E0, 0x1F, 0), (0xF800, 0x7E0, 0x1F, 0)
    every = numpy.zeros((8, 8, 4), numpy.uint8)  # every value of 5 and 6 bits
    every[:, :, 0] = every[:, :, 2] = numpy.arange(64).reshape(8, 8) % 32 * 255 // 31 + 1
    every[:, :, 1] = numpy.arange(64).reshape(8, 8) * 255 // 63 + 1
    add("bmp_16.bmp", bmp(16, padded(fields(m555, 16, rgba)), height, width))
    add("bmp_16_every_value.bmp", bmp(16, padded(fields(m555, 16, every)), 8, 8))
    for size in (40, 52, 56, 108, 124):
        for name, masks in (("555", m555), ("565", m565)):
            stored = masks[:3] if size in (40, 52) else masks
            start = 0 if size == 40 else 40
            add(f"bmp_16_{name}_v{size}.bmp",
                bmp(16, padded(fields(masks, 16, every)), 8, 8, size=size, compression=3,
                    masks=stored) if start else
                bmp(16, padded(fields(masks, 16, every)), 8, 8, compression=3,
                    palette=b"".join(struct.pack("<I", m) for m in stored)))
    bgrx = (0xFF0000, 0xFF00, 0xFF, 0)
    filled = numpy.frombuffer(b"".join(reversed(fields(bgrx, 32, rgba))), "<u4")
    for name, byte in (("zero", 0), ("five", 5), ("full", 255)):
        add(f"bmp_32_reserved_{name}.bmp",
            bmp(32, (filled | numpy.uint32(byte << 24)).astype("<u4").tobytes(), height, width))
    ramp = (numpy.arange(height * width, dtype=numpy.uint32) % 256) << 24
    add("bmp_32_reserved_ramp.bmp", bmp(32, (filled | ramp).tobytes(), height, width))
    add("bmp_32_v124_plain.bmp", bmp(32, (filled | ramp).tobytes(), height, width, size=124))
    for name, masks in (("bgrx", bgrx), ("xbgr", (0xFF000000, 0xFF0000, 0xFF00, 0)),
                        ("bgxr", (0xFF000000, 0xFF00, 0xFF, 0)),
                        ("abgr", (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
                        ("rgba", (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
                        ("bgra", (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
                        ("bgar", (0xFF000000, 0xFF00, 0xFF, 0xFF0000))):
        for size in (56, 108, 124):
            add(f"bmp_32_{name}_v{size}.bmp",
                bmp(32, padded(fields(masks, 32, rgba)), height, width, size=size, compression=3,
                    masks=masks))
    clear = rgba.copy()
    clear[:, :, 3] = 0
    add("bmp_32_all_clear.bmp",
        bmp(32, padded(fields((0xFF0000, 0xFF00, 0xFF, 0xFF000000), 32, clear)), height, width,
            size=124, compression=3, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)))
    add("bmp_32_fields_v40.bmp",
        bmp(32, padded(fields(bgrx, 32, rgba)), height, width, compression=3,
            palette=b"".join(struct.pack("<I", m) for m in bgrx[:3])))
    wide = (0x3FF00000, 0xFFC00, 0x3FF, 0)  # Pillow refuses these
    ten = numpy.concatenate([image, image[:, :, :1]], axis=-1)
    values = ten.astype(int) * 1023 // 255 * 255 // 1023
    add("bmp_32_ten_bits.bmp", bmp(32, padded(fields(wide, 32, ten)), height, width, size=124,
                                   compression=3, masks=wide), values[:, :, :3].astype(numpy.uint8))

    runs = b"".join(bytes([width, 5 * k, 0, 0]) for k in range(height)) + b"\0\1"
    colours = b"".join(bytes([(37 * i) % 256, (91 * i + 5) % 256, 255 - i, 0]) for i in range(256))
    add("bmp_rle8_grey.bmp", bmp(8, runs, height, width, compression=1, palette=grey))
    for bits in (4, 8):
        packing = 3 - bits // 4
        palette = colours[:4 * 2 ** bits]
        table = numpy.frombuffer(palette, numpy.uint8).reshape(-1, 4)[:, 2::-1]
        rows = values_of(GREY, bits, height, width).reshape(height, width)[::-1].astype(int).tolist()
        single = b"".join(b"".join(bytes([1, v << (8 - bits)]) for v in row) + b"\0\0"
                          for row in rows)
        plain = b""  # ten pixels as they are, the eleventh as a run
        for row in rows:
            packed = (bytes(row[:10]) if bits == 8 else
                      bytes(row[i] << 4 | row[i + 1] for i in range(0, 10, 2)))
            plain += bytes([0, 10]) + packed + bytes(len(packed) % 2)
            plain += bytes([1, row[10] << (8 - bits)]) + b"\0\0"
        early = b"".join(bytes([4, 0x35 + k, 5, 0x72]) + b"\0\0" for k in range(6)) + b"\0\1"
        kept = numpy.zeros((height, width), int)
        for k in range(6):
            pair = [(0x35 + k) >> 4, (0x35 + k) & 15] if bits == 4 else [0x35 + k] * 2
            kept[height - 1 - k, :4] = pair * 2
            kept[height - 1 - k, 4:9] = [7, 2, 7, 2, 7] if bits == 4 else 0x72
        for name, body, expected in (("single", single + b"\0\1", None),
                                     ("plain", plain + b"\0\1", None), ("no_end", single, None),
                                     ("early_end", early, table[kept])):
            add(f"bmp_rle{bits}_{name}.bmp", bmp(bits, body, height, width, compression=packing,
                                                 palette=palette), expected)
        for name, body, text in (("cut", single[:-40], "truncated BMP"),
                                 ("wide", bytes([width + 1, 5]) + single, "a run leaves the image"),
                                 ("moved", b"\0\2\x00\xff" + single, "a run leaves the image")):
            refuse(f"bmp_rle{bits}_{name}.bmp", bmp(bits, body, height, width, compression=packing,
                                                    palette=palette), text)
    # A move to the right and up; Pillow 13 reads its two bytes twice.
    skipped = bytes([2, 1, 0, 2, 3, 1, 2, 2]) + b"\0\1"
    expected = numpy.zeros((height, width), int)
    expected[height - 1, :2] = 1
    expected[height - 2, 5:7] = 2
    table = numpy.frombuffer(colours, numpy.uint8).reshape(256, 4)[:, 2::-1]
    add("bmp_rle8_move.bmp", bmp(8, skipped, height, width, compression=1, palette=colours),
        table[expected])
    refuse("bmp_rle_bits.bmp", bmp(4, runs, height, width, compression=1, palette=grey[:64]),
           "whose run lengths (RLE) do not fit its bits a pixel")
    refuse("bmp_jpeg.bmp", bmp(0, b"\xff\xd8", height, width, compression=4), "around a JPEG")
    refuse("bmp_png.bmp", bmp(0, b"\x89PNG", height, width, compression=5), "around a PNG")
    refuse("bmp_2_bits.bmp", bmp(2, bytes(4 * height), height, width, palette=grey[:16]),
           "is a BMP of 2 bits a pixel, which is not read: convert it")
    refuse("bmp_split_mask.bmp", bmp(32, bytes(4 * height * width), height, width, size=124,
                                     compression=3, masks=(0xF0F00000, 0xFF00, 0xFF, 0)),
           "whose colours are split into parts, which is not read")
    refuse("bmp_unknown.bmp", bmp(24, bgr, height, width, size=48), "a BMP of an unknown version")
    refuse("bmp_cut.bmp", bmp(24, bgr, height, width)[:-40], "truncated BMP")


# ---- WebP, and what is none of the four


def webps() -> None:
    image = Image.fromarray(photo(25, 31))
    y, x = numpy.mgrid[0:25, 0:31]
    clear = image.copy()
    clear.putalpha(Image.fromarray(((9 * x + 7 * y) % 256).astype(numpy.uint8)))
    for quality in (0, 40, 80, 100):
        add(f"webp_lossy_{quality}.webp", saved(image, "WEBP", quality=quality))
        add(f"webp_lossy_alpha_{quality}.webp", saved(clear, "WEBP", quality=quality))
    add("webp_lossy_alpha_cut.webp", saved(clear, "WEBP", quality=50, alpha_quality=20))
    add("webp_lossless.webp", saved(image, "WEBP", lossless=True))
    add("webp_lossless_alpha.webp", saved(clear, "WEBP", lossless=True))
    add("webp_lossless_exact.webp", saved(clear, "WEBP", lossless=True, exact=True))
    add("webp_grey.webp", saved(image.convert("L"), "WEBP", lossless=True))
    for side in (1, 2, 17):
        add(f"webp_{side}.webp", saved(Image.fromarray(photo(side, side)), "WEBP", quality=80))
    add("webp_profile.webp", saved(image, "WEBP", quality=80, icc_profile=bytes(128)))
    for orientation in (3, 6, 7):
        block = exif(orientation, "<>"[orientation % 2])
        for mark in (b"", b"Exif\0\0"):
            add(f"webp_turned_{orientation}{'_marked' if mark else ''}.webp",
                saved(image, "WEBP", quality=80, exif=mark + block))
    whole = saved(image, "WEBP", quality=80)
    refuse("webp_cut.webp", whole[:len(whole) // 2], "truncated WebP")
    refuse("webp_damaged.webp", patched(whole, 20, b"\xff" * 12), "damaged WebP")
    refuse("webp_animated.webp",
           saved(image, "WEBP", save_all=True, append_images=[ImageOps.mirror(image)]),
           "is an animated WebP, which is not read")


def others() -> None:
    image = Image.fromarray(photo(6, 6))
    for kind, what in (("GIF", "a GIF"), ("TIFF", "a TIFF"), ("JPEG2000", "a JPEG 2000"),
                       ("AVIF", "a HEIF, AVIF or video"), ("PPM", "no image"), ("PDF", "a PDF")):
        refuse(f"other_{kind.lower()}.jpg", saved(image, kind),
               f"is {what}; JPEG, PNG, WebP and BMP are read: convert it")
    refuse("other_page.png", b"<!DOCTYPE html><title>404</title>", "a web page or other markup")
    refuse("other_empty.png", b"", "empty file")
    add("other_png_called.jpg", saved(image, "PNG"))
    add("other_jpeg_called.png", saved(image, "JPEG"), allowed=1)
    add("other_webp_called.bmp", saved(image, "WEBP", lossless=True))


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for make in (jpegs, pngs, bmps, webps, others):
        make()
    (FOLDER / "files.tsv").write_text("\n".join(lines) + "\n")
    (FOLDER / "expected.gz").write_bytes(gzip.compress(bytes(pixels), 9, mtime=0))


if __name__ == "__main__":
    main()
