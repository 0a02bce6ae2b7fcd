#!/usr/bin/env python3
"""Holds `tessera forward --grad` against finite differences, for every patch embedding and merging.

Models of odd shapes with random weights: the gradients of the input and of every parameter are
compared with central differences of the loss at random coordinates.

  python3 scripts/verify_gradients.py [--program build/release/tessera]

Needs numpy, for this check only.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

import tensor_file

STEP = 1e-2        # of a coordinate
COORDINATES = 2    # of each tensor
TOLERANCE = 5e-3   # of the largest gradient of a tensor, or of NOISE
NOISE = 2e-3       # gradients below are lost in the last bits of a loss near 2

EMBEDDINGS = [
    ("linear", "16, 16", "2, 2", {}),
    ("linear", "21, 15", "3, 3", {}),
    ("linear", "18, 20", "3, 2", {"norm": "false"}),
    ("overlap", "15, 14", "2, 2", {"kernel": "5", "padding": "2"}),
    ("overlap", "21, 18", "3, 3", {"kernel": "6", "padding": "same"}),
    ("conv_stem", "16, 24", "4, 4", {}),
    ("conv_stem", "11, 9", "1, 1", {}),
    ("shifted", "14, 18", "2, 2", {"directions": "diagonal"}),
    ("shifted", "21, 15", "3, 3", {"directions": "eight"}),
    ("shifted", "9, 11", "1, 1", {"directions": "cardinal"}),
    ("cross_scale", "24, 20", "2, 2", {}),
    ("cross_scale", "21, 27", "3, 3", {"kernels": "[3, 5, 8]"}),
    ("sliding", "15, 17", "4, 4", {}),
    ("sliding", "13, 16", "3, 3", {"stride": "2"}),
]
MERGINGS = [("linear", {}), ("conv", {}), ("conv", {"kernel": "2"}),
            ("shifted", {"directions": "eight"}), ("cross_scale", {})]


def cases():
    """Label and configuration of each model, as a dictionary of dotted keys."""
    for kind, image, patch, options in EMBEDDINGS:
        yield (f"{kind} embedding, image {image}, patch {patch} {options or ''}",
               {"image_size": f"[{image}]", "patch_size": f"[{patch}]", "patch_embed.type": kind,
                **{f"patch_embed.{key}": value for key, value in options.items()}})
    for kind, options in MERGINGS:
        yield (f"{kind} merging {options or ''}",
               {"image_size": "[18, 14]", "patch_size": "[2, 2]", "patch_merging.type": kind,
                **{f"patch_merging.{key}": value for key, value in options.items()}})


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")


class Model:
    """Weights and an input of one case, and its loss by the program."""

    def __init__(self, program, config, folder):
        self.program, self.folder = program, folder
        keys = {"model.name": "swin", "model.num_classes": "4", "model.embed_dim": "8",
                "model.depths": "[2, 1]", "model.num_heads": "[2, 2]", "model.window_size": "[3, 3]",
                **{f"model.{key}": value for key, value in config.items()}}
        with open(self.path("config.yaml"), "w", encoding="utf-8") as file:
            file.write("model: {}\n")
        self.settings = [part for key, value in keys.items() for part in ("--set", f"{key}={value}")]
        random = np.random.default_rng(1)
        height, width = (int(side) for side in config["image_size"][1:-1].split(","))
        self.input = {"input": random.standard_normal((3, 3, height, width)),
                      "target": np.array([0, 3, 1])}
        name = "stages.0.blocks.0.norm1.weight"
        self.weights = {name: np.ones(8)}  # enough to tell whose names these are
        for name, gradient in self.forward("--grad", "--allow-missing", "*").items():
            if name.startswith("grad/") and name != "grad/input":
                around = 1.0 if gradient.ndim == 1 and name.endswith("weight") else 0.0  # a norm's
                self.weights[name[5:]] = around + 0.2 * random.standard_normal(gradient.shape)
                if ".stem." in name and ".norm." in name:  # far from the corner of the ReLU
                    sign = random.choice([-2.0, 2.0], gradient.shape)
                    self.weights[name[5:]] = sign if name.endswith("bias") else sign * 0.1

    def path(self, name):
        return os.path.join(self.folder, name)

    def forward(self, *options):
        tensor_file.write(self.path("weights.safetensors"), self.weights)
        tensor_file.write(self.path("input.safetensors"), self.input)
        run(self.program, "forward", "--model", self.path("config.yaml"), "--weights",
            self.path("weights.safetensors"), "--input", self.path("input.safetensors"),
            "--output", self.path("output.safetensors"), *self.settings, *options)
        return tensor_file.read(self.path("output.safetensors"))

    def loss(self):
        logits = self.forward()["logits"].astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(3), self.input["target"]]
        return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - chosen))

    def difference(self, tensor, place):
        kept = tensor[place]
        losses = []
        for step in (STEP, -STEP):
            tensor[place] = kept + step
            losses.append(self.loss())
        tensor[place] = kept
        return (losses[0] - losses[1]) / (2 * STEP)


def worst_error(model, random):
    """Largest error of a gradient, and of which tensor."""
    gradients = model.forward("--grad")
    worst = (0.0, "")
    for name, tensor in [("input", model.input["input"]), *model.weights.items()]:
        gradient = gradients[f"grad/{name}"]
        scale = max(float(np.abs(gradient).max()), NOISE)
        for _ in range(COORDINATES):
            place = tuple(int(random.integers(side)) for side in tensor.shape)
            error = abs(float(gradient[place]) - model.difference(tensor, place)) / scale
            worst = max(worst, (error, name))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/tessera")
    arguments = parser.parse_args()
    failures = 0
    for seed, (label, config) in enumerate(cases()):
        with tempfile.TemporaryDirectory() as folder:
            model = Model(os.path.abspath(arguments.program), config, folder)
            error, name = worst_error(model, np.random.default_rng(seed))
        good = error < TOLERANCE
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {label}: {error:.1e} ({name})", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
