"""Datasets from files written here."""
from __future__ import annotations

import gzip
import io
import pickle

import numpy as np
import pytest

import clnet
from clnet.vision import datasets, transforms
from clnet.vision.datasets.cifar import read_batch
from clnet.vision.datasets.mnist import read_idx

Image = pytest.importorskip("PIL.Image")
numbers = np.random.default_rng(0)


def idx(array, kind=8):
    return bytes([0, 0, kind, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def test_idx_files(tmp_path):
    path = tmp_path / "x"
    values = np.arange(6, dtype=">i4").reshape(2, 3)
    for data in (idx(values, 12), gzip.compress(idx(values, 12))):
        path.write_bytes(data)
        found = read_idx(path)
        assert found.dtype == np.int32 and np.array_equal(found, values)
    for broken in (b"", b"\0\0\x08", b"\1\2\3\4", idx(values, 12)[:-1], b"\0\0\x08\x02\0\0"):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="idx file|damaged"):
            read_idx(path)


@pytest.mark.parametrize("inner", ["", "raw", "FashionMNIST/raw"])
def test_fashion_mnist(tmp_path, inner):
    folder = tmp_path / inner
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = numbers.integers(0, 256, (5, 28, 28), np.uint8), numbers.integers(0, 10, 5, np.uint8)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    found = datasets.FashionMNIST(tmp_path, transform=transforms.ToTensor(), target_transform=lambda k: k + 1)
    assert len(found) == 5 and found.data.shape == (5, 28, 28) and found.targets.dtype is clnet.int64
    image, label = found[3]
    assert label == labels[3] + 1 and image.shape == (1, 28, 28)
    assert np.array_equal(image.numpy()[0], images[3] / np.float32(255))
    assert np.array_equal(np.asarray(datasets.FashionMNIST(tmp_path)[2][0]), images[2])
    assert found.class_to_idx["Bag"] == 8 and "datapoints: 5" in repr(found)
    with pytest.raises(RuntimeError, match="t10k-images-idx3-ubyte.*does not download"):
        datasets.FashionMNIST(tmp_path, train=False, download=True)


def test_cifar(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    pixels = numbers.integers(0, 256, (4, 3072), np.uint8)
    (folder / "train").write_bytes(pickle.dumps({"data": pixels, "fine_labels": [3, 1, 2, 0]}, 2))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list("abcd")}, 2))
    found = datasets.CIFAR100(tmp_path, transform=transforms.ToTensor())
    assert len(found) == 4 and found.classes == list("abcd") and found[0][1] == 3
    assert np.array_equal(found[1][0].numpy(), pixels[1].reshape(3, 32, 32) / np.float32(255))
    assert found.data.shape == (4, 32, 32, 3)
    with pytest.raises(RuntimeError, match="cifar-10-batches-py lacks"):
        datasets.CIFAR10(tmp_path)


def test_cifars_reader_runs_nothing(tmp_path):
    path = tmp_path / "batch"
    path.write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(pickle.UnpicklingError, match="os.system"):
        read_batch(path)


def test_folders(tmp_path):
    for name, count in (("cat", 1), ("ant", 2)):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (4, 3), (i, 0, 0)).save(tmp_path / name / "deep" / f"{i}.PNG")
    (tmp_path / "ant" / "notes.txt").write_text("no picture")
    found = datasets.ImageFolder(tmp_path, transform=transforms.PILToTensor())
    assert found.classes == ["ant", "cat"] and found.targets == [0, 0, 1] and found.imgs is found.samples
    assert found[1][0].shape == (3, 3, 4) and found[1][0][0, 0, 0].item() == 1
    texts = datasets.DatasetFolder(tmp_path, str, is_valid_file=lambda p: p.endswith(".txt"), allow_empty=True)
    assert len(texts) == 1
    with pytest.raises(FileNotFoundError, match="classes cat"):
        datasets.DatasetFolder(tmp_path, str, (".txt",))
    with pytest.raises(FileNotFoundError, match="any class folder"):
        datasets.ImageFolder(tmp_path / "cat" / "deep")


def test_fake_data():
    found = datasets.FakeData(3, (3, 5, 6), 4, transform=transforms.ToTensor())
    assert len(found) == 3 and found[0][0].shape == (3, 5, 6) and 0 <= found[2][1] < 4
    assert clnet.equal(found[1][0], found[1][0])
    with pytest.raises(IndexError):
        found[3]


def test_without_pillow(monkeypatch):
    monkeypatch.setattr(clnet.vision.pillow, "INSTALLED", False)
    monkeypatch.setattr(clnet.vision.pillow, "_image", None)
    found = datasets.FakeData(3, (3, 5, 6), transform=transforms.ToTensor())
    assert found[0][0].shape == (3, 5, 6)
    with pytest.raises(ModuleNotFoundError, match=r"clnet\[vision\]"):
        datasets.FakeData(3)[0]
    with pytest.raises(TypeError, match="put ToTensor"):
        datasets.FakeData(3, transform=transforms.CenterCrop(2))[0]


def test_pictures_saved(tmp_path):
    grid = clnet.vision.utils.make_grid(clnet.ones(5, 1, 3, 4), nrow=2, padding=1, pad_value=0.5)
    assert grid.shape == (3, 3 * 4 + 1, 2 * 5 + 1) and grid[0, 0, 0].item() == 0.5 and grid[2, 1, 1].item() == 1
    assert grid[0, -2, -2].item() == 0.5  # the sixth place is empty
    scaled = clnet.vision.utils.make_grid(clnet.arange(8.0).reshape(2, 1, 2, 2), normalize=True)
    assert scaled.max().item() == 1 and scaled.min().item() == 0
    clnet.vision.utils.save_image(clnet.ones(2, 3, 2, 2), tmp_path / "x.png", padding=0)
    with Image.open(tmp_path / "x.png") as saved:
        assert saved.size == (4, 2)
    buffer = io.BytesIO()
    clnet.vision.utils.save_image(clnet.zeros(1, 2, 2), buffer, format="png")
    assert np.asarray(Image.open(buffer)).max() == 0
