#!/usr/bin/env python3
"""Tessera against PyTorch: the same models, the same batch, measured in turn in one run.

    /usr/bin/python3 bench/compare_pytorch.py                         f32 and bf16 against f32
    python3 bench/compare_pytorch.py --against f32 bf16 compile-f32 compile-bf16 --rounds 5

Needs PyTorch and torchvision in the Python that runs this: Debian's python3-torch,
python3-torchvision and libopenblas0-openmp, or newer ones from PyPI. Each round runs Tessera in
f32 and, where the processor has it, in bf16, and PyTorch in each of the ways of --against, one
after the other, in processes of their own, two threads each. A ratio is the median of the rounds'
ratios: what else a machine does changes absolute figures, not these.
"""
import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SWIN_TINY = dict(config="configs/swin_tiny.yaml", size=224, classes=1000, patch=4, dim=96,
                 depths=[2, 2, 6, 2], heads=[3, 6, 12, 24], window=7)
CASES = {
    "swin_tiny": dict(SWIN_TINY, batch=8),
    "swin_tiny_1": dict(SWIN_TINY, batch=1),
    "bench_small": dict(config="configs/bench_small.yaml", batch=128, size=32, classes=10, patch=2,
                        dim=48, depths=[2, 2, 2], heads=[3, 6, 12], window=4),
    "camvid_upernet": dict(config="configs/bench_upernet.yaml", batch=8, size=(360, 480),
                           classes=11, patch=4, dim=64, depths=[2, 2, 4, 2],
                           heads=[2, 4, 8, 16], window=7, head="upernet", channels=128,
                           scales=[1, 2, 3, 6]),
    "bccd_fcos": dict(config="configs/bench_fcos.yaml", batch=8, size=(240, 320), classes=3,
                      patch=4, dim=48, depths=[2, 2, 4], heads=[2, 4, 8], window=10, mlp_ratio=2.0,
                      head="fcos", channels=96, convs=2, groups=16, levels=[8, 16, 32]),
}
WAYS = ["f32", "bf16", "compile-f32", "compile-bf16"]
MEASURES = {"train": "images/s", "infer": "images/s", "peak_rss_mb": "MB"}


def pytorch_worker(case, way, steps):
    """One measurement of PyTorch, printed as JSON; as one of several ranks where they are named."""
    import torch
    import pytorch_models

    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    dense, boxes = "head" in case, case.get("head") == "fcos"
    model = (pytorch_models.fcos(case) if boxes else pytorch_models.UperNet(case) if dense
             else pytorch_models.swin(case))
    fused = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 4)  # on the CPU from then on
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05,
                                  **({"fused": True} if fused else {}))
    height, width = case["size"] if dense else (case["size"], case["size"])
    batch = case["batch"] // ranks
    images = torch.randn(batch, 3, height, width)
    target_shape = (batch, height, width) if dense else (batch,)
    labels = torch.randint(0, case["classes"], target_shape)
    if boxes:
        images, labels = list(images), pytorch_models.random_boxes(case)
    loss_of = (None if boxes else model.loss if dense else torch.nn.functional.cross_entropy)
    logits = torch.compile(model) if way.startswith("compile") else model
    if ranks > 1:
        torch.distributed.init_process_group("gloo")
        logits = torch.nn.parallel.DistributedDataParallel(logits)
    precision = (torch.autocast("cpu", dtype=torch.bfloat16) if way.endswith("bf16")
                 else contextlib.nullcontext())

    def train():
        optimizer.zero_grad(set_to_none=True)
        with precision:
            loss = sum(logits(images, labels).values()) if boxes else loss_of(logits(images), labels)
        loss.backward()
        optimizer.step()

    def infer():
        with torch.no_grad(), precision:
            logits(images)

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
    if ranks > 1:
        if torch.distributed.get_rank() == 0:
            print(json.dumps({"train": train_rate, "version": torch.__version__}))
        torch.distributed.destroy_process_group()
        return
    model.eval()
    infer_rate = case["batch"] / median_seconds(infer)
    print(json.dumps({"train": train_rate, "infer": infer_rate, "peak_rss_mb": peak_rss_mb,
                      "version": torch.__version__}))


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return file.read()


