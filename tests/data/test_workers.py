"""DataLoader with worker processes, and passes that are resumed."""
from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import clnet
from clnet.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

ROOT = Path(__file__).parents[2]


class Squares(Dataset):
    """Computes with tensors in the worker, and draws at random."""

    def __init__(self, n=23):
        self.x = clnet.arange(float(n))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        info = get_worker_info()
        return {"square": self.x[i] ** 2, "noise": (clnet.rand(2), random.random(), np.random.rand(2)),
                "name": f"sample {i}", "worker": -1 if info is None else info.id}


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 20, info.num_workers) if info else range(20))


class Failing(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        if i == 5:
            raise KeyError("no sample five")
        return i


class Dying(Failing):
    def __getitem__(self, i):
        if i == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return i


class Slow(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        time.sleep(0.6 if i == 0 else 0.01)
        return i


def _lists(batches):
    def plain(value):
        if isinstance(value, clnet.Tensor):
            return value.tolist()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value
    return [plain(b) for b in batches]


def _strip(batches):
    for b in batches:
        b.pop("worker")
    return batches


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_make_the_same_batches(context):
    clnet.manual_seed(4)
    loader = DataLoader(Squares(), 5, shuffle=True, num_workers=2, multiprocessing_context=context)
    batches = list(loader)
    assert [b["worker"].tolist()[0] for b in batches] == [0, 1, 0, 1, 0]
    assert batches[0]["square"].device is clnet.tensor(1.0).device
    assert sorted(v for b in batches for v in b["square"].tolist()) == [float(i * i) for i in range(23)]
    assert batches[1]["name"][0] == f"sample {int(batches[1]['square'][0] ** 0.5)}"
    # One worker draws what two draw.
    clnet.manual_seed(4)
    single = DataLoader(Squares(), 5, shuffle=True, num_workers=1)
    assert _strip(_lists(single)) == _strip(_lists(batches))
    noises = [tuple(row) for b in batches for row in b["noise"][0].tolist()]
    assert len(set(noises)) == 23


def test_lambdas_and_local_classes_work_where_fork_is_the_default():
    loader = DataLoader(list(range(6)), 2, num_workers=2, multiprocessing_context="fork",
                        collate_fn=lambda samples: sum(samples))
    assert list(loader) == [1, 5, 9]


def test_streams_end_with_their_last_worker():
    loader = DataLoader(Stream(), 3, num_workers=3, persistent_workers=True)
    for _ in range(2):
        assert sorted(i for b in loader for i in b.tolist()) == list(range(20))
    assert [b.tolist() for b in DataLoader(Stream(), 8, num_workers=0, drop_last=True)] == [
        list(range(8)), list(range(8, 16))]


def test_an_exception_comes_with_its_traceback():
    loader = DataLoader(Failing(), 2, num_workers=2)
    with pytest.raises(KeyError, match="DataLoader worker process 0(.|\\n)*no sample five"):
        list(loader)


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals")
def test_a_killed_worker_is_an_error():
    with pytest.raises(RuntimeError, match=r"worker \(pid\(s\) \d+.*exited unexpectedly"):
        list(DataLoader(Dying(), 2, num_workers=2))


def test_timeout_and_order():
    with pytest.raises(RuntimeError, match="timed out after 0.2 seconds"):
        list(DataLoader(Slow(), 1, num_workers=2, timeout=0.2))
    assert [b.item() for b in DataLoader(Slow(), 1, num_workers=2)] == list(range(6))
    unordered = [b.item() for b in DataLoader(Slow(), 1, num_workers=2, in_order=False)]
    assert sorted(unordered) == list(range(6)) and unordered[0] != 0


def _seed_worker(number):
    random.seed(100 + number)


def test_worker_init_fn_has_the_say_about_seeds():
    loader = DataLoader(Squares(4), 1, num_workers=2, worker_init_fn=_seed_worker)
    expected = [random.Random(100), random.Random(101)]
    draws = [b["noise"][1].item() for b in loader]
    assert draws == [expected[i % 2].random() for i in range(4)]


def test_persistent_workers_survive_a_pass_that_was_left():
    loader = DataLoader(Squares(), 2, num_workers=2, persistent_workers=True)
    first = next(iter(loader))
    pids = [p.pid for p in loader._pool.processes]
    assert [b["square"][0].item() for b in loader] == [float((2 * k) ** 2) for k in range(12)]
    assert [p.pid for p in loader._pool.processes] == pids
    assert first["name"] == ["sample 0", "sample 1"]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory is elsewhere")
def test_nothing_is_left_behind():
    before = set(os.listdir("/dev/shm"))
    for batch in DataLoader(TensorDataset(clnet.rand(64, 4000)), 8, num_workers=2):
        assert batch[0].shape == (8, 4000)
        break
    list(DataLoader(TensorDataset(clnet.rand(64, 4000)), 8, num_workers=2))
    assert set(os.listdir("/dev/shm")) <= before


def test_workers_end_when_the_main_process_is_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import os, signal, clnet
from clnet.utils.data import DataLoader
loader = iter(DataLoader(list(range(100)), 1, num_workers=2, multiprocessing_context="fork"))
next(loader)
print(*(p.pid for p in loader.gi_frame.f_locals["batches"]._pool.processes), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(_alive(pid) for pid in pids):
        time.sleep(0.1)
    assert not any(_alive(pid) for pid in pids)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [0, 2])
def test_a_pass_is_resumed_in_the_middle(workers):
    def make():
        return DataLoader(Squares(), 4, shuffle=True, num_workers=workers)

    clnet.manual_seed(8)
    whole = _lists(make())
    after = clnet.rand(2).tolist()
    clnet.manual_seed(8)
    loader, seen = make(), []
    for batch in loader:
        seen.append(batch)
        if len(seen) == 2:
            state, generator = loader.state_dict(), clnet.get_rng_state()
            break
    clnet.manual_seed(99)
    other = make()
    other.load_state_dict(state)
    clnet.set_rng_state(generator)
    rest = _lists(other)
    names = [b["name"] for b in rest]
    assert names == [b["name"] for b in whole[2:]]
    if workers:
        assert _strip(rest) == _strip(whole[2:])
    else:
        assert rest == whole[2:] or [b["square"] for b in rest] == [b["square"] for b in whole[2:]]
    assert clnet.rand(2).tolist() == after  # nothing was drawn twice
    assert other.state_dict() == {"pass": None}
    assert sorted(b["name"] for b in _lists(other)) != names  # the next pass is whole again


def test_a_stream_is_resumed():
    loader = DataLoader(Stream(), 3, num_workers=2)
    whole = [b.tolist() for b in loader]
    batches = iter(loader)
    first = [next(batches).tolist() for _ in range(3)]
    other = DataLoader(Stream(), 3, num_workers=2)
    other.load_state_dict(loader.state_dict())
    assert first + [b.tolist() for b in other] == whole


def test_options_are_checked():
    for options in ({"prefetch_factor": 2}, {"persistent_workers": True}, {"num_workers": -1}, {"timeout": -1},
                    {"num_workers": 1, "prefetch_factor": 0}):
        with pytest.raises(ValueError):
            DataLoader([1], **options)


def test_the_order_does_not_depend_on_workers():
    orders = []
    for workers in (0, 1):
        generator = clnet.Generator()
        generator.manual_seed(3)
        loader = DataLoader(range(12), 4, shuffle=True, generator=generator, num_workers=workers)
        orders.append([batch.tolist() for _ in range(2) for batch in loader])
    assert orders[0] == orders[1]


def test_a_pass_saved_before_its_first_batch():
    loader = DataLoader(range(12), 4, shuffle=True)
    batches = iter(loader)
    state, random_state = loader.state_dict(), clnet.get_rng_state()
    expected = [b.tolist() for b in batches] + [b.tolist() for b in loader]
    clnet.set_rng_state(random_state)
    resumed = DataLoader(range(12), 4, shuffle=True)
    resumed.load_state_dict(state)
    assert [b.tolist() for _ in range(2) for b in resumed] == expected
