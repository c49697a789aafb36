"""What an editor says beside each key of cameras.yaml."""

from collections.abc import Mapping
from typing import Final

from app.schemas.draft7 import Notes
from detectors import config as detectors
from detectors import config_parts, yolo_config
from edge.load import CameraConfig, CameraFile, CameraPlace

CAMERA_NOTES: Final[Mapping[type, Notes]] = {
    CameraFile: Notes({"cameras": "The cameras that this process reads."}),
    CameraConfig: Notes(
        {
            "id": "As in the registry.",
            "url": "rtsp://user:${CAM_PASS}@host/path, rtsps:// or file:///path.",
            "every": "One look each, like 10s.",
            "transport": "tcp, or udp where the camera speaks nothing else.",
            "site": "Where it stands; may be left to the registry.",
            "place": "Where it stands; may be left to the registry.",
            "detectors": "What is looked for.",
        }
    ),
    CameraPlace: Notes({"lat": "Degrees north.", "lon": "Degrees east."}),
    detectors.CameraConfig: Notes(
        {
            "type": "camera: black, frozen, covered, blurred, moved.",
            "frozen_after": "How long identical pictures are a fault.",
            "view": "turns: a camera that turns on purpose.",
        }
    ),
    detectors.TrafficLightConfig: Notes(
        {"type": "traffic_light: is it lit?", "regions": "Its signal heads."}
    ),
    detectors.RegionConfig: Notes(
        {
            "name": "Its samples have the source CAMERA/NAME.",
            "box": "[left, top, right, bottom] as fractions of the picture.",
            "dark": "The longest time that it is dark by design.",
        }
    ),
    detectors.StreetConfig: Notes(
        {
            "type": "street: litter, bags and dumped waste.",
            "zones": "Parts of the ground; without any, the whole picture.",
            "min_score": "What counts as seen, 0 to 1.",
            "tiles": "Side in pixels of tiles that are looked at too: far pavements.",
            "stays": "How long a thing is seen lying before it counts, and its place empty after.",
        }
    ),
    yolo_config.YoloConfig: Notes(
        {
            "type": "yolo: whatever a model of your own finds.",
            "model": "An ultralytics detection model: .onnx, or .pt with ultralytics installed.",
            "classes": "Classes of the model, each with the label of its samples.",
            "zones": "Parts of the ground; without any, the whole picture.",
            "min_score": "What counts as seen, 0 to 1.",
            "tiles": "Side in pixels of tiles that are looked at too.",
        }
    ),
    config_parts.ZoneConfig: Notes(
        {
            "name": "Its samples have the source CAMERA/NAME; without one, the camera.",
            "polygon": "[x, y] points as fractions of the picture.",
        }
    ),
}
