"""
TLS certificates that are right or wrong on purpose, made with the ``openssl`` command.

They are valid for minutes, on loopback, and live in the folder that the caller gives.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["certificate_for", "find_openssl", "server_context", "trusting"]

_HOUR: Final = timedelta(hours=1)
_FORM: Final = "%Y%m%d%H%M%SZ"
_CONFIG: Final = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = anything
x509_extensions = names
[anything]
commonName = supplied
[names]
subjectAltName = {name}
basicConstraints = critical,CA:TRUE
[req]
distinguished_name = subject
[subject]
"""


def find_openssl() -> str | None:
    """Path of the ``openssl`` command, or None."""
    return shutil.which("openssl")


def certificate_for(folder: Path, name: str, *, expired: bool = False) -> Path:
    """
    Make a self-signed certificate with its key, both in one PEM file.

    Args:
        folder: Empty, for the files.
        name: Alternative name it is for: ``IP:127.0.0.1`` or ``DNS:example.invalid``.
        expired: Whether it ended an hour ago; otherwise it ends in an hour.
    """
    command, config = find_openssl() or "openssl", folder / "openssl.cnf"
    config.write_text(_CONFIG.format(folder=folder, name=name), "ascii")
    (folder / "index.txt").write_text("", "ascii")
    (folder / "serial").write_text("01", "ascii")
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    now = datetime.now(UTC)
    start, end = (now - 2 * _HOUR, now - _HOUR) if expired else (now - _HOUR, now + _HOUR)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    new_request = ["req", "-new", *new_key, "-subj", "/CN=gridtide test", "-config", str(config), "-out", str(request)]
    validity = ["-startdate", start.strftime(_FORM), "-enddate", end.strftime(_FORM)]
    sign = ["ca", "-batch", "-selfsign", "-keyfile", str(key), *validity, "-config", str(config), "-notext"]
    for arguments in (new_request, [*sign, "-in", str(request), "-out", str(certificate)]):
        subprocess.run([command, *arguments], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return both


def server_context(certificate: Path) -> ssl.SSLContext:
    """TLS settings of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path | None) -> ssl.SSLContext:
    """TLS settings of a client that trusts *certificate* beside the usual ones."""
    context = ssl.create_default_context()
    if certificate is not None:
        context.load_verify_locations(certificate)
    return context
