"""A certificate for this machine's loopback address, thrown away after the run."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme


@dataclass(frozen=True)
class Certificate:
    """Files that a server and its clients need."""

    pem: Path
    """A key, and its certificate by an authority of the run's own."""
    bundle: Path
    """Its authority after all that machines trust, so that a client reads as many as anywhere."""
    authority: bytes
    """Its authority alone, as PEM."""

    @property
    def server(self) -> ssl.SSLContext:
        """What a server of this process needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


def write_certificate(folder: Path) -> Certificate:
    """Make an authority, and a key and a certificate by it."""
    authority = trustme.CA()
    made = Certificate(folder / "server.pem", folder / "authorities.pem", authority.cert_pem.bytes())
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(made.pem))
    made.bundle.write_bytes(Path(certifi.where()).read_bytes() + made.authority)
    return made
