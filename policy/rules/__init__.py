"""One rule a module. The name of a module is the condition that must hold."""
