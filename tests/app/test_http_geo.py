from tests.app.a_desk import GRID, TheDesk, incident, serving

TICKET = "ZZ-260513-0001"


async def test_open_tickets_with_a_place_are_points(desk: TheDesk):
    sources = ("pump-1", "pump-2", "nowhere")
    desk.file(*[incident(source=source) for source in sources])
    await desk.post("/api/v1/tickets/ZZ-260513-0002/close")
    status, body, headers = await desk.get("/geo/tickets.geojson")
    assert (status, headers["Content-Type"]) == (200, "application/geo+json")
    assert body["type"] == "FeatureCollection"
    [feature] = body["features"]
    assert (feature["type"], feature["id"]) == ("Feature", TICKET)
    assert feature["geometry"] == {"type": "Point", "coordinates": [113.7411, 34.7155]}
    properties = feature["properties"]
    assert properties["unit"] == "water"
    assert properties["unit_name"] == "Water <Works> & Co"
    assert properties["opened_at"] == "2026-05-13T00:02:11.480Z"
    assert all(not isinstance(value, dict | list) for value in properties.values())


async def test_the_grid_is_the_citys_file(desk: TheDesk):
    status, body, headers = await desk.get("/geo/grid.geojson")
    assert (status, body) == (200, GRID)
    assert headers["Content-Type"] == "application/geo+json"
    async with serving(desk, grid=None):
        status, body, _ = await desk.get("/geo/grid.geojson")
        assert (status, body) == (200, {"type": "FeatureCollection", "features": []})
