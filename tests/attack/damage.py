"""Damaged files of every kind, and configurations made by chance."""

import json
import random
import re
import shutil
import struct
import zlib
from pathlib import Path

from runs import CONFIG, PARTS


def damaged(data, rng):
    data = bytearray(data)
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at:at + rng.randrange(1, 40)]
    else:
        data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
    return bytes(data)


def attack_checkpoints(attack, training, count):
    whole = training.finished
    index = json.loads((whole / "checkpoints" / "checkpoints.json").read_text())
    last = Path("checkpoints") / index["last"]
    best = Path("checkpoints") / index["best"]

    def check(seed):
        rng = random.Random(seed)
        run = attack.fresh()
        shutil.copytree(whole, run)
        name = rng.choice([last / part for part in PARTS] + [best / part for part in PARTS]
                          + [Path("checkpoints") / "checkpoints.json"])
        file = run / name
        before = file.read_bytes()
        file.write_bytes(damaged(before, rng))
        if file.read_bytes() != before:
            codes = []
            for command in (("eval", run), ("train", "--resume", run, "--set", "train.epochs=4")):
                ended = attack.run(*command)
                attack.tidy(f"{name} damaged ({seed})", ended, (0, 1))
                codes.append(ended.returncode)
            taken = 1 not in codes and last != best and name.parts[1] != index["best"]
            if taken or (name.parts[1] == index["best"] and codes[0] != 1):
                attack.fail(f"{name} damaged ({seed}): taken")
        shutil.rmtree(run)

    attack.count("damaged checkpoints: none taken", range(count), check)


