#!/usr/bin/env python3
"""Compares exported ONNX models with the program itself: every kind of model, position, padding.

usage: scripts/verify_onnx.py [--program build/release/tessera] [--check-only]

Needs numpy and onnx; without --check-only also onnxruntime. Exits with 1 if logits differ by more
than 1e-4.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import onnx

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLERANCE = 1e-4
SWIN = {"name": "swin", "patch_size": 2, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4],
        "window_size": 4, "num_classes": 10, "image_size": 32}
VIT = {"name": "vit", "patch_size": 4, "embed_dim": 24, "depths": [2], "num_heads": [3],
       "num_classes": 10, "image_size": 32}
EMBEDS = [{"type": "overlap"}, {"type": "overlap", "kernel": 5, "padding": 2},
          {"type": "sliding"}, {"type": "sliding", "stride": 1},
          {"type": "conv_stem"}, {"type": "conv_stem", "stem_channels": [8, 12, 8]},
          {"type": "shifted"}, {"type": "shifted", "directions": "eight", "shift_pixels": 3},
          {"type": "cross_scale"}, {"type": "cross_scale", "kernels": [4, 7, 10]}]
MERGINGS = [{"type": "conv"}, {"type": "conv", "kernel": 4}, {"type": "shifted"},
            {"type": "shifted", "directions": "eight"}, {"type": "cross_scale"},
            {"type": "cross_scale", "kernels": [2, 3, 5]}]


def cases():
    """Pairs of a label and the `model:` section of a configuration."""
    for name in ("swin", "swin_v2"):
        for padding in ("masked", "torchvision"):
            for policy in ("clamp", "pad"):
                for position in ("none", "relative", "continuous", "absolute", "sincos"):
                    for size, window in ((32, 4), ([30, 26], 4), ([26, 38], [3, 5]), (20, 7)):
                        yield f"{name} {padding} {policy} {position} {size} {window}", {
                            **SWIN, "name": name, "padding": padding, "window_policy": policy,
                            "position": position, "image_size": size, "window_size": window}
    yield "swin without bias", {**SWIN, "qkv_bias": False, "image_size": [30, 26]}
    yield "swin_v2 without bias", {**SWIN, "name": "swin_v2", "qkv_bias": False,
                                   "image_size": [30, 26], "padding": "torchvision"}
    yield "swin without patch norm", {**SWIN, "patch_embed": {"norm": False}, "in_channels": 1}
    for kind in EMBEDS:
        for base in (SWIN, VIT):
            for channels, size, norm in ((3, 32, True), (1, [30, 27], False)):
                yield f"{base['name']} {kind} {channels} {size}", {
                    **base, "in_channels": channels, "image_size": size,
                    "patch_embed": {**kind, "norm": norm}}
    for kind in MERGINGS:
        for name in ("swin", "swin_v2"):
            yield f"{name} merging {kind}", {
                **SWIN, "name": name, "image_size": [30, 26], "patch_merging": kind}
    yield "swin, channels times 1.5, token shift", {
        **SWIN, "channel_multiplier": 1.5, "num_heads": [2, 3], "token_shift": [0.5, 0.2]}
    yield "swin_v2, channels as they are, token shift", {
        **SWIN, "name": "swin_v2", "channel_multiplier": [1], "token_shift": 1, "image_size": 26}
    yield "vit token shift", {**VIT, "token_shift": 0.4, "image_size": [24, 37]}
    yield "swin patch 4x2, pixels left over", {**SWIN, "patch_size": [4, 2], "image_size": [35, 33]}
    for position in ("none", "relative", "continuous", "absolute", "sincos"):
        for size in (32, [24, 37]):
            yield f"vit mean {position} {size}", {**VIT, "position": position, "image_size": size}
    for position in ("none", "absolute", "sincos"):
        yield f"vit token {position}", {**VIT, "position": position, "pool": "token"}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, value in tensors.items():
        raw = np.ascontiguousarray(value, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    with open(path, "rb") as file:
        content = file.read()
    size = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:size])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(content[size + t["data_offsets"][0]:size + t["data_offsets"][1]],
                                np.float32).reshape(t["shape"]) for name, t in header.items()}


def pair(value):
    return value if isinstance(value, list) else [value, value]


def embedding(model, add, linear, norm):
    """Adds the parameters of a patch embedding; returns the height and width of its map."""
    config = model.get("patch_embed", {})
    kind, channels, width = config.get("type", "linear"), model.get("in_channels", 3), model["embed_dim"]
    patch, size = pair(model["patch_size"]), pair(model["image_size"])
    grid = [-(-s // p) for s, p in zip(size, patch)]

    def conv(name, out, inner, kernel):
        add(name + ".weight", out, inner, *kernel)
        add(name + ".bias", out)

    if kind == "linear":
        conv("patch_embed.proj", width, channels, patch)
        grid = [s // p for s, p in zip(size, patch)]
    elif kind == "overlap":
        kernel = pair(config.get("kernel", [2 * p - 1 for p in patch]))
        conv("patch_embed.proj", width, channels, kernel)
        padding = config.get("padding", "same")
        if padding != "same":
            grid = [(s + 2 * padding - k) // p + 1 for s, k, p in zip(size, kernel, patch)]
    elif kind == "conv_stem":
        depth = max(1, max(patch).bit_length() - 1)
        widths = config.get("stem_channels", [max(8, width >> i) for i in range(depth)][::-1])
        for i, out in enumerate(widths):
            conv(f"patch_embed.stem.{i}.conv", out, channels, [3, 3])
            norm(f"patch_embed.stem.{i}.norm", out)
            channels = out
        linear("patch_embed.proj", width, channels)
    elif kind == "sliding":
        stride = pair(config.get("stride", [-(-p // 2) for p in patch]))
        conv("patch_embed.proj", width, channels, patch)
        grid = [(s - p) // t + 1 for s, p, t in zip(size, patch, stride)]
    elif kind == "shifted":
        views = 9 if config.get("directions") == "eight" else 5
        conv("patch_embed.proj", width, views * channels, patch)
        if config.get("norm", True):
            norm("patch_embed.norm", views * channels * patch[0] * patch[1])
        return grid
    elif kind == "cross_scale":
        kernels = config.get("kernels", [s * patch[0] for s in (1, 2, 4, 8)
                                         if s * max(patch) <= min(size)])
        for i, (kernel, out) in enumerate(zip(kernels, shares(width, len(kernels)))):
            conv(f"patch_embed.projs.{i}", out, channels, [kernel, kernel])
    if config.get("norm", True):
        norm("patch_embed.norm", width)
    return grid


def shares(channels, kernels):
    """C/2, C/4, ..., the last two alike."""
    halves = [channels >> (i + 1) for i in range(kernels - 1)]
    return halves + [channels - sum(halves)]


def merging(model, add, linear, norm, name, inner, out):
    """Adds the parameters of a merging."""
    config = model.get("patch_merging", {})
    kind, v2 = config.get("type", "linear"), model["name"] == "swin_v2"

    def conv(label, outer, kernel):
        add(f"{name}.{label}.weight", outer, inner, kernel, kernel)
        add(f"{name}.{label}.bias", outer)

    gathered = inner
    if kind == "conv":
        conv("reduction", out, config.get("kernel", 3))
    elif kind == "cross_scale":
        kernels = config.get("kernels", [2, 4])
        for i, (kernel, share) in enumerate(zip(kernels, shares(out, len(kernels)))):
            conv(f"reductions.{i}", share, kernel)
    else:
        gathered *= {"linear": 4, "shifted": 36 if config.get("directions") == "eight" else 20}[kind]
        linear(name + ".reduction", out, gathered, False)
    norm(name + ".norm", out if v2 else gathered)


def weights_of(model, rng):
    """Random parameters of a model under Tessera's names."""
    result = {}

    def add(name, *shape):
        result[name] = rng.normal(0, 0.2, shape) + (1 if len(shape) == 1 and "norm" in name
                                                    and name.endswith("weight") else 0)

    def linear(name, out, inner, bias=True):
        add(name + ".weight", out, inner)
        if bias:
            add(name + ".bias", out)

    def norm(name, size):
        add(name + ".weight", size)
        add(name + ".bias", size)

    vit, v2 = model["name"] == "vit", model["name"] == "swin_v2"
    position, channels = model["position"], model["embed_dim"]
    token = model.get("pool") == "token"
    grid = embedding(model, add, linear, norm)
    if token:
        add("cls_token", 1, 1, channels)
    if position == "absolute":
        add("pos_embed" if vit else "absolute_pos_embed", 1, grid[0] * grid[1] + token, channels)
    for stage, depth in enumerate(model["depths"]):
        heads = model["num_heads"][stage]
        window = grid if vit else pair(model["window_size"])
        if not vit and model.get("window_policy", "clamp") == "clamp":
            window = [min(w, g) for w, g in zip(window, grid)]
        for block in range(depth):
            name = f"blocks.{block}" if vit else f"stages.{stage}.blocks.{block}"
            norm(name + ".norm1", channels)
            norm(name + ".norm2", channels)
            linear(name + ".attn.qkv", 3 * channels, channels, model.get("qkv_bias", True))
            linear(name + ".attn.proj", channels, channels)
            linear(name + ".mlp.fc1", 4 * channels, channels)
            linear(name + ".mlp.fc2", channels, 4 * channels)
            if position == "relative":
                add(name + ".attn.relative_position_bias_table",
                    (2 * window[0] - 1) * (2 * window[1] - 1), heads)
            if position == "continuous":
                linear(name + ".attn.cpb_mlp.0", 512, 2)
                linear(name + ".attn.cpb_mlp.2", heads, 512, False)
            if v2:
                add(name + ".attn.logit_scale", heads, 1, 1)
        if stage + 1 < len(model["depths"]):
            factor = model.get("channel_multiplier", 2)
            wider = int(channels * (factor[stage] if isinstance(factor, list) else factor))
            merging(model, add, linear, norm, f"stages.{stage}.downsample", channels, wider)
            grid = [(g + 1) // 2 for g in grid]
            channels = wider
    norm("norm", channels)
    linear("head", model["num_classes"], channels)
    return result


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stderr}")


