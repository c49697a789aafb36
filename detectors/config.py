"""``detectors:`` of a camera in cameras.yaml: a union in plain sight, told apart by ``type``.

``build(camera=...)`` makes the watch; only that imports OpenCV and ONNX Runtime.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from citypatrol.units import DurationMs
from citypatrol.yamlfile import Model, wrong
from detectors.config_parts import Edge, PartName, Zones, no_doubles
from detectors.lying import COUNTED, Normal
from detectors.types import Watch
from detectors.yolo_config import YoloConfig

STREET_MIN_SCORE = 0.45
PASSERS_MIN_SCORE = 0.25
STAYS = 20_000
"""Three looks at the default pace of a camera."""


def _box(edges: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = edges
    if not all(0 <= edge <= 1 for edge in edges):
        message = "must be fractions of the picture, 0 to 1: [left, top, right, bottom]"
        raise wrong(message)
    if x1 >= x2 or y1 >= y2:
        message = "must be [left, top, right, bottom] with left < right and top < bottom"
        raise wrong(message)
    return edges


class RegionConfig(Model):
    """One signal head: where it is in the picture, and where that is known the longest time that
    it is dark by design (a turn arrow, a part-time signal)."""

    noun = "region"
    name: PartName
    box: Annotated[tuple[Edge, Edge, Edge, Edge], AfterValidator(_box)]
    dark: DurationMs | None = None


def _regions(regions: tuple[RegionConfig, ...]) -> tuple[RegionConfig, ...]:
    if not regions:
        message = "must name at least one region: `citypatrol detect traffic_light` finds heads"
        raise wrong(message)
    no_doubles((region.name for region in regions), noun="region")
    return regions


class TrafficLightConfig(Model):
    """``traffic_light.lit`` of each region."""

    type: Literal["traffic_light"]
    regions: Annotated[
        tuple[RegionConfig, ...], AfterValidator(_regions), Field(json_schema_extra={"minItems": 1})
    ]

    def build(self, *, camera: str) -> Watch:
        """The watch; its model is loaded at the first frame and shared by the process."""
        from detectors.heads import HeadReader
        from detectors.traffic_light import FixedHeads, Region

        regions = [Region(region.name, region.box, region.dark) for region in self.regions]
        return FixedHeads(camera, regions=regions, reader=HeadReader())


class StreetConfig(Model):
    """Counts of litter, bags and dumped waste that lie in the picture or its zones.

    ``tiles``: side in pixels of tiles that are looked at beside the whole picture. ``stays``: how
    long a thing is seen at its place before it counts, and the place empty before it is gone.
    """

    type: Literal["street"]
    zones: Zones = ()
    min_score: Annotated[float, Field(gt=0, lt=1)] = STREET_MIN_SCORE
    tiles: Annotated[int, Field(ge=320, le=4096)] | None = None
    stays: DurationMs = STAYS

    def build(self, *, camera: str, normal: Normal = tuple) -> Watch:
        """The watch; its models are loaded when they are first asked, and shared by the process.
        ``normal``: what a person has taught."""
        from detectors import onnx
        from detectors.street import KNOWN_FROM, StreetCounts
        from detectors.tiles import Tiled
        from detectors.yolo import Yolo
        from detectors.zones import Ground, Zone

        low = self.min_score * KNOWN_FROM
        yolo = Yolo(onnx.MODELS / "street.onnx", min_score=low, labels=COUNTED)
        return StreetCounts(
            ground=Ground(camera, [Zone(zone.name, zone.polygon) for zone in self.zones]),
            detector=yolo if self.tiles is None else Tiled(yolo, tile=self.tiles),
            passers=Yolo(onnx.MODELS / "people.onnx", min_score=PASSERS_MIN_SCORE),
            min_score=self.min_score,
            stays=self.stays,
            normal=normal,
        )


class CameraConfig(Model):
    """``camera.fault``, ``camera.brightness``, ``camera.sharpness``, ``camera.fps``. Watched on
    every camera: named only to change ``frozen_after``, or for one that turns on purpose."""

    type: Literal["camera"]
    frozen_after: DurationMs = 60_000
    view: Literal["fixed", "turns"] = "fixed"

    def build(self, *, camera: str) -> Watch:
        """The watch; it remembers the view and a fingerprint of the last picture."""
        from detectors.health import CameraHealth

        fixed = self.view == "fixed"
        return CameraHealth(camera, frozen_after=self.frozen_after, fixed=fixed)


DetectorConfig = Annotated[
    TrafficLightConfig | StreetConfig | YoloConfig | CameraConfig, Field(discriminator="type")
]


def _detectors(configs: tuple[DetectorConfig, ...]) -> tuple[DetectorConfig, ...]:
    kinds = Counter(config.type for config in configs if not isinstance(config, YoloConfig))
    doubled = sorted(kind for kind, count in kinds.items() if count > 1)
    if doubled:
        message = f"`type: {doubled[0]}` stands twice: put its regions or zones into one entry"
        raise wrong(message)
    return configs


DetectorConfigs = Annotated[tuple[DetectorConfig, ...], AfterValidator(_detectors)]
"""The whole list ``detectors:`` of a camera."""


def build_watches(
    camera: str, *, detectors: Sequence[DetectorConfig], normal: Normal = tuple
) -> list[Watch]:
    """The watches of a camera, its health first: that one also where it is not named. ``normal``:
    what a person has taught it to take no notice of."""
    health = [config for config in detectors if isinstance(config, CameraConfig)]
    others = [config for config in detectors if not isinstance(config, CameraConfig)]
    first = health[0] if health else CameraConfig(type="camera")
    return [
        config.build(camera=camera, normal=normal)
        if isinstance(config, StreetConfig)
        else config.build(camera=camera)
        for config in (first, *others)
    ]
