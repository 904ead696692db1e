"""The processors (instruction sets) that Lambda functions run on, and how each is named elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One processor. Native code is for one alone."""

    name: str
    """As Lambda has it."""
    machine: str
    """As Python and the tags of wheels have it."""
    elf_machine: bytes
    """The field e_machine of an ELF header, little-endian."""


ARM64 = Architecture("arm64", "aarch64", (0xB7).to_bytes(2, "little"))
X86_64 = Architecture("x86_64", "x86_64", (0x3E).to_bytes(2, "little"))

ARCHITECTURES = {each.name: each for each in (ARM64, X86_64)}
"""By Lambda's names."""
