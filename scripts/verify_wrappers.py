#!/usr/bin/env python3
"""Saves one Swin in all the ways in which training scripts wrap weights, and reads each of them.

Every file is loaded with the same logits, or refused in one line that says what to do. Prints a
table; exit code 1 if anything else happens.

  python3 scripts/verify_wrappers.py [--program build/release/tessera]

Needs torch 2, timm and numpy, for this check only.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import numpy as np
import torch
from timm.models.swin_transformer import SwinTransformer

import tensor_file
import torch_parity

MODEL = {"image_size": 32, "in_channels": 3, "num_classes": 5, "patch_size": 4, "embed_dim": 16,
         "depths": [1, 1], "num_heads": [1, 2], "window_size": 4, "padding": "timm"}


def swin(seed):
    torch.manual_seed(seed)
    return torch_parity.randomize(SwinTransformer(
        img_size=32, window_size=4, embed_dim=16, depths=(1, 1), num_heads=(1, 2), num_classes=5))


class Lightning(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.net = model
        self.criterion = torch.nn.CrossEntropyLoss(weight=torch.ones(5))


class Apart(torch.nn.Module):
    """Backbone and head in modules of their own."""

    def __init__(self, model):
        super().__init__()
        head, model.head.fc = model.head.fc, torch.nn.Identity()
        self.backbone = model
        self.head = torch.nn.Module()
        self.head.fc = head


class Recorder:
    """A class of the training script."""


def averaged(model):
    return torch.optim.swa_utils.AveragedModel(model)


def adam(model):
    optimizer = torch.optim.AdamW(model.parameters())
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    return optimizer.state_dict()


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


def shapes(right, wrong, folder):
    """(label, what torch.save gets, None or what the refusal says). `right` is the model whose
    logits are expected, `wrong` another one that must not be taken."""
    good, bad = right.state_dict(), wrong.state_dict()
    yield "state_dict", good, None
    yield "OrderedDict", collections.OrderedDict(good), None
    yield "{model}", {"model": good}, None
    yield "{state_dict}", {"state_dict": good, "epoch": 3}, None
    yield "{model_state_dict, optimizer}", {"model_state_dict": good, "optimizer": adam(swin(3))}, None
    yield "{net}", {"net": good, "acc": 0.9}, None
    yield "DataParallel", torch.nn.DataParallel(right).state_dict(), None
    yield "torch.compile", torch.compile(right).state_dict(), None
    yield "compiled and parallel", prefixed("_orig_mod.module.", good), None
    yield "Lightning", {"state_dict": Lightning(right).state_dict(), "pytorch-lightning_version": "2.5",
                        "hyper_parameters": {"lr": 1e-3}, "callbacks": {"x": None}}, None
    yield "backbone and head apart", None, None  # made below: the modules change
    yield "{model, model_ema}: averaged", {"model": bad, "model_ema": averaged(right).state_dict()}, None
    yield "{state_dict, state_dict_ema}", {"state_dict": bad, "state_dict_ema": good}, None
    yield "{ema, model}", {"ema": good, "model": bad}, None
    yield "{student, teacher}", {"student": prefixed("module.", bad), "teacher": prefixed("module.", good)}, None
    yield "deeply nested", {"a": {"b": {"c": {"model": good}}}}, None
    yield "a tuple (weights, epoch)", (good, 12), None
    yield "a list of dictionaries", [{"model": good}, {"lr": 0.1}], None
    yield "numpy scalars", {"model": good, "best": np.float64(0.9), "step": np.int32(7)}, None
    yield "numpy arrays beside", {"model": good, "history": np.arange(5), "rng": np.random.get_state()}, None
    yield "large integers", {"model": good, "seed": 2**64 - 1, "id": -2**200}, None
    yield "paths and devices", {"model": good, "path": pathlib.Path("/tmp/x"), "device": torch.device("cpu"),
                                "dtype": torch.bfloat16, "shape": torch.Size([1, 2])}, None
    yield "sets, ranges, complex", {"model": good, "seen": {1, 2}, "frozen": frozenset({"a"}),
                                    "span": range(3), "z": 1j, "slice": slice(1, 2)}, None
    yield "Namespace", {"model": good, "args": argparse.Namespace(lr=1e-3, out=pathlib.Path("."))}, None
    yield "SimpleNamespace, dates", {"model": good, "cfg": types.SimpleNamespace(a=1),
                                     "date": datetime.datetime(2026, 1, 2)}, None
    yield "defaultdict, Counter, deque", {"model": good, "n": collections.Counter("aab"),
                                          "d": collections.defaultdict(list, a=[1]),
                                          "q": collections.deque([1, 2])}, None
    yield "parameters instead of tensors", {"model": {name: torch.nn.Parameter(value) if value.is_floating_point()
                                                      else value for name, value in good.items()}}, None
    yield "counters beside the weights", {**good, "n_averaged": torch.tensor(5),
                                          "num_batches_tracked": torch.tensor(9)}, None
    yield "float16", {"model": {name: value.half() for name, value in good.items()}}, None
    yield "views of one storage", {"model": flat(good)}, None
    yield "a random generator's state", {"model": good, "rng": torch.get_rng_state()}, None
    yield "old format of torch.save", ("legacy", {"model": good}), "save it again"
    yield "pickle protocol 4", ("protocol", {"model": good, "s": {1}}), None
    yield "safetensors, prefixed", ("safetensors", prefixed("model.", good)), None
    yield "safetensors in shards", ("shards", good), None
    yield "the model itself", right, "torch.save(model.state_dict()"
    yield "an object of the script", {"model": good, "recorder": Recorder()}, "torch.save(model.state_dict()"
    yield "another architecture", torch.nn.Sequential(torch.nn.Linear(3, 4)).state_dict(), "names are not those"


def flat(state):
    """All tensors as views of one vector, as optimizers that fuse parameters leave them."""
    buffer = torch.cat([value.reshape(-1) for value in state.values()])
    views, at = {}, 0
    for name, value in state.items():
        views[name] = buffer[at:at + value.numel()].view(value.shape)
        at += value.numel()
    return views


def write(content, folder):
    path = os.path.join(folder, "weights.pth")
    if isinstance(content, tuple) and content[0] == "legacy":
        torch.save(content[1], path, _use_new_zipfile_serialization=False)
    elif isinstance(content, tuple) and content[0] == "protocol":
        torch.save(content[1], path, pickle_protocol=4)
    elif isinstance(content, tuple) and content[0] == "safetensors":
        path = os.path.join(folder, "weights.safetensors")
        tensor_file.write(path, {name: value.numpy() for name, value in content[1].items()})
    elif isinstance(content, tuple) and content[0] == "shards":
        names = list(content[1])
        map_of = {}
        for i, part in enumerate((names[::2], names[1::2])):
            file = f"model-0000{i + 1}-of-00002.safetensors"
            tensor_file.write(os.path.join(folder, file), {n: content[1][n].numpy() for n in part})
            map_of.update({name: file for name in part})
        path = os.path.join(folder, "model.safetensors.index.json")
        with open(path, "w") as file:
            json.dump({"metadata": {}, "weight_map": map_of}, file)
    else:
        torch.save(content, path)
    return path


def check(label, content, refusal, expected, program, folder):
    path = write(content, folder)
    place = lambda name: os.path.join(folder, name)
    with open(place("m.yaml"), "w") as file:
        json.dump({"model": MODEL, "data": {"name": "none"}}, file)
    tensor_file.write(place("x"), {"input": expected["input"]})
    result = subprocess.run([program, "forward", "--model", place("m.yaml"), "--weights", path,
                             "--input", place("x"), "--output", place("y")], capture_output=True, text=True)
    said = result.stderr.strip()
    if refusal is None:
        good = result.returncode == 0
        far = np.abs(tensor_file.read(place("y"))["logits"] - expected["logits"]).max() if good else 0
        good = good and far < (2e-2 if label == "float16" else 1e-4)
        said = f"loaded, logits {far:.0e}" if good else said or f"other logits: {far:.1e}"
    else:
        good = result.returncode == 1 and refusal in said and said.count("\n") == 0
    print(f"{'ok  ' if good else 'FAIL'} {label}: {said[:160]}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(torch_parity.ROOT, "build/release/tessera"))
    program = os.path.abspath(parser.parse_args().program)
    torch.set_num_threads(1)
    right, wrong = swin(1), swin(2)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = {"input": images.numpy(), "logits": right(images).numpy()}
    good = []
    for label, content, refusal in shapes(right, wrong, None):
        if label == "backbone and head apart":
            content = Apart(swin(1)).state_dict()
        with tempfile.TemporaryDirectory() as folder:
            good.append(check(label, content, refusal, expected, program, folder))
    print(f"{sum(good)} of {len(good)} files are read or refused as they should be")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
