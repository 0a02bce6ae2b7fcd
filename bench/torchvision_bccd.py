#!/usr/bin/env python3
"""torchvision's FCOS on a Swin, trained on BCCD by PyTorch: configs/bccd_fcos.yaml beside another program.

    python3 bench/torchvision_bccd.py --root BCCD --out runs/torchvision_bccd
    tessera score runs/torchvision_bccd/test_truth.json runs/torchvision_bccd/test_best.json

One line of JSON an evaluation, appended to OUT/metrics.jsonl and printed; at the end the test split for
the last weights and for those that were best on the validation split by AP50. A checkpoint every
--save-every epochs: the same command again goes on from it. Needs torch, torchvision and pycocotools.

The same as in the configuration: the lists of the data set, photos at half size in training and in
testing (figures are taken at the photos' own coordinates), widths, depths, heads, window, stochastic
depth, pyramid, levels, towers, groups, loss, what becomes of outputs in testing, flips, scales, crops
(a box stays if its middle does), the mean colour around what is smaller than the crop, normalisation,
batch, last incomplete batch left out, epochs, warm-up, cosine, weight decay (none on vectors and
position tables), clipping, averaged weights, the standard deviation of initial weights. Stem and
merging are the convolutions of the configuration, written in pytorch_models.py.

What differs:
- AdamW and its rate in place of Muon.
- torchvision lets tokens attend to the zeros that fill a map up to whole windows (15 x 20 tokens of
  the last stage to 20 x 20); the configuration masks them.
- A place of a level is at the corner of its cell, and the 8 rows of the coarsest level are 30 pixels
  apart (torchvision divides 240 by 8); the configuration has middles, 32 pixels apart. Bounds of the
  levels' ranges are torchvision's.
- No learned factor of each level's boxes: torchvision has none.
- Colours: the same draws (half of the images each: brightness +-32, contrast and saturation by 0.5 to
  1.5, hue by +-0.1 turns), but saturation blends with grey, as torchvision.transforms.v2 does it.
- Random numbers: seeds are not comparable.

Truth: corners of VOC count from 1 and belong to the box, so that [xmin - 1, ymin - 1, xmax, ymax] is
taken, cut to the photo; what has xmin = xmax or ymin = ymax is left out; what is marked difficult is
neither learned nor counted (a crowd of COCO's; BCCD has none).
"""
import argparse
import contextlib
import json
import math
import os
import sys
import time

import torch

import pytorch_models
from bccd_photos import CLASSES, SIZE, augmented, coco_truth, figures, plain, read_split

CASE = dict(size=SIZE, classes=len(CLASSES), patch=4, dim=48, depths=[2, 2, 4], heads=[2, 4, 8],
            window=10, mlp_ratio=2.0, drop_path=0.05, convolutional=True, channels=96, convs=2,
            groups=16, levels=[8, 16, 32])
INIT_STD = 0.04
BATCH, WARMUP_EPOCHS, LEAST_LR, WEIGHT_DECAY, CLIP, EMA = 8, 2, 1e-5, 0.05, 10.0, 0.99


class Detector(torch.nn.Module):
    """torchvision's FCOS whose outputs leave autocast in f32, so that loss and boxes are computed in it."""

    def __init__(self):
        super().__init__()
        self.fcos = pytorch_models.fcos(CASE)
        body = self.fcos.backbone.body
        for module in body.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.trunc_normal_(module.weight, std=INIT_STD)
                if module.bias is not None:
                    torch.nn.init.zeros_(module.bias)
        for name, table in body.named_parameters():
            if name.endswith("relative_position_bias_table"):
                torch.nn.init.trunc_normal_(table, std=INIT_STD)
        for conv in self.fcos.backbone.coarse:  # as the pyramid's own
            torch.nn.init.kaiming_uniform_(conv.weight, a=1)
            torch.nn.init.zeros_(conv.bias)
        self.fcos.head.register_forward_hook(
            lambda _, __, outputs: {name: value.float() for name, value in outputs.items()})

    def forward(self, images, targets=None):
        return self.fcos(images, targets)


