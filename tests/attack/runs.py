"""The trainings that are attacked, and what all attacks share. Python's standard library alone."""

import json
import os
import random
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

CONFIG = """
model: {patch_size: 8, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 2}
data: {name: synthetic, batch_size: 16, train_samples: 64, test_samples: 32, workers: 0}
optim: {lr: 1.0e-3, ema: 0.9}
train: {epochs: 3, seed: 3, threads: 1, checkpoint_every: 3}
"""
PARTS = ("model.safetensors", "state.safetensors", "meta.json")


def result_of(run):
    """All that equal runs must have in common."""
    checkpoints = run / "checkpoints"
    index = json.loads((checkpoints / "checkpoints.json").read_text())
    files = [run / "metrics.jsonl"]
    files += [checkpoints / index[which] / part for which in ("last", "best") for part in PARTS]
    return b"".join(file.read_bytes() for file in files)


def reasons_of(ended):
    lines = ended.stderr.decode(errors="replace").splitlines()
    return [line for line in lines if line.startswith("tessera: ")]


class Attack:
    """What every attack needs: the program, a folder, and counts of what held."""

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
            env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL, timeout=300, **options)

    def start(self, *arguments):
        return subprocess.Popen([self.program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def fail(self, what):
        with self.lock:
            self.failures.append(what)

    def tidy(self, what, ended, codes):
        """It ended with one of `codes`, and an error with its reason."""
        if ended.returncode not in codes:
            self.fail(f"{what}: exit {ended.returncode}: {ended.stderr.decode(errors='replace')}")
        if ended.returncode in (1, 2) and not reasons_of(ended):
            self.fail(f"{what}: no reason")

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
        print(f"{name:<66} {done:>6} {failed:>7}", flush=True)


def goes_on_as_before(attack, ended, folder, result, reference, what):
    """What `ended` went on with is what would have been without the fault, and nothing else."""
    if ended.returncode != 0:
        return attack.fail(f"{what}: does not go on: {ended.stderr.decode(errors='replace')}")
    if result(folder) != reference:
        return attack.fail(f"{what}: ends with other bytes")
    left = [str(path) for path in folder.rglob("*") if ".tmp-" in path.name]
    if left:
        return attack.fail(f"{what}: leaves {left}")
    shutil.rmtree(folder)
    return None


class Training:
    """A training in a folder of its own, and what it ends with when nobody attacks it."""

    def __init__(self, attack, overrides=(), config=None):
        self.attack = attack
        self.config = config or attack.config
        self.overrides = [part for override in overrides for part in ("--set", override)]
        run = attack.fresh()
        began = time.monotonic()
        ended = attack.run(*self.start(run))
        if ended.returncode != 0:
            raise RuntimeError(f"the reference does not train: {ended.stderr.decode()}")
        self.seconds = time.monotonic() - began
        self.reference = result_of(run)
        self.finished = run

    def start(self, run):
        return ["train", self.config, *self.overrides, "--out", run]

    def goes_on(self, run, what):
        """Without the fault: the run ends as if nothing had been, and leaves nothing behind."""
        if (run / "config.yaml").exists():
            ended = self.attack.run("train", "--resume", run)
        else:
            ended = self.attack.run(*self.start(run))
        return goes_on_as_before(self.attack, ended, run, result_of, self.reference, what)


class Study:
    """Two cells of two seeds."""

    TEXT = """
base: short.yaml
axes: {optim.lr: [1.0e-3, 2.0e-3]}
baseline: {optim.lr: 1.0e-3}
seeds: [0, 1]
train: {epochs: 1, checkpoint_every: 0}
"""

    def __init__(self, attack):
        self.attack = attack
        self.config = attack.folder / "study.yaml"
        self.config.write_text(self.TEXT)
        folder = attack.fresh()
        began = time.monotonic()
        ended = attack.run(*self.start(folder))
        if ended.returncode != 0:
            raise RuntimeError(f"the study does not run: {ended.stderr.decode()}")
        self.seconds = time.monotonic() - began
        self.reference = self.result(folder)

    def start(self, folder):
        return ["ablate", self.config, "--no-measure", "--out", folder]

    def result(self, folder):
        return b"".join(result_of(run) for run in sorted((folder / "cells").iterdir()))

    def goes_on(self, folder, what):
        ended = self.attack.run(*self.start(folder))
        return goes_on_as_before(self.attack, ended, folder, self.result, self.reference, what)


class Writing:
    """A command that writes one file in a folder: `arguments` are those before its name."""

    OLD = b"what was here before"

    def __init__(self, attack, arguments, name, option=()):
        self.attack = attack
        self.arguments = [*arguments, *option]
        self.name = name
        folder = self.prepare()
        ended = attack.run(*self.start(folder))
        if ended.returncode != 0:
            raise RuntimeError(f"{arguments}: {ended.stderr.decode()}")
        self.reference = (folder / name).read_bytes()

    def prepare(self):
        folder = self.attack.fresh()
        folder.mkdir()
        (folder / self.name).write_bytes(self.OLD)
        return folder

    def start(self, folder):
        return [*self.arguments, folder / self.name]

    def goes_on(self, folder, what):
        """The old file or the new one, whole; and the next start writes the new one."""
        fail = self.attack.fail
        if (folder / self.name).read_bytes() not in (self.OLD, self.reference):
            return fail(f"{what}: half a file")
        ended = self.attack.run(*self.start(folder))
        if ended.returncode != 0:
            return fail(f"{what}: does not go on: {ended.stderr.decode(errors='replace')}")
        if (folder / self.name).read_bytes() != self.reference:
            return fail(f"{what}: ends with other bytes")
        left = [path.name for path in folder.iterdir() if path.name != self.name]
        if left:
            return fail(f"{what}: leaves {left}")
        shutil.rmtree(folder)
        return None