def largest_difference(arguments, model, folder):
    """Of the logits of three images; checks the exported file as well."""
    rng = np.random.default_rng(0)
    model = {"position": "relative", **model}
    config, weights, exported, data, logits = (
        os.path.join(folder, name) for name in ("m.yaml", "w", "m.onnx", "x", "y"))
    with open(config, "w") as file:
        json.dump({"model": model, "data": {"name": "none"}}, file)
    write_safetensors(weights, weights_of(model, rng))
    exporter = arguments.exporter or [arguments.program, "export"]
    run([*exporter, config, exported, "--weights", weights])
    onnx.checker.check_model(exported, full_check=True)
    if arguments.check_only:
        return 0.0
    import onnxruntime
    images = rng.normal(size=(3, model.get("in_channels", 3),
                              *pair(model["image_size"]))).astype(np.float32)
    write_safetensors(data, {"input": images})
    run([arguments.program, "forward", "--model", config, "--weights", weights, "--input", data,
         "--output", logits])
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    return float(np.abs(session.run(None, {"input": images})[0]
                        - read_safetensors(logits)["logits"]).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    parser.add_argument("--check-only", action="store_true", help="only onnx.checker")
    parser.add_argument("--exporter", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    worst = ("", 0.0)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        for label, model in cases():
            difference = largest_difference(arguments, model, folder)
            count += 1
            if difference > TOLERANCE or np.isnan(difference):
                print(f"{label}: {difference:.2e}")
            if not difference <= worst[1]:
                worst = (label, difference)
    print(f"{count} models, largest difference {worst[1]:.2e} ({worst[0]})")
    return 0 if worst[1] <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
