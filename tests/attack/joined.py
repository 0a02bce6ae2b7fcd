"""Studies that several processes train together, some of them killed: see scripts/attack.sh."""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASE = """
model: {patch_size: 4, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 4,
        drop_path: 0.1}
data: {name: synthetic, batch_size: 16, train_samples: 320, test_samples: 64, workers: 0,
       augment: {crop_padding: 2, flip: true, mixup: 0.8}}
optim: {lr: 1.0e-3, ema: 0.9}
train: {epochs: 2, seed: 3, threads: 1, checkpoint_every: 5, tensorboard: false}
"""
STUDY = """
base: base.yaml
axes: {model.patch_size: [4, 8], model.embed_dim: [8, 16, 24], optim.lr: [1.0e-3, 3.0e-3]}
baseline: {model.patch_size: 4, model.embed_dim: 8, optim.lr: 1.0e-3}
seeds: [0, 1]
"""
RUNS = 24
KILLS = 3


class Joined:
    """Processes at work on one study in one folder."""

    def __init__(self, program, study, out):
        self.command = [program, "ablate", str(study), "--out", str(out), "--no-measure", "--join",
                        "--silence", "5"]
        self.out = out
        self.processes = []

    def start(self):
        with open(self.out.parent / "errors", "ab") as errors:
            self.processes.append(subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors))

    def done(self):
        """Runs that have said that they are finished."""
        states = self.out.glob("cells/*/status.json")
        return sum('"finished"' in read(state) for state in states)

    def kill(self, rng):
        victim = self.processes.pop(rng.randrange(len(self.processes)))
        alive = victim.poll() is None
        victim.kill()
        victim.wait()
        return alive

    def end(self):
        return [process.wait() for process in self.processes]


def read(path):
    try:
        return path.read_text()
    except OSError:  # it is being replaced, or not there yet
        return ""


def train(program, study, out, count, kills, rng):
    """The bytes of results.csv, and at how many finished runs a process was killed."""
    joined = Joined(program, study, out)
    for _ in range(count):
        joined.start()
    struck = []
    for share in range(1, kills + 1):
        goal = RUNS * share // (kills + 1)
        while joined.done() < goal:
            if all(process.poll() is not None for process in joined.processes):
                sys.exit(f"{out}: all have ended after {joined.done()} runs")
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.5))  # anywhere in a run
        if joined.kill(rng):
            struck.append(joined.done())
        joined.start()
    codes = joined.end()
    if any(codes):
        sys.exit(f"{out}: exit codes {codes}\n{read(out.parent / 'errors')}")
    return (out / "results.csv").read_bytes(), struck


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    program = parser.parse_args().program
    rng = random.Random(1)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.yaml").write_text(BASE)
        study = folder / "study.yaml"
        study.write_text(STUDY)
        reference, _ = train(program, study, folder / "alone", 1, 0, rng)
        lines = reference.count(b"\n")
        print(f"alone: results.csv of {lines} lines, {len(reference)} bytes", flush=True)
        for count in (1, 2, 4):
            began = time.monotonic()
            found, struck = train(program, study, folder / f"joined-{count}", count, KILLS, rng)
            same = found == reference
            failed += not same
            print(f"{count} joined, one killed {len(struck)} times (after {struck} of {RUNS} runs): "
                  f"{'the same bytes' if same else 'OTHER BYTES'}, {time.monotonic() - began:.0f} s",
                  flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
