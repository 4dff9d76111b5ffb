import gc
import itertools
import random
import threading
import time

import numpy as np
import pytest

from clnet.core.config import settings
from clnet.core.errors import OutOfMemoryError
from clnet.core.events import HUB
from clnet.device.block import Usage
from clnet.device.memory import (
    ALIGNMENT,
    SLAB_BYTES,
    CachingAllocator,
    ExactAllocator,
    SegmentSource,
    bin_floor,
    bin_size,
    statistics,
)


@pytest.fixture
def source(device):
    return SegmentSource(
        device.runtime.context, device.caps.host_memory, max_alloc=64 << 20, limit=100 << 20)


@pytest.fixture
def caching(device, source):
    return CachingAllocator(source, Usage(str(device)), device.synchronize)


def test_bin_sizes():
    generator = random.Random(0)
    for _ in range(2000):
        nbytes = generator.randrange(1, 1 << generator.randrange(1, 34))
        size = bin_size(nbytes, 1 << 40)
        assert size >= nbytes
        assert size % ALIGNMENT == 0
        assert size - nbytes < max(nbytes / 8 + 1, ALIGNMENT)
        assert bin_size(size, 1 << 40) == size
        floor = bin_floor(size + generator.randrange(ALIGNMENT))
        assert floor == size
    assert bin_size((1 << 30) + 1, (1 << 30) + 128) == (1 << 30) + 128


def test_blocks_are_aligned_and_disjoint(caching):
    generator = random.Random(1)
    blocks = [caching.allocate(generator.randrange(0, 300_000)) for _ in range(300)]
    spans = {}
    for block in blocks:
        assert block.offset % ALIGNMENT == 0
        spans.setdefault(id(block.buffer), []).append(
            (block.offset, block.offset + block.nbytes, block.buffer.size))
    for parts in spans.values():
        parts.sort()
        assert parts[-1][1] <= parts[-1][2]
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(parts))


@pytest.mark.parametrize("nbytes", [4000, 5 << 20])
def test_memory_is_reused(caching, source, nbytes):
    block = caching.allocate(nbytes)
    place = (id(block.buffer), block.offset)
    del block
    block = caching.allocate(nbytes)
    assert (id(block.buffer), block.offset) == place
    assert len(source.segments) == 1


def test_statistics(caching, source):
    first = caching.allocate(1000)
    second = caching.allocate(3 << 20)
    stats = statistics(caching.usage, source)
    assert stats["allocation.all.current"] == 2
    assert stats["allocated_bytes.all.current"] == 1024 + (3 << 20)
    assert stats["reserved_bytes.all.current"] == SLAB_BYTES + (3 << 20)
    del first, second
    stats = statistics(caching.usage, source)
    assert stats["allocation.all.current"] == stats["allocated_bytes.all.current"] == 0
    assert stats["allocation.all.peak"] == 2
    assert stats["allocated_bytes.all.peak"] == 1024 + (3 << 20)
    caching.usage.reset_peak()
    assert statistics(caching.usage, source)["allocated_bytes.all.peak"] == 0


def test_the_public_statistics(device):
    device.reset_peak_memory_stats()
    before = device.memory_stats()["allocated_bytes.all.current"]
    block = device.allocate(1 << 16)
    stats = device.memory_stats()
    assert stats["allocated_bytes.all.current"] == before + (1 << 16)
    assert stats["allocated_bytes.all.peak"] >= before + (1 << 16)
    assert block.nbytes == 1 << 16


def test_empty_cache_keeps_what_is_in_use(caching, source):
    kept = caching.allocate(2000)
    gone = [caching.allocate(2000) for _ in range(10)]
    large = caching.allocate(20 << 20)
    del gone, large
    assert source.reserved == SLAB_BYTES + (20 << 20)
    caching.empty_cache()
    assert source.reserved == SLAB_BYTES
    del kept
    caching.empty_cache()
    assert source.reserved == 0
    assert not source.segments
    assert caching.allocate(2000).nbytes == 2048


