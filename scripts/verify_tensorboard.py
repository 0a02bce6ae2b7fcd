#!/usr/bin/env python3
"""Reads a run's event files with TensorBoard's own reader and compares them with metrics.jsonl.

    python3 -m venv venv && venv/bin/pip install tensorboard
    venv/bin/python scripts/verify_tensorboard.py runs/fashion_mnist_quickstart
"""

import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

SCALARS = {  # tag: key, and what else a line of metrics.jsonl has that the tag shows
    "train/loss": ("train/loss", "grad_norm"),
    "train/top1": ("train/top1", "grad_norm"),
    "optim/lr": ("lr", "lr"),
    "optim/grad_norm": ("grad_norm", "grad_norm"),
    "val/loss": ("val/loss", "val/loss"),
    "val/top1": ("val/top1", "val/top1"),
    "val/top5": ("val/top5", "val/top5"),
}
EVERYTHING = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = pathlib.Path(sys.argv[1])
    events = EventAccumulator(str(run / "tb"), size_guidance=EVERYTHING).Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for tag, (key, beside) in SCALARS.items():
        expected = [(line["step"], as_float32(line[key])) for line in lines
                    if key in line and beside in line]
        found = [(event.step, as_float32(event.value)) for event in events.Scalars(tag)]
        assert found == expected, f"{tag}: {len(found)} values, expected {len(expected)}"
        print(f"{tag}: {len(found)} values as in metrics.jsonl")
    tags = events.Tags()
    for tag in tags["images"]:
        image = events.Images(tag)[-1]
        assert image.encoded_image_string.startswith(b"\x89PNG")
        print(f"{tag}: {len(events.Images(tag))} images, {image.width} x {image.height}")
    for tag in tags["histograms"]:
        for event in events.Histograms(tag):
            value = event.histogram_value
            assert sum(value.bucket) == value.num and value.min <= value.max, tag
    print(f"{len(tags['histograms'])} histograms, each of {len(events.Histograms(tag))} evaluations")
    data = plugin_data_pb2.HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content)
    settings = data.session_start_info.hparams
    assert settings["optim.name"].string_value or settings["model.embed_dim"].number_value
    print(f"{len(settings)} hyperparameters")
    for tag in tags["tensors"]:
        if tag.startswith("_hparams_"):
            continue
        text = events.Tensors(tag)[0].tensor_proto.string_val[0].decode()
        assert (run / "config.yaml").read_text() in text
        print(f"{tag}: {len(text)} characters of text")


main()
