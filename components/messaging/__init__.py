"""Events of objects, and their queues."""
