"""The cases by subject. Each is a function that returns, or raises Failed or Skipped; its docstring says what holds."""
