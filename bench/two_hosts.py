#!/usr/bin/env python3
"""How much of the gradients' way between two hosts is hidden behind the backward pass.

    bench/two_hosts.py build/release           as root; a build with -DTESSERA_BENCHMARKS=ON
    bench/two_hosts.py build/release --network 1gbit,1ms --model configs/swin_tiny.yaml:16

The hosts are those of bench/two_hosts.sh, one core each. For each network and model, in turn:
  compute   an update of `tessera train` of half the batch by one rank, on both hosts at once, which
            know nothing of each other; the slower one's
  comm      the sums of the same gradients with nothing to hide behind: bench/gradient_sum.cpp
  update    that of `mpirun -n 2 tessera train` of the whole batch
  hidden    (compute + comm - update) / min(compute, comm): all of it were an update no longer than
            the longer one of the two
  of wire   what an update does not grow by when the network is limited to its rate, in parts of
            what comm grows by: `none` with the same delay is measured first, where comm is what the
            cores themselves do of it, copy and add, which no schedule hides from them
Times of updates are the differences of their times in the run's event file, medians without the
first two. What the second host's interface has counted has to be the gradients' bytes, or all
ends. Before a network is used, a socket says what it carries.
"""
import argparse
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WARM_UP = 2
PORT = 7117
MB = 1e6
MODELS = ["configs/bench_small.yaml:128", "configs/swin_tiny.yaml:16"]
NETWORKS = ["10gbit", "1gbit", "1gbit,1ms"]
BITS = {"gbit": 1e9, "mbit": 1e6}
SECONDS = {"us": 1e-6, "ms": 1e-3}


def start(command, **options):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)


def finish(process):
    out, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{shlex.join(process.args)}: exit {process.returncode}\n{err.strip()}")
    return out


def on_second(command):
    """What runs it on the second host."""
    return [os.environ["TWO_HOSTS_AGENT"], "second", shlex.join(command)]


def sent_by_second():
    link = os.environ["TWO_HOSTS_LINKS"].split()[1]
    return int(finish(start(on_second(["cat", f"/sys/class/net/{link}/statistics/tx_bytes"]))))


# What the network carries


def send_for(connection, seconds):
    block, end = bytes(1 << 20), time.monotonic() + seconds
    while time.monotonic() < end:
        connection.sendall(block)
    connection.shutdown(socket.SHUT_WR)


def receive_all(connection):
    """Bytes per second from the first to the last."""
    block = bytearray(1 << 20)
    total, begin = connection.recv_into(block), time.monotonic()
    first = total
    while count := connection.recv_into(block):
        total += count
    return (total - first) / (time.monotonic() - begin)


def exchange(connection, seconds):
    """Bytes per second that came, while as many go as can."""
    sender = threading.Thread(target=send_for, args=(connection, seconds))
    sender.start()
    rate = receive_all(connection)
    sender.join()
    return rate


def serve(seconds):
    with socket.create_server(("", PORT)) as server:
        print("ready", flush=True)
        connection = server.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(1) == b"?":
            connection.sendall(b"!")
        exchange(connection, seconds)


def carries(seconds):
    """Bytes per second of either direction, both at once, and seconds of a round trip."""
    server = start(on_second([sys.executable, os.path.abspath(__file__), "--serve", str(seconds)]))
    if server.stdout.readline() != "ready\n":
        finish(server)
    connection = socket.create_connection((os.environ["TWO_HOSTS_ADDRESSES"].split()[1], PORT))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    trips = []
    for _ in range(100):
        begin = time.monotonic()
        connection.sendall(b"?")
        connection.recv(1)
        trips.append(time.monotonic() - begin)
    connection.sendall(b".")
    rate = exchange(connection, seconds)
    finish(server)
    return rate, statistics.median(trips)


# Updates of a training


def update_seconds(run):
    """Of every update but the first ones: when the event file got it, less the one before."""
    folder = os.path.join(run, "tb")
    with open(os.path.join(folder, os.listdir(folder)[0]), "rb") as file:
        data = file.read()
    times, place = [], 0
    while place < len(data):
        length, = struct.unpack_from("<Q", data, place)
        event = data[place + 12:place + 12 + length]
        # tensorflow/core/util/event.proto: the time is field 1, and comes first.
        if b"train/loss" in event:
            times.append(struct.unpack_from("<d", event, 1)[0])
        place += length + 16
    return [b - a for a, b in zip(times, times[1:])][WARM_UP - 1:]


