"""What is accepted without effect."""
from __future__ import annotations

import warnings

import pytest

import clnet
from clnet import compiler, jit, multiprocessing
from clnet.version import CLNET, TorchVersion


def test_switches_keep_what_they_are_set_to():
    threads = clnet.get_num_threads()
    clnet.set_num_threads(3)
    assert clnet.get_num_threads() == 3
    clnet.set_num_threads(threads)
    clnet.set_float32_matmul_precision("high")
    assert clnet.get_float32_matmul_precision() == "high"
    clnet.set_float32_matmul_precision("highest")
    clnet.set_deterministic_debug_mode("warn")
    assert clnet.are_deterministic_algorithms_enabled() and clnet.get_deterministic_debug_mode() == 1
    clnet.use_deterministic_algorithms(False)
    assert clnet.get_deterministic_debug_mode() == 0 and not clnet.set_flush_denormal(True)
    for call, wrong in ((clnet.set_num_threads, 0), (clnet.set_float32_matmul_precision, "low"),
                        (clnet.set_deterministic_debug_mode, 7)):
        with pytest.raises(RuntimeError):
            call(wrong)
    assert clnet.get_default_device() is clnet.current_device()


def test_compile_and_script_give_back_what_they_get():
    model = clnet.nn.Identity()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compiler._warn.cache_clear()
        assert clnet.compile(model) is model and clnet.compile(mode="max-autotune")(len) is len
        assert [str(w.message) for w in caught] == ["compile() changes nothing: clnet runs operators one by one"]
        jit._warn.cache_clear()
        assert jit.script(model) is model and jit.trace(model, clnet.ones(1)) is model
        assert len(caught) == 3
    assert compiler.disable(len) is len and jit.ignore(len) is len and not compiler.is_compiling()


def test_versions():
    assert clnet.__version__ >= "2.2" and clnet.__version__ > (1, 13) and not clnet.__version__ < "2.9"
    assert clnet.__version__.endswith(CLNET) and clnet.version.cuda is None
    assert TorchVersion("2.0.0") == "2.0" and TorchVersion("2.0.0rc1") < "2.0" and TorchVersion("2.0") != "two"
    assert isinstance(clnet.__version__, str) and clnet.__version__.split(".")[0] == "2"


def test_modules_of_few_names():
    assert multiprocessing.get_context("spawn").get_start_method() == "spawn"
    multiprocessing.set_sharing_strategy("file_system")
    assert isinstance(clnet.strided, clnet.layout) and isinstance(clnet.channels_last, clnet.memory_format)
    with clnet.backends.cudnn.flags(enabled=False), clnet.cuda.nvtx.range("step"), clnet.cuda.device(None):
        assert clnet.newaxis is None
    scaler, t = clnet.cuda.amp.GradScaler(), clnet.ones(1, device="cpu")
    if not clnet.cuda.is_available():
        assert scaler.scale(t) is t
        with clnet.cuda.amp.autocast():
            assert not clnet.is_autocast_enabled()
        with pytest.raises(RuntimeError, match="no OpenCL device for cuda"):
            clnet.cuda.FloatTensor(2)


def test_tensor_float32_is_one_switch():
    x = clnet.rand(20, 20)
    exact = x @ x
    try:
        clnet.backends.cuda.matmul.allow_tf32 = True
        assert clnet.get_float32_matmul_precision() == "high"
        assert clnet.allclose(x @ x, exact, atol=1e-2)
        clnet.set_float32_matmul_precision("highest")
        assert not clnet.backends.cuda.matmul.allow_tf32
    finally:
        clnet.backends.cuda.matmul.allow_tf32 = False
