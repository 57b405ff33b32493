"""Who this installation is: its certificate authority, server certificate and first token.

Made once, at the first start, as a cluster tool does. Every file has mode 0600 in a folder of mode
0700 and appears as a whole or not at all; their place may be printed, their content never is.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.endpoint import write_atomically
from service.errors import StartupError

CA_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
# Clocks of field machines differ; a certificate made "now" must hold for the slow ones.
BACKDATED = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The credentials of one installation.

    Attributes:
        ca_file: certificate that clients trust.
        certificate_file: server certificate.
        key_file: its private key.
        token_file: the administrator's token.
        token_sha256: all the service keeps of it.
    """

    ca_file: Path
    certificate_file: Path
    key_file: Path
    token_file: Path
    token_sha256: bytes

    def is_first_token(self, token: str) -> bool:
        """Whether a token is the one that was made at the first start."""
        offered = hashlib.sha256(token.encode()).digest()
        return hmac.compare_digest(offered, self.token_sha256)


def ensure_identity(folder: Path, hosts: str | Sequence[str], now: datetime) -> Identity:
    """The identity that lies in a folder, made or renewed where needed.

    The server certificate is renewed when it is near its end, when the host changes, or when it
    was not made by the CA that is there.

    Args:
        folder: where the files lie; made with mode 0700.
        hosts: names and addresses that clients reach the service by, besides localhost, 127.0.0.1
            and ::1.
        now: aware time.

    Raises:
        StartupError: files are there but cannot be read, or only half of a pair is there.
    """
    names = _alternative_names((hosts,) if isinstance(hosts, str) else hosts)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    ca_file, ca_key_file = folder / "ca.pem", folder / "ca.key"
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    token_file = folder / "administrator.token"
    try:
        ca, ca_key = _ensure_ca(ca_file, ca_key_file, now)
        if not _server_certificate_holds(certificate_file, key_file, ca, names, now):
            key, certificate = _issue(ca, ca_key, names, now)
            write_atomically(key_file, _private_pem(key))
            write_atomically(certificate_file, _public_pem(certificate))
        if not token_file.exists():
            write_atomically(token_file, secrets.token_urlsafe(32).encode() + b"\n")
        token = token_file.read_text("ascii").strip()
    except (OSError, ValueError, TypeError) as error:
        raise StartupError(
            f"the identity in {folder} cannot be read ({error}); restore it from a backup, or "
            "remove the folder to make a new one (clients then need the new endpoint.json)"
        ) from error
    if len(token) < 32:
        raise StartupError(f"{token_file} holds no token; remove it to have a new one made")
    return Identity(
        ca_file=ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        token_file=token_file,
        token_sha256=hashlib.sha256(token.encode()).digest(),
    )


def _ensure_ca(
    ca_file: Path, key_file: Path, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    if not ca_file.exists():
        # Without its certificate a key alone was never used: the certificate is written last.
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, f"Vedette CA {secrets.token_hex(4)}"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vedette installation"),
            ]
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(now + CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        write_atomically(key_file, _private_pem(key))
        write_atomically(ca_file, _public_pem(certificate))
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    if ca.not_valid_after_utc < now + RENEW_BEFORE:
        raise StartupError(
            f"the certificate authority in {ca_file.parent} ends on "
            f"{ca.not_valid_after_utc:%Y-%m-%d}; "
            "remove the folder to make a new one (clients then need the new endpoint.json)"
        )
    return ca, _load_key(key_file)


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path.name} is not an elliptic curve key")
    return key


def _server_certificate_holds(
    certificate_file: Path,
    key_file: Path,
    ca: x509.Certificate,
    wanted: list[x509.GeneralName],
    now: datetime,
) -> bool:
    if not (certificate_file.exists() and key_file.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ca_id = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    # A crash between the two writes leaves a new key with the old certificate.
    paired = certificate.public_key() == _load_key(key_file).public_key()
    return (
        paired
        and issuer.key_identifier == ca_id.digest
        and set(names) == set(wanted)
        and certificate.not_valid_before_utc <= now
        and certificate.not_valid_after_utc > now + RENEW_BEFORE
    )


def _issue(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName],
    now: datetime,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vedette service")]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + SERVER_LIFETIME, ca.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    return key, certificate


def _alternative_names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
        x509.IPAddress(ipaddress.IPv6Address("::1")),
    ]
    for host in hosts:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            names.append(x509.DNSName(host))
            continue
        if not address.is_unspecified:
            names.append(x509.IPAddress(address))
    return list(dict.fromkeys(names))


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
