"""Recordings of a small training step, and what is made of them."""
from __future__ import annotations

import gc
import gzip
import json

import pytest

import clnet
from clnet import nn
from clnet.core import dispatch
from clnet.core.events import HUB
from clnet.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)


def _model():
    return nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 2)))


def _step(model, x):
    with record_function("forward"):
        y = model(x)
    y.sum().backward()


def test_operators_kernels_and_nesting():
    model, x = _model(), clnet.randn(3, 4)
    _step(model, x)
    with profile(record_shapes=True, with_flops=True, with_stack=True) as prof:
        _step(model, x)
    rows = {row.key: row for row in prof.key_averages()}
    assert rows["gemm"].count == 5 and rows["gemm"].flops == 2 * 3 * (4 * 8 + 8 * 2) + 2 * 3 * (2 * 8 * 2 + 4 * 8)
    assert rows["forward"].self_device_time_total == 0
    assert 0 < rows["gemm"].self_device_time_total <= sum(r.self_device_time_total for r in rows.values())
    inside = [e for e in prof.events() if e.parent is not None and e.parent.name == "forward"]
    assert rows["forward"].device_time_total == pytest.approx(sum(e.device_ns for e in inside) / 1e3)
    assert {e.parent.name for e in prof.events() if e.name == "relu_d0"} == {"ReluBackward0"}
    first = next(e for e in inside if e.name == "gemm")
    assert first.shapes == ((3, 4), (8, 4), (8,)) and "test_profile.py" in first.source
    assert first.start <= first.end and first.kernels[0].start >= first.start - 1_000_000
    grouped = [row for row in prof.key_averages(group_by_input_shape=True) if row.key == "gemm"]
    assert len(grouped) == 5
    assert "Input Shapes" in prof.key_averages(group_by_input_shape=True).table()


def test_tables_are_sorted_and_limited():
    model, x = _model(), clnet.randn(3, 4)
    with profile(profile_memory=True) as prof:
        _step(model, x)
    averages = prof.key_averages()
    text = averages.table(sort_by="self_cuda_time_total", row_limit=2, header="A step")
    lines = text.splitlines()
    assert lines[0] == "A step" and "Self Mem" in lines[2] and lines[6].startswith("---")
    top = max(averages, key=lambda row: row.self_device_time_total)
    assert lines[4].startswith(top.key)
    assert averages.total_average().count == sum(row.count for row in averages)
    with pytest.raises(AttributeError, match="expected one of"):
        averages.table(sort_by="beauty")
    with pytest.raises(RuntimeError, match="with_modules"):
        prof.module_averages()


def test_modules_own_their_backward():
    model, x = _model(), clnet.randn(3, 4)
    with profile(with_modules=True, with_flops=True) as prof:
        _step(model, x)
        model(x)
    rows = {row.key: row for row in prof.module_averages()}
    assert list(rows) == ["Sequential", "Sequential.0", "Sequential.1", "Sequential.1.0", "Sequential.1.1"]
    assert rows["Sequential.1.0"].count == 2
    assert rows["Sequential.0"].flops == 3 * 2 * 3 * 4 * 8  # twice forward; the weight's gradient
    assert rows["Sequential.1.1"].flops == 4 * 2 * 3 * 8 * 2
    assert rows["Sequential.1"].device_time_total == pytest.approx(
        sum(rows[f"Sequential.1{part}"].self_device_time_total for part in ("", ".0", ".1")))


def test_memory_timeline(tmp_path):
    gc.collect()  # what other tests left is not freed meanwhile
    with profile(profile_memory=True) as prof:
        x = clnet.zeros(1000)
        del x
    device = str(clnet.current_device())
    line = [total for _, total in prof.memory_timeline()[device]]
    taken = [a.nbytes for a in prof.allocations() if a.device == device]
    assert max(taken) >= 4000 and sum(taken) == 0 and max(line) - line[-1] == max(taken)
    prof.export_memory_timeline(tmp_path / "memory.json", device)
    assert len(json.loads((tmp_path / "memory.json").read_text())) == len(line)


