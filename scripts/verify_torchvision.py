#!/usr/bin/env python3
"""Checks weights that `tessera convert` wrote for torchvision against torchvision itself.

A small Swin Transformer (v1, v2) of torchvision with random weights goes .pth -> tessera ->
torchvision by `tessera convert`; the result must load with strict=True and give the same logits,
and `tessera forward` must agree with both. Needs torch, torchvision and numpy, for this check only:

  /usr/bin/python3 scripts/verify_torchvision.py [--tessera build/release/tessera]
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torchvision.models import swin_transformer as tv

TYPES = {'F32': np.float32, 'I64': np.int64}


def read_safetensors(path):
    with open(path, 'rb') as file:
        data = file.read()
    size = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop('__metadata__', None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry['data_offsets'])
        array = np.frombuffer(data[begin:end], TYPES[entry['dtype']]).reshape(entry['shape'])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * 4
        header[name] = {'dtype': 'F32', 'shape': list(tensor.shape),
                        'data_offsets': [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.detach().contiguous().numpy().tobytes())


def make_model(version):
    block = tv.SwinTransformerBlock if version == 1 else tv.SwinTransformerBlockV2
    merge = tv.PatchMerging if version == 1 else tv.PatchMergingV2
    model = tv.SwinTransformer(patch_size=[2, 2], embed_dim=16, depths=[2, 2], num_heads=[2, 4],
                               window_size=[4, 4], stochastic_depth_prob=0.0, num_classes=10,
                               block=block, downsample_layer=merge)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def check(version, program, folder):
    torch.manual_seed(version)
    model = make_model(version)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        logits = model(images)
    place = lambda name: os.path.join(folder, name)
    torch.save({'model': model.state_dict()}, place('theirs.pth'))
    write_safetensors(place('x.safetensors'), {'input': images})
    config = {'name': 'swin' if version == 1 else 'swin_v2', 'image_size': [32, 32],
              'in_channels': 3, 'num_classes': 10, 'patch_size': 2, 'embed_dim': 16,
              'depths': [2, 2], 'num_heads': [2, 4], 'window_size': 4, 'padding': 'torchvision',
              'window_policy': 'pad'}
    with open(place('m.yaml'), 'w') as file:
        file.write('model: ' + json.dumps(config) + '\n')

    def run(*arguments):
        subprocess.run([program, *arguments], check=True, stderr=subprocess.DEVNULL)

    run('convert', place('theirs.pth'), place('own.safetensors'), '--to', 'tessera')
    run('convert', place('own.safetensors'), place('back.safetensors'), '--to', 'torchvision',
        '--model', place('m.yaml'))
    run('forward', '--model', place('m.yaml'), '--weights', place('own.safetensors'),
        '--input', place('x.safetensors'), '--output', place('y.safetensors'))
    own = read_safetensors(place('y.safetensors'))['logits']

    fresh = make_model(version)
    fresh.load_state_dict(read_safetensors(place('back.safetensors')), strict=True)
    with torch.no_grad():
        back = fresh(images)
    print(f'Swin v{version}: strict load ok, logits differ by {(back - logits).abs().max():.1e} '
          f'(torchvision), {(own - logits).abs().max():.1e} (tessera)')
    return torch.allclose(back, logits, atol=1e-5) and torch.allclose(own, logits, atol=1e-4)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tessera', default='build/release/tessera', help='the program')
    program = os.path.abspath(parser.parse_args().tessera)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        good = all([check(version, program, folder) for version in (1, 2)])
    if not good:
        sys.exit('verify_torchvision.py: logits differ')


if __name__ == '__main__':
    main()
