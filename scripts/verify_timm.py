#!/usr/bin/env python3
"""Compares Tessera with timm: Swin, Swin v2 and ViT of odd shapes, with random weights.

As scripts/verify_torchvision.py, with timm's names: forward --grad, then convert there and back.

  python3 scripts/verify_timm.py [--program build/release/tessera]

Needs torch, timm (0.9 or newer) and numpy, for this check only.
"""
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.vision_transformer import VisionTransformer

import torch_parity


def swin_case(label, version, image_size, patch_size, window_size, in_channels=3, depths=(2, 2),
              num_heads=(2, 4)):
    config = {"name": "swin" if version == 1 else "swin_v2", "image_size": list(image_size),
              "in_channels": in_channels, "patch_size": patch_size, "embed_dim": 16,
              "depths": list(depths), "num_heads": list(num_heads),
              "window_size": list(window_size), "padding": "timm", "window_policy": "clamp"}
    kind = SwinTransformer if version == 1 else SwinTransformerV2
    return f"Swin v{version}, {label}", lambda: kind(
        img_size=image_size, patch_size=patch_size, in_chans=in_channels, num_classes=10,
        embed_dim=16, depths=depths, num_heads=num_heads, window_size=window_size,
        drop_path_rate=0.0), config


def vit_case(label, image_size, patch_size, in_channels=3, token=True):
    config = {"name": "vit", "image_size": list(image_size), "in_channels": in_channels,
              "patch_size": patch_size, "patch_embed": {"norm": False}, "embed_dim": 24,
              "depths": [3], "num_heads": [3], "mlp_ratio": 2.0, "position": "absolute",
              "pool": "token" if token else "mean"}
    return f"ViT, {label}", lambda: VisionTransformer(
        img_size=image_size, patch_size=patch_size, in_chans=in_channels, num_classes=10,
        embed_dim=24, depth=3, num_heads=3, mlp_ratio=2.0, class_token=token, fc_norm=False,
        global_pool="token" if token else "avg"), config


def cases():
    for version in (1, 2):
        yield swin_case("square", version, (32, 32), 2, (4, 4))
        yield swin_case("rectangular image", version, (16, 40), 2, (4, 4))
        yield swin_case("window clamped on one axis", version, (12, 40), 2, (7, 7))
        yield swin_case("odd maps, patch 3", version, (33, 39), 3, (4, 4))
        yield swin_case("one channel", version, (36, 28), 4, (3, 3), 1)
        yield swin_case("rectangular window", version, (24, 32), 2, (3, 5))
        yield swin_case("three stages", version, (48, 40), 2, (4, 4), 3, (1, 2, 3), (2, 4, 8))
    yield vit_case("square", (32, 32), 4)
    yield vit_case("rectangular, patch 3, one channel", (27, 36), 3, 1)
    yield vit_case("mean instead of a class token", (32, 24), 4, 3, False)


if __name__ == "__main__":
    torch_parity.main(__doc__, "timm", cases())
