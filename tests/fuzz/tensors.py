"""Safetensors files spoiled: as bytes, as a header that is well-formed and wrong, and
as sound files that hold something else. And an independent reader."""
import json, math, struct

import torch
from safetensors.torch import save

from .base import spoil_bytes

WIDTH = dict(F64=8, F32=4, F16=2, BF16=2, I64=8, I32=4, I16=2, I8=1, U8=1, BOOL=1,
             F8_E4M3=1, C64=8)
TORCH = dict(F64=torch.float64, F32=torch.float32, F16=torch.float16,
             BF16=torch.bfloat16, I64=torch.int64, U8=torch.uint8)
KINDS = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
         torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn]
SIZES = ["", "0", "-8", "+8", " 8", "8 ", "08", "8.0", "1e1", "\u0668", "20000",
         "60000", "999999999", "9" * 30, "9" * 5_000, "9", "7",
         "nan", "None", "8\n", "0x8"]
NUMBERS = [0, -1, 1, 2 ** 31, 2 ** 62, 2 ** 64, 10 ** 30, 0.5, 1e400, math.nan, "8",
           None, True, [], {}, [8], "\x1b[31m"]


def split(data):
    "Header as an object, and the numbers after it."
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + size]), data[8 + size:]


def join(text, rest):
    if isinstance(text, str): text = text.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + rest


def spoil_header(r, data):
    "A header that is JSON still, mostly, and says something else."
    header, rest = split(data)
    names = [k for k in header if k != "__metadata__"]
    name, metadata = r.choice(names), header.get("__metadata__", {})
    entry = header[name]
    how = r.randrange(22)
    if how == 0: entry["dtype"] = r.choice([*WIDTH, "F99", "", None, 4, "\x1b"])
    elif how == 1:
        dtype = r.choice(list(WIDTH))
        for k in names: header[k]["dtype"] = dtype
    elif how == 2: entry["shape"] = entry["shape"][::-1] or [1]
    elif how == 3:
        entry["shape"] = [r.choice([*NUMBERS, 8, 10, 1]) for _ in range(r.randrange(4))]
    elif how == 4: entry["shape"] = r.choice(NUMBERS)
    elif how == 5: entry["data_offsets"][r.randrange(2)] = r.choice(NUMBERS)
    elif how == 6: entry["data_offsets"] = r.choice([*NUMBERS, [0], [0, 4, 8], [8, 0]])
    elif how == 7:
        other = header[r.choice(names)]
        entry["data_offsets"], other["data_offsets"] = (
            other["data_offsets"], entry["data_offsets"])
    elif how == 8: entry["data_offsets"] = list(header[r.choice(names)]["data_offsets"])
    elif how == 9: del header[name]
    elif how == 10:
        header[r.choice(["W_hh ", "w_hh", "x", "", "rnn"])] = header.pop(name)
    elif how == 11: header[r.choice(["x", "\x1b[31m", "a" * 9_999])] = dict(
        dtype="F32", shape=[0], data_offsets=[entry["data_offsets"][1]] * 2)
    elif how == 12: header["__metadata__"] = r.choice([*NUMBERS, [[1]], {"a": None}])
    elif how == 13 and metadata:
        metadata[r.choice(list(metadata))] = r.choice([*NUMBERS, *SIZES])
    elif how == 14: metadata[r.choice(["hidden_size", "vocab_size"])] = r.choice(SIZES)
    elif how == 15 and metadata: metadata.pop(r.choice(list(metadata)))
    elif how == 16:  # two of one name: who reads the first, who the last?
        again = json.dumps({name: {**entry, "shape": entry["shape"][::-1]}})
        return join(again[:-1] + ", " + json.dumps(header)[1:], rest)
    elif how == 17:
        text = json.dumps(header).replace(
            '"__metadata__": {', '"__metadata__": {"hidden_size": "9", ', 1)
        return join(text, rest)
    elif how == 18:
        depth = r.choice([100, 5_000, 200_000])
        return join("[" * depth + "]" * depth * r.randrange(2), rest)
    elif how == 19:
        text = json.dumps(header)
        return join(r.choice([
            "\ufeff" + text, text + "x", text + " " * 5_000, text + "\0", " " + text,
            text.encode("utf-16"), text[:-1], "null", "[]", "7", text + text,
            text.replace("8", "NaN", 1),
            text.replace('"F32"', '"F32\ud800"', 1)]), rest)
    elif how == 20:
        text = json.dumps(header).encode()
        size = r.choice([0, 1, 2, len(text) - 1, len(text) + 1, 2 ** 31, 2 ** 63,
                         2 ** 64 - 1, 65 << 20])
        return struct.pack("<Q", size) + text + rest
    elif how == 21: entry[r.choice(["x", "dtype ", "shape"])] = r.choice(NUMBERS)
    return join(json.dumps(header), rest)