class Average:
    """Of the weights: after update t by d = min(EMA, t / (9 + t))."""

    def __init__(self, model):
        self.live = list(model.parameters())
        self.values = [value.detach().clone() for value in self.live]
        self.updates = 0

    def update(self):
        self.updates += 1
        share = 1 - min(EMA, self.updates / (9 + self.updates))
        torch._foreach_lerp_(self.values, [value.detach() for value in self.live], share)

    @contextlib.contextmanager
    def swapped(self):
        kept = [value.detach().clone() for value in self.live]
        with torch.no_grad():
            torch._foreach_copy_(self.live, self.values)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.live, kept)


def make_optimizer(model, lr):
    decayed = {True: [], False: []}
    for name, value in model.named_parameters():
        decayed[value.dim() > 1 and not name.endswith("relative_position_bias_table")].append(value)
    groups = [{"params": decayed[True], "weight_decay": WEIGHT_DECAY},
              {"params": decayed[False], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def rate(step, steps, per_epoch, lr):
    """Of update `step` from 0 on."""
    warmup = WARMUP_EPOCHS * per_epoch
    if step < warmup:
        return lr * (step + 1) / warmup
    done = (step + 1 - warmup) / max(1, steps - warmup)
    return LEAST_LR + (lr - LEAST_LR) * 0.5 * (1 + math.cos(math.pi * done))


def detect(model, samples, precision):
    """In COCO's form, at the photos' own coordinates."""
    model.eval()
    found = []
    for first in range(0, len(samples), BATCH):
        part = samples[first:first + BATCH]
        images = [plain(sample) for sample in part]
        with torch.no_grad(), precision():
            outputs = model(images)
        for number, (sample, output) in enumerate(zip(part, outputs), first + 1):
            scale = torch.tensor([sample["image"].shape[2] / SIZE[1],
                                  sample["image"].shape[1] / SIZE[0]]).repeat(2)
            boxes = output["boxes"].float() * scale
            boxes[:, 2:] -= boxes[:, :2]
            found += [{"image_id": number, "category_id": label + 1, "bbox": box, "score": score}
                      for box, label, score in zip(boxes.tolist(), output["labels"].tolist(),
                                                   output["scores"].tolist())]
    model.train()
    return found


def write(path, value):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)


def save(path, state):
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)


