"""Data parallelism over devices of one machine, of any vendors at once."""
from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..autograd.function import record_custom
from ..autograd.graph import mark
from ..autograd.mode import is_grad_enabled
from ..core.caps import POCL
from ..core.layout import wrap_dim
from ..device import Device
from ..device import devices as all_devices
from ..ops.join import cat
from ..tensor import Tensor
from ..tensor.interchange import lend
from .modules import Module
from .utils.stateless import functional_call

# PyTorch has a package here: paths below it lead to this module.
__path__: list[str] = []
# Forward passes that are timed, device by device, before the shares are settled.
_MEASURED = 3


class DataParallel(Module):
    """Each device computes a share of the batch; gradients meet in the one set of parameters.

    The parameters stay where they are. A forward pass copies them to the other devices, splits the
    inputs along ``dim``, runs the module on every device (they work at the same time, for calls are
    only enqueued) and joins the results on ``output_device``. The copies are part of the graph, so
    that the gradients equal those of one device with the whole batch; buffers, as of batch norm,
    are updated by the first device's share.

    Args:
        module: on the first device.
        device_ids: devices, or names or numbers of GPUs, or a ``distributed.DeviceMesh``; by default all GPUs
            if the module is on one, else the module's device alone.
        output_device: where the results go; by default the first device.
        shares: parts of the batch, in any unit; by default in proportion to the speeds measured in
            the first passes.

    Raises:
        ValueError: no devices, or shares that don't match them.
        RuntimeError: from a forward pass: a device failed, which is named.
    """

    def __init__(self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                 dim: int = 0, *, shares: Sequence[float] | None = None) -> None:
        super().__init__()
        first = next((p.device for p in module.parameters()), None)
        if device_ids is None:
            own = first if first is not None else Device()
            devices = [own, *(d for d in all_devices() if d is not own)] if own.type == "cuda" else [own]
            devices = [d for d in devices if d.type == own.type]
        else:
            devices = [Device(d) if not isinstance(d, Device) else d for d in device_ids]
        if not devices:
            raise ValueError("DataParallel needs at least one device")
        if shares is not None and (len(shares) != len(devices) or min(shares) < 0 or sum(shares) <= 0):
            raise ValueError(f"shares {list(shares)} don't fit {len(devices)} devices: one non-negative number for "
                             "each, not all zero")
        if first is not None and first is not devices[0]:
            raise RuntimeError(f"module must have its parameters and buffers on device {devices[0]} (device_ids[0]) "
                               f"but found one of them on device: {first}")
        self.module, self.dim = module, dim
        self.devices = devices
        self.output_device = devices[0] if output_device is None else Device(output_device)
        self._shares = None if shares is None else [float(s) for s in shares]
        self._speeds: list[list[float]] = []

    @property
    def shares(self) -> list[float]:
        """The part of the batch that each device gets; equal parts until speeds were measured."""
        weights = self._shares or [1.0] * len(self.devices)
        return [w / sum(weights) for w in weights]

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's results for the whole batch."""
        if len(self.devices) == 1:
            return self.module(*inputs, **kwargs)
        sizes = self._sizes(_batch_size((inputs, kwargs), self.dim))
        # All copies precede all forward passes: reading from a device waits for what was enqueued on it.
        meeting = _Meeting(self.devices)
        shares, start = [], 0
        for device, size in zip(self.devices, sizes):
            if size:
                with _naming(device):
                    part = _part((inputs, kwargs), self.dim, start, size, device)
                    shares.append((device, size, self._state_on(device, meeting), part))
            start += size
        measured = self._shares is None
        results, speeds, turn = [], [], mark()
        # Forward and backward, the first device gets its work last and is waited for first: some runtimes let the
        # waiting thread compute for it, and nothing for the others.
        for device, size, state, part in reversed(shares):
            with _naming(device), device:
                began = time.perf_counter()
                result = functional_call(self.module, state, part[0], part[1])
                if measured:
                    device.synchronize()
                    speeds.append(size / (time.perf_counter() - began))
            if device is self.devices[0]:
                result = _map(result, lambda x: _kept_back(x, turn, meeting))
            else:
                device.runtime.flush()
            results.append(result)
        if measured and len(speeds) == len(self.devices):
            self._measure(speeds[::-1])
        _help(self.devices[0])
        return _gathered(results[::-1], self.output_device, self.dim)

    def _measure(self, speeds: list[float]) -> None:
        """Settle the shares after some passes; the first includes the building of kernels."""
        self._speeds.append(speeds)
        if len(self._speeds) == _MEASURED:
            self._shares = [max(each) for each in zip(*self._speeds[1:])]

    def _sizes(self, batch: int) -> list[int]:
        ends, total = [], 0.0
        for share in self.shares:
            total += share
            ends.append(round(total * batch))
        return [end - begin for begin, end in zip([0, *ends], ends)]

    def _state_on(self, device: Device, meeting: _Meeting) -> dict[str, Tensor]:
        if device is self.devices[0]:
            return {}
        return {name: _passed(t, device, meeting)
                for name, t in (*self.module.named_parameters(), *self.module.named_buffers())}


