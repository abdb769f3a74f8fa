"""Makes model files that only other tools make. Run as a script, by a Python that has the tool.

python convert.py nncf MODEL.onnx SAMPLES.npz OUT.xml
python convert.py litert MODEL.pt2 SAMPLES.npz OUT.float.tflite OUT.int8.tflite
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from worker import samples_of  # type: ignore[import-not-found]  # beside this script; lissom may not be installed here


def nncf(model: str, samples: str, out: str) -> None:
    """OpenVINO's own quantizer, after training, at its defaults for speed."""
    import nncf as tool
    import openvino as ov

    tool.set_log_level(logging.ERROR)
    data = tool.Dataset(list(samples_of(samples)))
    read = ov.Core().read_model(model)
    attention = any(op.get_type_name() == "Softmax" for op in read.get_ops()) and not any(
        "Convolution" in op.get_type_name() for op in read.get_ops()
    )
    kind = {"model_type": tool.ModelType.TRANSFORMER} if attention else {}
    ov.save_model(tool.quantize(read, data, **kind), out, compress_to_fp16=False)


def litert(model: str, samples: str, float_out: str, int8_out: str) -> None:
    """LiteRT's converter of PyTorch programs, channels last, and its quantizer with int8 weights and activations."""
    import litert_torch
    import torch
    from ai_edge_quantizer import quantizer, recipe

    feeds = list(samples_of(samples))
    module: Any = torch.export.load(model).module()
    arrays = [torch.from_numpy(a) for a in feeds[0].values()]
    images = [i for i, a in enumerate(arrays) if a.ndim == 4]
    if images:
        module = litert_torch.to_channel_last_io(module, args=images)
    arrays = [a.permute(0, 2, 3, 1).contiguous() if a.ndim == 4 else a for a in arrays]
    litert_torch.convert(module, tuple(arrays)).export(float_out)
    quantize = quantizer.Quantizer(float_out)
    quantize.load_quantization_recipe(recipe.static_wi8_ai8())
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(float_out).get_signature_list()
    key, ports = next((k, s["inputs"]) for k, s in signatures.items())
    calibration = [
        {n: a.transpose(0, 2, 3, 1) if a.ndim == 4 else a for n, a in zip(ports, feed.values(), strict=True)}
        for feed in feeds
    ]
    quantize.quantize(quantize.calibrate({key: calibration})).export_model(int8_out)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    what, *arguments = sys.argv[1:]
    if what == "nncf":
        nncf(*arguments)
    else:
        litert(*arguments)