def test_the_cache_is_released_before_memory_runs_out(caching, source):
    blocks = [caching.allocate(n << 20) for n in (30, 31, 32)]
    del blocks
    assert caching.allocate(60 << 20).nbytes == 60 << 20
    assert source.reserved <= source.limit


def test_out_of_memory_says_what_is_held(caching):
    held = [caching.allocate(40 << 20), caching.allocate(40 << 20)]
    with pytest.raises(
        OutOfMemoryError, match=r"allocate 30.00 MiB .*80.00 MiB are held by 2 live blocks"
    ):
        caching.allocate(30 << 20)
    with pytest.raises(OutOfMemoryError, match=r"largest single allocation is 64.00 MiB"):
        caching.allocate(65 << 20)
    held.pop()
    assert caching.allocate(30 << 20).nbytes >= 30 << 20


def test_negative_sizes_are_refused(caching):
    with pytest.raises(ValueError, match="-1"):
        caching.allocate(-1)


def test_exact_blocks_have_buffers_of_their_size(device, source):
    exact = ExactAllocator(source, Usage(str(device)), device.synchronize)
    blocks = [exact.allocate(n) for n in (1, 5, 1000, 4097)]
    assert [(b.offset, b.nbytes, b.buffer.size) for b in blocks] == [
        (0, n, n) for n in (1, 5, 1000, 4097)]
    del blocks
    exact.empty_cache()
    assert source.reserved == 0


def test_exact_memory_is_found_again(device, source):
    exact = ExactAllocator(source, Usage(str(device)), device.synchronize)
    for _ in range(10):
        assert exact.allocate(60 << 20).nbytes == 60 << 20


def test_allocation_events(caching):
    seen = []
    unsubscribe = HUB.subscribe(alloc=seen.append)
    try:
        block = caching.allocate(1000)
        del block
    finally:
        unsubscribe()
    assert [event.nbytes for event in seen] == [1024, -1024]


def test_threads(caching):
    """Blocks of several threads never overlap, and the counts come out even."""
    errors = []

    def work(seed):
        generator = random.Random(seed)
        held = []
        for _ in range(3000):
            if held and generator.random() < 0.5:
                held.pop(generator.randrange(len(held)))
            else:
                held.append(caching.allocate(generator.choice([100, 1000, 5000, 70_000])))
            spans = {(id(block.buffer), block.offset) for block in held}
            if len(spans) != len(held):
                errors.append("a block was handed out twice")
                return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not errors
    assert caching.usage.nbytes == caching.usage.blocks == 0


def test_memory_is_reused_in_the_order_of_the_queue(device, axpy):
    """A block freed while a kernel uses it may be handed out at once."""
    size = 1 << 18
    ones, total = device.allocate(4 * size), device.allocate(4 * size)
    device.upload(ones, 0, np.ones(size, np.float32))
    device.upload(total, 0, np.zeros(size, np.float32))
    for _ in range(20):
        scratch = device.allocate(4 * size)
        device.copy(ones, 0, scratch, 0, 4 * size)
        axpy.launch(
            (2,), (scratch.buffer, scratch.offset // 4, total.buffer, total.offset // 4, size, 1))
    out = np.empty(size, np.float32)
    device.download(total, 0, out)
    assert (out == 20).all()


def test_the_limit_is_a_setting(run_python):
    program = """
from clnet.device import current_device
from clnet.core.errors import OutOfMemoryError
device = current_device()
try:
    device.allocate(100 << 20)
except OutOfMemoryError as error:
    print(error)
print(device.allocate(48 << 20).nbytes)
"""
    out = run_python(program, CLNET_MEMORY_LIMIT="64M")
    assert "the limit is 64.00 MiB" in out
    assert str(48 << 20) in out


@pytest.mark.skipif(settings().allocator != "caching", reason="the exact allocator has no cache")
def test_reuse_is_fast(device):
    allocate = device.allocate
    allocate(4096)
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(500):
            allocate(4096)
        best = min(best, (time.perf_counter() - start) / 500)
    assert best < 5e-6  # 0.4 us when the machine has nothing else to do
