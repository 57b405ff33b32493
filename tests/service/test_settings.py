from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.geometry.vertical_reference import DemDatum
from service.errors import StartupError
from service.settings import dump_settings, load_settings, parse_settings


def test_flags_win_over_variables_over_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vedette.toml").write_text(
        'min_confidence = 0.4\nworkers = 3\nmodel = "from-file"\n'
    )
    monkeypatch.setenv("VEDETTE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("VEDETTE_WORKERS", "5")
    monkeypatch.setenv("VEDETTE_MODEL", "from-variable")
    found = load_settings(model="from-flag", listen=None)
    assert (found.model, found.workers, found.min_confidence) == ("from-flag", 5, 0.4)
    assert (found.host, found.port) == ("127.0.0.1", 7443)
    assert found.data_dir == tmp_path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('unknown = "x"', "unknown"),
        ("workers = 0", "workers"),
        ('listen = "7443"', "listen"),
        ('s3_endpoint = "https://s3"', "s3_access_key"),
        ('tak_url = "tls://tak:8089"', "tak_client_cert"),
        ("workers = ", "TOML"),
        ('dem_dir = "no-such-folder"', "dem_dir no-such-folder is not a folder"),
        ('dem_dir = "https://host/dem"', "neither a folder nor s3://bucket/prefix"),
        ('dem_dir = "s3:///dem"', "neither a folder nor s3://bucket/prefix"),
        ('dem_datum = "navd88"', "dem_datum"),
        ('geoid_grid_dir = "no-such-folder"', "geoid_grid_dir no-such-folder"),
        ("terrain_sigma_m = 0.0", "terrain_sigma_m"),
        ("terrain_sigma_m = nan", "terrain_sigma_m"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "vedette.toml").write_text(text)
    with pytest.raises(StartupError, match=named):
        load_settings(data_dir=tmp_path)


def test_a_worker_gets_the_same_settings_secrets_included(tmp_path: Path) -> None:
    keys = {"s3_access_key": "key", "s3_secret_key": "hush"}
    given = load_settings(data_dir=tmp_path, s3_endpoint="https://s3", **keys)
    assert "hush" not in repr(given)
    handed = parse_settings(dump_settings(given))
    assert handed.s3_secret_key is not None
    assert handed.s3_secret_key.get_secret_value() == "hush"
    assert handed.workers == given.workers


def test_elevation_models_lie_in_a_folder_or_in_the_object_store(tmp_path: Path) -> None:
    none = load_settings(data_dir=tmp_path)
    assert (none.dem_folder, none.dem_objects, none.dem_datum) == (None, None, None)
    folder = load_settings(data_dir=tmp_path, dem_dir=str(tmp_path))
    assert (folder.dem_folder, folder.dem_objects) == (tmp_path, None)
    for name, prefix in (("s3://dem/srtm/africa/", "srtm/africa"), ("s3://dem", "")):
        stored = load_settings(data_dir=tmp_path, dem_dir=name)
        assert (stored.dem_folder, stored.dem_objects) == (None, ("dem", prefix))


def test_what_is_said_of_terrain_reaches_a_worker(tmp_path: Path) -> None:
    (tmp_path / "vedette.toml").write_text(
        f'dem_dir = "s3://dem/srtm"\ndem_datum = "egm2008"\ngeoid_grid_dir = "{tmp_path}"\n'
        "terrain_sigma_m = 6.5\n"
    )
    handed = parse_settings(dump_settings(load_settings(data_dir=tmp_path)))
    assert handed.dem_objects == ("dem", "srtm")
    assert handed.dem_datum is DemDatum.EGM2008
    assert handed.geoid_grid_dir == tmp_path
    assert handed.terrain_sigma_m == 6.5
