"""Events of equal name added up, and printed as a table."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .recorder import Event

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"))
# What the attributes are called in PyTorch's older versions.
_OLD = ("cuda", "xpu", "privateuse1")


@dataclass
class EventAverage:
    """All events of one key. Times in microseconds, memory in bytes.

    ``device_time_total`` has the kernels of everything within, ``self_device_time_total`` those that
    the operator launched itself; ``cpu`` stands for the host in the same way.
    """

    key: str
    input_shapes: Any = ()
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    device_time_total: float = 0.0
    self_device_time_total: float = 0.0
    cpu_memory_usage: int = 0
    self_cpu_memory_usage: int = 0
    flops: int = 0
    kernels: dict[str, float] = field(default_factory=dict)
    source: str = ""

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / max(self.count, 1)

    @property
    def device_time(self) -> float:
        return self.device_time_total / max(self.count, 1)

    @property
    def device_memory_usage(self) -> int:
        """The same as ``cpu_memory_usage``: all memory that is counted is that of OpenCL devices."""
        return self.cpu_memory_usage

    @property
    def self_device_memory_usage(self) -> int:
        return self.self_cpu_memory_usage

    @property
    def cpu_time_str(self) -> str:
        return _time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _time(self.self_cpu_time_total)

    @property
    def device_time_str(self) -> str:
        return _time(self.device_time)

    @property
    def device_time_total_str(self) -> str:
        return _time(self.device_time_total)

    @property
    def self_device_time_total_str(self) -> str:
        return _time(self.self_device_time_total)


class Averages(list[EventAverage]):
    """Rows of equal events; ``str`` and ``table`` show them."""

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all rows on the host."""
        return sum(row.self_cpu_time_total for row in self)

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
              max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
              top_level_events_only: bool = False) -> str:
        """The rows as text.

        Args:
            sort_by: an attribute of EventAverage, "cuda" in place of "device" allowed; the largest
                come first.  None: the order of first occurrence.

        Raises:
            AttributeError: there is no such attribute.
        """
        rows = list(self)
        if sort_by is not None:
            name = _attribute(sort_by)
            rows.sort(key=lambda row: getattr(row, name), reverse=True)
        host = sum(row.self_cpu_time_total for row in self)
        device = sum(row.self_device_time_total for row in self)
        shapes = any(row.input_shapes for row in rows)
        memory = any(row.self_cpu_memory_usage or row.cpu_memory_usage for row in rows)
        counted = any(row.flops for row in rows)
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "Self Device %", "Self Device",
                  "Device total", "Device time avg", "# of Calls"]
        titles += ["Mem"] * memory + ["Self Mem"] * memory + ["Total MFLOPs"] * counted
        titles += ["Input Shapes"] * shapes
        sources = any(row.source for row in rows)
        titles += ["Source Location"] * sources
        lines = [titles]
        for row in rows[:row_limit if row_limit >= 0 else None]:
            name = row.key
            if len(name) > max_name_column_width:
                name = name[:max_name_column_width - 3] + "..."
            cells = [name, _share(row.self_cpu_time_total, host), _time(row.self_cpu_time_total),
                     _time(row.cpu_time_total), _time(row.cpu_time), _share(row.self_device_time_total, device),
                     _time(row.self_device_time_total), _time(row.device_time_total), _time(row.device_time),
                     str(row.count)]
            if memory:
                cells += [_bytes(row.cpu_memory_usage), _bytes(row.self_cpu_memory_usage)]
            if counted:
                cells.append(f"{row.flops / 1e6:.3f}" if row.flops else "--")
            if shapes:
                cells.append(str([list(s) for s in row.input_shapes])[:max_shapes_column_width])
            if sources:
                cells.append(row.source[-max_src_column_width:])
            lines.append(cells)
        text = aligned(lines)
        if header is not None:
            text = f"{header}\n{text}"
        return f"{text}\nSelf CPU time total: {_time(host)}\nSelf device time total: {_time(device)}\n"

    def __str__(self) -> str:
        return self.table()

    def total_average(self) -> EventAverage:
        """Everything in one row."""
        total = EventAverage("Total")
        for row in self:
            total.count += row.count
            total.self_cpu_time_total += row.self_cpu_time_total
            total.self_device_time_total += row.self_device_time_total
            total.self_cpu_memory_usage += row.self_cpu_memory_usage
            total.flops += row.flops
        total.cpu_time_total, total.device_time_total = total.self_cpu_time_total, total.self_device_time_total
        total.cpu_memory_usage = total.self_cpu_memory_usage
        return total


