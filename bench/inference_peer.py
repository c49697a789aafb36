"""The part of `bench.inference` that runs where ultralytics and torch are.

`python -m bench.inference_peer FOLDER MODEL.onnx CHECKPOINT.pt ROUNDS` prints how fast each
`predict` is beside `session.run` on the same model in the same process, in processor seconds.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

SIDE = (384, 640)
"""What 1920 x 1080 is fitted into."""


def seconds(way: Callable[[], object], raw: Callable[[], object], *, rounds: int) -> float:
    """How many times the raw runs' processor time the way takes; in turns, medians."""
    way(), raw()
    ways: list[float] = []
    raws: list[float] = []
    for _ in range(rounds):
        for call, times in ((raw, raws), (way, ways)):
            began = time.process_time()
            call()
            times.append(time.process_time() - began)
    return median(ways) / median(raws)


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    folder, model, checkpoint, rounds = sys.argv[1:5]

    import cv2
    import numpy as np
    import onnxruntime
    import torch
    from ultralytics import YOLO  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pictures = list(np.load(Path(folder) / "pictures.npy"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    ready = np.full((1, 3, *SIDE), 0.4, np.float32)

    def raw() -> None:
        for _ in pictures:
            session.run(None, {session.get_inputs()[0].name: ready})

    def predict(network: Any) -> Callable[[], None]:
        def run() -> None:
            for pixels in pictures:
                network.predict(pixels, imgsz=SIDE, conf=0.25, iou=0.6, device="cpu", verbose=False)

        return run

    found = {}
    onnx_peer = predict(YOLO(model, task="detect"))
    found["ultralytics_of_raw"] = 1 / seconds(onnx_peer, raw, rounds=int(rounds))
    if Path(checkpoint).is_file():
        torch_peer = predict(YOLO(checkpoint))
        found["torch_of_raw"] = 1 / seconds(torch_peer, raw, rounds=int(rounds))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