def spoil_numbers(r, tensors):
    "Tensors some of which have other numbers, types or shapes; well-formed."
    tensors = dict(tensors)
    name = r.choice(sorted(tensors))
    old, how = tensors[name], r.randrange(9)
    if how == 0 and old.is_floating_point() and old.numel():
        tensors[name] = old = old.clone()
        old.view(-1)[r.randrange(old.numel())] = r.choice(
            [math.nan, math.inf, -math.inf])
    elif how == 1: tensors[name] = old.to(r.choice(KINDS))
    elif how == 2:
        kind = r.choice(KINDS)
        tensors = {k: v.to(kind) for k, v in tensors.items()}
    elif how == 3: tensors[name] = old.T.contiguous() if old.ndim == 2 else old[None]
    elif how == 4:
        shape = [r.choice([0, 1, 2, 7, 8, 9, 10, 33]) for _ in range(r.randrange(4))]
        tensors[name] = torch.zeros(shape, dtype=old.dtype)
    elif how == 5: del tensors[name]
    elif how == 6: tensors[r.choice(["x", "adam.99.step", "rnn.x"])] = old.clone()
    elif how == 7: tensors[name] = old[:0].clone() if old.ndim else old[None].clone()
    else:
        tensors[name] = torch.randn(old.shape).mul(r.choice([1, 1e-30, 1e30])).to(
            old.dtype) if old.is_floating_point() else torch.zeros_like(old)
    return tensors


def read_strictly(data):
    """The tensors and strings of a safetensors file, by a reader that knows only the
    format: `ValueError` for anything else."""
    def once(pairs):
        found = dict(pairs)
        if len(found) < len(pairs): raise ValueError("a key twice")
        return found
    size = struct.unpack("<Q", data[:8])[0]
    if not 2 <= size <= len(data) - 8: raise ValueError("no header")
    header = json.loads(data[8:8 + size].decode(), object_pairs_hook=once)
    metadata, rest, tensors = header.pop("__metadata__", {}), data[8 + size:], {}
    at = 0
    for name, entry in sorted(header.items(), key=lambda x: x[1]["data_offsets"]):
        start, end = entry["data_offsets"]
        shape, dtype = entry["shape"], entry["dtype"]
        if start != at or end - start != math.prod(shape) * WIDTH[dtype]:
            raise ValueError("offsets")
        at = end
        tensors[name] = torch.frombuffer(
            bytearray(rest[start:end]), dtype=TORCH[dtype]).reshape(
                shape) if end > start else torch.empty(shape, dtype=TORCH[dtype])
    if at != len(rest): raise ValueError("length")
    return tensors, metadata


def spoiled(r, data, tensors, metadata):
    "(how, bytes): a file of tensors, spoiled in one of three ways or more than one."
    how = r.choice(["bytes", "header", "header", "numbers"])
    if how == "bytes": return how, spoil_bytes(r, data)
    if how == "header":
        data = spoil_header(r, data)
        return how, spoil_bytes(r, data) if r.random() < 0.1 else data
    for _ in range(r.choice([1, 1, 2])): tensors = spoil_numbers(r, tensors)
    try: return how, save({k: v.contiguous() for k, v in tensors.items()}, metadata)
    except Exception: return "bytes", spoil_bytes(r, data)
