import pytest

from clnet.core.program import KernelSource


def test_it_is_a_value():
    first = KernelSource("k", "__kernel void k() {}", (1,), ())
    assert first == KernelSource("k", "__kernel void k() {}", (1,), ())
    assert hash(first) == hash(KernelSource("k", "__kernel void k() {}", (1,), ()))


@pytest.mark.parametrize("local_size", [(), (0,), (1, 1, 1, 1)])
def test_local_size_has_one_to_three_sizes(local_size):
    with pytest.raises(ValueError, match="local_size"):
        KernelSource("k", "__kernel void k() {}", local_size, ())


def test_the_entry_is_in_the_source():
    with pytest.raises(ValueError, match="missing"):
        KernelSource("missing", "__kernel void k() {}", (1,), ())
