"""The table of resource types that local mode can make, one module a service; a type without a row is an error."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from local.resources.invokes import INVOKES
from local.resources.rows import Account, Made, Row

__all__ = ["INVOKES", "TABLE", "Account", "Made", "Row"]

_MODULES = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)]

TABLE: Mapping[str, Row] = {
    pulumi_type: row for each in _MODULES for pulumi_type, row in getattr(each, "TABLE", {}).items()
}
