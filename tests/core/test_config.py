from pathlib import Path

import pytest

from clnet.core import config


def test_defaults():
    settings = config.read({})
    assert settings.device == ""
    assert settings.sync is False
    assert settings.allocator == "caching"
    assert settings.memory_limit is None
    assert settings.cache_dir.name == "clnet"
    assert settings.icd_extra == ()


def test_values_are_typed():
    settings = config.read({
        "CLNET_SYNC": "1", "CLNET_MEMORY_LIMIT": "1.5G", "CLNET_CACHE_DIR": "/some/where",
        "CLNET_ICD_EXTRA": "/a.so:/b.so", "CLNET_PLAN_CLASS": "gpu",
    })
    assert settings.sync is True
    assert settings.memory_limit == 3 << 29
    assert settings.cache_dir == Path("/some/where")
    assert settings.icd_extra == ("/a.so", "/b.so")
    assert settings.plan_class == "gpu"


@pytest.mark.parametrize(("text", "size"), [
    ("512", 512), ("64K", 64 << 10), ("3m", 3 << 20), ("2GiB", 2 << 30), ("1 KB", 1 << 10),
])
def test_sizes(text, size):
    assert config.parse_size(text) == size


@pytest.mark.parametrize(("name", "value"), [
    ("CLNET_SYNC", "maybe"), ("CLNET_MEMORY_LIMIT", "lots"), ("CLNET_MEMORY_LIMIT", "-3"),
    ("CLNET_MEMORY_LIMIT", "0"), ("CLNET_ALLOCATOR", "slab"), ("CLNET_PLAN_CLASS", "tpu"),
])
def test_a_wrong_value_names_its_variable(name, value):
    with pytest.raises(ValueError, match=name):
        config.read({name: value})


def test_describe_lists_every_variable():
    described = {setting.name: setting for setting in config.describe()}
    assert set(described) == {variable.name for variable in config.VARIABLES}
    assert all(setting.doc for setting in described.values())