class Run:
    """A training in a folder, from its checkpoint if there is one."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.precision = ((lambda: torch.autocast("cpu", dtype=torch.bfloat16))
                          if arguments.precision == "bf16" else contextlib.nullcontext)
        os.makedirs(arguments.out, exist_ok=True)
        torch.manual_seed(arguments.seed)
        self.model = Detector()
        self.optimizer = make_optimizer(self.model, arguments.lr)
        self.average = Average(self.model)
        self.epoch, self.seconds, self.best = 0, 0.0, -1.0
        self.best_weights = None
        if os.path.exists(self.path("checkpoint.pt")):
            self.load(torch.load(self.path("checkpoint.pt"), weights_only=True))

    def path(self, name):
        return os.path.join(self.arguments.out, name)

    def load(self, state):
        for key in ("lr", "epochs", "seed", "precision"):
            if state["arguments"][key] != getattr(self.arguments, key):
                sys.exit(f"{self.path('checkpoint.pt')} was trained with {key} "
                         f"{state['arguments'][key]}, not {getattr(self.arguments, key)}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.values, self.average.updates = state["average"], state["updates"]
        self.epoch, self.seconds, self.best = state["epoch"], state["seconds"], state["best"]
        self.best_weights = state["best_weights"]
        # What was evaluated after the checkpoint comes again, the tests too.
        lines = []
        if os.path.exists(self.path("metrics.jsonl")):
            with open(self.path("metrics.jsonl"), encoding="utf-8") as file:
                lines = [(line, json.loads(line)) for line in file]
        with open(self.path("metrics.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(line for line, values in lines
                            if "test" not in values and values["epoch"] <= self.epoch)

    def save(self):
        arguments = {key: getattr(self.arguments, key) for key in ("lr", "epochs", "seed", "precision")}
        save(self.path("checkpoint.pt"),
             {"arguments": arguments, "model": self.model.state_dict(),
              "optimizer": self.optimizer.state_dict(), "average": self.average.values,
              "updates": self.average.updates, "epoch": self.epoch, "seconds": self.seconds,
              "best": self.best, "best_weights": self.best_weights})

    def report(self, line):
        text = json.dumps(line)
        print(text, flush=True)
        with open(self.path("metrics.jsonl"), "a", encoding="utf-8") as file:
            file.write(text + "\n")

    def step(self, samples, lr):
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        images, targets = zip(*(augmented(sample) for sample in samples))
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            loss = sum(self.model(list(images), list(targets)).values())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.average.update()
        return loss.item()

    def train(self, train, val):
        per_epoch = len(train) // BATCH
        steps = self.arguments.epochs * per_epoch
        truth = coco_truth(val)
        self.model.train()
        last = self.arguments.until or self.arguments.epochs
        while self.epoch < last:
            start = time.perf_counter()
            torch.manual_seed((self.arguments.seed << 20) + self.epoch + 1)  # resumed: the same draws
            order, losses = torch.randperm(len(train)).tolist(), []
            for i in range(per_epoch):
                step = self.epoch * per_epoch + i
                losses.append(self.step([train[k] for k in order[i * BATCH:(i + 1) * BATCH]],
                                        rate(step, steps, per_epoch, self.arguments.lr)))
                if 0 < self.arguments.steps <= step + 1:
                    took = time.perf_counter() - start
                    print(f"loss {losses[0]:.4f} to {losses[-1]:.4f}, {took / (i + 1):.2f} s a step")
                    return
            self.epoch += 1
            self.seconds += time.perf_counter() - start
            if self.epoch % self.arguments.eval_every == 0 or self.epoch == last:
                self.evaluate(val, truth, self.epoch * per_epoch, sum(losses) / len(losses))
            if self.epoch % self.arguments.save_every == 0 or self.epoch == last:
                self.save()

    def evaluate(self, val, truth, step, loss):
        with self.average.swapped():
            result = figures(truth, detect(self.model, val, self.precision))
        result.pop("classes")
        self.report({"epoch": self.epoch, "step": step, "images": step * BATCH,
                     "train/loss": loss, "seconds": round(self.seconds, 1)}
                    | {f"val/{name}": value for name, value in result.items()})
        if result["ap50"] > self.best:
            self.best = result["ap50"]
            self.best_weights = {"epoch": self.epoch,
                                 "values": [value.clone() for value in self.average.values]}

    def test(self, samples):
        truth = coco_truth(samples)
        write(self.path("test_truth.json"), truth)
        last = {"epoch": self.epoch, "values": self.average.values}
        for name, weights in (("last", last), ("best", self.best_weights or last)):
            self.average.values = weights["values"]
            with self.average.swapped():
                found = detect(self.model, samples, self.precision)
            write(self.path(f"test_{name}.json"), found)
            self.report({"test": name, "epoch": weights["epoch"]} | figures(truth, found))
        self.average.values = last["values"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="folder of BCCD")
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--until", type=int, default=0,
                        help="end after this epoch of --epochs; without it the command goes on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--eval-every", type=int, default=5, help="epochs")
    parser.add_argument("--save-every", type=int, default=5, help="epochs")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many, to see the time")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    run = Run(arguments)
    count = sum(value.numel() for value in run.model.parameters())
    print(f"torch {torch.__version__}, {count} parameters, {arguments.precision}, "
          f"from epoch {run.epoch}", file=sys.stderr, flush=True)
    run.train(read_split(arguments.root, "train"), read_split(arguments.root, "val"))
    if arguments.steps == 0:
        run.test(read_split(arguments.root, "test"))


if __name__ == "__main__":
    main()
