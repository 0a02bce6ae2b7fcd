#!/usr/bin/env python3
"""Two ranks of one thread beside one rank of two threads, measured in turn.

    bench/scaling.py PROGRAM [CONFIG...]                      configs/bench_small.yaml, swin_tiny.yaml
    bench/scaling.py PROGRAM CONFIG --network 1gbit --network 10gbit     as root: two network namespaces

Each round runs `tessera bench` in both ways, one after the other; figures are medians of the rounds,
the ratio the median of the rounds' ratios. With --network the two ranks are in namespaces joined by
a pair of virtual interfaces, whose rate tc limits, and talk by TCP alone; what of the communication
is not hidden is the step's time less that of the same ranks through shared memory.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--quiet"]


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def bench_command(program, config, arguments, wire="f32", precision="f32"):
    command = [program, "bench", config, "--json", "--steps", str(arguments.steps),
               "--precision", precision, "--set", f"train.wire={wire}"]
    if arguments.batch:
        command += ["--batch", str(arguments.batch)]
    return command


def one_rank(command):
    return run(command, OMP_NUM_THREADS="2")


def two_ranks(command):
    return run([*MPIRUN, "-n", "2", "--bind-to", "core", *command], OMP_NUM_THREADS="1")


def step_ms(result):
    return 1e3 * result["batch"] / result["train"]["images_per_s"]


def beside(program, config, precision, arguments):
    command = bench_command(program, config, arguments, precision=precision)
    pairs = []
    for _ in range(arguments.rounds):
        pairs.append((one_rank(command), two_ranks(command)))
    one, two = ([side["train"]["images_per_s"] for side in column] for column in zip(*pairs))
    ratio = statistics.median(b / a for a, b in zip(one, two))
    name = os.path.basename(config).removesuffix(".yaml")
    print(f"{name:16}{precision:6}{pairs[0][0]['batch']:>6}{statistics.median(one):>12.1f}"
          f"{statistics.median(two):>12.1f}{ratio:>8.3f}", flush=True)


class Namespaces:
    """Two of them, `tessera-a` and `tessera-b`, with the addresses 10.97.0.1 and 10.97.0.2."""

    def __init__(self, rate):
        self.folder = tempfile.TemporaryDirectory()
        self.agent = os.path.join(self.folder.name, "agent")
        with open(self.agent, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nshift\nexec taskset -c 1 ip netns exec tessera-b '
                       'unshare --uts sh -c "hostname tessera-b; $*"\n')
        os.chmod(self.agent, 0o755)
        self.remove()
        self.call("ip netns add tessera-a", "ip netns add tessera-b",
                  "ip link add tessera-va type veth peer name tessera-vb",
                  "ip link set tessera-va netns tessera-a", "ip link set tessera-vb netns tessera-b")
        for side, number in (("a", 1), ("b", 2)):
            self.call(f"ip -n tessera-{side} addr add 10.97.0.{number}/24 dev tessera-v{side}",
                      f"ip -n tessera-{side} link set tessera-v{side} up",
                      f"ip -n tessera-{side} link set lo up")
            if rate != "none":
                self.call(f"ip netns exec tessera-{side} tc qdisc add dev tessera-v{side} root tbf "
                          f"rate {rate} burst 256kb latency 50ms")

    @staticmethod
    def call(*commands):
        for command in commands:
            subprocess.run(command.split(), check=True)

    @staticmethod
    def remove():
        for side in ("a", "b"):
            subprocess.run(["ip", "netns", "del", f"tessera-{side}"], check=False,
                           stderr=subprocess.DEVNULL)

    def two_ranks(self, command):
        return run(["taskset", "-c", "0", "ip", "netns", "exec", "tessera-a", *MPIRUN,
                    "--bind-to", "none", "--host", "10.97.0.1:1,10.97.0.2:1",
                    "--mca", "plm_rsh_agent", self.agent, "--mca", "btl", "tcp,self",
                    "--mca", "btl_tcp_if_include", "10.97.0.0/24",
                    "--mca", "oob_tcp_if_include", "10.97.0.0/24",
                    "-x", "OMP_NUM_THREADS", "-n", "2", *command], OMP_NUM_THREADS="1")


def over_network(program, config, arguments):
    inspected = run([program, "inspect", config, "--json"])
    parameters = inspected["parameters"]
    print(f"{'network':10}{'wire':>6}{'step, ms':>10}{'compute':>9}{'bytes/rate':>11}{'sum':>8}"
          f"{'max':>8}{'hidden of what could be':>25}")
    for rate in arguments.network:
        spaces = Namespaces(rate)
        try:
            for wire, size in (("f32", 4), ("bf16", 2)):
                command = bench_command(program, config, arguments, wire=wire)
                pairs = [(two_ranks(command), spaces.two_ranks(command))
                         for _ in range(arguments.rounds)]
                compute = statistics.median(step_ms(near) for near, _ in pairs)
                step = statistics.median(step_ms(far) for _, far in pairs)
                bits = 8 * parameters * size  # two ranks send half of the values, twice
                scale = {"mbit": 1e6, "gbit": 1e9}[rate[-4:]] if rate != "none" else 0.0
                network = 1e3 * bits / (float(rate[:-4]) * scale) if scale else 0.0
                can_hide = min(network, compute)
                hidden = (compute + network - step) / can_hide if can_hide else float("nan")
                print(f"{rate:10}{wire:>6}{step:>10.0f}{compute:>9.0f}{network:>11.0f}"
                      f"{compute + network:>8.0f}{max(compute, network):>8.0f}{hidden:>24.0%}",
                      flush=True)
        finally:
            spaces.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("configs", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, help="images of all ranks; the configuration's if not given")
    parser.add_argument("--precision", action="append", choices=["f32", "bf16"])
    parser.add_argument("--network", action="append", metavar="RATE", help="as tc has it, or none")
    arguments = parser.parse_args()
    configs = arguments.configs or ["configs/bench_small.yaml", "configs/swin_tiny.yaml"]
    if arguments.network:
        for config in configs:
            over_network(arguments.program, config, arguments)
        return
    print(f"{'':22}{'batch':>6}{'1 x 2':>12}{'2 x 1':>12}{'ratio':>8}   training, images/s")
    for config in configs:
        for precision in arguments.precision or ["f32", "bf16"]:
            beside(arguments.program, config, precision, arguments)


if __name__ == "__main__":
    main()
