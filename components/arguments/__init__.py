"""Component arguments: each one is declared once, with its type, default, constraint and description.

declaration.py has the base class of all args classes, constraints.py the kinds of constraints, and limits.py the
constraints that several arguments share, shared.py the arguments that several components share. Every other module
declares the arguments of one public component.
"""

from components.arguments.constraints import ArgumentError, is_empty
from components.arguments.declaration import Argument, Arguments, argument

__all__ = ["Argument", "ArgumentError", "Arguments", "argument", "is_empty"]
