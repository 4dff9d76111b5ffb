"""Puts the parts together: the base interpreter, and the methods of the tensor class."""
from __future__ import annotations

from ..core import dispatch
from . import complex as complex_
from . import creation, indexing, interchange, methods, mutation, pickling, printing, random
from .eager import EagerInterpreter

dispatch.stack.install(EagerInterpreter())
for module in (interchange, creation, mutation, methods, complex_, indexing, pickling, printing,
               random):
    module.install()