def write_noise(folder, count):
    """A folder of images of noise, 224 x 224 pixels, of two classes, for a model without data."""
    side = 224
    header = (struct.pack("<2sIHHI", b"BM", 54 + 3 * side * side, 0, 0, 54)
              + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 2835, 2835, 0, 0))
    for split, images in (("train", count), ("val", 2)):
        for number in range(images):
            place = os.path.join(folder, split, f"class_{number % 2}")
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f"{number}.bmp"), "wb") as file:
                file.write(header + os.urandom(3 * side * side))


class Case:
    """A model, and the whole batch of both ranks."""

    def __init__(self, folder, text, wire, arguments):
        config, batch = text.rsplit(":", 1)
        self.name, self.batch, self.wire = os.path.basename(config)[:-5], int(batch), wire
        self.updates, self.build, self.folder = arguments.updates, arguments.build, folder
        self.config = os.path.join(folder, self.name + ".yaml")
        with open(config, encoding="utf-8") as file:
            names_data = re.search(r"^data:", file.read(), re.MULTILINE)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"base: {os.path.abspath(config)}\n")
            if not names_data:
                file.write("data: {name: image_folder, root: " + os.path.join(folder, "noise")
                           + "}\nmodel: {num_classes: auto}\n")
                write_noise(os.path.join(folder, "noise"),
                            (self.updates + WARM_UP) * self.batch)

    def training(self, run, batch):
        count = (self.updates + WARM_UP) * batch
        values = {"data.batch_size": batch, "data.train_samples": count, "data.test_samples": 2,
                  "train.epochs": 1, "train.wire": self.wire}
        if "noise" in os.listdir(self.folder):
            del values["data.train_samples"]  # of each class there; max_steps is enough
            values["train.max_steps"] = self.updates + WARM_UP
        return [os.path.join(self.build, "tessera"), "train", self.config, "--out", run,
                *(part for key, value in values.items() for part in ("--set", f"{key}={value}"))]

    def run_folder(self, name):
        path = os.path.join(self.folder, name)
        shutil.rmtree(path, ignore_errors=True)
        return path

    def compute(self):
        runs = [self.run_folder("alone-a"), self.run_folder("alone-b")]
        processes = [start(self.training(runs[0], self.batch // 2)),
                     start(on_second(self.training(runs[1], self.batch // 2)))]
        for process in processes:
            finish(process)
        return max(statistics.median(update_seconds(run)) for run in runs)

    def together(self):
        """Seconds of an update, and bytes that the second host has sent for each."""
        run, before = self.run_folder("together"), sent_by_second()
        finish(start(["mpirun", "-n", "2", *self.training(run, self.batch)]))
        sent = (sent_by_second() - before) / (self.updates + WARM_UP)
        return statistics.median(update_seconds(run)), sent

    def comm(self):
        """Seconds of the sums, and values."""
        program = os.path.join(self.build, "bench", "bench_gradient_sum")
        out = json.loads(finish(start(["mpirun", "-n", "2", program, self.config, self.wire,
                                       str(self.updates)])))
        return out["seconds"], out["parameters"]


def split_network(text):
    rate, _, delay = text.partition(",")
    return "" if rate == "none" else rate, delay


def without_limit(network):
    """Of the same delay."""
    return ",".join(filter(None, ("none", split_network(network)[1])))


def check_network(network):
    rate, delay = split_network(network)
    got, trip = carries(1.0)
    by = os.environ["TWO_HOSTS_DELAY_BY"]
    print(f"network {network}: {8e-9 * got:.2f} Gbit/s each way at once, a round trip of "
          f"{1e3 * trip:.2f} ms" + (f", delayed by {by}" if by != "none" else ""), flush=True)
    limit = float(rate[:-4]) * BITS[rate[-4:]] if rate else 0.0
    if rate and 8 * got > 1.05 * limit:
        sys.exit("that is more than the limit")
    if 8 * got < 0.8 * limit:
        print("the limit is not reached: it is the cores that are slow, or busy", flush=True)
    if delay and trip < 2 * float(delay[:-2]) * SECONDS[delay[-2:]]:
        sys.exit("that is less than the delay")


def measure(network, arguments):
    """Writes a list of what was measured, in the order of models and wires."""
    check_network(network)
    results = []
    # Not on a disk, whose writing would take its time from what is measured.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for text in arguments.model or MODELS:
            for wire in arguments.wire:
                case = Case(tempfile.mkdtemp(dir=folder), text, wire, arguments)
                rounds = [(case.compute(), *case.comm(), *case.together())
                          for _ in range(arguments.rounds)]
                computes, comms, counts, updates, sent = zip(*rounds)
                size = counts[0] * (4 if wire == "f32" else 2)  # two ranks: half of it, twice
                if min(sent) < size:
                    sys.exit(f"{case.name}: an update has {size} bytes of gradients to send, but "
                             f"{min(sent):.0f} have passed the link")
                compute, comm, update = map(statistics.median, (computes, comms, updates))
                results.append({"name": case.name, "wire": wire, "batch": case.batch,
                                "size": size, "sent": statistics.median(sent),
                                "compute": compute, "comm": comm, "update": update})
    with open(arguments.results, "w", encoding="utf-8") as file:
        json.dump(results, file)


def row(network, result, unlimited):
    compute, comm, update = result["compute"], result["comm"], result["update"]
    hidden = of_wire = ""
    if unlimited:
        hidden = f"{(compute + comm - update) / min(compute, comm):.0%}"
        of_wire = f"{1 - (update - unlimited['update']) / (comm - unlimited['comm']):.0%}"
    return (f"{network:12}{result['name']:14}{result['wire']:>5}{result['batch']:>6}"
            f"{result['size'] / MB:>8.1f}{result['sent'] / MB:>8.1f}{1e3 * compute:>9.0f}"
            f"{1e3 * comm:>7.0f}{1e3 * (compute + comm):>7.0f}{1e3 * max(compute, comm):>7.0f}"
            f"{1e3 * update:>8.0f}{hidden:>8}{of_wire:>9}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="folder with tessera and bench/bench_gradient_sum")
    parser.add_argument("--network", action="append", metavar="RATE[,DELAY]",
                        help=f"none, 10gbit, 1gbit,1ms; if not given {' '.join(NETWORKS)}")
    parser.add_argument("--model", action="append", metavar="CONFIG:BATCH",
                        help=f"batch of both ranks; if not given {' '.join(MODELS)}")
    parser.add_argument("--wire", choices=["f32", "bf16"], nargs="+", default=["f32"])
    parser.add_argument("--updates", type=int, default=5, help=f"beside the first {WARM_UP}")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--results", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    if not arguments.build:
        parser.error("which build?")
    if "TWO_HOSTS_AGENT" in os.environ:
        measure(arguments.network[0], arguments)
        return
    for part in ("tessera", "bench/bench_gradient_sum"):
        if not os.access(os.path.join(arguments.build, part), os.X_OK):
            sys.exit(f"{arguments.build}/{part}: no such program; configure with "
                     "-DTESSERA_BENCHMARKS=ON and build")
    print(f"{'':31}{'batch':>6}{'MB':>8}{'sent':>8}{'compute':>9}{'comm':>7}{'sum':>7}{'max':>7}"
          f"{'update':>8}{'hidden':>8}{'of wire':>9}   ms; MB of gradients an update", flush=True)
    measured = {}
    networks = arguments.network or NETWORKS
    for network in dict.fromkeys(name for network in networks
                                 for name in (without_limit(network), network)):
        rate, delay = split_network(network)
        rest = [part for text in arguments.model or [] for part in ("--model", text)]
        results = tempfile.NamedTemporaryFile(suffix=".json")
        done = subprocess.run(
            [os.path.join(HERE, "two_hosts.sh"), *(["--rate", rate] if rate else []),
             *(["--delay", delay] if delay else []), sys.executable, os.path.abspath(__file__),
             os.path.abspath(arguments.build), "--network", network, *rest, "--wire",
             *arguments.wire, "--updates", str(arguments.updates), "--rounds",
             str(arguments.rounds), "--results", results.name], cwd=ROOT, check=False)
        if done.returncode != 0:
            sys.exit(done.returncode)
        with results:
            measured[network] = json.load(results)
        base = measured[without_limit(network)] if rate else []
        for result, beside in itertools.zip_longest(measured[network], base):
            print(row(network, result, beside), flush=True)


if __name__ == "__main__":
    main()
