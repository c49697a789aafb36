"""The program's own source as one ZIP, for whoever uses it over the network (AGPL section 13)."""

import io
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOMS: Final = (
    "citypatrol",
    "ingest",
    "detectors",
    "rules",
    "tickets",
    "sinks",
    "edge",
    "app",
    "grafana",
)
_BESIDE: Final = ("pyproject.toml", "LICENSE", "README.md")


def source_zip(root: Path | None = None) -> bytes:
    """Every file of the running packages, as they lie on the disk, and the licence."""
    root = root or Path(__file__).resolve().parent.parent
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for room in ROOMS:
            for path in sorted((root / room).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, Path("citypatrol-source", path.relative_to(root)))
        for name in _BESIDE:
            if (root / name).is_file():
                archive.write(root / name, f"citypatrol-source/{name}")
        for name, text in _licence_of_install(root):
            archive.writestr(f"citypatrol-source/{name}", text)
    return out.getvalue()


def _licence_of_install(root: Path) -> list[tuple[str, str]]:
    """An installed wheel has its licence and metadata apart from the packages."""
    if (root / "LICENSE").is_file():
        return []
    try:
        files = distribution("citypatrol").files or []
    except PackageNotFoundError:
        return []
    wanted = [file for file in files if file.name in ("LICENSE", "METADATA")]
    return [(file.name, file.read_text(encoding="utf-8")) for file in wanted]