class _Meeting:
    """Where gradients of other devices come home: at the first of them, every device has its work."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.devices = devices
        self._ended = False

    def start(self) -> None:
        """The other devices have their work, the first gets it now."""
        for device in self.devices[1:]:
            device.runtime.flush()

    def end(self) -> None:
        """All have it."""
        if not self._ended:
            _help(self.devices[0])
        self._ended = True


def _help(device: Device) -> None:
    """Wait for a device that computes in the thread that waits; others go on while more is enqueued."""
    if device.caps.device_type == "cpu" and device.caps.platform != POCL:  # whose own threads compute everything
        device.runtime.settle()


def _kept_back(x: Tensor, turn: int, meeting: _Meeting) -> Tensor:
    """A result of the first device, whose backward begins when the other devices have theirs."""
    def back(cotangent: Tensor) -> tuple[Tensor]:
        meeting.start()
        return (cotangent,)

    x = record_custom("Gather", (x,), x.detach(), back)
    if x.grad_fn is not None:
        x.grad_fn.sequence = turn
    return x


def _passed(x: Tensor, device: Device, meeting: _Meeting | None = None) -> Tensor:
    """A copy of a tensor of the module, or what a device computed, lent; cotangents go back in place."""
    if device is x.device:
        return x
    source = x.device

    def back(cotangent: Tensor) -> tuple[Tensor]:
        if meeting is not None:
            meeting.end()
        return (cotangent.to(source) if is_grad_enabled() else lend(cotangent, source),)

    given = x.detach()
    return record_custom("ToCopy", (x,), lend(given, device) if meeting is None else given.to(device), back)


@contextlib.contextmanager
def _naming(device: Device) -> Iterator[None]:
    """Errors within say which device failed."""
    try:
        yield
    except Exception as error:
        raise RuntimeError(f"DataParallel: the replica on {device} ({device.caps.name}) failed: "
                           f"{type(error).__name__}: {error}") from error


class DistributedDataParallel(Module):
    """A replica per process: there are no process groups yet.

    Raises:
        NotImplementedError: always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("DistributedDataParallel: clnet trains in one process; nn.DataParallel uses several "
                                  "devices of this machine")


def data_parallel(module: Module, inputs: Any, device_ids: Sequence[Any] | None = None, output_device: Any = None,
                  dim: int = 0, module_kwargs: dict[str, Any] | None = None) -> Any:
    """``DataParallel(module, device_ids)(*inputs)``, with equal shares."""
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    shares = None if device_ids is None else [1.0] * len(device_ids)
    return DataParallel(module, device_ids, output_device, dim, shares=shares)(*given, **(module_kwargs or {}))


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """The inputs for each device: their tensors split along ``dim``, their other values as they are."""
    devices = [Device(d) for d in target_gpus]
    batch = _batch_size(inputs, dim)
    step = -(-batch // len(devices))
    return [_part(inputs, dim, at, min(step, batch - at), to) for at, to in zip(range(0, batch, step), devices)]


def gather(outputs: Sequence[Any], target_device: Any, dim: int = 0) -> Any:
    """What the devices computed, joined along ``dim`` on one of them; numbers make a vector."""
    return _gathered(list(outputs), Device(target_device), dim)


def replicate(network: Module, devices: Sequence[Any], detach: bool = False) -> list[Module]:
    """A module for each device, of copies that pass gradients back to ``network`` unless ``detach``."""
    copies = []
    for device in devices:
        memo: dict[int, Any] = {}
        for t in (*network.parameters(), *network.buffers()):
            memo[id(t)] = (t.detach() if detach else t).to(Device(device), copy=True)
        copies.append(copy.deepcopy(network, memo))
    return copies


def parallel_apply(modules: Sequence[Module], inputs: Sequence[Any], kwargs_tup: Sequence[dict[str, Any]] | None = None,
                   devices: Sequence[Any] | None = None) -> list[Any]:
    """Each module's result for its inputs; the calls are enqueued in turn, and the devices work together."""
    if len(modules) != len(inputs):
        raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of inputs {len(inputs)}")
    given = kwargs_tup or [{}] * len(modules)
    return [module(*(x if isinstance(x, (tuple, list)) else (x,)), **kwargs)
            for module, x, kwargs in zip(modules, inputs, given)]


def _map(value: Any, function: Callable[[Tensor], Any]) -> Any:
    """Nested containers with their tensors replaced."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return type(value)((k, _map(v, function)) for k, v in value.items())
    if isinstance(value, tuple) and getattr(value, "_fields", None) is not None:
        return type(value)(*(_map(v, function) for v in value))
    if isinstance(value, (tuple, list)):
        return type(value)(_map(v, function) for v in value)
    return value


def _batch_size(inputs: Any, dim: int) -> int:
    sizes: list[int] = []
    _map(inputs, lambda x: sizes.append(x.shape[wrap_dim(dim, x.ndim)]))
    if not sizes:
        raise ValueError("DataParallel: there is no tensor among the inputs whose batch could be split")
    if len(set(sizes)) > 1:
        raise ValueError(f"DataParallel: the inputs' sizes along dimension {dim} differ: {sizes}")
    return sizes[0]


def _part(inputs: Any, dim: int, start: int, size: int, device: Device) -> Any:
    return _map(inputs, lambda x: x.narrow(dim, start, size).to(device))


def _gathered(results: list[Any], device: Device, dim: int) -> Any:
    """Results joined on one device; what is no tensor comes from the first."""
    first = results[0]
    if isinstance(first, Tensor):
        if not first.ndim:  # one number of each device
            return cat([_passed(r, device).reshape(1) for r in results])
        return cat([_passed(r, device) for r in results], dim)
    if isinstance(first, dict):
        return type(first)((k, _gathered([r[k] for r in results], device, dim)) for k in first)
    if isinstance(first, tuple) and getattr(first, "_fields", None) is not None:
        return type(first)(*(_gathered(list(column), device, dim) for column in zip(*results)))
    if isinstance(first, (tuple, list)):
        return type(first)(_gathered(list(column), device, dim) for column in zip(*results))
    return first
