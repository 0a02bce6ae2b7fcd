#!/usr/bin/env python3
"""Draws a run as one SVG: loss and accuracy by epoch, and the confusion matrix.

    scripts/plot_run.py runs/fashion_mnist docs/fashion_mnist.svg

Reads the run's metrics.jsonl and asks `tessera eval --json --confusion` for the matrix. Needs
nothing but Python's standard library.
"""
import argparse
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INK, FAINT, TRAIN, TEST = "#1f2933", "#cbd2d9", "#9aa5b1", "#2166ac"


def text(x, y, value, size=12, anchor="middle", color=INK, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{color}" {extra}>{value}</text>')


def curve(x0, y0, width, height, title, series, low, high, unit):
    """One chart: `series` maps a name to (color, values by epoch)."""
    parts = [text(x0 + width / 2, y0 - 12, title, 14, extra='font-weight="600"')]
    epochs = max(len(values) for _, values in series.values())
    at_x = lambda i: x0 + width * i / max(1, epochs - 1)
    at_y = lambda v: y0 + height * (high - v) / (high - low)
    for tick in range(5):
        value = low + (high - low) * tick / 4
        y = at_y(value)
        parts.append(f'<line x1="{x0}" x2="{x0 + width}" y1="{y:.1f}" y2="{y:.1f}" '
                     f'stroke="{FAINT}" stroke-width="1"/>')
        parts.append(text(x0 - 6, y + 4, f"{value:.4g}{unit}", 11, "end"))
    step = max(1, round((epochs - 1) / 6))
    for i in range(0, epochs, step):
        parts.append(text(at_x(i), y0 + height + 16, i + 1, 11))
    parts.append(text(x0 + width / 2, y0 + height + 32, "epoch", 11))
    # The names stand where the ends of the curves leave most room.
    ends = [at_y(v) for _, values in series.values() for v in values[len(values) * 3 // 5:]]
    names_y = max((y0 + height * share / 20 for share in range(2, 18)),
                  key=lambda y: min(abs(y + 5 - end) for end in ends))
    for row, (name, (color, values)) in enumerate(series.items()):
        points = " ".join(f"{at_x(i):.1f},{min(at_y(v), y0 + height):.1f}"
                          for i, v in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" '
                     f'stroke-width="2.5" stroke-linejoin="round"/>')
        last = f"{name}, {values[-1]:.4g}{unit}"
        parts.append(text(x0 + width - 8, names_y + 18 * row, last, 12, "end", color,
                          'font-weight="600"'))
    return parts


def matrix(x0, y0, cell, names, counts):
    """Rows are classes, columns what the model took them for."""
    size = len(names)
    parts = [text(x0 + cell * size / 2, y0 - 12, "Confusion: row is the class, column the answer",
                  14, extra='font-weight="600"')]
    for i, name in enumerate(names):
        row = counts[i * size:(i + 1) * size]
        parts.append(text(x0 - 8, y0 + cell * (i + 0.62), name, 11, "end"))
        x = x0 + cell * (i + 0.5)
        y = y0 + cell * size + 12
        parts.append(text(x, y, name, 11, "end", extra=f'transform="rotate(-40 {x:.1f} {y:.1f})"'))
        for j, count in enumerate(row):
            share = count / max(1, sum(row))
            color = "33,102,172" if i == j else "178,24,43"
            alpha = share if i == j else min(1.0, share * 4)
            parts.append(f'<rect x="{x0 + cell * j}" y="{y0 + cell * i}" width="{cell - 1}" '
                         f'height="{cell - 1}" fill="rgba({color},{alpha:.3f})" stroke="{FAINT}" '
                         f'stroke-width="0.5"/>')
            if count:
                shade = "#ffffff" if alpha > 0.55 else INK
                parts.append(text(x0 + cell * (j + 0.5), y0 + cell * (i + 0.62), count, 10,
                                  color=shade))
    return parts


def read_epochs(run):
    with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    return [record for record in records if "val/top1" in record]


def class_names(program, run):
    """From the head of each row of the matrix as `tessera eval` prints it."""
    lines = subprocess.run([program, "eval", run], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("class ")) + 1
    return [line[:16].strip() for line in lines[start:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("out")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    arguments = parser.parse_args()
    epochs = read_epochs(arguments.run)
    result = json.loads(subprocess.run(
        [arguments.program, "eval", arguments.run, "--json", "--confusion"], capture_output=True,
        text=True, check=True).stdout)
    names = class_names(arguments.program, arguments.run)
    losses = {"train": (TRAIN, [e["train/loss"] for e in epochs]),
              "val": (TEST, [e["val/loss"] for e in epochs])}
    shares = {"train": (TRAIN, [100 * e["train/top1"] for e in epochs]),
              "val": (TEST, [100 * e["val/top1"] for e in epochs])}
    top = max(max(values) for _, values in losses.values())
    width, height, cell = 380, 190, 34
    parts = curve(70, 40, width, height, "Loss", losses, 0.0, round(top + 0.05, 1), "")
    parts += curve(70, 310, width, height, "Top-1", shares, 60.0, 100.0, " %")
    parts += matrix(580, 40, cell, names, result["confusion"])
    total_height = max(560, 40 + cell * len(names) + 110)
    total_width = 600 + cell * len(names) + 20
    with open(arguments.out, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width}" '
                   f'height="{total_height}" viewBox="0 0 {total_width} {total_height}" '
                   f'font-family="Helvetica, Arial, sans-serif">\n'
                   f'<rect width="100%" height="100%" fill="#ffffff"/>\n')
        file.write("\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    main()
