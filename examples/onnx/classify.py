"""classify.py MODEL.onnx IMAGE: an image through a model of `tessera export --preprocess`.

Needs onnxruntime, numpy and Pillow.
"""
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession(sys.argv[1])
entry = session.get_inputs()[0]  # uint8 [N, H, W, C], or with --layout nchw [N, C, H, W]
channels = entry.shape[3] if isinstance(entry.shape[3], int) else entry.shape[1]
pixels = np.asarray(Image.open(sys.argv[2]).convert("L" if channels == 1 else "RGB"))
images = pixels.reshape(1, *pixels.shape[:2], channels)
if entry.shape[1] == channels:
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
probabilities = session.run(None, {entry.name: images})[0][0]
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
for k in np.argsort(-probabilities)[:5]:
    print(f"{100 * probabilities[k]:6.2f} %  {classes[k]}")
