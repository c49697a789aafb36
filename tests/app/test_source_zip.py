import io
import zipfile
from pathlib import Path

from app.source import ROOMS, source_zip

ROOT = Path(__file__).resolve().parents[2]


def test_the_source_is_whole_and_is_what_runs():
    with zipfile.ZipFile(io.BytesIO(source_zip())) as archive:
        names = set(archive.namelist())
        for room in ROOMS:
            assert f"citypatrol-source/{room}/__init__.py" in names
        assert (
            archive.read("citypatrol-source/app/source.py")
            == (ROOT / "app" / "source.py").read_bytes()
        )
        assert archive.read("citypatrol-source/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert "citypatrol-source/app/pages/static/desk.js" in names
        assert not any("__pycache__" in name or "/data/" in name for name in names)


def test_an_installed_package_brings_its_licence_too(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    with zipfile.ZipFile(io.BytesIO(source_zip(tmp_path))) as archive:
        assert "citypatrol-source/app/__init__.py" in archive.namelist()
        assert any(name.endswith("METADATA") for name in archive.namelist())


async def test_it_is_on_the_page(desk):
    status, page, _ = await desk.get("/")
    assert status == 200
    assert b'<a href="/source.zip">source (AGPL-3.0)</a>' in page
    status, data, headers = await desk.get("/source.zip")
    assert status == 200
    assert headers["Content-Disposition"] == 'attachment; filename="citypatrol-source.zip"'
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
