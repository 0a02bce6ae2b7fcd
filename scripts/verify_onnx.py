#!/usr/bin/env python3
"""Compares exported ONNX models with the program itself: every model, position, patch embedding and
head, those of detection as they are and with boxes picked inside.

usage: scripts/verify_onnx.py [--program build/release/tessera] [--check-only]

With --preprocess images of many sizes go through exported files and through tessera predict.

Needs numpy and onnx (python3-onnx); without --check-only also onnxruntime. Every file goes through
onnx.checker. Exits with 1 if one does not pass or logits differ by more than 1e-4 (probabilities by
2e-3: a pixel may be rounded the other way), with 77 if numpy or onnx is not there.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
    import onnx
except ImportError as missing:
    print(f"skipped: {missing}; scripts/install_deps.sh --dev installs python3-onnx")
    sys.exit(77)

import tensor_file

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLERANCE = 1e-4
OF_PROBABILITIES = 2e-3
CLASSES = 10
SWIN = {"name": "swin", "patch_size": 2, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4],
        "window_size": 4, "image_size": [30, 26]}
VIT = {"name": "vit", "patch_size": 4, "embed_dim": 24, "depths": [2], "num_heads": [3],
       "image_size": [24, 32]}
MODELS = {"swin": SWIN, "swin_v2": {**SWIN, "name": "swin_v2"}, "vit": VIT,
          "vit with a class token": {**VIT, "pool": "token"}}
POSITIONS = ("none", "relative", "continuous", "absolute", "sincos")
# What stands under `model.patch_embed`.
EMBEDDINGS = (
    {"type": "linear"},
    {"type": "linear", "norm": False},
    {"type": "overlap"},
    {"type": "overlap", "kernel": 5, "padding": 2},
    {"type": "sliding"},
    {"type": "sliding", "stride": 1},
    {"type": "linear", "edge": "pad"},
    {"type": "overlap", "kernel": 5, "padding": 0, "edge": "pad"},
    {"type": "conv_stem"},
    {"type": "conv_stem", "stem_channels": [8, 12, 8]},
    {"type": "shifted"},
    {"type": "shifted", "directions": "eight", "shift_pixels": 3},
    {"type": "cross_scale"},
    {"type": "cross_scale", "kernels": [4, 7, 10]},
)
# What stands under `model.patch_merging`.
MERGINGS = (
    {"type": "conv"},
    {"type": "conv", "kernel": 4},
    {"type": "shifted"},
    {"type": "shifted", "directions": "eight"},
    {"type": "cross_scale"},
    {"type": "cross_scale", "kernels": [2, 3, 5]},
)


# What stands under `model.head`; the auxiliary head has no part in evaluation.
HEADS = (
    {"type": "upernet", "channels": 12},
    {"type": "upernet", "channels": 12, "norm": "batch", "pool_scales": [1, 4], "auxiliary": "none"},
    {"type": "upernet", "channels": 12, "norm": "layer"},
    {"type": "fpn", "channels": 12},
    {"type": "fpn", "channels": 12, "join": "sum", "norm": "batch"},
    {"type": "fcn", "channels": 12, "convs": 2, "norm": "frozen_batch"},
    {"type": "fcn", "convs": 0},
)
KNOWN = {"head.bias": CLASSES, "head.classifier.bias": CLASSES, "head.logits.bias": CLASSES,
         "head.box_tower.0.bias": 16}  # parameters that show whose names these are

# What stands under `model.head`, and the sizes of images.
FCOS = {"type": "fcos", "channels": 16, "convs": 1, "groups": 4, "score_threshold": 0.3, "keep": 40}
RETINANET = {"type": "retinanet", "channels": 16, "convs": 1, "score_threshold": 0.3, "keep": 40}
DETECTORS = (
    (FCOS, [32, 48]),
    (FCOS, [50, 37]),
    ({**FCOS, "levels": [2, 4, 8, 16], "level_scales": False, "score": "product", "location": 0,
      "before_nms": 60}, [30, 42]),
    (RETINANET, [32, 48]),
    ({**RETINANET, "extra_from": "level", "rules": "plain", "ratios": [0.7, 1.6], "nms": 0.4,
      "location": 0.5}, [50, 37]),
)


def cases():
    """Pairs of a label and the `model:` section of a configuration."""
    for label, model in MODELS.items():
        for position in POSITIONS:
            if model.get("pool") == "token" and position in ("relative", "continuous"):
                continue
            yield f"{label}, {position}", {**model, "position": position}
        for embedding in EMBEDDINGS:
            for channels in (3, 1):
                yield f"{label}, {embedding}, {channels} channels", {
                    **model, "position": "absolute", "in_channels": channels,
                    "patch_embed": embedding}
    for name in ("swin", "swin_v2"):
        for merging in MERGINGS:
            yield f"{name}, merging {merging}", {**SWIN, "name": name, "patch_merging": merging}
    yield "swin, channels times 1.5, token shift", {
        **SWIN, "channel_multiplier": 1.5, "num_heads": [2, 3], "token_shift": [0.5, 0.2]}
    yield "swin_v2, channels as they are, token shift", {
        **SWIN, "name": "swin_v2", "channel_multiplier": [1], "token_shift": 1}
    yield "vit, token shift", {**VIT, "token_shift": 0.4}
    epsilons = {"norm_epsilon": 0.1, "patch_norm_epsilon": 0.02}
    yield "swin, other epsilons", {**SWIN, **epsilons}
    yield "swin, other epsilons, upernet", {**SWIN, **epsilons, "head": HEADS[0]}
    for head in HEADS:
        for size in (64, [48, 80], [50, 62]):
            yield f"swin {size}, {head}", {
                **SWIN, "depths": [2, 1, 1], "num_heads": [2, 4, 8], "window_policy": "keep",
                "image_size": size, "head": head}
        for name in ("swin_v2", "vit"):
            yield f"{name}, {head}", {**MODELS[name], "head": head}
    for name, position in (("swin", "relative"), ("swin_v2", "continuous"), ("swin", "none")):
        for padding in ("masked", "torchvision", "timm"):
            for policy in ("clamp", "pad", "keep"):
                for size, window in ((32, 4), ([30, 26], 4), ([26, 38], [3, 5]), (20, 7), (8, 7)):
                    yield f"{name} {padding} {policy} {position} {size} {window}", {
                        **SWIN, "name": name, "padding": padding, "window_policy": policy,
                        "position": position, "image_size": size, "window_size": window}
    yield "swin relative and absolute", {**SWIN, "position": ["relative", "absolute"]}
    for name in ("swin", "swin_v2"):
        yield f"{name} without bias", {**SWIN, "name": name, "qkv_bias": False,
                                       "padding": "torchvision"}
    yield "swin of one channel", {**SWIN, "in_channels": 1}
    yield "swin patch 4x2, pixels left over", {**SWIN, "patch_size": [4, 2], "image_size": [35, 33]}
    yield "vit of an image with pixels left over", {**VIT, "image_size": [24, 37]}
    yield "swin patch 4x2, pixels padded", {**SWIN, "patch_size": [4, 2], "image_size": [35, 33],
                                            "patch_embed": {"edge": "pad"}}


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")
    return result.stdout


def write_weights(program, config, path):
    """Random values for every parameter that the model has: its names come from the program."""
    rng = np.random.default_rng(0)
    for known, size in KNOWN.items():  # one of them is there
        tensor_file.write(path, {known: np.zeros(size)}, {"naming": "tessera"})
        if not subprocess.run([program, "convert", path, path, "--model", config,
                               "--allow-missing", "*"], capture_output=True).returncode:
            break
    tensors = {}
    for name, value in tensor_file.read(path).items():
        around = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        boxes = name.startswith(("head.distances", "head.logits"))  # larger ones have no area
        tensors[name] = rng.normal(around, 0.002 if boxes else 0.2, value.shape)
        if name.endswith("running_var"):
            tensors[name] = np.abs(tensors[name]) + 0.5
    tensor_file.write(path, tensors)


def both_answers(arguments, model, folder, *options):
    """What the program and onnxruntime make of three images, by name, after a check of the file;
    nothing with --check-only."""
    config, weights, exported, data, logits = (
        os.path.join(folder, name) for name in ("m.yaml", "w", "m.onnx", "x", "y"))
    with open(config, "w") as file:
        json.dump({"model": {"num_classes": CLASSES, **model}, "data": {"name": "none"}}, file)
    write_weights(arguments.program, config, weights)
    run([arguments.program, "export", config, exported, "--weights", weights, *options])
    onnx.checker.check_model(exported, full_check=True)
    if arguments.check_only:
        return {}, {}
    height, width = np.broadcast_to(model["image_size"], 2)
    images = np.random.default_rng(1).normal(size=(3, model.get("in_channels", 3), height, width))
    images = images.astype(np.float32)
    tensor_file.write(data, {"input": images})
    run([arguments.program, "forward", "--model", config, "--weights", weights, "--input", data,
         "--output", logits])
    import onnxruntime
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return tensor_file.read(logits), dict(zip(names, session.run(None, {"input": images})))


def largest_difference(arguments, model, folder):
    """Of what a model puts out."""
    ours, theirs = both_answers(arguments, model, folder)
    return max((float(np.abs(ours[name] - value).max() / max(1.0, np.abs(value).max()))
                for name, value in theirs.items()), default=0.0)


def check_detections(arguments, model, folder):
    """The most boxes of an image; exits where classes, scores or corners differ."""
    ours, theirs = both_answers(arguments, model, folder, "--detections")
    most = 0
    for image in range(len(theirs.get("scores", ()))):
        found = theirs["scores"][image] > 0
        most = max(most, int(found.sum()))
        for name, tolerance in (("labels", 0), ("scores", 1e-5), ("boxes", 1e-2)):
            own, other = ours[f"det/{image}/{name}"], theirs[name][image][found]
            if own.shape != other.shape or np.abs(own - other).max(initial=0) > tolerance:
                sys.exit(f"{model['head']}: {name} of image {image} differ: {own} and {other}")
    return most


PREPROCESSING = (  # `data:`, the model's image size, channels
    ({"interpolation": "bilinear"}, [32, 32], 3),
    ({"interpolation": "bicubic", "test_crop": 0.875}, [32, 32], 3),
    ({"interpolation": "bicubic", "test_crop": 0.9}, [30, 26], 1),
)
PHOTOS = ((32, 32), (30, 26), (33, 47), (200, 61), (17, 23), (480, 640), (12, 700), (700, 12))


def write_png(path, pixels):
    """uint8 [H, W, 1 or 3]"""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, content in (
                (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)),
                (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(content)) + kind + content
                       + struct.pack(">I", zlib.crc32(kind + content)))


def photo(rng, height, width, channels):
    """Waves and noise: smooth parts, edges, and values at both ends."""
    y, x = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
    waves = np.sin(x * rng.uniform(0.05, 0.5, channels) + y * rng.uniform(0.05, 0.5, channels))
    return np.clip(127 + 120 * waves + rng.normal(0, 40, (height, width, channels)), 0, 255).astype(
        np.uint8)


def preprocessed_difference(arguments, data, size, channels, folder):
    """Of probabilities, the largest over both layouts and all sizes of images."""
    import onnxruntime
    place = lambda name: os.path.join(folder, name)
    model = {**SWIN, "image_size": size, "in_channels": channels, "num_classes": CLASSES}
    normalize = {"mean": [0.4] * channels, "std": [0.2] * channels}
    with open(place("c.yaml"), "w") as file:
        json.dump({"model": model, "data": {
            "name": "image_folder", "root": folder, "normalize": normalize,
            "classes": [f"kind {i}" for i in range(CLASSES)], **data}}, file)
    write_weights(arguments.program, place("c.yaml"), place("w"))
    run([arguments.program, "convert", place("w"), place("k.safetensors"), "--model", place("c.yaml")])
    rng = np.random.default_rng(2)
    photos = [photo(rng, height, width, channels) for height, width in PHOTOS]
    expected = []
    for i, pixels in enumerate(photos):
        write_png(place(f"{i}.png"), pixels)
        answer = json.loads(run([arguments.program, "predict", place("k.safetensors"),
                                 place(f"{i}.png"), "--json", "--top", str(CLASSES)]))
        found = {guess["class"]: guess["probability"] for guess in answer[0]["classes"]}
        expected.append([found[f"kind {k}"] for k in range(CLASSES)])
    worst = 0.0
    for layout in ("nhwc", "nchw"):
        run([arguments.program, "export", place("c.yaml"), place("p.onnx"), "--weights", place("w"),
             "--preprocess", "--layout", layout])
        onnx.checker.check_model(place("p.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(place("p.onnx"), providers=["CPUExecutionProvider"])
        meta = session.get_modelmeta().custom_metadata_map
        if json.loads(meta["classes"])[3] != "kind 3":
            sys.exit(f"other class names in the metadata: {meta}")
        for pixels, wanted in zip(photos, expected):
            images = np.stack([pixels, pixels[::-1]])
            if layout == "nchw":
                images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
            got = session.run(["probabilities"], {"image": images})[0]
            worst = max(worst, float(np.abs(got[0] - wanted).max()))
    return worst


def verify_preprocessing(arguments):
    worst = 0.0
    for data, size, channels in PREPROCESSING:
        with tempfile.TemporaryDirectory() as folder:
            difference = preprocessed_difference(arguments, data, size, channels, folder)
        print(f"{size}, {channels} channels, {data}: probabilities {difference:.1e}")
        worst = max(worst, difference)
    return 0 if worst <= OF_PROBABILITIES else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    parser.add_argument("--check-only", action="store_true", help="only onnx.checker")
    parser.add_argument("--preprocess", action="store_true", help="only files that take photos")
    arguments = parser.parse_args()
    if arguments.preprocess:
        return verify_preprocessing(arguments)
    worst, count = ("", 0.0), 0
    with tempfile.TemporaryDirectory() as folder:
        for label, model in cases():
            try:
                difference = largest_difference(arguments, model, folder)
            except onnx.checker.ValidationError as error:
                sys.exit(f"{label}: {error}")
            count += 1
            if not difference <= TOLERANCE:
                print(f"{label}: {difference:.2e}")
            if not difference <= worst[1]:
                worst = (label, difference)
        for head, size in DETECTORS:
            model = {**SWIN, "image_size": size, "head": head}
            boxes = check_detections(arguments, model, folder)
            difference = largest_difference(arguments, model, folder)
            count += 2
            if difference > worst[1]:
                worst = (f"{head} at {size}", difference)
            if not arguments.check_only:
                print(f"{head['type']} at {size}: up to {boxes} boxes agree")
    if arguments.check_only:
        print(f"{count} models pass onnx.checker {onnx.__version__}")
        return 0
    print(f"{count} models, largest difference {worst[1]:.2e} ({worst[0]})")
    return 0 if worst[1] <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
