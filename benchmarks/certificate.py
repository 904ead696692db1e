"""A certificate for this machine's loopback address, for one run."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi
import trustme


@dataclass(frozen=True)
class Certificate:
    """Files for a server and its clients."""

    pem: Path
    """A key, and its certificate from the run's own authority."""
    bundle: Path
    """The usual authorities and the run's own, so that clients load as many as on any machine."""
    authority: bytes
    """Only the run's own authority, as PEM."""

    @property
    def server(self) -> ssl.SSLContext:
        """Return the context for a server in this process."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


def write_certificate(folder: Path) -> Certificate:
    """Make an authority, a key and a certificate."""
    authority = trustme.CA()
    made = Certificate(folder / "server.pem", folder / "authorities.pem", authority.cert_pem.bytes())
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(made.pem))
    made.bundle.write_bytes(Path(certifi.where()).read_bytes() + made.authority)
    return made
