"""The reusable components, one a file, and in the folders their building blocks."""
