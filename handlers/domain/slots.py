"""How many jobs a container of the worker runs at once."""

WORKER_MEMORY_MB = 128
"""For the process that keeps the slots running, and for what all of them share."""


def slots_of(memory_mb: int, job_memory_mb: int) -> int:
    """Return how many jobs fit into a container's memory; 0 if not even one does."""
    return max(0, (memory_mb - WORKER_MEMORY_MB) // job_memory_mb)