def attack_files(attack, training, count):
    whole = training.finished
    index = json.loads((whole / "checkpoints" / "checkpoints.json").read_text())
    weights = whole / "checkpoints" / index["last"] / "model.safetensors"

    def on_config(seed):
        file = attack.folder / f"c{seed}.yaml"
        file.write_bytes(damaged((whole / "config.yaml").read_bytes(), random.Random(seed)))
        attack.tidy(f"config.yaml damaged ({seed})", attack.run("inspect", file), (0, 1, 2))
        file.unlink()

    def on_weights(seed):
        file = attack.folder / f"w{seed}.safetensors"
        file.write_bytes(damaged(weights.read_bytes(), random.Random(seed)))
        attack.tidy(f"weights damaged ({seed})", attack.run(
            "convert", file, attack.folder / f"o{seed}.safetensors", "--model", attack.config), (0, 1))
        file.unlink()

    def on_records(seed):
        rng = random.Random(seed)
        run = attack.fresh()
        shutil.copytree(whole, run)
        file = run / rng.choice(["metrics.jsonl", "timing.jsonl", "status.json", "env.json",
                                 "history.jsonl"])
        file.write_bytes(damaged(file.read_bytes(), rng))
        for command in (("train", "--resume", run, "--set", "train.epochs=4"), ("runs", run),
                        ("watch", run), ("report", run)):
            attack.tidy(f"{file.name} damaged ({seed})", attack.run(*command), (0, 1))
        shutil.rmtree(run)

    attack.count("damaged configurations", range(count), on_config)
    attack.count("damaged weight files", range(count), on_weights)
    attack.count("damaged records of a run", range(count // 2), on_records)


def png(width, height, pixel):
    """A grey image as the bytes of a PNG."""
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))
    rows = b"".join(b"\0" + bytes(pixel(x, y) for x in range(width)) for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def make_data(folder):
    """The same four photos with a class, a mask and a box each."""
    photos = [png(24, 20, lambda x, y, i=i: (7 * x + 5 * y + 40 * i) % 256) for i in range(4)]
    mask = png(24, 20, lambda x, y: x // 12)
    for i, photo in enumerate(photos):
        name = f"{i}.png"
        part = "train" if i < 3 else "val"
        for path in (f"classes/{part}/{'ab'[i % 2]}/{name}", f"masks/images/{part}/{name}",
                     f"coco/{part}2017/{name}"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(photo)
        (folder / f"masks/labels/{part}").mkdir(parents=True, exist_ok=True)
        (folder / f"masks/labels/{part}" / name).write_bytes(mask)
    (folder / "masks/classes.txt").write_text("left\nright\n")
    (folder / "coco/annotations").mkdir()
    for part, ids in (("train", (0, 1, 2)), ("val", (3,))):
        (folder / f"coco/annotations/instances_{part}2017.json").write_text(json.dumps({
            "categories": [{"id": 1, "name": "thing"}],
            "images": [{"id": i, "file_name": f"{i}.png", "height": 20, "width": 24} for i in ids],
            "annotations": [{"id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "area": 40,
                             "bbox": [3, 4, 8, 5]} for i in ids]}))


def attack_data(attack, count):
    """Images, masks and annotations as people's disks give them back."""
    whole = attack.fresh()
    make_data(whole)
    names = {"classes": ("image_folder", "linear"), "masks": ("image_masks", "fpn"),
             "coco": ("coco", "fcos")}

    def text_of(kind, root):
        name, head = names[kind]
        return f"{{data: {{name: {name}, root: {root}}}, model: {{head: {{type: {head}}}}}}}"

    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    for kind in names:
        config = attack.folder / f"{kind}.yaml"
        config.write_text(text_of(kind, whole / kind))
        ended = attack.run("data", "check", config)
        if ended.returncode not in (0, 3):
            raise RuntimeError(f"{kind}: {ended.stderr.decode()}")

    def check(seed):
        rng = random.Random(seed)
        root = attack.fresh()
        shutil.copytree(whole, root)
        file = rng.choice(files)
        for _ in range(rng.randrange(1, 4)):
            if (root / file).stat().st_size > 0:
                (root / file).write_bytes(damaged((root / file).read_bytes(), rng))
        kind = file.parts[0]
        config = attack.fresh().with_suffix(".yaml")
        config.write_text(text_of(kind, root / kind))
        attack.tidy(f"{file} damaged ({seed})", attack.run("data", "check", config), (0, 1, 2, 3))
        shutil.rmtree(root)
        config.unlink()

    attack.count("damaged images, masks and annotations", range(count), check)


class Grammar:
    """The keys of a configuration and what they accept, as the program itself explains them."""

    def __init__(self, attack):
        text = attack.run("config").stdout.decode()
        rows = re.findall(r"^\| `([a-z_.0-9]+)` \| ([^|]+) \|", text, re.M)
        left_out = ("data.name", "data.root", "train.out", "init.weights", "train.best_by")
        self.keys = [(key, accepts.strip()) for key, accepts in rows if key not in left_out]

    @staticmethod
    def value(accepts, rng):
        if accepts == "true or false":
            return rng.choice(["true", "false"])
        bounds = re.search(r"in ([\[(])([-0-9.e]+), ([-0-9.e]+)([\])])", accepts)
        low, high = (float(bounds[2]), float(bounds[3])) if bounds else (0.0, 16.0)
        most = min(high, 32.0)

        def number(whole):
            if whole:
                return str(int(min(most, low + int(2 ** rng.uniform(0, 5)) - 1)))
            return f"{rng.uniform(low, most) * rng.choice([1, 1, 0.1, 0.01]):.4g}"

        whole = "integer" in accepts
        if "integer" in accepts or "number" in accepts:
            items = [number(whole) for _ in range(rng.randrange(1, 4))]
            if accepts.startswith("a list"):
                return "[" + ", ".join(items) + "]"
            return items[0] if rng.random() < 0.95 else "auto"
        words = re.findall(r"[a-z_0-9]+", accepts.split(", or a list")[0])
        words = [word for word in words if word not in ("or", "a", "list", "of", "text", "texts")]
        return rng.choice(words) if words else None

    def overrides(self, rng):
        chosen = []
        for key, accepts in rng.sample(self.keys, rng.randrange(1, 4)):
            value = self.value(accepts, rng)
            if value is not None:
                chosen += ["--set", f"{key}={value}"]
        return chosen


def attack_configurations(attack, count):
    """Most of them can be meant: what is accepted trains, or ends with a reason."""
    grammar = Grammar(attack)
    trained = []

    def check(seed):
        overrides = grammar.overrides(random.Random(seed))
        ended = attack.run("train", attack.config, *overrides, "--dry-run")
        what = " ".join(overrides[1::2])
        attack.tidy(what, ended, (0, 2))
        memory = re.search(rb"predicted peak memory +([0-9]+) MB", ended.stdout)
        if ended.returncode != 0 or memory is None or int(memory[1]) > 500:
            return
        run = attack.fresh()
        limits = ["--set", "train.max_steps=2", "--set", "train.epochs=1", "--set", "train.threads=1",
                  "--set", "data.test_samples=32", "--set", "data.train_samples=64"]
        ended = attack.run("train", attack.config, *overrides, *limits, "--out", run)
        attack.tidy(what, ended, (0, 1, 2))
        trained.append(ended.returncode)
        if ended.returncode == 0:
            attack.tidy(f"{what}: eval", attack.run("eval", run), (0,))
        shutil.rmtree(run, ignore_errors=True)

    attack.count("configurations made by the grammar", range(count), check)
    print(f"  of these {len(trained)} were accepted, {trained.count(0)} trained to the end")
