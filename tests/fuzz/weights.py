"""Weights files. A file is refused in one line, or the network is what stands in it: no
other, none that is not finite, and at no more memory than twice the file."""
import torch

from copymem.rnn import RNN
from copymem.weights import load_model, read_metadata, save_model

from .base import Peak, odd_file, refused
from .tensors import SIZES, read_strictly, spoiled

SLACK = 12 << 20  # bytes that a call may take besides, for what it imports and the like


def prepare(folder):
    "Sound files, with what stands in them."
    folder.mkdir()
    known, seed = [], torch.Generator().manual_seed
    for i, (hidden, dtype) in enumerate(
            [(8, None), (8, None), (3, torch.float64), (33, torch.float16), (1, None),
             (200, None)]):
        rnn = RNN(hidden, generator=seed(i)).to(dtype)
        path = folder/f"{i}.safetensors"
        save_model(rnn, path, dict(name="15-tp", seed="0", lr="0.001"))
        load_model(path)  # for what is imported only then
        known.append((path.read_bytes(), *read_strictly(path.read_bytes())))
    return known


def attempt(r, folder, known, case):
    "What came of one case: a word, with ! before it if it must not be; and more."
    path, (data, tensors, metadata) = folder/"w.safetensors", r.choice(known)
    if case % 50 == 49:
        odd_file(r, path)
        how, content = "odd", b""
    else:
        if r.random() < 0.1:
            key = r.choice(["hidden_size", "vocab_size"])
            metadata = {**metadata, key: r.choice(SIZES)}
        how, content = spoiled(r, data, tensors, metadata)
        path.write_bytes(content)
    try: read_metadata(path)
    except Exception as error:
        what = refused(error, path)
        if what[0] != "refused": return what
    with Peak() as peak:
        try: rnn = load_model(path)
        except Exception as error: rnn, what = None, refused(error, path)
        else: what = "taken", ""
    if peak.grown > 2 * len(content) + SLACK:
        return "!memory", f"{peak.grown:,} bytes for {len(content):,}"
    return what if rnn is None else unfit(rnn, content, how, data, tensors) or what


def unfit(rnn, content, how, data, tensors):
    "What is wrong with a network that was taken, None if nothing."
    try: held, metadata = read_strictly(content)
    except Exception as error: return "!taken though ill-formed", repr(error)[:200]
    found = rnn.state_dict()
    if found.keys() != held.keys(): return "!other tensors", str(sorted(held))
    for name, tensor in held.items():
        if tensor.dtype != found[name].dtype or not torch.equal(tensor, found[name]):
            return "!other numbers", name
        if not tensor.isfinite().all(): return "!not finite", name
    sizes = str(rnn.hidden_size), str(rnn.vocab_size)
    if sizes != (metadata["hidden_size"], metadata["vocab_size"]):
        return "!other sizes", str(sizes)
    if rnn.W_hh.shape != (rnn.hidden_size,) * 2: return "!other shapes", ""
    if len({v.dtype for v in found.values()}) > 1: return "!several types", ""
    if content != data and how == "bytes" and "digest" in metadata and any(
            not torch.equal(v.to(found[k].dtype), found[k]) for k, v in tensors.items()
            if v.shape == found[k].shape): return "!damaged numbers taken", ""
    return None
