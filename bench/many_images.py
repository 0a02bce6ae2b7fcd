#!/usr/bin/env python3
"""A data set of very many names, made of one tiny image, and how long it takes to open.

    bench/many_images.py PROGRAM FOLDER [--images 1300000] [--kind shards|tar|folder]

Writes it into FOLDER (about 2 GB as shards or tar; a folder needs as many inodes as images), then
runs `tessera train --dry-run` on it, which reads all names and classes, twice: files may be in the
system's cache or not. Prints seconds, and the peak memory beside that with a hundredth of the images.
"""
import argparse
import base64
import os
import subprocess
import sys
import tempfile
import time

CLASSES = 1000
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
                       "rkJggg==")


def entry(name, data):
    header = bytearray(512)
    header[0:len(name)] = name.encode()
    header[100:107] = b"0000644"
    header[124:135] = b"%011o" % len(data)
    header[148:156] = b" " * 8
    header[156:157] = b"0"
    header[257:265] = b"ustar\x0000"
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header) + data + bytes(-len(data) % 512)


def write_shards(folder, images):
    per_shard = 10000
    shards = (images + per_shard - 1) // per_shard
    for shard in range(shards):
        with open(f"{folder}/set-train-{shard:06}.tar", "wb") as file:
            for i in range(shard * per_shard, min(images, (shard + 1) * per_shard)):
                file.write(entry(f"{i:08}.png", PNG) + entry(f"{i:08}.cls", b"%d" % (i % CLASSES)))
            file.write(bytes(1024))
    return f"{folder}/set-train-{{000000..{shards - 1:06}}}.tar"


def write_tar(folder, images):
    with open(f"{folder}/set.tar", "wb") as file:
        for i in range(images):
            file.write(entry(f"train/{i % CLASSES:04}/{i:08}.png", PNG))
        file.write(bytes(1024))
    return f"{folder}/set.tar"


def write_folder(folder, images):
    for k in range(CLASSES):
        os.makedirs(f"{folder}/set/train/{k:04}", exist_ok=True)
    for i in range(images):
        with open(f"{folder}/set/train/{i % CLASSES:04}/{i:08}.png", "wb") as file:
            file.write(PNG)
    return f"{folder}/set"


WRITE = {"shards": write_shards, "tar": write_tar, "folder": write_folder}


def opened(program, root):
    """Of opening training and validation: seconds, those of processors, bytes at the peak."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write("model: {image_size: 32, patch_size: 4, embed_dim: 16, depths: [1], num_heads: [2],"
                     " window_size: 4}\n"
                     f"data: {{name: image_folder, root: \"{root}\", batch_size: 64, val_split: 0.01}}\n")
        config.flush()
        start = time.monotonic()
        process = subprocess.Popen([program, "train", config.name, "--dry-run"],
                                   stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(1)
        return (time.monotonic() - start, usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=1_300_000)
    parser.add_argument("--kind", choices=sorted(WRITE), default="shards")
    arguments = parser.parse_args()
    roots = {}
    for images in (max(10 * CLASSES, arguments.images // 100), arguments.images):
        folder = f"{arguments.folder}/{images}"
        os.makedirs(folder, exist_ok=True)
        start = time.monotonic()
        roots[images] = WRITE[arguments.kind](folder, images)
        print(f"written in {time.monotonic() - start:.0f} s: {roots[images]}", flush=True)
    few = min(roots)
    *_, least = opened(arguments.program, roots[few])
    print(f"{few} images: peak {least / 1e6:.0f} MB")
    for attempt in ("first", "second"):
        seconds, busy, peak = opened(arguments.program, roots[arguments.images])
        print(f"{attempt} opening of training and validation: {seconds:.1f} s ({busy:.1f} s "
              f"of processors), peak {peak / 1e6:.0f} MB, "
              f"{(peak - least) / (arguments.images - few):.0f} bytes an image more", flush=True)


if __name__ == "__main__":
    main()
