"""Which files have a schema, and what it is made from."""

from typing import Any, Final

from pydantic import BaseModel

from app.config import CityFile
from app.schemas.draft7 import draft7
from app.schemas.notes_cameras import CAMERA_NOTES
from app.schemas.notes_city import CITY_NOTES
from app.schemas.notes_joins import JOIN_NOTES
from app.schemas.notes_rules import RULE_NOTES
from app.schemas.notes_tests import TEST_NOTES
from app.testing.words import SuiteFile
from edge.load import CameraFile
from rules.words import RuleFile
from tickets.units import UnitFile

MODELS: Final[dict[str, type[BaseModel]]] = {
    "rules": RuleFile,
    "city": CityFile,
    "test": SuiteFile,
    "cameras": CameraFile,
    "units": UnitFile,
}
NOTES: Final = {**RULE_NOTES, **JOIN_NOTES, **CITY_NOTES, **TEST_NOTES, **CAMERA_NOTES}


def schema(kind: str) -> dict[str, Any]:
    """JSON Schema (draft-07) of one kind of file."""
    return draft7(MODELS[kind], title=f"citypatrol: {kind}", notes=NOTES)
