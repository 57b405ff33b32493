from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from service.identity import ensure_identity

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_server_certificate_chains_to_the_ca_and_names_the_hosts(tmp_path: Path) -> None:
    hosts = ("::", "post.example", "192.0.2.7", "::1")
    made = ensure_identity(tmp_path / "identity", hosts, NOW)
    certificate(made.certificate_file).verify_directly_issued_by(certificate(made.ca_file))
    names = certificate(made.certificate_file).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost", "post.example"]
    addresses = names.value.get_values_for_type(x509.IPAddress)
    assert [str(each) for each in addresses] == ["127.0.0.1", "::1", "192.0.2.7"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate_file, made.key_file)


def test_a_second_start_keeps_everything(tmp_path: Path) -> None:
    first = ensure_identity(tmp_path, "127.0.0.1", NOW)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert ensure_identity(tmp_path, "127.0.0.1", NOW + timedelta(days=1)) == first
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_near_its_end_or_for_another_host_only_the_server_certificate_is_new(
    tmp_path: Path,
) -> None:
    first = ensure_identity(tmp_path, "127.0.0.1", NOW)
    ca, token = first.ca_file.read_bytes(), first.token_file.read_bytes()
    old = certificate(first.certificate_file).serial_number
    ensure_identity(tmp_path, "127.0.0.1", NOW + timedelta(days=340))
    renewed = certificate(first.certificate_file)
    assert renewed.serial_number != old
    assert renewed.not_valid_after_utc > NOW + timedelta(days=365)
    ensure_identity(tmp_path, "10.0.0.7", NOW + timedelta(days=341))
    assert certificate(first.certificate_file).serial_number != renewed.serial_number
    assert (first.ca_file.read_bytes(), first.token_file.read_bytes()) == (ca, token)


def test_only_its_own_token_names_a_caller(tmp_path: Path) -> None:
    made = ensure_identity(tmp_path / "a", "127.0.0.1", NOW)
    other = ensure_identity(tmp_path / "b", "127.0.0.1", NOW)
    token = made.token_file.read_text().strip()
    assert made.is_first_token(token)
    assert not made.is_first_token(token + "x")
    assert not other.is_first_token(token)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "a").iterdir()} == {0o600}
