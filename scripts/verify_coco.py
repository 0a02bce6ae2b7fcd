#!/usr/bin/env python3
"""Compares `tessera score` with pycocotools over random data sets: the twelve figures and those of
each class.

usage: scripts/verify_coco.py [--program build/release/tessera] [--trials 200] [--seed 0]

Needs numpy and pycocotools. The sets have crowds, areas beside those of the boxes, scores and
overlaps that tie, images in any order without truths or detections, classes without either, more
than 100 detections of an image, and detections of categories that the truth does not have. Exits
with 1 if a figure differs by more than 1e-6.
"""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOLERANCE = 1e-6


def random_box(rng):
    size = rng.choice([8, 31.9, 32, 60, 96, 150]) * rng.uniform(0.5, 1.5, 2)
    if rng.random() < 0.2:
        size = rng.choice([32, 96]) * np.ones(2)  # right on a bound of the sizes
    return [*rng.uniform(0, 200, 2), *size]


def moved(rng, box):
    """The same, close to it, or of an overlap that is right on a threshold."""
    kind = rng.integers(4)
    if kind == 0:
        return list(box)
    if kind == 1:
        return [box[0], box[1], box[2] * rng.choice([0.5, 0.55, 0.75, 0.9]), box[3]]
    shift = rng.normal(0, rng.choice([0.02, 0.1, 0.3]), 4)
    return [box[0] + shift[0] * box[2], box[1] + shift[1] * box[3],
            box[2] * np.exp(shift[2]), box[3] * np.exp(shift[3])]


def random_set(rng):
    classes = int(rng.integers(1, 6))
    categories = [{"id": int(i), "name": f"class {i}"}
                  for i in rng.permutation(np.arange(1, 40))[:classes]]
    images = [{"id": int(i), "file_name": f"{i}.jpg", "width": 400, "height": 400}
              for i in rng.permutation(1000)[:rng.integers(1, 25)]]
    step = rng.choice([0.001, 0.05, 0.25])
    many = rng.random() < 0.1
    annotations, detections = [], []
    first = int(rng.choice([0, 1, 17]))
    for image in images:
        truths = []
        for _ in range(rng.integers(0, 12) if rng.random() < 0.8 else 0):
            box = random_box(rng)
            category = int(rng.integers(classes)) if rng.random() < 0.9 else 0
            truths.append((box, category))
            annotations.append({
                "id": first + len(annotations), "image_id": image["id"],
                "category_id": categories[category]["id"], "bbox": box,
                "area": box[2] * box[3] * (1 if rng.random() < 0.5 else rng.uniform(0.2, 1)),
                "iscrowd": int(rng.random() < 0.1)})
        candidates = [(moved(rng, box), category) for box, category in truths
                      for _ in range(rng.integers(0, 3))]
        candidates += [(random_box(rng), int(rng.integers(classes)))
                       for _ in range(rng.integers(110, 160) if many else rng.integers(0, 8))]
        for box, category in candidates:
            if category == classes - 1 and classes > 2:
                continue  # a class that is never found
            detections.append({
                "image_id": image["id"], "category_id": categories[category]["id"], "bbox": box,
                "score": float(np.round(rng.random() / step) * step)})
    rng.shuffle(detections)
    if detections and rng.random() < 0.3:
        detections.append({**detections[0], "category_id": 99})
    return ({"images": images, "annotations": annotations, "categories": categories,
             "info": {}}, detections)


def expected(truth_path, detections_path):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(truth_path)
        evaluation = COCOeval(truth, truth.loadRes(detections_path), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"]  # [threshold, recall, class, size, limit]
    per_class = {}
    for k, category in enumerate(evaluation.params.catIds):
        def mean(values):
            values = values[values > -1]
            return float(values.mean()) if values.size else -1.0
        per_class[category] = {"AP": mean(precision[:, :, k, 0, 2]),
                               "AP50": mean(precision[0, :, k, 0, 2])}
    return list(evaluation.stats), per_class


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        truth, found = os.path.join(folder, "truth.json"), os.path.join(folder, "found.json")
        for trial in range(arguments.trials):
            rng = np.random.default_rng(arguments.seed + trial)
            truths, detections = random_set(rng)
            if not detections:
                continue  # pycocotools cannot read an empty list
            for path, content in ((truth, truths), (found, detections)):
                with open(path, "w") as file:
                    json.dump(content, file)
            result = subprocess.run([arguments.program, "score", truth, found, "--json"],
                                    capture_output=True, text=True)
            if result.returncode:
                sys.exit(f"trial {arguments.seed + trial}: {result.stderr}")
            ours = json.loads(result.stdout)
            stats, per_class = expected(truth, found)
            pairs = [(name, ours["stats"][name], value)
                     for name, value in zip(ours["stats"], stats)]
            for one in ours["per_class"]:
                pairs += [(f"{name} of {one['name']}", one[name], per_class[one["id"]][name])
                          for name in ("AP", "AP50")]
            for name, own, other in pairs:
                worst = max(worst, abs(own - other))
                if abs(own - other) > TOLERANCE:
                    print(f"trial {arguments.seed + trial}: {name} is {own}, not {other}")
    print(f"{arguments.trials} trials, largest difference {worst:.1e}")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
