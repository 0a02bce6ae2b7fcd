#!/usr/bin/env python3
"""Compares Tessera with Hugging Face's transformers: Swin, Swin v2, ViT and UPerNet, random weights.

Each model is saved by save_pretrained and read from that folder: logits and every gradient of
forward --grad; then convert --to huggingface writes a folder, which from_pretrained opens without a
missing or unexpected name and answers the same. UPerNet in evaluation and, with running statistics
after the step, in training.

  python3 scripts/verify_transformers.py [--program build/release/tessera]

Needs torch, transformers and numpy, for this check only.
"""
import argparse
import copy
import json
import os
import re
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
from transformers import (AutoModelForImageClassification, AutoModelForSemanticSegmentation,
                          SwinConfig, SwinForImageClassification, Swinv2Config,
                          Swinv2ForImageClassification, UperNetConfig,
                          UperNetForSemanticSegmentation, ViTConfig, ViTForImageClassification)

import tensor_file
import torch_parity

UNREAD = "backbone.swin.layernorm."  # that of the backbone inside a UPerNet: published files lack it
CLASSES = {i: f"kind {i}" for i in range(10)}


def swin(label, version, size, patch, window, channels=3, depths=(2, 2), heads=(2, 4), **more):
    kind = (SwinConfig, SwinForImageClassification) if version == 1 else (
        Swinv2Config, Swinv2ForImageClassification)
    config = kind[0](image_size=size, patch_size=patch, num_channels=channels, embed_dim=16,
                     depths=list(depths), num_heads=list(heads), window_size=window,
                     drop_path_rate=0.0, id2label=CLASSES, **more)
    model = {"name": "swin" if version == 1 else "swin_v2", "image_size": size,
             "in_channels": channels, "patch_size": patch, "patch_embed": {"edge": "pad"},
             "embed_dim": 16, "depths": list(depths), "num_heads": list(heads),
             "window_size": window, "padding": "torchvision",
             "qkv_bias": more.get("qkv_bias", True), "mlp_ratio": more.get("mlp_ratio", 4.0)}
    if more.get("use_absolute_embeddings"):
        model["position"] = ["auto", "absolute"]
    if "pretrained_window_sizes" in more:
        model["pretrained_window_size"] = list(more["pretrained_window_sizes"])
    return f"Swin v{version}, {label}", kind[1], config, model


def vit(label, size, patch, channels=3, **more):
    config = ViTConfig(image_size=size, patch_size=patch, num_channels=channels, hidden_size=24,
                       num_hidden_layers=3, num_attention_heads=3, intermediate_size=48,
                       id2label=CLASSES, **more)
    model = {"name": "vit", "image_size": size, "in_channels": channels, "patch_size": patch,
             "patch_embed": {"norm": False}, "embed_dim": 24, "depths": [3], "num_heads": [3],
             "mlp_ratio": 2.0, "position": "absolute", "pool": "token",
             "qkv_bias": more.get("qkv_bias", True)}
    return f"ViT, {label}", ViTForImageClassification, config, model


def cases():
    for version in (1, 2):
        yield swin("square", version, 32, 2, 4)
        yield swin("one channel, no bias of q, k, v", version, 32, 4, 4, 1, qkv_bias=False)
        yield swin("maps that the window does not divide", version, 36, 2, 4)
        yield swin("patches that do not divide the image", version, 34, 4, 3)
        yield swin("three stages, epsilon 1e-3", version, 48, 2, 3, 3, (1, 2, 3), (2, 4, 8),
                   layer_norm_eps=1e-3, mlp_ratio=3.0)
        yield swin("epsilon 1e-12", version, 32, 2, 4, layer_norm_eps=1e-12)
    # In Swin v2 their table has a row too many, and adding it fails.
    yield swin("absolute positions", 1, 32, 2, 4, use_absolute_embeddings=True)
    yield swin("windows of before", 2, 40, 2, 5, pretrained_window_sizes=[3, 4])
    yield vit("square", 32, 4)
    yield vit("epsilon 1e-2, one channel", 30, 5, 1, layer_norm_eps=1e-2)
    yield vit("no bias of q, k, v", 32, 8, qkv_bias=False)


