"""Rules about uploads: pure functions over frozen values, without AWS and without HTTP."""
