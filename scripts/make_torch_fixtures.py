#!/usr/bin/env python3
"""Writes tests/fixtures/torch_small.pth and torch_legacy.pth; needs torch.

  /usr/bin/python3 scripts/make_torch_fixtures.py tests/fixtures
"""
import os
import sys
from collections import OrderedDict

import torch


def main():
    folder = sys.argv[1]
    base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    model = OrderedDict()
    model['plain'] = base
    model['permuted'] = base.permute(2, 0, 1)
    model['sliced'] = base[1, 1:, ::2]
    model['parameter'] = torch.nn.Parameter(torch.tensor([1.5, -2.5]))
    model['half'] = torch.tensor([0.5, -65504.0]).half()
    model['bfloat'] = torch.tensor([1.0, -3.0]).bfloat16()
    model['double'] = torch.tensor([0.1], dtype=torch.float64)
    model['long'] = torch.tensor([[-1, 2**40]])
    model['int'] = torch.tensor([-7], dtype=torch.int32)
    model['byte'] = torch.tensor([255], dtype=torch.uint8)
    model['bool'] = torch.tensor([True, False])
    model['scalar'] = torch.tensor(4.25)
    model['empty'] = torch.zeros(0, 3)
    model._metadata = OrderedDict(version=1)
    optimizer = {'state': {0: {'step': torch.tensor(3.0)}}, 'param_groups': [{'lr': 1e-3}]}
    content = {'model': model, 'epoch': 300, 'best': -(2**40), 'note': 'ok', 'none': None,
               'done': True, 'size': torch.Size([2, 3]), 'optimizer': optimizer}
    torch.save(content, os.path.join(folder, 'torch_small.pth'))
    torch.save({'w': torch.ones(2)}, os.path.join(folder, 'torch_legacy.pth'),
               _use_new_zipfile_serialization=False)


if __name__ == '__main__':
    main()
