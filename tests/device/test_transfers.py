import gc
import weakref

import numpy as np
import pytest


def test_upload_and_download(device):
    values = np.arange(1000, dtype=np.float32)
    block = device.allocate(values.nbytes)
    device.upload(block, 0, values)
    out = np.empty_like(values)
    device.download(block, 0, out)
    np.testing.assert_array_equal(out, values)
    part = np.empty(10, np.float32)
    device.download(block, 400, part)
    np.testing.assert_array_equal(part, values[100:110])


def test_partial_upload_leaves_the_rest(device):
    block = device.allocate(64)
    device.upload(block, 0, np.zeros(16, np.float32))
    device.upload(block, 8, np.ones(2, np.float32))
    out = np.empty(16, np.float32)
    device.download(block, 0, out)
    assert out.tolist() == [0, 0, 1, 1] + [0] * 12


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.float16, np.int64, np.float64])
def test_any_dtype_and_zero_dimensions(device, dtype):
    block = device.allocate(8)
    device.upload(block, 0, np.array(1, dtype))
    out = np.zeros((), dtype)
    device.download(block, 0, out)
    assert out == 1


def test_copies_are_ordered_with_launches(device, axpy):
    first, second = device.allocate(4096), device.allocate(4096)
    ones = np.ones(1024, np.float32)
    device.upload(first, 0, ones)
    device.upload(second, 0, ones)
    axpy.launch((2,), (first.buffer, first.offset // 4, second.buffer, second.offset // 4, 1024, 2))
    device.copy(second, 0, first, 2048, 2048)
    out = np.empty(1024, np.float32)
    device.download(first, 0, out)
    assert (out[:512] == 1).all()
    assert (out[512:] == 3).all()


def test_a_range_outside_the_block_is_refused(device):
    block = device.allocate(128)
    with pytest.raises(ValueError, match="within"):
        device.upload(block, block.nbytes - 4, np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="within"):
        device.download(block, -4, np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="within"):
        device.copy(block, 0, block, block.nbytes, 4)


def test_strided_arrays_are_refused(device):
    with pytest.raises(ValueError, match="contiguous"):
        device.download(device.allocate(128), 0, np.zeros((4, 4), np.float32).T[1:])


def test_empty_transfers(device):
    block = device.allocate(0)
    device.upload(block, 0, np.empty(0, np.float32))
    device.download(block, 0, np.empty((3, 0), np.float32))


def host_memory(device):
    if not device.caps.host_memory:
        pytest.skip("the device has its own memory")


def test_host_view_shows_what_kernels_write(device, axpy):
    host_memory(device)
    block = device.allocate(4096)
    view = device.host_view(block)[:4096].view(np.float32)
    view[:] = 1
    axpy.launch((2,), (block.buffer, block.offset // 4, block.buffer, block.offset // 4, 1024, 2))
    device.synchronize()
    assert (view == 3).all()


def test_host_view_keeps_the_block_alive(device):
    host_memory(device)
    block = device.allocate(1 << 16)
    alive = weakref.ref(block)
    view = device.host_view(block)
    view[:] = 5
    del block
    part = view[100:200]
    del view
    gc.collect()
    assert alive() is not None
    assert (part == 5).all()
    del part
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("shift", [0, 1, 3, 17, 100])
def test_wrapped_memory_is_not_copied(device, axpy, shift):
    host_memory(device)
    array = np.ones(4096 + shift, np.float32)[shift:]
    block, offset = device.wrap_host(array.ctypes.data, array.nbytes, array)
    assert offset % 4 == 0
    assert (block.offset, offset + array.nbytes <= block.nbytes) == (0, True)
    place = offset // 4
    axpy.launch((2,), (block.buffer, place, block.buffer, place, array.size, 1))
    device.synchronize()
    assert (array == 2).all()
    array[:] = 10  # the host's writes are seen by the next kernel
    axpy.launch((2,), (block.buffer, place, block.buffer, place, array.size, 1))
    device.synchronize()
    assert (array == 20).all()


def test_the_owner_of_wrapped_memory_lives_until_the_queue_is_done(device, axpy):
    host_memory(device)

    class Owner:
        pass

    array = np.ones(1 << 16, np.float32)
    owner = Owner()
    alive = weakref.ref(owner)
    block, offset = device.wrap_host(array.ctypes.data, array.nbytes, owner)
    del owner
    axpy.launch((1,), (block.buffer, offset // 4, block.buffer, offset // 4, array.size, 1))
    del block
    assert alive() is not None
    device.synchronize()
    gc.collect()
    assert alive() is None
