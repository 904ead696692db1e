"""The bundle holds the certificates that Amazon Trust Services publishes, and the same bytes on every machine."""

import ssl
from hashlib import sha256
from pathlib import Path
from typing import Any

import botocore
import certifi
import pytest

from components.compute.amazon_roots import AMAZON_ROOTS_PEM, amazon_roots
from handlers.aws.http_connection import AMAZON_ROOTS

CERTIFI = Path(certifi.where())
NOW, LATER = 1_764_000_000, 2_147_600_000
"""In 2025, and in 2038, when Amazon Root CA 1 has expired but others have not."""

PUBLISHED = {
    "Amazon Root CA 1": "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
    "Amazon Root CA 2": "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
    "Amazon Root CA 3": "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
    "Amazon Root CA 4": "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
    "Starfield Services Root Certificate Authority - G2": (
        "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92"
    ),
}
"""SHA-256 of the subject public key information. Source: https://www.amazontrust.com/repository/."""


def test_the_bundle_has_the_keys_that_amazon_publishes_and_no_other() -> None:
    trusted = ssl.create_default_context(cafile=AMAZON_ROOTS)
    certificates = {
        common_name(each): der
        for each, der in zip(trusted.get_ca_certs(), trusted.get_ca_certs(binary_form=True), strict=True)
    }

    assert {name for name, der in certificates.items() if PUBLISHED[name] in hashes_of_sequences(der)} == set(PUBLISHED)
    assert Path(AMAZON_ROOTS) == AMAZON_ROOTS_PEM


def common_name(described: Any) -> str:
    return next(value for ((key, value),) in described["subject"] if key == "commonName")


def hashes_of_sequences(der: bytes) -> set[str]:
    """The SHA-256 of everything in a certificate that can be a SEQUENCE: its public key information is one of them."""
    found: set[str] = set()
    for at in range(len(der) - 4):
        if der[at] == 0x30:
            long = der[at + 1] & 0x7F if der[at + 1] > 0x7F else 0
            size = int.from_bytes(der[at + 2 : at + 2 + long]) if long else der[at + 1]
            found.add(sha256(der[at : at + 2 + long + size]).hexdigest())
    return found


def test_every_source_gives_the_same_bytes() -> None:
    botocores = Path(botocore.__file__).with_name("cacert.pem")

    assert amazon_roots(CERTIFI, NOW) == amazon_roots(botocores, NOW) == AMAZON_ROOTS_PEM.read_text()


def test_a_source_without_one_of_them_is_an_error(tmp_path: Path) -> None:
    blocks = AMAZON_ROOTS_PEM.read_text().split("# ")
    (tmp_path / "some.pem").write_text("# ".join(each for each in blocks if not each.startswith("Amazon Root CA 3")))

    with pytest.raises(ValueError, match="Amazon Root CA 3"):
        amazon_roots(tmp_path / "some.pem", NOW)


def test_an_expired_certificate_is_an_error() -> None:
    with pytest.raises(ValueError, match="Amazon Root CA 1 has expired"):
        amazon_roots(CERTIFI, LATER)
