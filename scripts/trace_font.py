#!/usr/bin/env python3
"""Writes data/images/glyphs.inc: the shapes of letters that pictures are labelled with.

Run once, by whoever wants another font or size: pip install pillow; apt-get install fonts-dejavu-core;
scripts/trace_font.py > data/images/glyphs.inc. Nothing else needs it, nor the font.
"""
from PIL import Image, ImageDraw, ImageFont

PATH = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SIZE = 14  # pixels of an em
BASELINE = 15  # pixels below the upper edge of a line
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x180), 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D,
           0x2022, 0x2026, 0x2190, 0x2192, 0x2212, 0xFFFD]


def main():
    font = ImageFont.truetype(PATH, SIZE)
    shades = []
    print("// Made by scripts/trace_font.py of DejaVu Sans (fonts-dejavu-core), whose licence lets anyone")
    print("// embed its shapes: code, advance, left, top, width, height; then the shades.")
    rows = []
    for code in LETTERS:
        left, top, right, bottom = font.getbbox(chr(code), anchor="ls")
        width, height = max(0, right - left), max(0, bottom - top)
        advance = round(font.getlength(chr(code)))
        rows.append((code, advance, left, BASELINE + top, width, height))
        if width * height == 0:
            continue
        glyph = Image.new("L", (width, height), 0)
        ImageDraw.Draw(glyph).text((-left, -top), chr(code), font=font, fill=255, anchor="ls")
        shades += [round(value * 7 / 255) for value in glyph.tobytes()]
    shades += [0] * (len(shades) % 2)
    text = "".join(DIGITS[8 * a + b] for a, b in zip(shades[::2], shades[1::2]))
    print("constexpr std::array<Glyph, %d> kGlyphs{{" % len(rows))
    line = ""
    for row in rows:
        entry = "{%d, %d, %d, %d, %d, %d}, " % row
        if len(line) + len(entry) > 94:
            print("    " + line.rstrip())
            line = ""
        line += entry
    print("    " + line.rstrip(", ") + "}};")
    print("constexpr std::string_view kShades =")
    lines = [text[i:i + 92] for i in range(0, len(text), 92)]
    for i, part in enumerate(lines):
        print('    "%s"%s' % (part, ";" if i + 1 == len(lines) else ""))


main()
