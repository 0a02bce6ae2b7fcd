#!/usr/bin/env python3
"""What `train.recompute: blocks` costs in time and saves in memory, measured in turn.

    bench/recompute.py PROGRAM configs/swin_tiny.yaml --batch 8
    bench/recompute.py PROGRAM configs/swin_large.yaml --set model.image_size=384 --batch 8 --steps 1

Each round runs `tessera bench` without and with it, one after the other; the ratio of step times is the
median of the rounds' ratios. By arithmetic a step is three forward passes, and with it one more of the
blocks: at most 4/3. Memory is the peak of the process beside what `tessera inspect` predicts.
"""
import argparse
import json
import statistics
import subprocess
import sys

MODES = ("none", "blocks")


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("config")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    arguments = parser.parse_args()
    settings = [word for setting in [*arguments.set, f"data.batch_size={arguments.batch}",
                                     f"train.precision={arguments.precision}"]
                for word in ("--set", setting)]
    mode = {name: ["--set", f"train.recompute={name}"] for name in MODES}
    inspected = {name: run([arguments.program, "inspect", arguments.config, "--json", *settings,
                            *mode[name]]) for name in MODES}
    whole = inspected["none"]["macs"]
    blocks = sum(stage["macs"] for stage in inspected["none"]["stages"])
    rounds = [{name: run([arguments.program, "bench", arguments.config, "--json",
                          "--batch", str(arguments.batch), "--steps", str(arguments.steps),
                          *settings, *mode[name]]) for name in MODES}
              for _ in range(arguments.rounds)]
    ratio = statistics.median(each["none"]["train"]["images_per_s"]
                              / each["blocks"]["train"]["images_per_s"] for each in rounds)
    print(f"step time with blocks recomputed beside without: {ratio:.3f}; "
          f"by arithmetic {1 + blocks / (3 * whole):.3f}")
    for name in MODES:
        rate = statistics.median(each[name]["train"]["images_per_s"] for each in rounds)
        peak = max(each[name]["peak_rss_mb"] for each in rounds)
        predicted = inspected[name]["predicted_peak_bytes"] / 2 ** 20
        print(f"{name:8} {rate:8.1f} images/s, peak {peak:.0f} MB, predicted {predicted:.0f} MB")


if __name__ == "__main__":
    main()
