"""MiniStack with its gaps mended, run as `python -m local.shim` by `local.emulator`.

Each module mends one gap and says what AWS does, what MiniStack does, and what happens here.
"""