def average(events: Iterable[Event], by_shape: bool = False, by_source: bool = False) -> Averages:
    """Add events up by name (and the shapes of their operands, and the calling line)."""
    return _added(((e.name, e.shapes if by_shape else (), e.source if by_source else ""), e)
                  for e in events if e.kind != "module")


def average_modules(events: Iterable[Event]) -> Averages:
    """Add operators' time and memory up by the module that they ran for, backward included.

    A row's own columns exclude the modules within it; its count is of the module's calls, and its
    total columns include the modules within.
    """
    events = list(events)
    rows: dict[str, EventAverage] = {}
    for e in events:
        if not e.module:
            continue
        path = e.module
        row = rows.setdefault(path, EventAverage(path))
        if e.kind == "module":
            row.count += 1
        row.self_cpu_time_total += e.self_host_ns / 1e3
        row.self_device_time_total += e.device_ns / 1e3
        row.self_cpu_memory_usage += e.memory
        row.flops += e.flops
    for path in list(rows):
        parts = path.split(".")
        for k in range(1, len(parts)):
            rows.setdefault(".".join(parts[:k]), EventAverage(".".join(parts[:k])))
    for path, row in rows.items():
        within = [r for p, r in rows.items() if p == path or p.startswith(path + ".")]
        row.cpu_time_total = sum(r.self_cpu_time_total for r in within)
        row.device_time_total = sum(r.self_device_time_total for r in within)
        row.cpu_memory_usage = sum(r.self_cpu_memory_usage for r in within)
    return Averages(rows[path] for path in sorted(rows))


def _added(keyed: Iterable[tuple[Any, Event]]) -> Averages:
    rows: dict[Any, EventAverage] = {}
    totals: dict[int, tuple[float, int]] = {}
    keyed = sorted(keyed, key=lambda pair: pair[1].end)
    for _, e in keyed:  # what lies within ends first
        device, memory = totals.get(id(e), (0.0, 0))
        device, memory = device + e.device_ns, memory + e.memory
        totals[id(e)] = device, memory
        parent = e.parent
        while parent is not None and parent.kind == "module":
            parent = parent.parent
        if parent is not None:
            above = totals.get(id(parent), (0.0, 0))
            totals[id(parent)] = above[0] + device, above[1] + memory
    for key, e in keyed:
        row = rows.get(key)
        if row is None:
            row = rows[key] = EventAverage(key[0], key[1], source=key[2])
        row.count += 1
        row.cpu_time_total += e.host_ns / 1e3
        row.self_cpu_time_total += e.self_host_ns / 1e3
        row.device_time_total += totals[id(e)][0] / 1e3
        row.self_device_time_total += e.device_ns / 1e3
        row.cpu_memory_usage += totals[id(e)][1]
        row.self_cpu_memory_usage += e.memory
        row.flops += e.flops
        for k in e.kernels:
            row.kernels[k.name] = row.kernels.get(k.name, 0.0) + (k.end - k.start) / 1e3
    return Averages(rows.values())


def _attribute(sort_by: str) -> str:
    name = sort_by
    for old in _OLD:
        name = name.replace(old, "device")
    known = {*EventAverage.__dataclass_fields__, "cpu_time", "device_time", "device_memory_usage",
             "self_device_memory_usage"}
    if name not in known:
        raise AttributeError(f"sort_by={sort_by!r}: expected one of {', '.join(sorted(known))}")
    return name


def _time(microseconds: float) -> str:
    for scale, unit in _UNITS[:2]:
        if microseconds * 1e3 >= scale:
            return f"{microseconds * 1e3 / scale:.3f}{unit}"
    return f"{microseconds:.3f}us"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "--"


def _bytes(count: int) -> str:
    for scale, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(count) >= scale:
            return f"{count / scale:.2f} {unit}"
    return f"{count} b"


def aligned(lines: list[list[str]]) -> str:
    """Rows of cells as text in columns, the first row as the head."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    rule = "  ".join("-" * w for w in widths)
    texts = ["  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
             for line in lines]
    return "\n".join([rule, texts[0], rule, *texts[1:], rule])