def run_json(command):
    # Debian's OpenBLAS takes CPUs newer than itself for a Prescott: name the kernels to use.
    openblas = "SkylakeX" if "avx512f" in processor() else "Haswell"
    environment = {"OPENBLAS_CORETYPE": openblas, **os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def measure_pytorch(name, way, steps):
    return run_json([sys.executable, os.path.abspath(__file__), "--worker", name, way,
                     "--steps", str(steps)])


def measure_tessera(program, case, precision, steps):
    result = run_json([program, "bench", os.path.join(ROOT, case["config"]), "--batch",
                       str(case["batch"]), "--precision", precision, "--steps", str(steps),
                       "--json", "--set", "train.threads=2"])
    return {"train": result["train"]["images_per_s"], "infer": result["infer"]["images_per_s"],
            "peak_rss_mb": result["peak_rss_mb"], "peak_share": result["train"]["peak_share"]}


def median_of(rounds, value):
    return statistics.median(value(figures) for figures in rounds)


def compare(name, arguments):
    """Medians of every program, and of the ratios of every pair."""
    case = CASES[name]
    precisions = ["f32"] + (["bf16"] if "avx512_bf16" in processor() else [])
    rounds = []
    for number in range(arguments.rounds):
        figures = {f"tessera {p}": measure_tessera(arguments.program, case, p, arguments.steps)
                   for p in precisions}
        figures |= {f"pytorch {way}": measure_pytorch(name, way, arguments.steps)
                    for way in arguments.against}
        rounds.append(figures)
        print(f"{name} round {number + 1}, training: "
              + ", ".join(f"{who} {f['train']:.1f}" for who, f in figures.items()),
              file=sys.stderr)
    first = rounds[0]
    ours = [who for who in first if who.startswith("tessera")]
    theirs = [who for who in first if who.startswith("pytorch")]
    return {
        "case": name,
        "batch": case["batch"],
        "rounds": len(rounds),
        "pytorch": first[theirs[0]]["version"],
        "peak_share": {who: median_of(rounds, lambda f, w=who: f[w]["peak_share"]) for who in ours},
        "medians": {who: {m: median_of(rounds, lambda f, w=who, m=m: f[w][m]) for m in MEASURES}
                    for who in first},
        "ratios": {f"{a} / {b}": {m: median_of(rounds, lambda f, a=a, b=b, m=m: f[a][m] / f[b][m])
                                  for m in MEASURES} for a in ours for b in theirs},
    }


def print_result(result):
    print(f"{result['case']}, batch {result['batch']}, PyTorch {result['pytorch']}, "
          f"medians of {result['rounds']} rounds")
    print(f"  {'':32}" + "".join(f"{m + ' ' + unit:>20}" for m, unit in MEASURES.items()))
    for who, medians in result["medians"].items():
        share = result["peak_share"].get(who)
        print(f"  {who:32}" + "".join(f"{medians[m]:20.1f}" for m in MEASURES)
              + (f"   training at {100 * share:.0f} % of the measured peak" if share else ""))
    for pair, ratios in result["ratios"].items():
        print(f"  {pair:32}" + "".join(f"{ratios[m]:20.2f}" for m in MEASURES))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, action="append", help="default: every one")
    parser.add_argument("--against", choices=WAYS, nargs="+", default=["f32"],
                        help="how PyTorch runs; compile: by torch.compile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="steps a round, after two to warm up")
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)  # of a worker
    arguments = parser.parse_args()
    if arguments.worker:
        name, way = arguments.worker
        case = CASES[name]
        pytorch_worker({**case, "batch": arguments.batch or case["batch"]}, way, arguments.steps)
        return
    if not os.access(arguments.program, os.X_OK):
        sys.exit(f"{arguments.program}: no such program; build it: cmake --build --preset release")
    results = [compare(name, arguments) for name in arguments.case or CASES]
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        print_result(result)


if __name__ == "__main__":
    main()
