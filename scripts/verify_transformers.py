#!/usr/bin/env python3
"""Compares Tessera with Hugging Face's transformers: Swin, Swin v2 and ViT with random weights.

Each model is saved by save_pretrained and read from that folder: logits and every gradient of
forward --grad; then convert --to huggingface writes a folder, which from_pretrained opens without a
missing or unexpected name and answers the same.

  python3 scripts/verify_transformers.py [--program build/release/tessera]

Needs torch, transformers and numpy, for this check only.
"""
import argparse
import copy
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
from transformers import (AutoModelForImageClassification, SwinConfig,
                          SwinForImageClassification, Swinv2Config,
                          Swinv2ForImageClassification, ViTConfig, ViTForImageClassification)

import tensor_file
import torch_parity

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


def randomize(model):
    for name, parameter in model.named_parameters():
        if name.endswith("logit_scale"):
            torch.nn.init.uniform_(parameter, 1.0, 4.0)
        elif "norm" in name and name.endswith(".weight"):
            torch.nn.init.normal_(parameter, 1.0, 0.2)
        else:
            torch.nn.init.normal_(parameter, 0.0, 0.1)
    return model.eval()


def tensors_in(folder):
    return tensor_file.read(os.path.join(folder, "model.safetensors"))


def reference(model, images, target, folder):
    """As torch_parity.reference, with the names that files have: the gradients are saved as one."""
    model = copy.deepcopy(model).double()
    images = images.double().requires_grad_()
    logits = model(pixel_values=images).logits
    loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    gradients = copy.deepcopy(model)
    for theirs, own in zip(gradients.parameters(), model.parameters()):
        theirs.data = own.grad if own.grad is not None else torch.zeros_like(own)
    gradients.float().save_pretrained(folder)
    results = {"logits": logits.detach().numpy(), "loss": loss.reshape(1).detach().numpy(),
               "grad/input": images.grad.numpy()}
    results.update({"grad/" + name: value for name, value in tensors_in(folder).items()})
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
        # The softmax forgets what all keys share: their bias has no gradient but rounding.
        scale = 1e-2 if name.endswith("key.bias") else max(np.abs(gradient).max(), 1e-12)
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
    print(f"{sum(good)} of {len(good)} models agree")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
