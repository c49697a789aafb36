"""The city of docker-compose.yml is one that `check` accepts."""

from pathlib import Path

import yaml

from app.check import check

ROOT = Path(__file__).parent.parent.parent
SECRETS = {"MQTT_PASSWORD": "local", "INFLUX_TOKEN": "local", "CITYPATROL_TOKEN": "l" * 32}


def test_the_city_of_compose_is_clean() -> None:
    findings = check([ROOT / "deploy" / "city"], env=SECRETS)
    assert [str(problem) for problem in findings.problems] == []
    assert findings.files == 5


def test_compose_hands_the_city_every_secret_that_it_reads() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    city = (ROOT / "deploy/city/city.yaml").read_text()
    for name in SECRETS:
        assert "${" + name + "}" in city
        assert f"  {name}: ${{{name}:-" in compose


def test_every_file_that_compose_mounts_is_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounts = [one for service in compose["services"].values() for one in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert "./deploy/mosquitto/acl" in files
    assert [file for file in files if not (ROOT / file).exists()] == []
    named = {mount.split(":")[0] for mount in mounts} - set(files)
    assert named == set(compose["volumes"])
