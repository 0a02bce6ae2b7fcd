#!/usr/bin/env python3
"""Tessera against PyTorch: the same models, the same batch, measured in turn in one run.

    /usr/bin/python3 bench/compare_pytorch.py                      every case, five rounds
    /usr/bin/python3 bench/compare_pytorch.py --case swin_tiny --rounds 7 --json

Needs Debian's python3-torch, python3-torchvision and libopenblas0-openmp (or any newer PyTorch of
the Python that runs this). Each round runs both programs one after the other, in processes of their
own, two threads each; the ratio of a case is the median of the rounds' ratios. Other tenants of a
machine change absolute figures, not these.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

CASES = {
    "swin_tiny": dict(config="configs/swin_tiny.yaml", batch=8, size=224, classes=1000, patch=4,
                      dim=96, depths=[2, 2, 6, 2], heads=[3, 6, 12, 24], window=7),
    "bench_small": dict(config="configs/bench_small.yaml", batch=128, size=32, classes=10, patch=2,
                        dim=48, depths=[2, 2, 2], heads=[3, 6, 12], window=4),
}


def pytorch_worker(case, steps):
    """One measurement of PyTorch, printed as JSON."""
    import torch
    from torchvision.models.swin_transformer import SwinTransformer

    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = SwinTransformer(patch_size=[case["patch"]] * 2, embed_dim=case["dim"],
                            depths=case["depths"], num_heads=case["heads"],
                            window_size=[case["window"]] * 2, num_classes=case["classes"],
                            stochastic_depth_prob=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    images = torch.randn(case["batch"], 3, case["size"], case["size"])
    labels = torch.randint(0, case["classes"], (case["batch"],))

    def train():
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    def infer():
        with torch.no_grad():
            model(images)

    def median_seconds(step):
        for _ in range(2):
            step()
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    model.train()
    train_rate = case["batch"] / median_seconds(train)
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    model.eval()
    infer_rate = case["batch"] / median_seconds(infer)
    print(json.dumps({"train": train_rate, "infer": infer_rate, "peak_rss_mb": peak_rss_mb,
                      "version": torch.__version__}))


def fastest_openblas():
    """Debian's OpenBLAS takes CPUs newer than itself for a Prescott: name the kernels to use."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return "SkylakeX" if "avx512f" in file.read() else "Haswell"


def run_json(command):
    environment = {"OPENBLAS_CORETYPE": fastest_openblas(), **os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def measure_pytorch(name, steps):
    return run_json([sys.executable, os.path.abspath(__file__), "--worker", name,
                     "--steps", str(steps)])


def measure_tessera(program, case, steps):
    result = run_json([program, "bench", os.path.join(ROOT, case["config"]), "--batch",
                       str(case["batch"]), "--steps", str(steps), "--json",
                       "--set", "train.threads=2"])
    return {"train": result["train"]["images_per_s"], "infer": result["infer"]["images_per_s"],
            "peak_rss_mb": result["peak_rss_mb"], "peak_share": result["train"]["peak_share"]}


def compare(name, program, rounds, steps):
    case = CASES[name]
    pairs = []
    for number in range(rounds):
        ours = measure_tessera(program, case, steps)
        theirs = measure_pytorch(name, steps)
        pairs.append((ours, theirs))
        print(f"{name} round {number + 1}: training {ours['train']:.1f} against "
              f"{theirs['train']:.1f} images/s", file=sys.stderr)
    median = lambda values: statistics.median(list(values))
    return {
        "case": name,
        "pytorch": pairs[0][1]["version"],
        "rounds": rounds,
        "peak_share": median(o["peak_share"] for o, _ in pairs),
        **{key: {"tessera": median(o[key] for o, _ in pairs),
                 "pytorch": median(t[key] for _, t in pairs),
                 "ratio": median(o[key] / t[key] for o, t in pairs)}
           for key in ("train", "infer", "peak_rss_mb")},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="steps a round, after two to warm up")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        pytorch_worker(CASES[arguments.worker], arguments.steps)
        return
    if not os.access(arguments.program, os.X_OK):
        sys.exit(f"{arguments.program}: no such program; build it: cmake --build --preset release")
    results = [compare(name, arguments.program, arguments.rounds, arguments.steps)
               for name in arguments.case or CASES]
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        print(f"{result['case']}, PyTorch {result['pytorch']}, medians of {result['rounds']} "
              f"rounds; training at {100 * result['peak_share']:.0f} % of the measured peak")
        for key, unit in (("train", "images/s"), ("infer", "images/s"), ("peak_rss_mb", "MB")):
            row = result[key]
            print(f"  {key:12} tessera {row['tessera']:9.1f}  pytorch {row['pytorch']:9.1f} "
                  f"{unit:9} ratio {row['ratio']:.2f}")


if __name__ == "__main__":
    main()
