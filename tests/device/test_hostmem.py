import gc
import weakref

import numpy as np

from clnet.device import hostmem


def test_pages_are_aligned_zeroed_and_writable():
    for nbytes in (1, 4096, 10_000):
        pages = hostmem.allocate_pages(nbytes)
        assert pages.nbytes == nbytes
        assert pages.ctypes.data % hostmem.PAGE == 0
        assert not pages.any()
        pages[:] = 1


def test_a_window_keeps_its_owner():
    class Owner:
        pass

    owner, array = Owner(), np.zeros(8, np.uint8)
    alive = weakref.ref(owner)
    view = hostmem.window(array.ctypes.data, array.nbytes, owner)
    view[3] = 7
    assert array[3] == 7
    del owner
    gc.collect()
    assert alive() is not None
    del view
    gc.collect()
    assert alive() is None
    assert hostmem.window(0, 0, None).shape == (0,)


def test_available_memory(tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal: 8000 kB\nMemAvailable: 2000 kB\n")
    monkeypatch.setattr(hostmem, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(hostmem, "_CGROUP", tmp_path)
    assert hostmem.available() == 2000 * 1024
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("600000\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 50000\n")
    assert hostmem.available() == 450_000
    (tmp_path / "memory.max").write_text("max\n")
    assert hostmem.available() == 2000 * 1024
    monkeypatch.setattr(hostmem, "_MEMINFO", tmp_path / "absent")
    assert hostmem.available() is None
