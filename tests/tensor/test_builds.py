"""How many kernels a session builds: few specialisations, none when the caches are warm."""
import json
import os
import subprocess
import sys

import clnet

SHAPES = """
import numpy as np
import clnet
rng = np.random.default_rng(0)
for _ in range(200):
    rank = int(rng.integers(1, 5))
    shape = tuple(int(n) for n in rng.integers(1, 24, rank))
    x = clnet.tensor(rng.standard_normal(shape).astype("float32"))
    (x + x).sum(int(rng.integers(0, rank)))
    clnet.nn.functional.softmax(x, int(rng.integers(0, rank)))
    m, k, n = (int(v) for v in rng.integers(1, 200, 3))
    a, b = clnet.ones(m, k), clnet.ones(k, n)
    assert float((a @ b)[0, 0]) == k
clnet.synchronize()
import json
print(json.dumps(clnet.build_stats()))
"""


def run(script, cache):
    environment = {**os.environ, "CLNET_CACHE_DIR": str(cache / "clnet"), "POCL_CACHE_DIR": str(cache / "pocl"),
                   "CLNET_DEVICE": os.environ.get("CLNET_DEVICE", "")}
    for folder in ("clnet", "pocl"):
        (cache / folder).mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment,
                          timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_random_shapes_share_kernels_and_a_second_run_builds_none(tmp_path):
    cold = run(SHAPES, tmp_path)
    assert cold["kernels_from_source"] <= 40
    warm = run(SHAPES, tmp_path)
    assert warm["kernels_from_source"] == 0
    assert warm["kernels_from_disk"] == cold["kernels_from_source"]


def test_strides_and_sizes_do_not_make_kernels():
    x = clnet.ones(40, 50)
    x[:7, 3:11].sum(1)
    clnet.synchronize()
    before = clnet.build_stats()
    for n in range(8, 20):
        x[:n, 2:n].sum(1)
    clnet.synchronize()
    assert clnet.build_stats() == before