def upernet(label, size, patch, window, training, channels=3, depths=(1, 2, 1, 1), pools=(1, 2, 3, 6),
            auxiliary=True, **more):
    backbone = SwinConfig(image_size=32, patch_size=patch, num_channels=channels, embed_dim=8,
                          depths=list(depths), num_heads=[1, 2, 4, 8], window_size=window,
                          drop_path_rate=0.0, out_features=[f"stage{i}" for i in range(1, 5)], **more)
    config = UperNetConfig(backbone_config=backbone, hidden_size=20, pool_scales=list(pools),
                           auxiliary_in_channels=32, auxiliary_channels=12,
                           auxiliary_num_convs=2, use_auxiliary_head=auxiliary, id2label=CLASSES)
    model = {"name": "swin", "image_size": size, "in_channels": channels, "patch_size": patch,
             "embed_dim": 8, "depths": list(depths), "num_heads": [1, 2, 4, 8],
             "window_size": window, "padding": "torchvision", "window_policy": "keep",
             "qkv_bias": more.get("qkv_bias", True), "mlp_ratio": more.get("mlp_ratio", 4.0),
             "head": {"type": "upernet", "channels": 20, "pool_scales": list(pools), "norm": "batch",
                      "auxiliary": {"stage": 2, "channels": 12, "convs": 2} if auxiliary else "none"}}
    return f"UPerNet, {label}", config, model, training


def dense_cases():
    yield upernet("square", [64, 64], 4, 4, False)
    yield upernet("training", [64, 64], 4, 4, True)
    yield upernet("nothing divides, one channel, no bias of q, k, v", [45, 70], 4, 3, False, 1,
                  qkv_bias=False)
    yield upernet("training, epsilon 1e-2, patch 2, other pools", [40, 34], 2, 5, True, 3,
                  (2, 1, 1, 2), (1, 3), layer_norm_eps=1e-2, mlp_ratio=2.0)
    yield upernet("no auxiliary head, windows that cover every map", [48, 32], 4, 12, False, 3,
                  (2, 2, 2, 2), auxiliary=False)


def randomize(model):
    for name, parameter in model.named_parameters():
        if name.endswith("logit_scale"):
            torch.nn.init.uniform_(parameter, 1.0, 4.0)
        elif "norm" in name and name.endswith(".weight"):
            torch.nn.init.normal_(parameter, 1.0, 0.2)
        else:
            torch.nn.init.normal_(parameter, 0.0, 0.1)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            torch.nn.init.normal_(buffer, 0.0, 0.2)
        elif name.endswith("running_var"):
            torch.nn.init.uniform_(buffer, 0.5, 2.0)
    return model.eval()


def tensors_in(folder):
    return tensor_file.read(os.path.join(folder, "model.safetensors"))


def reference(model, images, target, folder, training=False):
    """As torch_parity.reference, with the names that files have: the gradients are saved as one."""
    model = copy.deepcopy(model).double()
    images = images.double().requires_grad_()
    model.train(training)
    answer = model(pixel_values=images, labels=target)
    logits, loss = answer.logits, answer.loss
    loss.backward()
    gradients = copy.deepcopy(model)
    for theirs, own in zip(gradients.parameters(), model.parameters()):
        theirs.data = own.grad if own.grad is not None else torch.zeros_like(own)
    gradients.float().save_pretrained(folder)
    results = {"logits": logits.detach().numpy(), "loss": loss.reshape(1).detach().numpy(),
               "grad/input": images.grad.numpy()}
    for name, value in tensors_in(folder).items():
        statistic = re.search(r"(running_mean|running_var|num_batches_tracked)$", name)
        if training and statistic and not name.endswith("tracked"):
            results["after/" + name] = value
        if not statistic and not name.startswith(UNREAD):
            results["grad/" + name] = value
    return results


def compare(theirs, ours):
    values = max(np.abs(theirs[name] - ours[name]).max() for name in ("logits", "loss"))
    worst = (0.0, "")
    for name, gradient in theirs.items():
        if not name.startswith("grad/"):
            continue
        if name not in ours:
            sys.exit(f"no {name} from Tessera")
        difference = np.abs(gradient - ours[name]).max()
        # The softmax forgets what all keys share, a batch norm what all positions do: in double
        # precision such gradients are zero, in single precision what rounding leaves.
        largest = np.abs(gradient).max()
        scale = 1e-2 if largest < 1e-12 else largest
        worst = max(worst, (difference / scale, name))
    return values, worst


