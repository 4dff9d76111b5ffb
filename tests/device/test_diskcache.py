import os
import threading
import warnings

import pytest

from clnet.device.diskcache import DiskCache

KEY = DiskCache.key("source", "options", "device")


def test_round_trip(tmp_path):
    cache = DiskCache(tmp_path / "programs")
    assert cache.load(KEY) is None
    cache.store(KEY, b"binary\n\0", {"kernels": ["k"]})
    assert cache.holds(KEY)
    assert cache.load(KEY) == b"binary\n\0"
    assert DiskCache(tmp_path / "programs").load(KEY) == b"binary\n\0"
    assert b'"kernels": ["k"]' in cache.path(KEY).read_bytes()


def test_keys_depend_on_every_part():
    assert len({DiskCache.key("a", "b"), DiskCache.key("ab"), DiskCache.key("a", "c")}) == 3


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:20], lambda data: data[:-1],
    lambda data: data[:-1] + b"?", lambda data: b"x" + data[1:], lambda data: data + b"more",
])
def test_a_damaged_entry_is_deleted(tmp_path, damage):
    cache = DiskCache(tmp_path)
    cache.store(KEY, b"binary", {})
    path = cache.path(KEY)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.load(KEY) is None
    assert not path.exists()
    cache.store(KEY, b"binary", {})
    assert cache.load(KEY) == b"binary"


def test_an_entry_under_a_wrong_name_is_not_trusted(tmp_path):
    cache = DiskCache(tmp_path)
    cache.store(KEY, b"binary", {})
    other = DiskCache.key("other")
    cache.path(other).parent.mkdir(exist_ok=True)
    cache.path(KEY).rename(cache.path(other))
    assert cache.load(other) is None


def test_a_disk_that_cannot_be_written_warns_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = DiskCache(blocked)
    with pytest.warns(RuntimeWarning, match="CLNET_CACHE_DIR"):
        cache.store(KEY, b"binary", {})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.store(KEY, b"binary", {})
    assert cache.load(KEY) is None


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    cache = DiskCache(tmp_path)

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.warns(RuntimeWarning, match="No space"):
        cache.store(KEY, b"binary", {})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_switched_off(tmp_path):
    cache = DiskCache(tmp_path, enabled=False)
    cache.store(KEY, b"binary", {})
    assert cache.load(KEY) is None
    assert not list(tmp_path.iterdir())


def test_readers_never_see_half_an_entry(tmp_path):
    cache = DiskCache(tmp_path)
    payloads = [bytes([n]) * (1 << 18) for n in range(4)]
    stop = threading.Event()

    def write(payload):
        while not stop.is_set():
            cache.store(KEY, payload, {})

    cache.store(KEY, payloads[0], {})
    threads = [threading.Thread(target=write, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    seen = [DiskCache(tmp_path).load(KEY) for _ in range(100)]
    stop.set()
    for thread in threads:
        thread.join()
    assert all(payload in payloads for payload in seen)


def test_entries_used_longest_ago_make_room(tmp_path):
    size = 1000
    keys = [DiskCache.key(str(k)) for k in range(8)]
    roomy = DiskCache(tmp_path)
    for age, key in enumerate(keys):
        roomy.store(key, bytes(size), {})
        os.utime(roomy.path(key), (1000 + age, 1000 + age))
    assert roomy.load(keys[0]) is not None  # used just now: the youngest
    entry = roomy.path(keys[0]).stat().st_size
    tight = DiskCache(tmp_path, limit=4 * entry)
    last = DiskCache.key("last")
    tight.store(last, bytes(size), {})
    kept = {key for key in [*keys, last] if tight.holds(key)}
    assert kept == {keys[0], keys[7], last}
