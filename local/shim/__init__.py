"""MiniStack with its gaps patched, run as `python -m local.shim` by `local.emulator`.

Each module patches one gap and says what AWS does, what MiniStack does, and what happens here.
"""