def check(label, kind, config, model_config, program, folder):
    place = lambda name: os.path.join(folder, name)
    torch.manual_seed(0)
    model = randomize(kind(config))
    size, channels = config.image_size, config.num_channels
    images, target = torch.randn(3, channels, size, size), torch.tensor([1, 7, 4])
    with open(place("m.yaml"), "w") as file:
        json.dump({"model": {"num_classes": 10, **model_config}, "data": {"name": "none"}}, file)
    model.save_pretrained(place("theirs"))
    tensor_file.write(place("x"), {"input": images.numpy(), "target": target.numpy()})
    torch_parity.run(program, "forward", "--model", place("m.yaml"), "--weights", place("theirs"),
                     "--input", place("x"), "--output", place("y"), "--grad")
    theirs = reference(model, images, target, place("gradients"))
    values, (gradients, name) = compare(theirs, tensor_file.read(place("y")))

    torch_parity.run(program, "convert", place("theirs"), place("own"))
    torch_parity.run(program, "convert", place("own"), place("back"), "--to", "huggingface",
                     "--shard-size", "20KB")
    fresh, said = AutoModelForImageClassification.from_pretrained(place("back"),
                                                                  output_loading_info=True)
    strict = not any(said[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        returned = (fresh.eval()(images).logits - model(images).logits).abs().max()
    same = fresh.config.id2label == model.config.id2label
    good = bool(values <= torch_parity.LOGITS and gradients <= torch_parity.GRADIENTS and strict and
                same and returned <= 1e-6)
    print(f"{'ok  ' if good else 'FAIL'} {label}: logits and loss {values:.1e}, gradients "
          f"{gradients:.1e} ({name}), {'strict load' if strict else said}, its logits "
          f"{returned:.1e}", flush=True)
    return good


def check_dense(label, config, model_config, training, program, folder):
    place = lambda name: os.path.join(folder, name)
    torch.manual_seed(0)
    model = randomize(UperNetForSemanticSegmentation(config))
    channels = model_config["in_channels"]
    images = torch.randn(2, channels, *model_config["image_size"])
    target = torch.randint(0, len(CLASSES), (2, *model_config["image_size"]))
    target[torch.rand(target.shape) < 0.1] = 255
    with open(place("m.yaml"), "w") as file:
        json.dump({"task": {"name": "segmentation"}, "data": {"name": "none"},
                   "model": {"num_classes": len(CLASSES), **model_config}}, file)
    model.save_pretrained(place("theirs"))
    tensor_file.write(place("x"), {"input": images.numpy(), "target": target.numpy()})
    torch_parity.run(program, "forward", "--model", place("m.yaml"), "--weights", place("theirs"),
                     "--input", place("x"), "--output", place("y"), "--grad",
                     *(["--train-mode"] if training else []))
    theirs = reference(model, images, target, place("gradients"), training)
    ours = tensor_file.read(place("y"))
    values, (gradients, name) = compare(theirs, ours)
    statistics = max([np.abs(value - ours[name]).max() / np.abs(value).max()
                      for name, value in theirs.items() if name.startswith("after/")] or [0.0])

    torch_parity.run(program, "convert", place("theirs"), place("own"))
    torch_parity.run(program, "convert", place("own"), place("back"), "--to", "huggingface")
    fresh, said = AutoModelForSemanticSegmentation.from_pretrained(place("back"),
                                                                   output_loading_info=True)
    said["missing_keys"] = [name for name in said["missing_keys"] if not name.startswith(UNREAD)]
    strict = not any(said[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        returned = (fresh.eval()(images).logits - model.eval()(images).logits).abs().max()
    good = bool(values <= torch_parity.LOGITS and gradients <= torch_parity.GRADIENTS and strict and
                statistics <= 1e-5 and returned <= 1e-6)
    print(f"{'ok  ' if good else 'FAIL'} {label}: logits and loss {values:.1e}, gradients "
          f"{gradients:.1e} ({name}), statistics {statistics:.1e}, "
          f"{'strict load' if strict else said}, its logits {returned:.1e}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(torch_parity.ROOT, "build/release/tessera"))
    program = os.path.abspath(parser.parse_args().program)
    torch.set_num_threads(1)
    good = []
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            good.append(check(*case, program, folder))
    for case in dense_cases():
        with tempfile.TemporaryDirectory() as folder:
            good.append(check_dense(*case, program, folder))
    print(f"{sum(good)} of {len(good)} models agree")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
