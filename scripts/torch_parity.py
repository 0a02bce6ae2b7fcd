"""Compares Tessera with a model of PyTorch: weights there and back, logits and every gradient."""
import argparse
import copy
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch

import tensor_file

LOGITS = 1e-4  # largest difference
GRADIENTS = 1e-3  # of the largest of the tensor
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def randomize(model):
    """Values that are nowhere zero or the identity, and activations that stay of order 1."""
    for name, parameter in model.named_parameters():
        if name.endswith("logit_scale"):
            torch.nn.init.uniform_(parameter, 1.0, 4.0)
        elif re.search(r"(norm|ln|\.0\.2)[^.]*\.weight$", name) and parameter.dim() == 1:
            torch.nn.init.normal_(parameter, 1.0, 0.2)
        else:
            torch.nn.init.normal_(parameter, 0.0, 0.1)
    return model.eval()


def run(program, *arguments):
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join([program, *arguments])}\n{result.stderr}")


def reference(model, images, target):
    """logits, loss and gradients by name, in double precision: in f32 Swin v2's own may be off by
    as much as is allowed here."""
    model = copy.deepcopy(model).double()
    images = images.double().requires_grad_()
    logits = model(images)
    loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    results = {"logits": logits, "loss": loss.reshape(1), "grad/input": images.grad}
    for name, parameter in model.named_parameters():
        results["grad/" + name] = parameter.grad
    return {name: value.detach().numpy() for name, value in results.items()}


def compare(theirs, ours):
    """The largest difference of logits and loss, and of gradients with their name."""
    values = max(np.abs(theirs[name] - ours[name]).max() for name in ("logits", "loss"))
    worst = (0.0, "")
    for name, gradient in theirs.items():
        if not name.startswith("grad/"):
            continue
        if name not in ours:
            sys.exit(f"no {name} from Tessera")
        difference = np.abs(gradient - ours[name]).max() / max(np.abs(gradient).max(), 1e-12)
        worst = max(worst, (difference, name))
    return values, worst


def check(label, make, config, naming, program, folder):
    """`make()` is the framework's model, `config` the same as `model:` of a configuration."""
    place = lambda name: os.path.join(folder, name)
    torch.manual_seed(0)
    model = randomize(make())
    height, width = config["image_size"]
    images = torch.randn(3, config.get("in_channels", 3), height, width)
    target = torch.tensor([1, 7, 4])
    with open(place("m.yaml"), "w") as file:
        json.dump({"model": {"num_classes": 10, **config}, "data": {"name": "none"}}, file)
    torch.save({"model": model.state_dict()}, place("theirs.pth"))
    tensor_file.write(place("x"), {"input": images.numpy(), "target": target.numpy()})

    run(program, "forward", "--model", place("m.yaml"), "--weights", place("theirs.pth"), "--input",
        place("x"), "--output", place("y"), "--grad")
    theirs = reference(model, images, target)
    values, (gradients, name) = compare(theirs, tensor_file.read(place("y")))

    run(program, "convert", place("theirs.pth"), place("own"), "--to", "tessera")
    run(program, "convert", place("own"), place("back"), "--to", naming, "--model", place("m.yaml"))
    fresh = make().eval()
    back = {name: torch.from_numpy(value) for name, value in tensor_file.read(place("back")).items()}
    fresh.load_state_dict(back, strict=True)
    with torch.no_grad():
        returned = (fresh(images) - model(images)).abs().max()
    good = bool(values <= LOGITS and gradients <= GRADIENTS and returned <= 1e-6)
    print(f"{'ok  ' if good else 'FAIL'} {label}: logits and loss {values:.1e}, gradients "
          f"{gradients:.1e} ({name}), strict load, its logits {returned:.1e}", flush=True)
    return good


def main(description, naming, cases):
    """`cases` are triples of a label, a function that makes the model, and its configuration."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/tessera"))
    program = os.path.abspath(parser.parse_args().program)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        good = [check(*case, naming, program, folder) for case in cases]
    print(f"{sum(good)} of {len(good)} models agree")
    sys.exit(0 if all(good) else 1)
