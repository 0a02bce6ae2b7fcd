#!/usr/bin/env python3
"""Writes tests/fixtures/vit_32.safetensors: a small ViT as torchvision computes it.

    python3 scripts/make_vit_fixture.py [FILE]

Needs torch and torchvision (0.14 made the file in the repository); tests need neither. Every
parameter is random; names are timm's, which are Tessera's; `grad/NAME` are the gradients of the mean
cross entropy with label smoothing.
"""
import json
import re
import sys

import torch
from torchvision.models.vision_transformer import VisionTransformer

import tensor_file

MODEL = {"name": "vit", "image_size": [32, 32], "in_channels": 3, "num_classes": 10, "patch_size": 4,
         "patch_embed": {"norm": False}, "embed_dim": 24, "depths": [2], "num_heads": [3],
         "mlp_ratio": 2.0, "position": "absolute", "pool": "token"}
LABEL_SMOOTHING = 0.1

NAMES = [(r"^conv_proj", "patch_embed.proj"), (r"^class_token", "cls_token"),
         (r"^encoder\.pos_embedding", "pos_embed"),
         (r"^encoder\.layers\.encoder_layer_(\d+)", r"blocks.\1"),
         (r"\.ln_(\d)", r".norm\1"), (r"\.self_attention\.in_proj_", ".attn.qkv."),
         (r"\.self_attention\.out_proj", ".attn.proj"), (r"\.mlp\.(0|linear_1)\.", ".mlp.fc1."),
         (r"\.mlp\.(3|linear_2)\.", ".mlp.fc2."), (r"^encoder\.ln", "norm"),
         (r"^heads\.head", "head")]


def timm_name(name):
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def main():
    torch.manual_seed(0)
    model = VisionTransformer(
        image_size=MODEL["image_size"][0], patch_size=MODEL["patch_size"],
        num_layers=MODEL["depths"][0], num_heads=MODEL["num_heads"][0],
        hidden_dim=MODEL["embed_dim"], mlp_dim=int(MODEL["embed_dim"] * MODEL["mlp_ratio"]),
        num_classes=MODEL["num_classes"])
    for name, parameter in model.named_parameters():
        around = 1.0 if re.search(r"ln(_\d)?\.weight$", name) else 0.0
        torch.nn.init.normal_(parameter, around, 0.2)
    images = torch.randn(3, 3, *MODEL["image_size"], requires_grad=True)
    target = torch.tensor([1, 7, 4])
    model.eval()
    logits = model(images)
    loss = torch.nn.functional.cross_entropy(logits, target, label_smoothing=LABEL_SMOOTHING)
    loss.backward()
    tensors = {"input": images, "target": target, "logits": logits, "loss": loss.reshape(1),
               "grad/input": images.grad}
    for name, parameter in model.named_parameters():
        tensors["param/" + timm_name(name)] = parameter
        tensors["grad/" + timm_name(name)] = parameter.grad
    path = sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures/vit_32.safetensors"
    tensor_file.write(path, {name: value.detach().numpy() for name, value in tensors.items()},
                      {"family": "torchvision", "model": json.dumps(MODEL),
                       "label_smoothing": str(LABEL_SMOOTHING), "torch": torch.__version__})


if __name__ == "__main__":
    main()
