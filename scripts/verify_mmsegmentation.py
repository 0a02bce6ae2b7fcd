#!/usr/bin/env python3
"""Compares Tessera with mmsegmentation: Swin with UPerNet or FCN heads, of odd sizes, random weights.

As scripts/verify_timm.py: forward --grad, then convert there and back, which loads strictly. The loss
has the auxiliary head's part; batch norms use their running statistics.

  python3 scripts/verify_mmsegmentation.py [--program build/release/tessera]

Needs torch, mmsegmentation 1.2, mmengine, mmcv-lite 2.1, ftfy and regex, for this check only.
"""
import copy
import json
import os
import sys
import types

import torch
from torch.nn.functional import cross_entropy, interpolate

import tensor_file
import torch_parity


class Missing:
    """In the place of compiled operations, which mmcv-lite does not have and these models do not use."""


operations = types.ModuleType("mmcv.ops")
operations.__getattr__ = lambda name: None if name.startswith("__") else Missing
sys.modules["mmcv.ops"] = operations
from mmseg.models.backbones.swin import SwinTransformer  # noqa: E402
from mmseg.models.decode_heads import FCNHead, UPerHead  # noqa: E402

CLASSES = 5


class Segmenter(torch.nn.Module):
    def __init__(self, backbone, decode_head, auxiliary_head):
        super().__init__()
        self.backbone, self.decode_head, self.auxiliary_head = backbone, decode_head, auxiliary_head

    def forward(self, images):
        maps = self.backbone(images)
        return [interpolate(head(maps), images.shape[2:], mode="bilinear", align_corners=False)
                for head in (self.decode_head, self.auxiliary_head)]


def case(head, image_size, patch_size, window_size, depths=(2, 1, 2, 1)):
    heads = tuple(2 ** s for s in range(len(depths)))
    channels = [8 * h for h in heads]
    common = {"num_classes": CLASSES, "dropout_ratio": 0.0, "align_corners": False,
              "norm_cfg": {"type": "BN"}}

    def make():
        last = len(depths) - 1
        read = tuple(range(len(depths))) if head == "upernet" else (last - 1, last)
        if head == "upernet":
            main = UPerHead(in_channels=channels, in_index=list(range(len(depths))), channels=20,
                            pool_scales=(1, 2, 3, 6), **common)
        else:
            main = FCNHead(in_channels=channels[last], in_index=1, channels=20, num_convs=2,
                           concat_input=False, **common)
        return Segmenter(
            SwinTransformer(pretrain_img_size=max(image_size), embed_dims=8, patch_size=patch_size,
                            window_size=window_size, mlp_ratio=2, depths=depths, num_heads=heads,
                            strides=(patch_size,) + (2,) * last, out_indices=read,
                            drop_path_rate=0.0),
            main,
            FCNHead(in_channels=channels[last - 1], in_index=read.index(last - 1), channels=12,
                    num_convs=1, concat_input=False, **common))

    config = {"name": "swin", "image_size": list(image_size), "num_classes": CLASSES,
              "patch_size": patch_size, "embed_dim": 8, "depths": list(depths),
              "num_heads": list(heads), "window_size": window_size, "mlp_ratio": 2, "drop_path": 0.0,
              "padding": "torchvision", "window_policy": "keep",
              "head": {"type": head, "channels": 20, "norm": "frozen_batch", "dropout": 0.0,
                       "auxiliary": {"weight": 0.4, "stage": len(depths) - 2, "channels": 12}}}
    if head == "fcn":
        config["head"]["convs"] = 2
    return f"{head}, {image_size}, patch {patch_size}, window {window_size}", make, config


def randomize(model):
    torch_parity.randomize(model)
    for name, values in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith(("bn.weight", "running_var")):
            torch.nn.init.uniform_(values, 0.5, 1.5)
        elif name.endswith("running_mean"):
            torch.nn.init.normal_(values, 0.0, 0.1)
        elif name.endswith("num_batches_tracked"):
            values.fill_(7)
    return model


def reference(model, images, target):
    model, images = copy.deepcopy(model).double(), images.double().requires_grad_()
    logits, auxiliary = model(images)
    loss = cross_entropy(logits, target) + 0.4 * cross_entropy(auxiliary, target)
    loss.backward()
    results = {"logits": logits, "loss": loss.reshape(1), "grad/input": images.grad}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            results["grad/" + name] = parameter.grad
    return {name: value.detach().numpy() for name, value in results.items()}


def check(label, make, config, naming, program, folder):
    place = lambda name: os.path.join(folder, name)
    torch.manual_seed(0)
    model = randomize(make())
    images = torch.randn(2, 3, *config["image_size"])
    target = torch.randint(0, CLASSES, (2, *config["image_size"]))
    with open(place("m.yaml"), "w") as file:
        json.dump({"task": {"name": "segmentation"}, "model": config}, file)
    torch.save({"meta": {}, "state_dict": model.state_dict()}, place("theirs.pth"))
    tensor_file.write(place("x"), {"input": images.numpy(), "target": target.numpy()})
    torch_parity.run(program, "forward", "--model", place("m.yaml"), "--weights", place("theirs.pth"),
                     "--input", place("x"), "--output", place("y"), "--grad")
    values, (gradients, name) = torch_parity.compare(reference(model, images, target),
                                                     tensor_file.read(place("y")))
    torch_parity.run(program, "convert", place("theirs.pth"), place("own"), "--to", "tessera")
    torch_parity.run(program, "convert", place("own"), place("back"), "--to", naming)
    back = {name: torch.from_numpy(value) for name, value in tensor_file.read(place("back")).items()}
    fresh = make().eval()
    fresh.load_state_dict(back, strict=True)
    same = all(torch.equal(value, fresh.state_dict()[name])
               for name, value in model.state_dict().items())
    good = bool(values <= torch_parity.LOGITS and gradients <= torch_parity.GRADIENTS and same)
    print(f"{'ok  ' if good else 'FAIL'} {label}: logits and loss {values:.1e}, gradients "
          f"{gradients:.1e} ({name}), strict load, {'the same' if same else 'OTHER'} tensors",
          flush=True)
    return good


def cases():
    yield case("upernet", (50, 62), 4, 4)
    yield case("upernet", (64, 64), 2, 7)
    yield case("upernet", (33, 71), 2, 5, (1, 2, 1))
    yield case("fcn", (50, 62), 4, 4)


if __name__ == "__main__":
    torch_parity.check = check
    torch_parity.main(__doc__, "openmmlab", cases())
