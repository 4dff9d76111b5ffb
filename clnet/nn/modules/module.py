"""The base class of layers and networks."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from ...autograd.mode import no_grad
from ...core import dtypes as dt
from ...core.dtypes import DType
from ...device import Device
from ...tensor import Tensor
from ...tensor.creation import empty_like
from .calling import Calling
from .calling import register_module_forward_hook as register_module_forward_hook
from .calling import register_module_forward_pre_hook as register_module_forward_pre_hook
from .calling import register_module_full_backward_hook as register_module_full_backward_hook
from .calling import register_module_full_backward_pre_hook as register_module_full_backward_pre_hook
from .registration import _HOOK_TABLES, Registration
from .state import StateDict

M = TypeVar("M", bound="Module")


class Module(Registration, Calling, StateDict):
    """Base of every layer and network: parameters, submodules, and a ``forward``.

    >>> from clnet import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = nn.Linear(2, 3)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> [name for name, _ in Net().named_parameters()]
    ['layer.weight', 'layer.bias']
    """

    dump_patches = False
    call_super_init = False
    T_destination = TypeVar("T_destination", bound=dict[str, Any])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What calling the module computes; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function')

    # Mode ---

    def train(self: M, mode: bool = True) -> M:
        """Put the module and all below in training (or evaluation) mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: M) -> M:
        """Put the module and all below in evaluation mode."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set whether the parameters accumulate gradients."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget (or zero) every parameter's gradient."""
        for p in self.parameters():
            if p.grad is not None:
                p.grad = None if set_to_none else p.grad.detach().zeros_like()

    def share_memory(self: M) -> M:
        raise NotImplementedError("share_memory: device memory can't be shared between processes")

    # Conversion ---

    def apply(self: M, fn: Callable[[Any], None]) -> M:
        """Call ``fn`` on every module, those below first."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self: M, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> M:
        """Replace every tensor's memory by what ``fn`` makes of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for p in self._parameters.values():
                if p is not None:
                    p.data = fn(p.data)
                    if p.grad is not None:
                        p.grad = fn(p.grad)
            for name, b in self._buffers.items():
                if b is not None:
                    self._buffers[name] = fn(b)
        return self

    def to(self: M, *args: Any, device: Any = None, dtype: DType | None = None, non_blocking: bool = False,
           memory_format: Any = None, tensor: Tensor | None = None) -> M:
        """Move parameters and buffers to a device, and cast the floating ones to a dtype.

        Takes ``to(device)``, ``to(dtype)``, ``to(device, dtype)`` or ``to(tensor)``.

        Raises:
            TypeError: a dtype that is not floating or complex.
        """
        for a in (*args, *(() if tensor is None else (tensor,))):
            if isinstance(a, Tensor):
                device, dtype = a.device, a.dtype
            elif isinstance(a, DType):
                dtype = a
            elif isinstance(a, (Device, str)) or (isinstance(a, int) and not isinstance(a, bool)):
                device = a
        if dtype is not None and not dtype.is_inexact:
            raise TypeError("nn.Module.to only accepts floating point or complex dtypes, but got desired "
                            f"dtype={dtype}")
        target = Device(device) if device is not None else None
        return self._apply(lambda t: t.to(
            device=target, dtype=dtype if t.dtype.is_inexact else None))

    def cpu(self: M) -> M:
        """Move everything to the CPU."""
        return self.to("cpu")

    def cuda(self: M, device: Any = None) -> M:
        """Move everything to a GPU."""
        return self.to("cuda" if device is None else device)

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Move parameters and buffers to a device without their values, which are undefined then."""
        target = Device(device) if device is not None else None
        return self._apply(lambda t: empty_like(t, device=target or t.device), recurse)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted, as ``torch.compile`` is: nothing is compiled."""
        warnings.warn("compile() changes nothing: clnet runs operators one by one", UserWarning, stacklevel=2)

    def type(self: M, dst_type: DType) -> M:
        """Cast every parameter and buffer."""
        return self._apply(lambda t: t.to(dtype=dst_type))

    def _cast_floating(self: M, dtype: DType) -> M:
        return self._apply(lambda t: t.to(dtype=dtype)
                           if t.is_floating_point() else t)

    def float(self: M) -> M:
        """Cast floating tensors to float32."""
        return self._cast_floating(dt.float32)

    def double(self: M) -> M:
        """Cast floating tensors to float64."""
        return self._cast_floating(dt.float64)

    def half(self: M) -> M:
        """Cast floating tensors to float16."""
        return self._cast_floating(dt.float16)

    def bfloat16(self: M) -> M:
        """Cast floating tensors to bfloat16."""
        return self._cast_floating(dt.bfloat16)

    # Text and pickling ---

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What a subclass shows of itself between the parentheses."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        own = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        return framed(self._get_name(), own, children)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for table in _HOOK_TABLES:
            self.__dict__.setdefault(table, OrderedDict())


def indented(text: str) -> str:
    """A representation of several lines, indented below its first one."""
    return text.replace("\n", "\n  ")


def framed(name: str, own: list[str], children: list[str]) -> str:
    """``Name(own)`` on one line where that is all, else one line each."""
    lines = own + children
    if not lines:
        return f"{name}()"
    if len(own) == 1 and not children:
        return f"{name}({own[0]})"
    return f"{name}(\n  " + "\n  ".join(lines) + "\n)"
