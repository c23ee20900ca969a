"""Bundles damaged at random, and what comes of them: python -m tests.fuzz.bundles FOLDER SEED FIRST LAST

A child process: its memory is limited, and one JSON line a case says how it went. The same seed and case give
the same damage.
"""

import faulthandler
import hashlib
import io
import json
import random
import struct
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import onnx
import safetensors.numpy
from onnx import helper

MEMORY_BYTES = 4 * 2**30
"""Of address space; the libraries take 1.3 GB of it."""

HANG_S = 30
_ARRAYS, _BACKBONE, _MANIFEST = "arrays.safetensors", "backbone.onnx", "manifest.json"
_STRANGE = (
    None, 7, -1, 0, 0.5, 1e308, 10**30, -(2**63), "x" * 5000, "", "1", [], {}, [1], [[[]]], {"a": {}}, True,
    float("nan"), float("inf"), "\ud800",
)  # fmt: skip


def damage(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return what was done, and the damaged bundle."""
    kind = rng.choice(list(KINDS))
    return kind, KINDS[kind](content, rng)


def flip_bits(content: bytes, rng: random.Random) -> bytes:
    """Anywhere; half of the time in the manifest and the headers, which are small."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 8, 100))):
        end = rng.choice((4000, len(found)))
        found[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(found)


def cut_or_add(content: bytes, rng: random.Random) -> bytes:
    """Cut off, doubled, or with bytes before, behind or between."""
    at = rng.randrange(len(content))
    junk = rng.randbytes(rng.choice((1, 22, 500)))
    return rng.choice((
        content[:at], content[at:], content + junk, junk + content, content[:at] + junk + content[at:],
        content + content, content[:-rng.randrange(1, 60)],
    ))  # fmt: skip


def swap_members(content: bytes, rng: random.Random) -> bytes:
    """Members in each other's place, doubled, renamed or gone, with true checksums."""
    members = unpack(content)
    first, second = rng.sample(sorted(members), 2)
    what = rng.randrange(5)
    if what == 0:
        members[first], members[second] = members[second], members[first]
    elif what == 1:
        members[first] = members[second]
    elif what == 2:
        del members[first]
    elif what == 3:
        members[f"../{first}"] = members.pop(first)
    else:
        members[rng.choice((first, "head.onnx"))] = rng.randbytes(rng.choice((0, 8, 1000)))
    return pack(members)


def change_manifest(content: bytes, rng: random.Random) -> bytes:
    """One to three values of another type or size, names that are new or gone; or text that is none."""
    members = unpack(content)
    if rng.random() < 0.1:
        text = members[_MANIFEST]
        at = rng.randrange(len(text))
        members[_MANIFEST] = rng.choice((
            text[:at], b"[" * 200_000, text.replace(b"{", b'{"facts": {},', 1), b'{"a":' * 90_000,
            text + text, text.replace(b"1", b"9" * 4400, 1), text.decode().encode("utf-16"), b"null",
        ))  # fmt: skip
        return pack(members, keep_manifest=True)
    data = json.loads(members[_MANIFEST])
    for _ in range(rng.randrange(1, 4)):
        table, key = rng.choice(list(_places(data)))
        if rng.random() < 0.2 and isinstance(table, dict):
            del table[key]
        elif isinstance(table[key], int | float) and rng.random() < 0.7:
            table[key] = rng.choice(
                (table[key] * 2, table[key] * 1000, -table[key], table[key] + 1, 10**9)
            )
        else:
            table[key] = rng.choice(_STRANGE)
    members[_MANIFEST] = json.dumps(data).encode()
    return pack(members)


def change_settings(content: bytes, rng: random.Random) -> bytes:
    """Settings of the detector of any size, and of other types."""
    members = unpack(content)
    data = json.loads(members[_MANIFEST])
    config = data["detector"]["config"]
    for name in rng.sample(sorted(config), 2):
        numbers = (
            0,
            1,
            2,
            3,
            32,
            64,
            96,
            1024,
            4096,
            8192,
            10**6,
            10**9,
            10**18,
            -1,
            0.5,
            1e-30,
            1e30,
        )
        config[name] = rng.choice((*numbers, *numbers, "text", None, True, False))
    members[_MANIFEST] = json.dumps(data).encode()
    return pack(members)


def change_arrays(content: bytes, rng: random.Random) -> bytes:
    """Arrays of other shapes, types and sizes, or that are gone; or a header that lies."""
    members = unpack(content)
    if rng.random() < 0.3:
        members[_ARRAYS] = _lie(members[_ARRAYS], rng)
        return pack(members)
    arrays = safetensors.numpy.load(members[_ARRAYS])
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    changed = rng.choice((
        lambda: array.astype(rng.choice((np.float16, np.int8, np.float32, np.float64, np.int64, np.uint8))),
        lambda: array.reshape(-1), lambda: array[..., :0], lambda: array[:1], lambda: array[None],
        lambda: np.concatenate([array, array]), lambda: array.T, lambda: array * 0,
        lambda: np.full_like(array, 3e38 if array.dtype == np.float32 else 100),
        lambda: -array, lambda: np.zeros((0,), np.float32), lambda: np.zeros((2,) * 16, np.float32),
    ))  # fmt: skip
    with np.errstate(all="ignore"):
        arrays[name] = np.ascontiguousarray(changed())
    if rng.random() < 0.1:
        del arrays[name]
    members[_ARRAYS] = safetensors.numpy.save(arrays)
    return pack(members)


def change_network_bytes(content: bytes, rng: random.Random) -> bytes:
    """Bits of a network flipped where it is more than weights, with true checksums."""
    members = unpack(content)
    name = rng.choice([n for n in members if n.endswith(".onnx")])
    network = bytearray(members[name])
    weights = _weights(bytes(network))
    for _ in range(rng.choice((1, 1, 2, 20))):
        place = rng.randrange(len(network))
        while weights[place]:
            place = rng.randrange(len(network))
        network[place] ^= 1 << rng.randrange(8)
    members[name] = bytes(network)
    return pack(members)


def change_network(content: bytes, rng: random.Random) -> bytes:
    """A network with other operators, attributes, sizes or parts, as protocol buffers allow."""
    members = unpack(content)
    name = rng.choice([n for n in members if n.endswith(".onnx")])
    model = onnx.load_from_string(members[name])
    for _ in range(rng.choice((1, 1, 2))):
        rng.choice(NETWORK_CHANGES)(model, rng)
    members[name] = model.SerializeToString()
    return pack(members)


def rename_operator(model, rng):
    """Other operators may take less, or ask for sizes."""
    names = ("Loop", "If", "NonZero", "Relu", "Shape", "Resize", "Tile", "Expand", "Conv", "MatMul", "Gather",
             "Concat", "Unsqueeze", "Reshape", "Pad", "FusedConv", "Einsum", "ReduceSum", "TopK")  # fmt: skip
    rng.choice(model.graph.node).op_type = rng.choice(names)


def change_attribute(model, rng):
    """Strides, groups, pads, axes of any size."""
    having = [node for node in model.graph.node if node.attribute]
    attribute = rng.choice(rng.choice(having).attribute)
    number = rng.choice((-1, 0, 1, 2, 3, 1000, 2**31, -(2**63), 2**62))
    if attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = number
    elif attribute.type == onnx.AttributeProto.TENSOR:
        attribute.t.dims.append(abs(number))
    else:
        attribute.i = number
        attribute.type = rng.choice((2, attribute.type))


def insert_bomb(model, rng):
    """A node whose output is large, or that never ends, before the first output."""
    shape = [rng.choice((2**20, 2**31, 2**40, 7)) for _ in range(rng.randrange(1, 4))]
    sizes = onnx.numpy_helper.from_array(np.array(shape, np.int64), "bomb/sizes")
    model.graph.initializer.append(sizes)
    last = model.graph.output[0].name
    node = rng.choice((
        helper.make_node("ConstantOfShape", ["bomb/sizes"], ["bomb"]),
        helper.make_node("Expand", [last, "bomb/sizes"], ["bomb"]),
        helper.make_node("Tile", [last, "bomb/sizes"], ["bomb"]),
        helper.make_node("Resize", [last, "", "", "bomb/sizes"], ["bomb"]),
        helper.make_node("Reshape", [last, "bomb/sizes"], ["bomb"]),
        helper.make_node("Pad", [last, "bomb/sizes"], ["bomb"]),
        helper.make_node("Loop", ["", "", last], ["bomb"], body=helper.make_graph([], "b", [], [])),
    ))  # fmt: skip
    model.graph.node.append(node)


def change_weights(model, rng):
    """Weights of another shape, of other files, or gone."""
    if not model.graph.initializer:
        return
    weight = rng.choice(model.graph.initializer)
    what = rng.randrange(5)
    if what == 0:
        weight.dims[:] = list(weight.dims)[::-1]
    elif what == 1:
        weight.dims.append(rng.choice((0, 1, 2, 2**40)))
    elif what == 2:
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="/etc/passwd")
    elif what == 3:
        weight.data_type = rng.choice((6, 7, 8, 10, 11, 14, 16))
    else:
        model.graph.initializer.remove(weight)


def change_wiring(model, rng):
    """Nodes that feed on themselves, are gone, doubled or in another order."""
    nodes = model.graph.node
    what, place = rng.randrange(5), rng.randrange(len(nodes))
    if what == 0:
        nodes[place].input[0] = nodes[place].output[0]
    elif what == 1:
        nodes.pop(place)
    elif what == 2:
        nodes.append(nodes[place])
    elif what == 3:
        nodes.insert(0, nodes.pop(place))
    else:
        nodes[place].input[0] = nodes[rng.randrange(len(nodes))].output[0]


def change_frame(model, rng):
    """Other opsets, domains, functions, inputs and outputs."""
    what = rng.randrange(6)
    if what == 0:
        model.opset_import[0].version = rng.choice((1, 7, 13, 18, 23, 2**40))
    elif what == 1:
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        rng.choice(model.graph.node).domain = "com.microsoft"
    elif what == 2:
        model.functions.append(helper.make_function("d", "f", [], [], [], model.opset_import))
    elif what == 3:
        model.graph.output.pop()
    elif what == 4:
        dims = model.graph.input[0].type.tensor_type.shape.dim
        dims[rng.randrange(len(dims))].dim_value = rng.choice((0, 1, 3, 2**40, -1))
    else:
        model.graph.input[0].type.tensor_type.elem_type = rng.choice((1, 7, 8, 10))


NETWORK_CHANGES = (
    rename_operator, change_attribute, insert_bomb, change_weights, change_wiring, change_frame,
)  # fmt: skip
KINDS = {
    change.__name__: change
    for change in (
        flip_bits, cut_or_add, swap_members, change_manifest, change_settings, change_arrays,
        change_network_bytes, change_network,
    )
}  # fmt: skip


def unpack(content: bytes) -> dict[str, bytes]:
    """Return name -> content of the members."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(members: dict[str, bytes], *, keep_manifest: bool = False) -> bytes:
    """Return the bundle, with true checksums where the manifest still is one."""
    if not keep_manifest:
        members = {**members, _MANIFEST: _signed(members)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _signed(members: dict[str, bytes]) -> bytes:
    text = members.get(_MANIFEST, b"{}")
    try:
        data = json.loads(text)
        data["sha256"] = {
            name: hashlib.sha256(members[name]).hexdigest() if name in members else digest
            for name, digest in data["sha256"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return text
    return json.dumps(data).encode()


def _places(data):
    """Yield (table, key) of every value."""
    entries = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in entries:
        yield data, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _lie(content: bytes, rng: random.Random) -> bytes:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    entry = header[rng.choice(sorted(header))]
    rng.choice((
        lambda: entry.update(shape=[2**40, 2**40]), lambda: entry.update(shape=[-1]),
        lambda: entry.update(shape=entry["shape"][::-1]), lambda: entry.update(shape=[10**30]),
        lambda: entry.update(data_offsets=[0, 2**50]), lambda: entry.update(data_offsets=[0, 0]),
        lambda: entry.update(dtype=rng.choice(("I32", "BF16", "F64", "BOOL", "OBJECT"))),
        lambda: entry.clear(), lambda: header.update(__metadata__={"a": "b" * 10**6}),
    ))()  # fmt: skip
    text = json.dumps(header).encode()
    claimed = rng.choice((len(text), len(text), len(text), 2**40, 2**63, len(text) + 10**6))
    return struct.pack("<Q", claimed) + text + content[8 + length :]


def _weights(network: bytes) -> bytearray:
    """Return for each byte whether it is of a large weight."""
    found = bytearray(len(network))
    model = onnx.load_from_string(network)
    for weight in model.graph.initializer:
        at = network.find(weight.raw_data) if len(weight.raw_data) > 400 else -1
        if at >= 0:
            found[at : at + len(weight.raw_data)] = b"\1" * len(weight.raw_data)
    return found


def judge(path: Path, picture) -> tuple[str, str]:
    """Return how loading and scoring went: `scored`, `refused`, or `failed` with the reason."""
    import defectory

    try:
        score = float(defectory.load(path).decision_function([picture])[0])
    except defectory.DefectoryError as error:
        text = str(error)
        is_line = "\n" not in text and 0 < len(text) < 2000
        return ("refused" if is_line else "failed"), text
    except BaseException as error:
        return "failed", f"{type(error).__name__}: {error}"
    return ("scored" if np.isfinite(score) else "failed"), repr(score)


def main(folder: str, seed: str, first: str, last: str) -> None:
    """Print one JSON line a case: [case, bundle, kind, outcome, text, seconds]."""
    faulthandler.enable()
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    except ImportError:  # Windows
        pass
    bundles = sorted(Path(folder).glob("*.defectory"))
    contents = [bundle.read_bytes() for bundle in bundles]
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = Path(folder) / f"case-{first}"
    for case in range(int(first), int(last)):
        rng = random.Random(f"{seed} {case}")
        place = rng.randrange(len(bundles))
        kind, damaged = damage(contents[place], rng)
        path.write_bytes(damaged)
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        started = time.monotonic()
        outcome, text = judge(path, picture)
        seconds = time.monotonic() - started
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps([case, bundles[place].stem, kind, outcome, text, seconds]), flush=True)
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