def test_chrome_trace(tmp_path):
    model, x = _model(), clnet.randn(3, 4)
    handler = tensorboard_trace_handler(str(tmp_path), "worker", use_gzip=True)
    with profile(on_trace_ready=handler, profile_memory=True, with_modules=True) as prof:
        _step(model, x)
    (written,) = tmp_path.glob("worker.*.pt.trace.json.gz")
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    assert trace == json.loads(gzip.decompress(written.read_bytes()))
    events = trace["traceEvents"]
    assert {"X", "C", "M", "s", "f"} <= {e["ph"] for e in events}
    assert {e["cat"] for e in events if e["ph"] == "X"} == {"cpu_op", "python_function", "user_annotation", "kernel"}
    assert all(e["dur"] >= 0 and e["ts"] > 0 for e in events if e["ph"] == "X")


def test_schedule():
    taken = []
    steps = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=steps, on_trace_ready=lambda p: taken.append(p.events())) as prof:
        for _ in range(11):
            clnet.zeros(2) + 1
            prof.step()
    assert [sorted(e.name for e in events if e.kind == "step") for events in taken] == [
        ["ProfilerStep#3", "ProfilerStep#4"], ["ProfilerStep#7", "ProfilerStep#8"]]
    assert [sum(e.name == "add" for e in events) for events in taken] == [2, 2]
    assert steps(0) is ProfilerAction.NONE and steps(100) is ProfilerAction.NONE
    with pytest.raises(AssertionError, match="Invalid profiler schedule"):
        schedule(wait=-1, warmup=0, active=1)


def test_nothing_stays_behind():
    base = dispatch.stack[0]
    with pytest.raises(KeyError):
        with profile(with_modules=True) as prof:
            with pytest.raises(RuntimeError, match="already enabled"):
                profile().start()
            _model()(clnet.randn(2, 4))
            raise KeyError
    assert dispatch.stack[0] is base and not HUB.launch and not HUB.calls
    assert prof.key_averages()
    with pytest.raises(AssertionError, match="stopped"):
        profile().key_averages()
    with record_function("outside"):
        assert (clnet.ones(2) + 1).tolist() == [2, 2]


def test_host_only():
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        clnet.ones(2) + 1
    assert prof.key_averages().total_average().self_device_time_total == 0
    assert "Self CPU" in str(prof.key_averages())
    with pytest.raises(AssertionError, match="activities"):
        profile(activities=[])


def test_record_function_decorates():
    @record_function("twice")
    def twice(x):
        return x * 2

    with profile() as prof:
        twice(clnet.ones(2))
        twice(clnet.ones(2))
    assert {row.key: row.count for row in prof.key_averages()}["twice"] == 2


def test_stacks_metadata_and_lines(tmp_path):
    x = clnet.ones(3)
    with profile(with_stack=True, profile_memory=True) as prof:
        for _ in range(3):
            x = x + 1
        x * 2
    prof.add_metadata("model", "small")
    prof.add_metadata_json("sizes", "[1, 2]")
    prof.export_chrome_trace(tmp_path / "trace.json")
    written = json.loads((tmp_path / "trace.json").read_text())
    assert written["model"] == "small" and written["sizes"] == [1, 2]
    prof.export_stacks(tmp_path / "stacks.txt")
    lines = (tmp_path / "stacks.txt").read_text().splitlines()
    assert lines and all("test_profile.py" in line and line.split(" ")[1].isdigit() for line in lines)
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.export_stacks(tmp_path / "stacks.txt", "count")
    by_line = prof.key_averages(group_by_stack_n=5)
    assert {(row.key, row.count) for row in by_line} >= {("add", 3), ("mul", 1)}
    assert "Source Location" in by_line.table(sort_by="self_cuda_memory_usage")


def test_former_name_and_options():
    with clnet.autograd.profiler.profile(record_shapes=True) as prof, clnet.autograd.profiler.record_function("named"):
        clnet.ones(2) + 1
    assert "named" in prof.table() and prof.self_cpu_time_total > 0 and prof.total_average().count >= 2
    with clnet.autograd.profiler.profile(enabled=False) as off:
        clnet.ones(2) + 1
    with pytest.raises(AssertionError):
        off.key_averages()
    with pytest.warns(FutureWarning, match="use_cuda"), profile(use_cuda=False) as prof:
        clnet.ones(2) + 1
    assert prof.activities == {ProfilerActivity.CPU}


def test_the_first_wait_can_be_skipped():
    steps = schedule(wait=2, warmup=0, active=1, skip_first=1, skip_first_wait=1)
    assert [steps(i).name for i in range(5)] == ["NONE", "RECORD_AND_SAVE", "NONE", "NONE", "RECORD_AND_SAVE"]
    with pytest.raises(AssertionError, match="Invalid"):
        schedule(wait=-1, warmup=0, active=1)
