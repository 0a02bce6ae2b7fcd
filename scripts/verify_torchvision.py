#!/usr/bin/env python3
"""Compares Tessera with torchvision: Swin, Swin v2 and ViT of odd shapes, with random weights.

Weights of torchvision go into `tessera forward --grad` as a .pth: logits must agree within 1e-4 and
gradients within 1e-3 of the largest of their tensor. Then they go through `tessera convert` to
Tessera's names and back; torchvision must load them with strict=True and give the same logits.

  /usr/bin/python3 scripts/verify_torchvision.py [--program build/release/tessera]

Needs torch, torchvision and numpy, for this check only: Debian's (0.14) and newer ones will do.
"""
from torchvision.models import swin_transformer as swin
from torchvision.models.vision_transformer import VisionTransformer

import torch

import torch_parity


def swin_case(label, version, image_size, patch_size, window_size, in_channels=3, depths=(2, 2),
              num_heads=(2, 4)):
    config = {"name": "swin" if version == 1 else "swin_v2", "image_size": list(image_size),
              "in_channels": in_channels, "patch_size": list(patch_size), "embed_dim": 16,
              "depths": list(depths), "num_heads": list(num_heads),
              "window_size": list(window_size), "padding": "torchvision", "window_policy": "pad"}

    def make():
        model = swin.SwinTransformer(
            patch_size=config["patch_size"], embed_dim=16, depths=config["depths"],
            num_heads=config["num_heads"], window_size=config["window_size"],
            stochastic_depth_prob=0.0, num_classes=10,
            block=swin.SwinTransformerBlock if version == 1 else swin.SwinTransformerBlockV2,
            downsample_layer=swin.PatchMerging if version == 1 else swin.PatchMergingV2)
        if in_channels != 3:
            model.features[0][0] = torch.nn.Conv2d(in_channels, 16, patch_size, patch_size)
        return model

    return f"Swin v{version}, {label}", make, config


def vit_case(label, image_size, patch_size):
    config = {"name": "vit", "image_size": [image_size] * 2, "patch_size": patch_size,
              "patch_embed": {"norm": False}, "embed_dim": 24, "depths": [3], "num_heads": [3],
              "mlp_ratio": 2.0, "position": "absolute", "pool": "token"}
    return f"ViT, {label}", lambda: VisionTransformer(
        image_size=image_size, patch_size=patch_size, num_layers=3, num_heads=3, hidden_dim=24,
        mlp_dim=48, num_classes=10), config


def cases():
    for version in (1, 2):
        yield swin_case("square", version, (32, 32), (2, 2), (4, 4))
        yield swin_case("rectangular image", version, (16, 40), (2, 2), (4, 4))
        yield swin_case("window larger than the map on one axis", version, (12, 40), (2, 2), (7, 7))
        yield swin_case("odd maps, patch 3", version, (33, 39), (3, 3), (4, 4))
        yield swin_case("one channel, pixels left over", version, (35, 30), (4, 4), (3, 3), 1)
        yield swin_case("rectangular window and patch", version, (36, 28), (2, 4), (3, 5))
        yield swin_case("three stages", version, (44, 44), (2, 2), (7, 7), 3, (1, 2, 3), (2, 4, 8))
    yield vit_case("square", 32, 4)
    yield vit_case("patch 3", 27, 3)


if __name__ == "__main__":
    torch_parity.main(__doc__, "torchvision", cases())
