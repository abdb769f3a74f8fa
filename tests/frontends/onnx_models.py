"""Models for the tests of the ONNX front end: real ones from the shared folder, small ones with every oddity."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

Proto = Any  # protobuf messages of several kinds

_BESIDE = Path(__file__).parents[2].parent / "shared"
SHARED = Path(os.environ.get("LISSOM_SHARED", _BESIDE)) / "data" / "models"
SHARED_MODELS = sorted(SHARED.glob("*.onnx"))
WHY_SKIPPED = f"no models in {SHARED}; set LISSOM_SHARED to the shared folder"

BUILDERS: dict[str, Callable[[], onnx.ModelProto]] = {}


def builder(make: Callable[[], onnx.ModelProto]) -> Callable[[], onnx.ModelProto]:
    """Register a model for the round-trip test."""
    BUILDERS[make.__name__] = make
    return make


def info(name: str, *shape: int | str | None, dtype: int = T.FLOAT) -> onnx.ValueInfoProto:
    return h.make_tensor_value_info(name, dtype, list(shape))


def array(name: str, *shape: int, dtype: Any = np.float32) -> onnx.TensorProto:
    """An initializer with elements that depend on its name."""
    seed = np.random.default_rng(sum(map(ord, name)))
    return numpy_helper.from_array((seed.standard_normal(shape) * 3).astype(dtype), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    **graph: Any,
) -> onnx.ModelProto:
    """A model that runs in onnxruntime."""
    made = h.make_graph(nodes, "g", inputs, outputs, initializers, **graph)
    result = h.make_model(made, opset_imports=[h.make_opsetid("", opset)], ir_version=8)
    return result


@builder
def perceptron() -> onnx.ModelProto:
    nodes = [
        h.make_node("Gemm", ["x", "w", "b"], ["h"], name="fc", transB=1),
        h.make_node("Relu", ["h"], ["r"], name="act"),
        h.make_node("MatMul", ["r", "v"], ["y"], name="out"),
    ]
    weights = [array("w", 8, 6), array("b", 8), array("v", 8, 3)]
    return model(nodes, [info("x", "N", 6)], [info("y", "N", 3)], weights)


@builder
def metadata_everywhere() -> onnx.ModelProto:
    m = perceptron()
    m.producer_name, m.producer_version, m.domain, m.model_version = "me", "1.2", "org.example", 7
    m.doc_string = "a model\nwith two lines"
    m.metadata_props.add(key="author", value="someone")
    g = m.graph
    g.doc_string = "a graph"
    g.metadata_props.add(key="g", value="1")
    for node in g.node:
        node.doc_string = f"doc of {node.name}"
        node.metadata_props.add(key="trace", value=node.name)
        for a in node.attribute:
            a.doc_string = "an attribute's doc"
    for tensor in g.initializer:
        tensor.doc_string = "weights"
        tensor.metadata_props.add(key="t", value="2")
    g.input[0].doc_string = "the input"
    g.input[0].metadata_props.add(key="i", value="3")
    g.input[0].type.denotation = "IMAGE"
    g.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    g.value_info.extend([info("r", "N", 8), info("h", "N", 8)])
    g.value_info[0].doc_string = "after the activation"
    g.quantization_annotation.add(tensor_name="r").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="v")
    training = m.training_info.add()
    training.algorithm.name = "sgd"
    training.initialization.name = "init"
    training.update_binding.add(key="w", value="w_new")
    return m


@builder
def odd_names() -> onnx.ModelProto:
    nodes = [
        h.make_node("Relu", ["in put/%\"'\n"], ["наме:0"], name="1"),
        h.make_node("Relu", ["наме:0"], ["relu"], name="1"),
        h.make_node("Neg", ["relu"], ["c"], name=""),
        h.make_node("Abs", ["c"], [" "], name="{}"),
    ]
    return model(nodes, [info("in put/%\"'\n", "batch size", "2*N+1")], [info(" ", None, None)])


@builder
def constants_of_all_forms() -> onnx.ModelProto:
    nodes = [
        h.make_node("Constant", [], ["unused"], value_int=3),
        h.make_node("Constant", [], ["t"], value=array("inner", 2, 3)),
        h.make_node("Constant", [], ["f"], value_float=0.1),
        h.make_node("Add", ["x", "t"], ["a"]),
        h.make_node("Constant", [], ["fs"], value_floats=[1.0, 2.0, 3.0]),
        h.make_node("Mul", ["a", "f"], ["m"]),
        h.make_node("Mul", ["m", "fs"], ["s"]),
        h.make_node("Constant", [], ["shape"], value_ints=[3, 2]),
        h.make_node("Reshape", ["s", "shape"], ["y"]),
        h.make_node("Constant", [], ["i"], value_int=-1),
        h.make_node("Constant", [], ["text"], value_string="hello"),
        h.make_node("Constant", [], ["texts"], value_strings=["a", "b"]),
        h.make_node("Unsqueeze", ["x", "axis"], ["z"]),
        h.make_node("Identity", ["text"], ["q"]),
        h.make_node("Constant", [], ["last"], value_int=4),
    ]
    outputs = [info("y", 3, 2), info("z", 1, 2, 3), info("q", dtype=T.STRING)]
    return model(nodes, [info("x", 2, 3)], outputs, [numpy_helper.from_array(np.array([0], np.int64), "axis")])


@builder
def data_of_all_kinds() -> onnx.ModelProto:
    """Every element type, in raw data and in typed fields; unused, but for a few."""
    typed = onnx.TensorProto(name="typed", data_type=T.FLOAT, dims=[3], float_data=[1, 2, 3])
    half = onnx.TensorProto(name="half", data_type=T.FLOAT16, dims=[2], int32_data=[15360, 16384])
    text = onnx.TensorProto(name="text", data_type=T.STRING, dims=[2], string_data=[b"\xff\xfe", "ü".encode()])
    empty = onnx.TensorProto(name="empty", data_type=T.INT64, dims=[0])
    scalar = numpy_helper.from_array(np.array(2.5, np.float32), "scalar")
    kinds = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2fnuz, ml_dtypes.int4, ml_dtypes.uint4]
    kinds += [np.float64, np.uint16, np.int8, np.bool_, np.complex64]
    many = [numpy_helper.from_array(np.arange(7).astype(k), f"raw {np.dtype(k).name}") for k in kinds]
    large = array("large", 40, 30)
    nodes = [
        h.make_node("Add", ["x", "typed"], ["y"]),
        h.make_node("Cast", ["raw bfloat16"], ["z"], to=T.FLOAT),
        h.make_node("Identity", ["raw int4"], ["q"]),
    ]
    outputs = [info("y", 3), info("z", 7), info("q", 7, dtype=T.INT4)]
    made = model(nodes, [info("x", 3)], outputs, [large, typed, half, text, empty, scalar, *many], opset=21)
    made.ir_version = 10
    return made


@builder
def initializers_listed_as_inputs() -> onnx.ModelProto:
    m = perceptron()
    m.ir_version = 3
    x = m.graph.input.pop()
    m.graph.input.extend([info("w", 8, 6), x, info("v", 8, 3), info("b", 8)])
    return m


@builder
def sparse_weights() -> onnx.ModelProto:
    m = perceptron()
    kept = [t for t in m.graph.initializer if t.name != "v"]
    del m.graph.initializer[:]
    m.graph.initializer.extend(kept)
    values = numpy_helper.from_array(np.array([1.5, -2], np.float32), "v")
    flat = numpy_helper.from_array(np.array([3, 20], np.int64), "")
    m.graph.sparse_initializer.append(h.make_sparse_tensor(values, flat, [8, 3]))
    pairs = numpy_helper.from_array(np.array([[0, 1], [2, 2]], np.int64), "")
    other = h.make_sparse_tensor(numpy_helper.from_array(np.array([4.0, 5], np.float32), "unused"), pairs, [3, 3])
    m.graph.sparse_initializer.append(other)
    return m


@builder
def optional_operands() -> onnx.ModelProto:
    nodes = [
        h.make_node("Clip", ["x", "", "high"], ["c"]),
        h.make_node("Clip", ["c", "", ""], ["d"]),
        h.make_node("Dropout", ["d", "", ""], ["e", ""]),
        h.make_node("Custom", ["", "e", ""], ["", "y"], domain="org.example"),
    ]
    m = model(nodes, [info("x", 2)], [info("y", 2)], [numpy_helper.from_array(np.array(1, np.float32), "high")])
    m.opset_import.add(domain="org.example", version=3)
    return m


@builder
def attributes_of_all_types() -> onnx.ModelProto:
    node = h.make_node("Custom", ["x"], ["y"], domain="org.example", name="all")
    body = h.make_graph([h.make_node("Neg", ["a"], ["b"])], "body", [info("a", 1)], [info("b", 1)])
    sparse = h.make_sparse_tensor(array("", 1), numpy_helper.from_array(np.array([2], np.int64), ""), [4])
    node.attribute.extend(
        [
            h.make_attribute("zebra", 1.1),
            h.make_attribute("int", -(2**60)),
            h.make_attribute("bytes", b"\x80\x00\xff"),
            h.make_attribute("string", "téxt"),
            h.make_attribute("tensor", array("t", 2)),
            h.make_attribute("floats", [0.1, float("inf")]),
            h.make_attribute("ints", [1, 2]),
            h.make_attribute("no_ints", [], attr_type=onnx.AttributeProto.INTS),
            h.make_attribute("no_strings", [], attr_type=onnx.AttributeProto.STRINGS),
            h.make_attribute("strings", ["a", "b"]),
            h.make_attribute("graph", body),
            h.make_attribute("graphs", [body, body]),
            h.make_attribute("tensors", [array("u", 1), array("v", 2)]),
            h.make_attribute("sparse", sparse),
            h.make_attribute("type", h.make_tensor_type_proto(T.FLOAT, [1, "N"])),
            h.make_attribute("types", [h.make_sequence_type_proto(h.make_tensor_type_proto(T.INT8, None))]),
        ]
    )
    m = model([node], [info("x", 1)], [info("y", 1)])
    m.opset_import.add(domain="org.example", version=1)
    return m


@builder
def branches_with_captures() -> onnx.ModelProto:
    """If with a nested If; both read values, weights and inputs from outside."""
    inner = h.make_graph([h.make_node("Add", ["h", "w"], ["i"])], "inner", [], [info("i", 2)])
    also = h.make_graph([h.make_node("Mul", ["x", "k"], ["j"])], "also", [], [info("j", 2)])
    nested = h.make_node("If", ["c"], ["n"], then_branch=inner, else_branch=also)
    then = h.make_graph(
        [h.make_node("Neg", ["h"], ["k"]), nested, h.make_node("Add", ["n", "k"], ["t"])],
        "then",
        [],
        [info("t", 2)],
    )
    other = h.make_graph([h.make_node("Identity", ["x"], ["e"])], "else", [], [info("e", 2)])
    nodes = [
        h.make_node("Relu", ["x"], ["h"]),
        h.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        h.make_node("Greater", ["s", "zero"], ["c"]),
        h.make_node("If", ["c"], ["y"], name="branch", then_branch=then, else_branch=other),
    ]
    weights = [array("w", 2), numpy_helper.from_array(np.array(0, np.float32), "zero")]
    return model(nodes, [info("x", 2)], [info("y", 2)], weights)


@builder
def loop() -> onnx.ModelProto:
    body = h.make_graph(
        [h.make_node("Add", ["a", "step"], ["b"]), h.make_node("Identity", ["go"], ["on"])],
        "body",
        [info("i", dtype=T.INT64), info("go", dtype=T.BOOL), info("a", 2)],
        [info("on", dtype=T.BOOL), info("b", 2)],
    )
    nodes = [
        h.make_node("Abs", ["x"], ["step"]),
        h.make_node("Loop", ["n", "", "x"], ["r"], body=body),
        h.make_node("Relu", ["r"], ["y"]),
    ]
    return model(nodes, [info("x", 2)], [info("y", 2)], [numpy_helper.from_array(np.array(3, np.int64), "n")])


@builder
def local_functions() -> onnx.ModelProto:
    body = [
        h.make_node("Constant", [], ["one"], value_float=1.0),
        h.make_node("Add", ["a", "one"], ["s"]),
        h.make_node("Elu", ["s"], ["b"]),
    ]
    reference = body[2].attribute.add(name="alpha", type=onnx.AttributeProto.FLOAT)
    reference.ref_attr_name = "alpha"
    imports = [h.make_opsetid("", 17)]
    function = h.make_function("local", "Scaled", ["a"], ["b"], body, imports, attributes=["alpha"], doc_string="f")
    function.metadata_props.add(key="k", value="v")
    nodes = [
        h.make_node("Scaled", ["x"], ["m"], domain="local", alpha=0.5, overload=""),
        h.make_node("Scaled", ["m"], ["y"], domain="local", alpha=0.25),
    ]
    m = model(nodes, [info("x", "N", 2)], [info("y", "N", 2)])
    m.opset_import.add(domain="local", version=1)
    m.functions.append(function)
    return m


@builder
def not_only_tensors() -> onnx.ModelProto:
    sequence = h.make_tensor_sequence_value_info("seq", T.FLOAT, None)
    optional = h.make_value_info("opt", h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, [2])))
    mapping = onnx.ValueInfoProto(name="map")
    mapping.type.map_type.key_type = T.INT64
    mapping.type.map_type.value_type.CopyFrom(h.make_tensor_type_proto(T.FLOAT, []))
    nodes = [
        h.make_node("SequenceAt", ["seq", "i"], ["a"]),
        h.make_node("OptionalGetElement", ["opt"], ["b"]),
        h.make_node("Identity", ["seq"], ["out"]),
        h.make_node("DictVectorizer", ["map"], ["d"], domain="ai.onnx.ml", int64_vocabulary=[1, 2]),
    ]
    outputs = [info("a"), info("b", 2), h.make_tensor_sequence_value_info("out", T.FLOAT, None), info("d", 1, 2)]
    zero = numpy_helper.from_array(np.array(0, np.int64), "i")
    m = model(nodes, [sequence, optional, mapping], outputs, [zero], opset=18)
    m.graph.value_info.append(onnx.ValueInfoProto(name="nobody knows"))
    m.opset_import.add(domain="ai.onnx.ml", version=2)
    return m


@builder
def dead_ends() -> onnx.ModelProto:
    """Nodes, initializers and inputs that no output depends on."""
    m = perceptron()
    m.graph.node.insert(1, h.make_node("Softmax", ["h"], ["nowhere"], name="dead"))
    m.graph.initializer.insert(0, array("loose", 50, 50))
    m.graph.input.append(info("ignored", "M", dtype=T.INT32))
    m.graph.value_info.append(info("nowhere", "N", 8))
    m.graph.value_info.append(info("not there at all", 1))
    return m


@builder
def outputs_of_all_kinds() -> onnx.ModelProto:
    """An input, an initializer, a Constant node, an op that others read too."""
    nodes = [
        h.make_node("Constant", [], ["k"], value_float=2.0),
        h.make_node("Relu", ["x"], ["r"]),
        h.make_node("Mul", ["r", "k"], ["y"]),
    ]
    outputs = [info("r", 2), info("x", 2), info("w", 3), info("k"), info("y", 2)]
    return model(nodes, [info("x", 2)], outputs, [array("w", 3)])


@builder
def old_softmax() -> onnx.ModelProto:
    nodes = [
        h.make_node("Softmax", ["x"], ["s"], name="soft"),
        h.make_node("LogSoftmax", ["s"], ["l"], axis=-1),
        h.make_node("Hardmax", ["l"], ["y"], axis=0),
    ]
    return model(nodes, [info("x", "N", 3, 4)], [info("y", "N", 3, 4)], opset=11)


@builder
def old_forms() -> onnx.ModelProto:
    """Opset 9: what is an input today is an attribute."""
    nodes = [
        h.make_node("Clip", ["x"], ["a"], min=-1.0, max=1.5),
        h.make_node("Squeeze", ["a"], ["b"], axes=[0]),
        h.make_node("Unsqueeze", ["b"], ["c"], axes=[0, 2]),
        h.make_node("Slice", ["c"], ["d"], starts=[1], ends=[9], axes=[3]),
        h.make_node("Pad", ["d"], ["e"], pads=[0, 0, 0, 1, 0, 0, 0, 2], value=0.5),
        h.make_node("Split", ["e"], ["f", "g"], axis=3, split=[2, 4]),
        h.make_node("ReduceSum", ["g"], ["s"], axes=[-1], keepdims=1),
        h.make_node("TopK", ["g"], ["v", "i"], k=2, axis=3),
        h.make_node("Upsample", ["f", "scales"], ["u"], mode="nearest"),
        h.make_node("Dropout", ["u"], ["o"], ratio=0.3),
        h.make_node("Cast", ["s"], ["t"], to=T.INT32),
    ]
    scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    outputs = [
        info("o", None, None, None, None),
        info("v", None, None, None, None),
        info("t", 1, 3, 1, 1, dtype=T.INT32),
    ]
    return model(nodes, [info("x", 1, 3, 4)], outputs, [scales], opset=9)


@builder
def old_group_normalization() -> onnx.ModelProto:
    node = h.make_node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2, epsilon=1e-3)
    return model([node], [info("x", 2, 6, 4)], [info("y", 2, 6, 4)], [array("s", 2), array("b", 2)], opset=18)
