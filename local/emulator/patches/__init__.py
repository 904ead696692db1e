"""Patches of MiniStack. Each one says what AWS does, what MiniStack does, and what happens here."""
