"""Puts the parts together: the base interpreter, and the methods of the tensor class."""
from __future__ import annotations

from ..core import dispatch
from . import complex as complex_
from . import (
    creation,
    geometry,
    indexing,
    interchange,
    methods,
    mutation,
    pickling,
    printing,
    queries,
    random,
    ranges,
    typed,
    variable,
)
from .eager import EagerInterpreter

eager = EagerInterpreter()
dispatch.stack.install(eager)
for module in (interchange, creation, mutation, methods, complex_, geometry, queries, indexing, pickling,
               printing, random, ranges, typed, variable):
    module.install()
