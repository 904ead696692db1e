"""The reusable components, one a file, and the building blocks that they are made of."""
