"""Safetensors files as dictionaries of numpy arrays: as much of the format as the scripts need."""
import json
import struct

import numpy as np

TYPES = {"F32": np.float32, "I64": np.int64, "I32": np.int32}


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (start + offset for offset in entry["data_offsets"])
        flat = np.frombuffer(content[begin:end], TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).copy()
    return tensors


def write(path, tensors, metadata=None):
    """Arrays of float32 or int64; others become float32."""
    header, data = ({"__metadata__": metadata} if metadata else {}), []
    offset = 0
    for name, value in tensors.items():
        value = np.asarray(value)
        kind = "I64" if value.dtype == np.int64 else "F32"
        data.append(np.ascontiguousarray(value, TYPES[kind]).tobytes())
        header[name] = {"dtype": kind, "shape": list(value.shape),
                        "data_offsets": [offset, offset + len(data[-1])]}
        offset += len(data[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))
