"""Failing and killing at the calls that change files."""

import json
import random
import shutil
import subprocess
from pathlib import Path

from runs import Study, Writing, reasons_of

HERE = Path(__file__).resolve().parent
MODES = (("kill", False), ("enospc", False), ("enospc", True), ("eio", False), ("eio", True),
         ("eintr", False), ("short", False))
TITLES = {"kill": "SIGKILL", "enospc": "ENOSPC", "eio": "EIO", "eintr": "EINTR",
          "short": "a short write"}


class Faults:
    def __init__(self, attack):
        self.attack = attack
        self.library = attack.folder / "fault.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", self.library, HERE / "fault.c", "-ldl"],
                       check=True)

    def env(self, folder, do, at=-1, log=None, stays=False):
        env = {"LD_PRELOAD": str(self.library), "FAULT_FOLDER": str(folder), "FAULT_DO": do,
               "FAULT_AT": str(at)}
        if log:
            env["FAULT_LOG"] = str(log)
        if stays:
            env["FAULT_STAYS"] = "1"
        return env

    def points(self, arguments, folder):
        """Calls that change files below `folder`: the most of one process."""
        log = self.attack.folder / "calls"
        log.unlink(missing_ok=True)
        ended = self.attack.run(*arguments, env=self.env(folder, "count", log=log))
        assert ended.returncode == 0, ended.stderr
        return max(int(line.split()[0]) for line in log.read_text().splitlines())

    def strike(self, subject, arguments, folder, do, at, stays=False):
        attack = self.attack
        what = f"{do}{' for good' if stays else ''} at call {at} of {arguments[0]}"
        ended = attack.run(*arguments, env=self.env(folder, do, at, stays=stays))
        if do in ("eintr", "short"):
            if ended.returncode != 0:
                attack.fail(f"{what}: ends it: {ended.stderr.decode(errors='replace')}")
        elif do != "kill" and ended.returncode not in (0, 1):
            attack.fail(f"{what}: exit {ended.returncode}")
        elif ended.returncode == 1:
            lines = ended.stderr.decode(errors="replace").splitlines()
            # A study tells of each run that failed, others of what they did until then.
            reasons = reasons_of(ended)
            if not reasons or lines[-1] != reasons[-1] or (arguments[0] == "train"
                                                           and len(reasons) != 1):
                attack.fail(f"{what}: not one line of reason: {lines}")
        subject.goes_on(folder, what)


def attack_calls(attack, training, share):
    """Every call of a training, and of a resume of its second half."""
    faults = Faults(attack)
    fresh = attack.fresh()
    new = faults.points(training.start(fresh), fresh)
    half = make_half(attack, training, faults)
    copy = attack.fresh()
    shutil.copytree(half, copy)
    resumed = faults.points(["train", "--resume", copy], copy)
    print(f"a training changes files by {new} calls, a resume of its second half by {resumed}")
    rng = random.Random(1)
    for do, stays in MODES:
        def on_new(at, do=do, stays=stays):
            run = attack.fresh()
            faults.strike(training, training.start(run), run, do, at, stays)

        def on_resume(at, do=do, stays=stays):
            run = attack.fresh()
            shutil.copytree(half, run)
            faults.strike(training, ["train", "--resume", run], run, do, at, stays)

        label = TITLES[do] + (" from then on" if stays else "")
        attack.count(f"{label} at a call of a training", some(range(1, new + 1), share, rng), on_new)
        attack.count(f"{label} at a call of a resume", some(range(1, resumed + 1), share, rng),
                     on_resume)


def attack_commands(attack, training, share):
    """Every call of what else writes files."""
    faults = Faults(attack)
    whole = training.finished
    subjects = {
        "report": Writing(attack, ["report", whole], "report.html", ["--out"]),
        "export": Writing(attack, ["export", whole], "model.onnx"),
        "convert": Writing(attack, ["convert", whole, "--to", "timm"], "weights.safetensors"),
        "ablate": Study(attack),
    }
    rng = random.Random(2)
    for name, subject in subjects.items():
        prepare = getattr(subject, "prepare", attack.fresh)
        folder = prepare()
        calls = faults.points(subject.start(folder), folder)
        todo = [(at, do, stays) for at in range(1, calls + 1) for do, stays in MODES]

        def check(item, subject=subject, prepare=prepare):
            at, do, stays = item
            folder = prepare()
            faults.strike(subject, subject.start(folder), folder, do, at, stays)

        attack.count(f"all of these at one of the {calls} calls of {name}", some(todo, share, rng),
                     check)


def some(items, share, rng):
    items = list(items)
    return sorted(rng.sample(items, max(1, round(len(items) * share))))


def make_half(attack, training, faults):
    """The reference run, killed after its sixth update was saved."""
    for at in range(10, 100000, 10):
        run = attack.fresh()
        attack.run(*training.start(run), env=faults.env(run, "kill", at))
        index = run / "checkpoints" / "checkpoints.json"
        if index.exists() and json.loads(index.read_text())["last"] == "step-6":
            return run
        shutil.rmtree(run, ignore_errors=True)
    raise RuntimeError("no kill left step 6")
