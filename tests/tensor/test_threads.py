"""Several Python threads on one device."""
import threading

import numpy as np

import clnet


def step(seed):
    rng = np.random.default_rng(seed)
    x = clnet.tensor(rng.standard_normal((16, 8)), requires_grad=True)
    w = clnet.tensor(rng.standard_normal((8, 4)), requires_grad=True)
    ((x @ w).tanh() * seed).sum().backward()
    return x.grad.numpy().copy(), w.grad.numpy().copy()


def test_threads_compute_what_one_does():
    expected = {seed: step(seed) for seed in range(8)}
    failures = []

    def work(offset):
        try:
            for k in range(40):
                seed = (k + offset) % 8
                for a, b in zip(step(seed), expected[seed]):
                    np.testing.assert_array_equal(a, b)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_modes_belong_to_their_thread():
    seen = []
    with clnet.no_grad():
        t = threading.Thread(target=lambda: seen.append(clnet.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]
