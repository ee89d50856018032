"""Photos come once, lose everything but the picture, and an incident tells which are still missing."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from gridsvc.core.errors import Invalid
from gridsvc.core.settings import Settings, settings
from gridsvc.incidents.photos.pictures import LONGEST_SIDE, THUMBNAIL_SIDE, picture_of
from tests.conftest import Service
from tests.flows.test_report_an_incident import report

ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F


def photo(width: int = 640, height: int = 480, *, turned: bool = False, kind: str = "JPEG") -> bytes:
    """Make a photo with a red left half, the place and the device in it."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[MAKER] = "a telling device"
    if turned:
        exif[ORIENTATION] = 6
    exif.get_ifd(GPS)[2] = (32.0, 2.0, 3.0)
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let photos be kept in a folder of the test's own."""
    monkeypatch.setattr("gridsvc.incidents.photos.endpoints.settings", lambda: Settings(photo_dir=tmp_path, photo_mb=1))
    assert settings().photo_dir is None
    return tmp_path


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_the_picture_is_left(kind: str) -> None:
    data = photo(kind=kind)
    assert b"a telling device" in data
    kept = picture_of(data)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (640, 480), {})
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"telling" not in kept.jpeg + kept.thumbnail
    assert b"Exif" not in kept.jpeg + kept.thumbnail


def test_a_photo_taken_sideways_stands_upright_and_a_large_one_is_made_smaller() -> None:
    kept = picture_of(photo(turned=True))
    assert (kept.width, kept.height) == (480, 640)
    with Image.open(io.BytesIO(kept.jpeg)) as image:
        red, _, blue = image.convert("RGB").getpixel((240, 20))  # type: ignore[misc]
        assert red > 200 > blue, "what was left is on top"
    large = picture_of(photo(6000, 3000))
    assert max(large.width, large.height) == LONGEST_SIDE
    with Image.open(io.BytesIO(large.thumbnail)) as image:
        assert max(image.size) == THUMBNAIL_SIDE


def bomb() -> bytes:
    """Make a small file that unpacks to 400 million pixels."""
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "said"), [(b"no picture", "no picture"), (photo()[:2000], "damaged"), (bomb(), "pic"), (b"", "no picture")]
)
def test_what_is_no_photo_is_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        picture_of(data)


def test_a_photo_comes_once_and_until_then_it_is_missing(service: Service, shelf: Path) -> None:
    data = photo()
    name = hashlib.sha256(data).hexdigest()
    worker, viewer = service.as_("worker"), service.as_("viewer")
    made = service.client.post("/api/v1/incidents", json=report(0.5, 1.5, photos=[name]), headers=worker).json()
    assert made["photos"] == [{"sha256": name, "present": False}]
    url = f"/api/v1/incidents/{made['id']}/photos"
    assert service.client.get(url, headers=viewer).json()["missing"] == [name]
    assert service.client.get(f"{url}/{name}", headers=viewer).status_code == 404
    first, again = (service.client.put(f"{url}/{name}", content=data, headers=worker) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200), first.text
    files = [path for path in shelf.rglob("*") if path.is_file()]
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in files)
    assert len(files) == 2
    listed = service.client.get(url, headers=viewer).json()
    assert ([one["sha256"] for one in listed["items"]], listed["missing"]) == ([name], [])
    full = service.client.get(f"{url}/{name}", headers=viewer)
    small = service.client.get(f"{url}/{name}?size=thumbnail", headers=viewer)
    assert full.headers["content-type"] == small.headers["content-type"] == "image/jpeg"
    assert len(small.content) < len(full.content)
    one = service.client.get(f"/api/v1/incidents/{made['id']}", headers=viewer).json()
    assert one["photos"] == [{"sha256": name, "present": True}]


def test_bytes_that_are_not_what_they_are_called_are_refused(service: Service, shelf: Path) -> None:
    worker = service.as_("worker")
    made = service.client.post("/api/v1/incidents", json=report(0.5, 1.5), headers=worker).json()
    url = f"/api/v1/incidents/{made['id']}/photos"
    assert service.client.put(f"{url}/{'0' * 64}", content=photo(), headers=worker).status_code == 422
    assert service.client.put(f"{url}/xyz", content=photo(), headers=worker).status_code == 422
    for data, status in ((b"x" * 1_000_001, 413), (b"x", 422)):
        name = hashlib.sha256(data).hexdigest()
        assert service.client.put(f"{url}/{name}", content=data, headers=worker).status_code == status
    name = hashlib.sha256(photo()).hexdigest()
    assert service.client.put(f"/api/v1/incidents/99/photos/{name}", content=photo(), headers=worker).status_code == 404
    assert service.client.put(f"{url}/{name}", content=photo(), headers=service.as_("viewer")).status_code == 403
    assert list(shelf.iterdir()) == []
