#!/usr/bin/env python3
"""What training on more ranks than there are here would come to, on paper: a prediction.

    bench/scaling_model.py PROGRAM               tables for docs/scaling.md
    bench/scaling_model.py PROGRAM --check       beside what was measured of two ranks

A step of one rank is t = compute + whole + max(0, wire - hidden), where
  compute  images of the rank / the rate of a rank that has no others
  whole    what is left of each update whatever a rank's share of the images: the optimizer, 1 / N of
           it in one machine, 1 / N of the norm, and adding up 1 / N of N gradients; bytes over memory
           speed
  wire     as distributed/mpi/rank_sum.h sends: 2 (N - 1) / N of the gradients' bytes over the
           network's bandwidth, and for each bucket 2 (N - 1) messages of one latency, one after the
           other, for MPI_Ialltoallv and MPI_Iallgatherv are taken to deal with one peer at a time
  hidden   0.8 of the backward pass, two thirds of compute; the last bucket is never hidden
Ranks are alike, and none waits for data; the network gives each rank its bandwidth at all times.
A rank is as fast as the two cores that were measured, or a machine 16 times as fast (its memory 8).
"""
import argparse
import json
import subprocess

MODELS = {"Swin-T": "configs/swin_tiny.yaml", "Swin-B": "configs/swin_base.yaml"}
# One process of two threads on two cores: docs/scaling.md. Of Swin-B by its arithmetic.
IMAGES_PER_S = {"f32": 6.6, "bf16": 12.7}
MEASURED_OF = "Swin-T"
# A rank of one thread needs no second one to be ready: two of them beside two threads, of a model
# whose gradients are a matter of nothing (bench_small): docs/scaling.md.
ALONE_GAIN = {"f32": 1.04, "bf16": 1.07}
# Of Swin-T, batch 8, by the number of ranks that share the two cores: docs/scaling.md.
MEASURED_RATIO = {2: {"f32": 0.99, "bf16": 0.95}, 4: {"f32": 0.90, "bf16": 0.73}}
CORES = 2
MEMORY = 27e9          # bytes/s read and written, of two cores: docs/performance.md
BUCKET = 4 * 2 ** 20   # bytes: distributed/gradient_sum.h
HIDDEN = 0.8           # of what the backward pass could hide
NETWORKS = {"1 Gbit/s, 50 us": (1e9 / 8, 50e-6), "10 Gbit/s, 20 us": (10e9 / 8, 20e-6),
            "100 Gbit/s, 2 us": (100e9 / 8, 2e-6)}
RANKS = (8, 64, 512)
SPEEDS = ((1, 1), (16, 8))  # of a rank, and of its memory, beside the two cores
# Passes of 4 bytes over all parameters: the norm reads gradients; AdamW reads gradients, reads and
# writes values and two moments.
NORM, ADAMW = 1, 7


def inspect(program, config):
    out = subprocess.run([program, "inspect", config, "--json"], capture_output=True, check=True)
    found = json.loads(out.stdout)
    return found["parameters"], found["macs"]


def whole_s(parameters, ranks, memory, in_one_machine):
    # This rank's part of the others' gradients is written as it comes, read, and summed.
    sums = 0 if ranks == 1 else 4 * parameters * (2 * (ranks - 1) + 2) / ranks
    passes = NORM / ranks + ADAMW / (ranks if in_one_machine else 1)
    return (4 * parameters * passes + sums) / memory


def wire_s(size, ranks, bandwidth, latency):
    buckets = max(1, -(-size // BUCKET))
    return 2 * (ranks - 1) / ranks * size / bandwidth + buckets * 2 * (ranks - 1) * latency


def step_s(parameters, rate, images, ranks, network, bytes_each, memory=MEMORY,
           in_one_machine=False):
    compute = images / rate
    whole = whole_s(parameters, ranks, memory, in_one_machine)
    if ranks == 1:
        return compute + whole
    size = bytes_each * parameters
    wire = wire_s(size, ranks, *network)
    last = wire_s(min(size, BUCKET), ranks, *network)
    hidden = min(wire - last, HIDDEN * 2 / 3 * compute)
    return compute + whole + wire - hidden


def pure_rate(precision, macs, reference):
    """Images/s of the passes alone, without what is done once a step: measured at batch 8."""
    parameters, macs_measured = reference
    step = 8 / IMAGES_PER_S[precision]
    return 8 / (step - whole_s(parameters, 1, MEMORY, True)) * macs_measured / macs


def tables(sizes):
    reference = sizes[MEASURED_OF]
    for name, (parameters, macs) in sizes.items():
        for precision, bytes_each in (("f32", 4), ("bf16", 2)):
            rate = pure_rate(precision, macs, reference)
            print(f"\n{name}, {precision}, gradients of {bytes_each * parameters / 1e6:.0f} MB on the "
                  f"wire; speed of {RANKS} ranks beside so many times one")
            for speed, memory in SPEEDS:
                for images in (8, 32):
                    row = [parameters, speed * rate, images]
                    alone = step_s(*row, 1, None, bytes_each, memory * MEMORY)
                    for label, network in NETWORKS.items():
                        shares = [alone / step_s(*row, ranks, network, bytes_each, memory * MEMORY)
                                  for ranks in RANKS]
                        print(f"{f'{speed * rate:.1f} images/s, {images} images a step, {label}':58}"
                              + "".join(f"{100 * share:>6.0f} %" for share in shares))


def check(sizes):
    parameters, macs = sizes[MEASURED_OF]
    print(f"Swin-T, batch 8, ranks of one thread beside one of two threads, on {CORES} cores")
    for ranks in (2, 4):
        for precision in ("f32", "bf16"):
            rate = pure_rate(precision, macs, sizes[MEASURED_OF])
            one = step_s(parameters, rate, 8, 1, None, 4)
            # Each has its part of the rate of two threads, or a little more, and of the memory's
            # speed, through which the messages go as well: each byte is written once and read once.
            memory = MEMORY / ranks
            step = step_s(parameters, rate / ranks * ALONE_GAIN[precision], 8 / ranks, ranks,
                          (memory / 2, 0.0), 4, memory, in_one_machine=True)
            measured = MEASURED_RATIO.get(ranks, {}).get(precision)
            print(f"{ranks} ranks, {precision:6} predicted {one / step:.2f}, "
                  + (f"measured {measured:.2f}" if measured else "not measured"))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    sizes = {name: inspect(arguments.program, config) for name, config in MODELS.items()}
    (check if arguments.check else tables)(sizes)


if __name__ == "__main__":
    main()
