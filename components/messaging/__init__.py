"""Events of objects, and the queues that they wait in."""
