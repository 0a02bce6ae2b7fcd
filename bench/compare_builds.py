#!/usr/bin/env python3
"""Two builds of Tessera, measured in turn: what a change did to speed and memory, op by op.

    bench/compare_builds.py BEFORE/tessera AFTER/tessera configs/bench_small.yaml -- --precision bf16

What stands behind `--` goes to `tessera bench`. Each round runs both programs one after the other;
ratios are medians of the rounds' ratios, AFTER against BEFORE.
"""
import argparse
import json
import statistics
import subprocess
import sys


def bench(program, config, options):
    done = subprocess.run([program, "bench", config, "--json", *options], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{program}: exit {done.returncode}\n{done.stderr.strip()}")
    result = json.loads(done.stdout)
    figures = {"training, images/s": result["train"]["images_per_s"],
               "inference, images/s": result["infer"]["images_per_s"],
               "peak memory, MB": result["peak_rss_mb"]}
    for phase, key in (("training", "ops"), ("inference", "infer_ops")):
        for op in result.get(key, []):
            figures[f"{op['name']} in {phase}, ms"] = op["ms"]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("config")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("options", nargs="*", help="for tessera bench, behind --")
    arguments = parser.parse_intermixed_args()
    rounds = []
    for number in range(arguments.rounds):
        rounds.append([bench(program, arguments.config, arguments.options)
                       for program in (arguments.before, arguments.after)])
        print(f"round {number + 1}: training {rounds[-1][0]['training, images/s']:.1f} and "
              f"{rounds[-1][1]['training, images/s']:.1f} images/s", file=sys.stderr)
    print(f"{'medians of ' + str(len(rounds)) + ' rounds':48}{'before':>10}{'after':>10}{'ratio':>8}")
    for name in rounds[0][0]:
        pairs = [(before[name], after[name]) for before, after in rounds
                 if name in before and name in after]
        if len(pairs) < len(rounds):
            continue
        before, after = (statistics.median(side) for side in zip(*pairs))
        if name.endswith("ms") and before < 0.5:
            continue  # too short to compare
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{name:48}{before:10.2f}{after:10.2f}{ratio:8.3f}")


if __name__ == "__main__":
    main()
