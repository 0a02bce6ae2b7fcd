#!/usr/bin/env python3
"""Writes tests/fixtures/timm_swin{,_v2}_pad_22x14.safetensors: maps that windows do not divide,
and timm_positions.safetensors: absolute positions for other maps.

    python3 scripts/make_timm_fixture.py [FOLDER]

Needs torch and timm (1.0 made the files in the repository); tests need neither. Shifted maps are
rolled before they are padded; the second stage's window shrinks on one axis only. Every parameter is
random; `grad/NAME` are the gradients of the mean cross entropy.
"""
import json
import os
import sys

import timm
import torch
from timm.layers import resample_abs_pos_embed
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2

import tensor_file
import torch_parity

MODEL = {"image_size": [22, 14], "in_channels": 1, "num_classes": 5, "patch_size": 2, "embed_dim": 8,
         "depths": [2, 2], "num_heads": [2, 4], "window_size": 5}


def write(kind, name, path):
    torch.manual_seed(0)
    model = torch_parity.randomize(kind(
        img_size=MODEL["image_size"], patch_size=MODEL["patch_size"],
        in_chans=MODEL["in_channels"], num_classes=MODEL["num_classes"],
        embed_dim=MODEL["embed_dim"], depths=MODEL["depths"], num_heads=MODEL["num_heads"],
        window_size=MODEL["window_size"], drop_path_rate=0.0))
    images = torch.randn(3, MODEL["in_channels"], *MODEL["image_size"])
    target = torch.tensor([1, 4, 2])
    tensors = {"input": images.numpy(), "target": target.numpy(),
               **torch_parity.reference(model, images, target)}
    for parameter, value in model.named_parameters():
        tensors["param/" + parameter] = value.detach().numpy()
    tensor_file.write(path, tensors, {"family": "timm", "model": json.dumps({"name": name, **MODEL}),
                                      "timm": timm.__version__})


def write_positions(path):
    """Of 14 x 14 tokens behind a class token: for fewer, for more, for another shape."""
    torch.manual_seed(0)
    table = torch.randn(1, 1 + 14 * 14, 4)
    tensors = {"positions": table.numpy()}
    for height, width in ((7, 7), (20, 20), (5, 17)):
        tensors[f"positions/{height}x{width}"] = resample_abs_pos_embed(
            table, [height, width], num_prefix_tokens=1).numpy()
    tensor_file.write(path, tensors, {"timm": timm.__version__})


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures"
    write(SwinTransformer, "swin", os.path.join(folder, "timm_swin_pad_22x14.safetensors"))
    write(SwinTransformerV2, "swin_v2", os.path.join(folder, "timm_swin_v2_pad_22x14.safetensors"))
    write_positions(os.path.join(folder, "timm_positions.safetensors"))
