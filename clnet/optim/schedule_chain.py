"""Schedules made of others: one after the other, or all at once."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from .optimizer import Optimizer
from .schedule import LRScheduler, ReduceLROnPlateau, copied, set_lr


class _Composed(LRScheduler):
    """Holds other schedules of one optimizer."""

    _schedulers: list[LRScheduler]

    def _hold(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer) -> None:
        name = type(self).__name__
        for i, one in enumerate(schedulers):
            if not isinstance(one, LRScheduler):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(one, ReduceLROnPlateau):
                raise ValueError(f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional "
                                 f"kwargs to be specified when calling `step`, but got one at index {i} in the "
                                 "given schedulers sequence.")
            if one.optimizer is not optimizer:
                raise ValueError(f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                                 f"{type(one).__name__} at index {i} has {one.optimizer}, which is different from "
                                 f"{type(optimizer).__name__}.")
        self._schedulers, self.optimizer = list(schedulers), optimizer

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, the schedules' own states among it."""
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        return {**state, "_schedulers": [one.state_dict() for one in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what ``state_dict`` returned."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for one, state in zip(self._schedulers, state_dict["_schedulers"]):
            one.load_state_dict(state)


class SequentialLR(_Composed):
    """Each schedule in its turn: the second takes over at the first of ``milestones``, and so on.

    Raises:
        ValueError: another number of milestones than schedules less one, or schedules that don't fit.
    """

    def __init__(self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int],
                 last_epoch: int = -1) -> None:
        if not schedulers:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        self._hold(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError("Sequential Schedulers expects number of schedulers provided to be one more than the "
                             f"number of milestone points, but got number of schedulers {len(schedulers)} and the "
                             f"number of milestones to be equal to {len(milestones)}")
        self._milestones, self.last_epoch = milestones, last_epoch + 1
        for group in optimizer.param_groups:
            set_lr(group, group["initial_lr"])
        self._forget_epoch()
        self.last_epoch += 1  # its own stands
        first = self._schedulers[bisect_right(milestones, 0)]
        first._begin_again()
        self._last_lr = first.get_last_lr()

    def _forget_epoch(self) -> None:
        self.last_epoch -= 1
        for one in self._schedulers:
            one._forget_epoch()

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        now = self._schedulers[i]
        if i and self._milestones[i - 1] == self.last_epoch:
            now.step(0)
        else:
            now.step()
        self._last_lr = now.get_last_lr()


class ChainedScheduler(_Composed):
    """All schedules at once, each on the rates that the one before set.

    Raises:
        ValueError: no schedules, or schedules that don't fit.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.")
        self._hold(schedulers, optimizer or schedulers[0].optimizer)
        self._last_lr = [copied(lr) for lr in self._current()]

    def _forget_epoch(self) -> None:
        for one in self._schedulers:
            one._forget_epoch()

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch."""
        for one in self._schedulers:
            one.step()
        self._last_lr = [copied(lr) for lr in self._current()]
