"""Attacks on the program from outside: see scripts/attack.sh."""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from damage import attack_checkpoints, attack_configurations, attack_data, attack_files, make_data
from faults import MODES, attack_calls, attack_commands
from runs import Attack, Study, Training

# What else a run's bytes may hang on: each is killed and goes on as well.
VARIANTS = {
    "bf16": ["train.precision=bf16"],
    "muon": ["optim.name=muon", "optim.momentum=0.95"],
    "muon in bf16": ["optim.name=muon", "train.precision=bf16"],
    "sgd": ["optim.name=sgd", "optim.ema=0"],
    "sgd in bf16": ["optim.name=sgd", "train.precision=bf16", "data.accumulate=2"],
    "mixed images, dropout, two workers": ["data.augment.mixup=0.8", "model.dropout=0.1",
                                           "model.drop_path=0.2", "data.workers=2"],
}

# The other tasks, on the photos of make_data(), and buffers of batch norm beside the parameters.
TASKS = {
    "masks": """
task: {{name: segmentation}}
model: {{image_size: 24, patch_size: 4, embed_dim: 8, depths: [1, 1], num_heads: [1, 2],
        window_size: 3,
        head: {{type: fpn, channels: 8, norm: batch}}}}
data: {{name: image_masks, root: {root}/masks, batch_size: 2, workers: 0}}
optim: {{lr: 1.0e-3, ema: 0.9}}
train: {{epochs: 4, seed: 3, threads: 1, checkpoint_every: 3}}
""",
    "boxes": """
task: {{name: detection}}
model: {{image_size: 24, patch_size: 4, embed_dim: 8, depths: [1, 1], num_heads: [1, 2],
        window_size: 3,
        head: {{type: fcos, channels: 8, groups: 2, convs: 1}}}}
data: {{name: coco, root: {root}/coco, batch_size: 2, workers: 1}}
optim: {{lr: 1.0e-3}}
train: {{epochs: 4, seed: 3, threads: 1, checkpoint_every: 3}}
""",
    "hidden patches": """
task: {{name: simmim, mask_size: 8, mask_ratio: 0.5}}
model: {{patch_size: 4, embed_dim: 8, depths: [1, 1], num_heads: [1, 2], window_size: 2}}
data: {{name: synthetic, batch_size: 16, train_samples: 64, test_samples: 32, workers: 0}}
optim: {{lr: 1.0e-3}}
train: {{epochs: 3, seed: 3, threads: 1, checkpoint_every: 3}}
""",
}


def attack_kills(attack, title, subject, count):
    rng = random.Random(title)

    def check(seconds):
        folder = attack.fresh()
        process = attack.start(*subject.start(folder))
        time.sleep(seconds)
        process.kill()
        process.wait()
        subject.goes_on(folder, f"{title}: killed after {seconds:.3f} s")

    attack.count(f"SIGKILL at a random moment: {title}",
                 [rng.uniform(0, 1.2 * subject.seconds) for _ in range(count)], check)


def attack_signals(attack, training, count):
    rng = random.Random(3)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"):
        number = getattr(signal, name)

        def check(seconds, name=name, number=number):
            run = attack.fresh()
            process = attack.start(*training.start(run))
            time.sleep(seconds)
            process.send_signal(number)
            code = process.wait()
            # Before the program has taken the signal over, SIGUSR1 ends it as it ends any.
            early = 0.3 * training.seconds
            allowed = (0,) if name == "SIGUSR1" and seconds > early else (0, 128 + number, -number)
            if code not in allowed:
                attack.fail(f"{name} after {seconds:.3f} s: exit {code}")
            training.goes_on(run, f"{name} after {seconds:.3f} s")

        attack.count(f"{name} at a random moment",
                     [rng.uniform(0, 1.2 * training.seconds) for _ in range(count)], check)


def attack_descriptors(attack, training):
    def check(line):
        run = attack.fresh()
        command = f"{attack.program} train {attack.config} --out {run} {line}"
        code = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=300).returncode
        expected = 1 if line.startswith(">/dev/full") else 0
        if code != expected:
            attack.fail(f"{line}: exit {code}")
        training.goes_on(run, line)

    streams = ("<&-", ">&-", "2>&-")
    lines = [" ".join(stream for i, stream in enumerate(streams) if mask >> i & 1)
             for mask in range(1, 8)]
    lines += [">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "2>&1 | true; true",
              "2>&1 >/dev/null | true; true"]
    attack.count("standard streams closed, full, or nobody's", lines, check)


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
                        counts=17 + len(VARIANTS) + len(TASKS) + 2 * len(MODES))
        training = Training(attack)
        print(f"{'attack':<66} {'times':>6} {'failed':>7}")
        attack_descriptors(attack, training)
        attack_kills(attack, "f32, AdamW, averaged weights", training, 200 if full else 10)
        for title, overrides in VARIANTS.items():
            attack_kills(attack, title, Training(attack, overrides), 50 if full else 3)
        make_data(attack.folder / "photos")
        for title, text in TASKS.items():
            config = attack.folder / f"{title.replace(' ', '_')}.yaml"
            config.write_text(text.format(root=attack.folder / "photos"))
            attack_kills(attack, title, Training(attack, config=config), 50 if full else 3)
        attack_kills(attack, "a study", Study(attack), 90 if full else 3)
        attack_signals(attack, training, 50 if full else 5)
        attack_checkpoints(attack, training, 1000 if full else 40)
        attack_files(attack, training, 1000 if full else 20)
        attack_data(attack, 1000 if full else 20)
        attack_configurations(attack, 3000 if full else 40)
        attack_commands(attack, training, 1.0 if full else 0.02)
        attack_calls(attack, training, 1.0 if full else 0.04)
        for failure in attack.failures[:40]:
            print("FAILED", failure)
        print(f"{len(attack.failures)} failed, {time.monotonic() - began:.0f} s")
        sys.exit(1 if attack.failures else 0)


if __name__ == "__main__":
    main()
