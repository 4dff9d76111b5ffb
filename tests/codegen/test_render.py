"""Rendering is a pure function from specifications to source, with clear errors."""

from __future__ import annotations

import pytest

from clnet.codegen import render as rendering
from clnet.codegen.render import SourceRenderer, render
from clnet.codegen.spec import KernelSpec
from clnet.core import dtypes as dt
from clnet.core import layout as lay
from clnet.core.caps import DeviceCaps
from clnet.core.errors import DeviceError
from clnet.core.op import registry
from clnet.core.presets import PRESETS

GPU = PRESETS["rtx3060"]
CPU = GPU.with_plan_class("cpu")


def spec(dtype: dt.DType, caps: DeviceCaps, shape: tuple[int, ...] = (3, 5)) -> KernelSpec:
    x = lay.dense(shape, dtype)
    (launch,) = registry["add"].plan([x, x], {}, caps, None).launches
    return launch.spec


@pytest.mark.parametrize("caps", [CPU, GPU], ids=["cpu", "gpu"])
def test_the_same_specification_gives_the_same_text(caps):
    one, other = spec(dt.float32, caps), spec(dt.float32, caps)
    assert one == other and hash(one) == hash(other)
    assert render(one, caps) == SourceRenderer()(other, caps)


def test_sizes_are_no_part_of_the_specification():
    assert spec(dt.float32, CPU) == spec(dt.float32, CPU, (70, 90))
    assert spec(dt.float32, CPU) != spec(dt.float64, CPU)


def test_the_entry_names_the_operator_and_the_text():
    source = render(spec(dt.float32, CPU), CPU)
    assert source.entry.startswith("add_")
    assert f"void {source.entry}(" in source.source
    assert source.entry != render(spec(dt.float64, CPU), CPU).entry


def test_cpu_plans_use_vectors_and_gpu_plans_do_not():
    assert "float16" in render(spec(dt.float32, CPU), CPU).source
    assert "float16" not in render(spec(dt.float32, GPU), GPU).source


def test_float64_is_refused_where_the_device_lacks_it():
    caps = PRESETS["mali-g78"]
    with pytest.raises(DeviceError, match="add: Mali-G78 has no float64 arithmetic"):
        render(spec(dt.float64, caps), caps)


def test_a_missing_template_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"elementwise\.cl\.mako is missing .* reinstall clnet"):
        SourceRenderer()(spec(dt.float32, CPU), CPU)


def test_names_that_a_template_does_not_know_are_errors(tmp_path, monkeypatch):
    (tmp_path / "elementwise.cl.mako").write_text("${no_such_name}")
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    with pytest.raises(NameError, match="no_such_name"):
        SourceRenderer()(spec(dt.float32, CPU), CPU)
