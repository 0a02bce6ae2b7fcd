#!/usr/bin/env python3
"""How much the images that happen to be tested say about two detectors' AP50 and AP.

    python3 bench/paired_boxes.py TRUTH.json A.json B.json

A paired bootstrap: images are drawn again and again with replacement, the same for both, and COCO's
figures taken of what was drawn; printed are the figures of all images and the interval that holds the
middle 95 % of the differences B - A. What another seed of training would give is not in it. Needs
numpy and pycocotools.
"""
import argparse
import contextlib
import io
import json

import numpy
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def matched(truth, path):
    evaluation = COCOeval(truth, truth.loadRes(path), "bbox")
    evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
    evaluation.params.maxDets = [100]
    evaluation.evaluate()
    return evaluation


def figures(evaluation, rows, chosen):
    """AP50 and AP of the images `chosen`, of their matches `rows` [classes, images]."""
    evaluation.evalImgs = [row[i] for row in rows for i in chosen]
    evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 0]  # [overlaps, recalls, classes]
    known = precision > -1  # a class that no image drawn holds does not count
    return numpy.array([precision[0][known[0]].mean(), precision[known].mean()])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("detections", nargs=2)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(arguments.truth)
        both = []
        for path in arguments.detections:
            evaluation = matched(truth, path)
            images = len(evaluation.params.imgIds)
            matches = evaluation.evalImgs
            both.append((evaluation, [matches[at:at + images] for at in range(0, len(matches), images)]))
        whole = [figures(*one, range(images)) for one in both]
        rng = numpy.random.default_rng(arguments.seed)
        differences = []
        for _ in range(arguments.draws):
            chosen = rng.integers(images, size=images)
            first, second = (figures(*one, chosen) for one in both)
            differences.append(second - first)
    low, high = numpy.quantile(differences, [0.025, 0.975], axis=0)
    for i, name in enumerate(("ap50", "ap")):
        print(json.dumps({"figure": name, "a": whole[0][i], "b": whole[1][i],
                          "difference": whole[1][i] - whole[0][i], "interval": [low[i], high[i]]}))


if __name__ == "__main__":
    main()
