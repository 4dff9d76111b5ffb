"""Names that training scripts find in PyTorch, beside PyTorch's own."""
from __future__ import annotations

import numpy as np
import pytest

import clnet
from clnet.utils import _pytree

torch = pytest.importorskip("torch")
LIBRARIES = (clnet, torch)


def _values(library, *shape):
    return library.tensor(np.random.default_rng(len(shape)).uniform(0.5, 1.5, shape).astype(np.float32))


def _same(got, expected, **tolerance):
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5, **tolerance)


@pytest.mark.parametrize("name, arguments", [
    ("add", (2.0,)), ("add", ([1.0, 2.0],)), ("mul", ("lists",)), ("div", ("lists",)), ("sqrt", ()),
    ("lerp", ("lists", 0.3)),
    ("addcdiv", ("lists", "lists", [0.5, 2.0])), ("maximum", ("lists",)),
    ("addcmul", ("lists", "lists", 0.5)), ("clamp_min", (1.0,)), ("pow", (2.0,))])
def test_foreach(name, arguments):
    results = []
    for library in LIBRARIES:
        given = [_values(library, 3), _values(library, 2, 2)]
        others = [x * 0.5 + 0.4 for x in given]
        filled = [others if a == "lists" else a for a in arguments]
        new = getattr(library, f"_foreach_{name}")(given, *filled)
        assert getattr(library, f"_foreach_{name}_")(given, *filled) is not None
        results.append([*new, *given])
    for got, expected in zip(*results, strict=True):
        _same(got, expected)


def test_foreach_alone_and_mistakes():
    for library in LIBRARIES:
        a, b = [_values(library, 3)], [library.zeros(3)]
        library._foreach_copy_(b, a)
        assert b[0].tolist() == a[0].tolist()
        library._foreach_zero_(b)
        assert b[0].tolist() == [0.0] * 3
        assert [round(float(n), 4) for n in library._foreach_norm(a)] == [round(float(a[0].norm()), 4)]
        with pytest.raises(RuntimeError, match="same number of tensors"):
            library._foreach_add(a, a + b)
        with pytest.raises(RuntimeError, match="at least one tensor"):
            library._foreach_add([], 1.0)
        with pytest.raises(TypeError):
            library._foreach_add(a[0], 1.0)


def test_norms_and_embedding_of_the_top_level():
    results = []
    for library in LIBRARIES:
        x, w, b = _values(library, 2, 4, 3), _values(library, 4), library.zeros(4)
        mean, var = library.zeros(4), library.ones(4)
        results.append([
            library.layer_norm(x, (3,)), library.group_norm(x, 2, w, b),
            library.batch_norm(x, w, b, mean, var, True, 0.1, 1e-5, True), mean, var,
            library.instance_norm(x, w, b, None, None, True, 0.1, 1e-5, True),
            library.embedding(x[0], library.tensor([1, 3]))])
    for got, expected in zip(*results, strict=True):
        _same(got, expected)


def test_gradients_of_convolutions():
    results = []
    for library in LIBRARIES:
        x, w, g = _values(library, 1, 2, 5, 5), _values(library, 4, 1, 3, 3), _values(library, 1, 4, 3, 3)
        with library.no_grad():
            results.append([library.nn.grad.conv2d_input(x.shape, w, g, 2, 1, 1, 2),
                            library.nn.grad.conv2d_weight(x, w.shape, g, 2, 1, 1, 2)])
    for got, expected in zip(*results, strict=True):
        _same(got, expected)


def test_hooks_around_every_module():
    def events(library):
        hooks = library.nn.modules.module
        seen = []
        net = library.nn.Sequential(library.nn.Linear(2, 2), library.nn.ReLU())
        net[0].register_forward_hook(lambda m, *_: seen.append("own"))
        handles = [
            hooks.register_module_forward_pre_hook(lambda m, a: seen.append(("before", type(m).__name__))),
            hooks.register_module_forward_hook(lambda m, a, y: seen.append(("after", type(m).__name__))),
            hooks.register_module_full_backward_pre_hook(lambda m, g: seen.append(("back to", type(m).__name__))),
            hooks.register_module_full_backward_hook(lambda m, gi, go: seen.append(("back", type(m).__name__)))]
        net(library.ones(1, 2, requires_grad=True)).sum().backward()
        for handle in handles:
            handle.remove()
        count = len(seen)
        net[1](library.ones(1, 2))
        assert len(seen) == count
        return seen

    assert events(clnet) == events(torch)


def test_batch_norm_without_statistics():
    for library in LIBRARIES:
        net = library.nn.Sequential(library.nn.BatchNorm1d(3))
        assert library.func.replace_all_batch_norm_modules_(net) is net
        assert net[0].running_mean is None and net[0].running_var is None and not net[0].track_running_stats


def test_trees():
    tree = {"b": [1, (2, None)], "a": 3}
    for trees in (_pytree, torch.utils._pytree):
        leaves, spec = trees.tree_flatten(tree)
        assert leaves == [1, 2, None, 3] and spec.num_leaves == 4
        assert trees.tree_unflatten([4, 5, 6, 7], spec) == {"b": [4, (5, 6)], "a": 7}
        assert trees.tree_map(lambda x, y: x + y, [1, (2,)], [3, (4,)]) == [4, (6,)]
        assert trees.tree_map_only(int, str, tree) == {"b": ["1", ("2", None)], "a": "3"}
        assert trees.tree_leaves(tree, is_leaf=lambda x: isinstance(x, tuple)) == [1, (2, None), 3]
        with pytest.raises(ValueError):
            trees.tree_unflatten([1], spec)


def test_storages_and_devices():
    for library in LIBRARIES:
        x = library.zeros(6)
        storage = x[2:].untyped_storage()
        assert storage.nbytes() == storage.size() == len(storage) == 24
        assert storage.data_ptr() == x.untyped_storage().data_ptr() == x.data_ptr()
        assert library.cpu.is_available() and library.cpu.device_count() == 1
        assert not library.xpu.is_available() and library.xpu.device_count() == 0
        library.cpu.synchronize()
    assert not clnet.mps.is_available()
