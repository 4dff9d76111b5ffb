"""The Tensor: a handle on a storage, a layout and an autograd record.

Operators arrive as methods from the registry (``methods.py``); what stands here is what a tensor
is rather than what it computes.
"""
from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..autograd import engine as reverse
from ..autograd import graph
from ..autograd.node import RemovableHandle
from ..core import layout as lay
from ..core.dtypes import DType
from ..core.layout import Layout, Size
from ..device import Device
from .storage import Storage
from .untyped import UntypedStorage

_new = object.__new__


class Tensor:
    """A multi-dimensional array on one device, with PyTorch's interface.

    Attributes:
        storage: the memory, shared between views.
        offset: of the first element from the base buffer's start, in elements.
        layout: shape, strides and dtype.
        meta: autograd state or None.  tracked: whether calls on it may need recording.
    """

    __slots__ = ("storage", "offset", "layout", "meta", "tracked", "__dict__", "__weakref__")
    storage: Storage
    offset: int
    layout: Layout
    meta: graph.Meta | None
    tracked: bool

    if TYPE_CHECKING:
        # The methods that come from the registry, and the operators, which are looked up on the class.
        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Any: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __neg__(self) -> Any: ...

    # Making handles ---

    @staticmethod
    def over(storage: Storage, offset: int, layout: Layout) -> Tensor:
        """A tensor on existing memory, outside any graph."""
        t = _new(Tensor)
        t.storage, t.offset, t.layout, t.meta, t.tracked = storage, offset, layout, None, False
        return t

    @staticmethod
    def allocate(device: Device, layout: Layout) -> Tensor:
        """A tensor on new, uninitialised memory."""
        t = _new(Tensor)
        itemsize = layout.dtype.itemsize
        t.storage = storage = Storage(device, layout.numel * itemsize)
        t.offset = storage.start // itemsize
        t.layout, t.meta, t.tracked = layout, None, False
        return t

    def alias(self) -> Tensor:
        """Another handle on the same elements, outside any graph."""
        return Tensor.over(self.storage, self.offset, self.layout)

    def rebind(self, other: Tensor) -> None:
        """Become a handle on another tensor's memory (``data`` assignment, ``resize_``)."""
        self.storage, self.offset, self.layout = other.storage, other.offset, other.layout

    # Geometry ---

    @property
    def shape(self) -> Size:
        return self.layout.shape

    @property
    def dtype(self) -> DType:
        return self.layout.dtype

    @property
    def device(self) -> Device:
        return self.storage.device

    @property
    def ndim(self) -> int:
        return len(self.layout.shape)

    @property
    def itemsize(self) -> int:
        return self.layout.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.layout.numel * self.layout.dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        return self.layout.shape if dim is None else self.layout.shape[lay.wrap_dim(dim, self.ndim)]

    def stride(self, dim: int | None = None) -> Any:
        strides = self.layout.strides
        return strides if dim is None else strides[lay.wrap_dim(dim, self.ndim)]

    def dim(self) -> int:
        return self.ndim

    ndimension = dim

    def numel(self) -> int:
        return self.layout.numel

    nelement = numel

    def element_size(self) -> int:
        return self.layout.dtype.itemsize

    def storage_offset(self) -> int:
        return self.offset - self.storage.start // self.itemsize

    def data_ptr(self) -> int:
        """An address-like number, equal for tensors that start at the same element."""
        return id(self.storage.block) + self.offset * self.itemsize

    def untyped_storage(self) -> UntypedStorage:
        """The memory behind the tensor and its views."""
        return UntypedStorage(self.storage)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return self.layout.contiguous

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    @property
    def is_meta(self) -> bool:
        """Whether there are no elements, only shape and dtype."""
        return not self.storage.device.runtime.computes

    is_sparse = is_quantized = False

    def get_device(self) -> int:
        return self.device.index or 0 if self.is_cuda else -1

    # Autograd ---

    @property
    def requires_grad(self) -> bool:
        return graph.edge(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Make this leaf accumulate gradients, or stop it.

        Raises:
            RuntimeError: not a leaf, or not of a floating or complex type.
        """
        if requires_grad and not self.dtype.is_inexact:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if not self.is_leaf:
            if requires_grad:
                return self
            raise RuntimeError("you can only change requires_grad flags of leaf variables. If you "
                               "want to use a computed variable in a subgraph that doesn't require "
                               "differentiation use var_no_grad = var.detach().")
        meta = graph.meta_of(self)
        if requires_grad and meta.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode "
                               "is not allowed.")
        meta.requires_grad = self.tracked = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        e = graph.edge(self)
        return e is None or isinstance(e[0], graph.AccumulateGrad)

    @property
    def grad_fn(self) -> Any:
        e = graph.edge(self)
        return None if e is None or isinstance(e[0], graph.AccumulateGrad) else e[0]

    @property
    def output_nr(self) -> int:
        return self.meta.index if self.meta is not None else 0

    @property
    def grad(self) -> Tensor | None:
        return self.meta.grad if self.meta is not None else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got "
                                f"{type(value).__name__}")
            if value.shape != self.shape:
                raise RuntimeError(f"assigned grad has data of a different size: got "
                                   f"{list(value.shape)}, expected {list(self.shape)}")
        graph.meta_of(self).grad = value

    @property
    def _version(self) -> int:
        return self.storage.version

    @property
    def _base(self) -> Tensor | None:
        return self.meta.base if self.meta is not None else None

    def _is_view(self) -> bool:
        return self._base is not None

    def is_inference(self) -> bool:
        return self.meta is not None and self.meta.inference

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None,
                 create_graph: bool = False, inputs: Any = None) -> None:
        """Accumulate gradients of this tensor into the leaves (see ``autograd.backward``)."""
        reverse.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same elements outside the graph."""
        return self.alias()

    def detach_(self) -> Tensor:
        if self._is_view():
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        if self.meta is not None:
            self.meta.node = None
            self.meta.requires_grad = False
        self.tracked = False
        return self

    @property
    def data(self) -> Tensor:
        return self.alias()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self.rebind(value)

    def retain_grad(self) -> None:
        """Keep the gradient of a tensor that is not a leaf in ``grad``."""
        e = graph.edge(self)
        if e is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.is_leaf:
            return
        graph.meta_of(self).retains = True
        e[0].retained = {**(e[0].retained or {}), e[1]: weakref.ref(self)}

    @property
    def retains_grad(self) -> bool:
        return self.meta is not None and self.meta.retains

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook`` with the gradient when it is computed; what it returns replaces it."""
        e = graph.edge(self)
        if e is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node, index = e
        node.hooks = node.hooks if node.hooks is not None else {}
        hooks = node.hooks.setdefault(index, {})
        if isinstance(node, graph.AccumulateGrad):
            # The accumulator lives as long as somebody can reach it: the leaf holds it from here.
            graph.meta_of(self).hooks = node
        return RemovableHandle(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook`` with this leaf after its ``grad`` was updated."""
        if not self.requires_grad or not self.is_leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        meta = graph.meta_of(self)
        meta.accumulated_hooks = meta.accumulated_hooks if meta.accumulated_hooks is not None else {}
        return RemovableHandle(meta.accumulated_hooks, hook)

    # Python protocol ---

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        if self.layout.numel != 1:
            raise RuntimeError("Boolean value of Tensor with "
                               f"{'no values' if not self.numel() else 'more than one value'} "
                               "is ambiguous")
        return bool(self.item())

    def __int__(self) -> int:
        return int(self._real_item("int64_t"))

    def __float__(self) -> float:
        return float(self._real_item("double"))

    def _only_item(self) -> Any:
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def _real_item(self, target: str) -> Any:
        value = self._only_item()
        if isinstance(value, complex):
            if value.imag:
                raise RuntimeError(f"value cannot be converted to type {target} without overflow")
            value = value.real
        return value

    def __complex__(self) -> complex:
        return complex(self._only_item())

    def __index__(self) -> int:
        if self.dtype.is_inexact or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number (waits for the device).

        Raises:
            RuntimeError: there is not exactly one element.
        """
        if self.layout.numel != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.tolist_flat()[0]

    # Filled in by the interchange module: reading memory.
    tolist_flat: Callable[[], list[Any]]
