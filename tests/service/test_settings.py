from __future__ import annotations

from pathlib import Path

import pytest

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
