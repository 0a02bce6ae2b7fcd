"""Attacks on a training: see scripts/attack.sh. Python's standard library alone."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = """
model: {patch_size: 8, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 2}
data: {name: synthetic, batch_size: 16, train_samples: 64, test_samples: 32, workers: 0}
optim: {lr: 1.0e-3, ema: 0.9}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 3}
"""
PARTS = ("model.safetensors", "state.safetensors", "meta.json")


class Attack:
    """What every attack needs: the program, a reference, and counts of what held."""

    def __init__(self, program, folder, deadline, counts):
        self.program = program
        self.folder = folder
        self.deadline = deadline
        self.counts = counts  # that are still to come, so that each gets its share of the time
        self.lock = threading.Lock()
        self.failures = []
        self.number = 0
        self.config = folder / "short.yaml"
        self.config.write_text(CONFIG)

    def fresh(self):
        with self.lock:
            self.number += 1
            return self.folder / f"r{self.number}"

    def run(self, *arguments, env=None, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run(
            [self.program, *map(str, arguments)],
            env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL, timeout=120, **options)

    def start(self, *arguments):
        return subprocess.Popen([self.program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def fail(self, what):
        with self.lock:
            self.failures.append(what)

    def result(self, run):
        """All that equal runs must have in common."""
        checkpoints = run / "checkpoints"
        index = json.loads((checkpoints / "checkpoints.json").read_text())
        files = [run / "metrics.jsonl"]
        files += [checkpoints / index[which] / part for which in ("last", "best") for part in PARTS]
        return b"".join(file.read_bytes() for file in files)

    def goes_on(self, run, what):
        """Without the fault: the run ends as if nothing had been, and leaves nothing behind."""
        if (run / "config.yaml").exists():
            ended = self.run("train", "--resume", run)
        else:
            ended = self.run("train", self.config, "--out", run)
        if ended.returncode != 0:
            return self.fail(f"{what}: does not go on: {ended.stderr.decode(errors='replace')}")
        if self.result(run) != self.reference:
            return self.fail(f"{what}: ends with other bytes")
        left = [str(path) for path in run.rglob("*") if ".tmp-" in path.name]
        if left:
            return self.fail(f"{what}: leaves {left}")
        shutil.rmtree(run)
        return None

    def count(self, name, todo, check):
        """Checks as many of `todo`, in any order, as there is time for, two at once."""
        before = len(self.failures)
        now = time.monotonic()
        end = now + max(0.0, self.deadline - now) / max(1, self.counts)
        self.counts -= 1
        todo = list(todo)
        random.Random(len(todo)).shuffle(todo)

        def one(item):
            if time.monotonic() > end:
                return 0
            try:
                check(item)
            except Exception as error:  # what no check expects is a failure as well
                self.fail(f"{name} {item}: {error!r}")
            return 1

        with ThreadPoolExecutor(2) as pool:
            done = sum(pool.map(one, todo))
        failed = len(self.failures) - before
        print(f"{name:<58} {done:>6} {failed:>7}", flush=True)


class Faults:
    """Failing and killing at system calls."""

    def __init__(self, attack):
        self.attack = attack
        self.library = attack.folder / "fault.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self.library, HERE / "fault.c", "-ldl"],
                       check=True)

    def env(self, run, do, at=-1, log=None, stays=False):
        env = {"LD_PRELOAD": str(self.library), "FAULT_FOLDER": str(run), "FAULT_DO": do,
               "FAULT_AT": str(at)}
        if log:
            env["FAULT_LOG"] = str(log)
        if stays:
            env["FAULT_STAYS"] = "1"
        return env

    def points(self, *arguments, run):
        log = self.attack.folder / "calls"
        log.unlink(missing_ok=True)
        ended = self.attack.run(*arguments, env=self.env(run, "count", log=log))
        assert ended.returncode == 0, ended.stderr
        return len(log.read_text().splitlines())

    def strike(self, arguments, run, do, at, stays=False):
        attack = self.attack
        what = f"{do}{' for good' if stays else ''} at call {at} of {arguments[1]}"
        ended = attack.run(*arguments, env=self.env(run, do, at, stays=stays))
        if do in ("eintr", "short"):
            if ended.returncode != 0:
                attack.fail(f"{what}: ends it: {ended.stderr.decode(errors='replace')}")
        elif do != "kill" and ended.returncode not in (0, 1):
            attack.fail(f"{what}: exit {ended.returncode}")
        elif ended.returncode == 1:
            lines = ended.stderr.decode(errors="replace").splitlines()
            reasons = [line for line in lines if line.startswith("tessera: ")]
            if len(reasons) != 1 or lines[-1] != reasons[0]:
                attack.fail(f"{what}: not one line of reason: {lines}")
        attack.goes_on(run, what)


MODES = (("kill", False), ("enospc", False), ("enospc", True), ("eio", False), ("eio", True),
         ("eintr", False), ("short", False))


def attack_calls(attack, share):
    faults = Faults(attack)
    fresh = attack.fresh()
    new = faults.points("train", attack.config, "--out", fresh, run=fresh)
    half = make_half(attack)
    copy = attack.fresh()
    shutil.copytree(half, copy)
    resumed = faults.points("train", "--resume", copy, run=copy)
    print(f"a training changes files by {new} calls, a resume of its second half by {resumed}")
    rng = random.Random(1)
    for do, stays in MODES:
        def on_new(at, do=do, stays=stays):
            run = attack.fresh()
            faults.strike(["train", str(attack.config), "--out", str(run)], run, do, at, stays)

        def on_resume(at, do=do, stays=stays):
            run = attack.fresh()
            shutil.copytree(half, run)
            faults.strike(["train", "--resume", str(run)], run, do, at, stays)

        label = {"kill": "SIGKILL", "enospc": "ENOSPC", "eio": "EIO", "eintr": "EINTR",
                 "short": "a short write"}[do] + (" from then on" if stays else "")
        attack.count(f"{label} at a call of a training",
                     some(range(1, new + 1), share, rng), on_new)
        attack.count(f"{label} at a call of a resume",
                     some(range(1, resumed + 1), share, rng), on_resume)


def some(items, share, rng):
    items = list(items)
    return sorted(rng.sample(items, max(1, round(len(items) * share))))


def make_half(attack):
    """The reference run, killed after its sixth update was saved."""
    faults = Faults(attack)
    for at in range(1, 10000):
        run = attack.fresh()
        attack.run("train", attack.config, "--out", run, env=faults.env(run, "kill", at * 10))
        index = run / "checkpoints" / "checkpoints.json"
        if index.exists() and json.loads(index.read_text())["last"] == "step-6":
            return run
        shutil.rmtree(run, ignore_errors=True)
    raise RuntimeError("no kill left step 6")


def attack_kills(attack, count):
    began = time.monotonic()
    run = attack.fresh()
    attack.run("train", attack.config, "--out", run)
    whole = time.monotonic() - began
    rng = random.Random(2)

    def check(seconds):
        run = attack.fresh()
        process = attack.start("train", attack.config, "--out", run)
        time.sleep(seconds)
        process.kill()
        process.wait()
        attack.goes_on(run, f"killed after {seconds:.3f} s")

    attack.count("SIGKILL at a random moment",
                 [rng.uniform(0, 1.2 * whole) for _ in range(count)], check)


def attack_signals(attack, count):
    rng = random.Random(3)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
        number = getattr(signal, name)

        def check(seconds, name=name, number=number):
            run = attack.fresh()
            process = attack.start("train", attack.config, "--out", run)
            time.sleep(seconds)
            process.send_signal(number)
            code = process.wait()
            allowed = (0,) if name == "SIGUSR1" and seconds > 0.02 else (0, 128 + number, -number)
            if code not in allowed:
                attack.fail(f"{name} after {seconds:.3f} s: exit {code}")
            attack.goes_on(run, f"{name} after {seconds:.3f} s")

        attack.count(f"{name} at a random moment", [rng.uniform(0, 0.3) for _ in range(count)], check)


def attack_descriptors(attack):
    def check(line):
        run = attack.fresh()
        command = f"{attack.program} train {attack.config} --out {run} {line}"
        code = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=120).returncode
        expected = 1 if line.startswith(">/dev/full") else 0
        if code != expected:
            attack.fail(f"{line}: exit {code}")
        attack.goes_on(run, line)

    streams = ("<&-", ">&-", "2>&-")
    lines = [" ".join(stream for i, stream in enumerate(streams) if mask >> i & 1)
             for mask in range(1, 8)]
    lines += [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "2>&1 | true; true",
              "2>&1 >/dev/null | true; true"]
    attack.count("standard streams closed, full, or nobody's", lines, check)


def damaged(data, rng):
    data = bytearray(data)
    at = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at:at + rng.randrange(1, 40)]
    else:
        data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
    return bytes(data)


def attack_files(attack, count):
    whole = attack.fresh()
    attack.run("train", attack.config, "--out", whole)
    index = json.loads((whole / "checkpoints" / "checkpoints.json").read_text())
    last = Path("checkpoints") / index["last"]
    best = Path("checkpoints") / index["best"]

    def tidy(what, ended, codes):
        lines = ended.stderr.decode(errors="replace").splitlines()
        if ended.returncode not in codes:
            attack.fail(f"{what}: exit {ended.returncode}: {lines}")
        if ended.returncode != 0 and not any(line.startswith("tessera: ") for line in lines):
            attack.fail(f"{what}: no reason")

    def on_checkpoint(seed):
        rng = random.Random(seed)
        run = attack.fresh()
        shutil.copytree(whole, run)
        name = rng.choice([last / part for part in PARTS] + [best / part for part in PARTS]
                          + [Path("checkpoints") / "checkpoints.json"])
        file = run / name
        before = file.read_bytes()
        file.write_bytes(damaged(before, rng))
        if file.read_bytes() != before:
            codes = []
            for command in (("eval", run), ("train", "--resume", run, "--set", "train.epochs=4")):
                ended = attack.run(*command)
                tidy(f"{name} damaged ({seed})", ended, (0, 1))
                codes.append(ended.returncode)
            if 1 not in codes and last != best and name.parts[1] != index["best"]:
                attack.fail(f"{name} damaged ({seed}): taken")
            if name.parts[1] == index["best"] and codes[0] != 1:
                attack.fail(f"{name} damaged ({seed}): evaluated")
        shutil.rmtree(run)

    def on_config(seed):
        rng = random.Random(seed)
        file = attack.folder / f"c{seed}.yaml"
        file.write_bytes(damaged((whole / "config.yaml").read_bytes(), rng))
        tidy(f"config.yaml damaged ({seed})", attack.run("inspect", file), (0, 1, 2))
        file.unlink()

    def on_weights(seed):
        rng = random.Random(seed)
        file = attack.folder / f"w{seed}.safetensors"
        file.write_bytes(damaged((whole / last / "model.safetensors").read_bytes(), rng))
        tidy(f"weights damaged ({seed})", attack.run(
            "convert", file, attack.folder / f"o{seed}.safetensors", "--model", attack.config), (0, 1))
        file.unlink()

    def on_records(seed):
        rng = random.Random(seed)
        run = attack.fresh()
        shutil.copytree(whole, run)
        file = run / rng.choice(["metrics.jsonl", "timing.jsonl", "status.json", "env.json",
                                 "history.jsonl"])
        file.write_bytes(damaged(file.read_bytes(), rng))
        for command in (("train", "--resume", run, "--set", "train.epochs=4"), ("runs", run),
                        ("watch", run)):
            tidy(f"{file.name} damaged ({seed})", attack.run(*command), (0, 1))
        shutil.rmtree(run)

    attack.count("damaged checkpoints: none taken", range(count), on_checkpoint)
    attack.count("damaged configurations", range(count), on_config)
    attack.count("damaged weight files", range(count), on_weights)
    attack.count("damaged records of a run", range(count // 2), on_records)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=("quick", "full"), required=True)
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    full = options.mode == "full"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(options.program, Path(folder), began + options.budget,
                        counts=10 + 2 * len(MODES))
        run = attack.fresh()
        ended = attack.run("train", attack.config, "--out", run)
        if ended.returncode != 0:
            sys.exit(f"the reference does not train: {ended.stderr.decode()}")
        attack.reference = attack.result(run)
        print(f"{'attack':<58} {'times':>6} {'failed':>7}")
        attack_descriptors(attack)
        attack_kills(attack, 200 if full else 20)
        attack_signals(attack, 50 if full else 5)
        attack_files(attack, 1000 if full else 40)
        attack_calls(attack, 1.0 if full else 0.06)
        for failure in attack.failures[:20]:
            print("FAILED", failure)
        print(f"{len(attack.failures)} failed, {time.monotonic() - began:.0f} s")
        sys.exit(1 if attack.failures else 0)


if __name__ == "__main__":
    main()
