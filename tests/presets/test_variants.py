"""What the tuner may try on a preset's device stays within what the device has."""
from __future__ import annotations

import math

from clnet.codegen.render import render
from clnet.core import dtypes as dt
from clnet.core.presets import PRESETS
from clnet.core.tunables import Trial
from clnet.tune import Space
from clnet.tune.standard import problems
from tests.presets.test_limits import local_bytes

_SIZES = [("matmul", "200x300x1000", dt.float32), ("matmul", "200x300x1000", dt.float16),
          ("conv", "n2c8h9o8k3p1", dt.float32), ("transpose", "100x70", dt.float32),
          ("reduction", "200x300", dt.float32), ("rowwise", "40x300", dt.float32)]


def test_every_variant_is_within_limits(preset):
    caps = PRESETS[preset]
    tried = 0
    for family, size, dtype in _SIZES:
        for problem in problems([family], [size], dtype):
            space, seen = Space.of(problem, caps), set()
            for variant in (space.default, *(v for key in space.values for v in space.changes(space.default, key))):
                trial = Trial(variant)
                plan = problem.plan(caps, trial)
                if not trial.allowed(caps):
                    continue
                for launch in plan.launches:
                    local = launch.spec.local_size
                    assert math.prod(local) <= caps.max_work_group_size, (problem.text, variant)
                    assert all(n % k == 0 for n, k in zip(launch.global_size, local)), (problem.text, variant)
                    if launch.spec not in seen:
                        seen.add(launch.spec)
                        source = render(launch.spec, caps).source
                        assert local_bytes(source) <= caps.local_mem_size, (problem.text, variant)
                        tried += 1
    assert tried > 10
