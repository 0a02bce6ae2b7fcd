#!/usr/bin/env python3
"""Two ranks of one thread beside one rank of two threads, measured in turn.

    bench/scaling.py PROGRAM [CONFIG...]                      configs/bench_small.yaml, swin_tiny.yaml
    bench/scaling.py PROGRAM configs/swin_tiny.yaml --batch 8 --ddp PYTHON
    bench/scaling.py PROGRAM configs/swin_tiny.yaml --batch 8 --ranks 4

Each round runs `tessera bench` in both ways, one after the other; figures are medians of the rounds,
the ratio the median of the rounds' ratios. With --ddp each round also runs the same model in
PyTorch, alone and by DistributedDataParallel over gloo, by a Python that has torch and torchvision:
bench/compare_pytorch.py. More ranks than cores share them. bench/two_hosts.py puts a network
between two ranks.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
THREADS = 2  # of the one rank, and cores of all


def finish(process):
    out, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{' '.join(process.args)}: exit {process.returncode}\n{err.strip()}")
    return out


def start(command, threads, **environment):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "OMP_NUM_THREADS": str(threads), **environment})


class Tessera:
    name = "tessera"

    def __init__(self, config, precision, arguments):
        self.ranks = arguments.ranks
        self.command = [arguments.program, "bench", config, "--json", "--steps",
                        str(arguments.steps), "--precision", precision]
        if arguments.batch:
            self.command += ["--batch", str(arguments.batch)]

    def alone(self):
        return self.read(start(self.command, THREADS))

    def together(self):
        bound = "core" if self.ranks <= THREADS else "none"
        return self.read(start([*MPIRUN, "-n", str(self.ranks), "--bind-to", bound, *self.command],
                               1))

    def read(self, process):
        result = json.loads(finish(process))
        self.batch = result["batch"]
        return result["train"]["images_per_s"]


class PyTorch:
    def __init__(self, case, precision, batch, arguments):
        if batch % arguments.ranks != 0:
            sys.exit(f"--ddp: {arguments.ranks} ranks cannot share {batch} images alike")
        self.ranks, self.batch = arguments.ranks, batch
        self.command = [arguments.ddp, os.path.join(HERE, "compare_pytorch.py"), "--worker", case,
                        precision, "--steps", str(arguments.steps), "--batch", str(batch)]
        self.name = "pytorch"

    def alone(self):
        return self.read(start(self.command, THREADS))

    def together(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        cores = sorted(os.sched_getaffinity(0))[:THREADS]
        ranks = [start(["taskset", "-c", str(cores[rank % len(cores)]), *self.command], 1,
                       RANK=str(rank), WORLD_SIZE=str(self.ranks), MASTER_ADDR="127.0.0.1",
                       MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
                 for rank in range(self.ranks)]
        return [self.read(rank) for rank in ranks][0]

    def read(self, process):
        result = json.loads(finish(process) or "{}")  # of rank 0 alone
        self.name = f"pytorch {result['version']}" if result else self.name
        return result.get("train")


def beside(config, precision, arguments):
    name = os.path.basename(config).removesuffix(".yaml")
    sides = [Tessera(config, precision, arguments)]
    rounds = []
    for _ in range(arguments.rounds):
        figures = [(sides[0].alone(), sides[0].together())]
        if arguments.ddp and len(sides) == 1:
            sides.append(PyTorch(name, precision, sides[0].batch, arguments))
        figures += [(side.alone(), side.together()) for side in sides[1:]]
        rounds.append(figures)
    for side, pairs in zip(sides, zip(*rounds)):
        one, two = (statistics.median(column) for column in zip(*pairs))
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{name:14}{precision:6}{side.name:22}{side.batch:>6}{one:>10.1f}{two:>10.1f}"
              f"{ratio:>8.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("configs", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, help="images of all ranks; the configuration's if not given")
    parser.add_argument("--precision", action="append", choices=["f32", "bf16"])
    parser.add_argument("--ranks", type=int, default=2, help="of one thread each")
    parser.add_argument("--ddp", metavar="PYTHON", help="beside PyTorch, by this Python")
    arguments = parser.parse_args()
    configs = arguments.configs or ["configs/bench_small.yaml", "configs/swin_tiny.yaml"]
    print(f"{'':42}{'batch':>6}{f'1 x {THREADS}':>10}{f'{arguments.ranks} x 1':>10}{'ratio':>8}"
          "   training, images/s")
    for config in configs:
        for precision in arguments.precision or ["f32", "bf16"]:
            beside(config, precision, arguments)


if __name__ == "__main__":
    main()
