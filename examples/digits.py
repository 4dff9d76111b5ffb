"""Train a small convolutional network to read handwritten digits.

Without --data it learns scikit-learn's digits (1,797 images of 8 x 8 pixels); with --data DIR it
reads MNIST-format files. It writes a checkpoint after every epoch and a picture of the learning
curves, and prints the test accuracy: by default 98.9% of 359 images.

    python examples/digits.py --epochs 12 --out runs/digits
"""
from __future__ import annotations

import argparse
import gzip
import struct
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from tqdm import tqdm

import clnet
from clnet import nn
from clnet.nn import functional as F
from clnet.optim import AdamW
from clnet.optim.lr_scheduler import OneCycleLR
from clnet.utils.data import DataLoader, TensorDataset

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

TEST_SHARE = 0.2
SPLIT_SEED = 0  # the same images are held out whatever --seed is
EPOCHS, EPOCHS_LARGE, LARGE = 12, 3, 10_000
SMOKE_IMAGES = 256


class Arrays:
    """Images (N, H, W), float32 in [0, 1], and their digits (N,), int64."""

    def __init__(self, images: np.ndarray, digits: np.ndarray) -> None:
        self.images = np.ascontiguousarray(images, np.float32)
        self.digits = np.ascontiguousarray(digits, np.int64)

    def take(self, rows: Any) -> Arrays:
        return Arrays(self.images[rows], self.digits[rows])

    def split(self) -> tuple[Arrays, Arrays]:
        """A fixed random part for training, and the rest for the test."""
        order = np.random.default_rng(SPLIT_SEED).permutation(len(self.digits))
        held_out = round(len(order) * TEST_SHARE)
        return self.take(order[held_out:]), self.take(order[:held_out])


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file (http://yann.lecun.com/exdb/mnist), gzipped or not.

    Raises:
        ValueError: the file is no idx file of bytes, or shorter than it says.
    """
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of unsigned bytes")
    rank = data[3]
    shape = struct.unpack_from(f">{rank}I", data, 4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise ValueError(f"{path}: holds {values.size} values in place of {'x'.join(map(str, shape))}")
    return values.reshape(shape)


def find_idx(folder: Path, part: str) -> Arrays | None:
    """The images and labels of "train" or "t10k"; None if the folder lacks them."""
    arrays = []
    for kind, rank in (("images", 3), ("labels", 1)):
        names = [f"{part}-{kind}{dot}idx{rank}-ubyte{zipped}" for dot in "-." for zipped in ("", ".gz")]
        found = [folder / name for name in names if (folder / name).is_file()]
        if not found:
            return None
        arrays.append(read_idx(found[0]))
    images, labels = arrays
    if images.ndim != 3 or len(images) != len(labels):
        raise ValueError(f"{folder}: {images.shape} {part} images do not fit {labels.shape} labels")
    return Arrays(images / 255.0, labels)


def load_data(folder: Path | None) -> tuple[Arrays, Arrays]:
    """(training, test) images.

    Raises:
        FileNotFoundError: the folder has no MNIST-format files.
    """
    if folder is None:
        from sklearn.datasets import load_digits
        digits = load_digits()
        return Arrays(digits.images / 16.0, digits.target).split()
    train, test = find_idx(folder, "train"), find_idx(folder, "t10k")
    if train is not None and test is not None:
        return train, test
    only = train or test
    if only is None:
        raise FileNotFoundError(f"{folder} has no train-images-idx3-ubyte[.gz] with labels, and no t10k ones")
    return only.split()


def build_model(height: int, width: int) -> nn.Sequential:
    """Three convolutions and two linear layers, for images of any size from 4 x 4."""
    def block(channels: int, features: int) -> list[nn.Module]:
        return [nn.Conv2d(channels, features, 3, padding=1, bias=False), nn.BatchNorm2d(features), nn.ReLU()]

    return nn.Sequential(
        *block(1, 32), *block(32, 32), nn.MaxPool2d(2),
        *block(32, 64), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.3), nn.Linear(64 * (height // 4) * (width // 4), 128), nn.ReLU(),
        nn.Linear(128, 10))


def make_dataset(arrays: Arrays, mean: float, std: float) -> TensorDataset:
    images = (arrays.images[:, None] - mean) / std
    return TensorDataset(clnet.tensor(images), clnet.tensor(arrays.digits))


def evaluate(model: nn.Module, dataset: TensorDataset) -> tuple[float, int]:
    """(mean loss, number of correct answers)."""
    model.eval()
    loss, correct = clnet.zeros(()), clnet.zeros((), dtype=clnet.int64)
    with clnet.no_grad():
        for images, digits in DataLoader(dataset, batch_size=512):
            scores = model(images)
            loss += F.cross_entropy(scores, digits, reduction="sum")
            correct += (scores.argmax(1) == digits).sum()
    return loss.item() / len(dataset), int(correct.item())


class Training:
    """A run: the model, what trains it, and how far it has come."""

    def __init__(self, train: TensorDataset, test: TensorDataset, args: argparse.Namespace) -> None:
        clnet.manual_seed(args.seed)
        self.train, self.test, self.epochs = train, test, args.epochs
        self.shuffle = clnet.Generator().manual_seed(args.seed)
        self.loader = DataLoader(train, batch_size=args.batch_size, shuffle=True, generator=self.shuffle)
        self.model = build_model(*train.tensors[0].shape[2:])
        self.optimizer = AdamW(self.model.parameters(), lr=args.lr, weight_decay=0.01)
        self.scheduler = OneCycleLR(self.optimizer, args.lr, epochs=args.epochs,
                                    steps_per_epoch=len(self.loader))
        self.history: list[dict[str, float]] = []

    def run_epoch(self, bar: Any) -> None:
        """Train on every image once, then test."""
        self.model.train()
        total, correct = clnet.zeros(()), clnet.zeros((), dtype=clnet.int64)
        for i, (images, digits) in enumerate(self.loader):
            scores = self.model(images)
            loss = F.cross_entropy(scores, digits)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            with clnet.no_grad():
                total += loss.detach() * len(digits)
                correct += (scores.argmax(1) == digits).sum()
            bar.update()
            if i % 10 == 0:  # reading a number waits for the device
                bar.set_postfix(loss=f"{loss.item():.4f}", **self.shown(), refresh=False)
        test_loss, test_correct = evaluate(self.model, self.test)
        self.history.append({
            "loss": total.item() / len(self.train), "accuracy": correct.item() / len(self.train),
            "test_loss": test_loss, "test_accuracy": test_correct / len(self.test)})
        bar.set_postfix(loss=f"{self.history[-1]['loss']:.4f}", **self.shown())

    def shown(self) -> dict[str, str]:
        """The latest test accuracy, for the progress bar."""
        return {"accuracy": f"{self.history[-1]['test_accuracy']:.2%}"} if self.history else {}

    def state_dict(self) -> dict[str, Any]:
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(), "history": self.history, "epochs": self.epochs,
                "random": clnet.get_rng_state(), "shuffle": self.shuffle.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was written.

        Raises:
            ValueError: it belongs to a run of another length, whose learning rates differ.
        """
        if state["epochs"] != self.epochs:
            raise ValueError(f"the checkpoint is of a run of {state['epochs']} epochs; give --epochs "
                             f"{state['epochs']} to resume it")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history = state["history"]
        clnet.set_rng_state(state["random"])
        self.shuffle.set_state(state["shuffle"])


def draw_curves(history: list[dict[str, float]], path: Path) -> None:
    """A picture of loss and accuracy by epoch."""
    epochs = range(1, len(history) + 1)
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for ax, key, title in zip(axes, ("loss", "accuracy"), ("Cross entropy", "Accuracy")):
        ax.plot(epochs, [h[key] for h in history], marker=".", label="training")
        ax.plot(epochs, [h[f"test_{key}"] for h in history], marker=".", label="test")
        ax.set(title=title, xlabel="epoch")
        ax.grid(alpha=0.3)
        ax.legend()
    axes[0].set_yscale("log")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--epochs", type=int, help=f"passes over the images (default {EPOCHS}; "
                        f"{EPOCHS_LARGE} for more than {LARGE:,} images)")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=4e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder with MNIST-format files")
    parser.add_argument("--out", type=Path, default=Path("runs/digits"), metavar="DIR",
                        help="where the checkpoint and the picture go (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--smoke", action="store_true",
                        help=f"one epoch over {SMOKE_IMAGES} images, to see that everything works")
    args = parser.parse_args(argv)
    for name in ("epochs", "batch_size"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        try:
            clnet.set_default_device(args.device)
        except RuntimeError as error:
            raise ValueError(error) from None
    train, test = load_data(args.data)
    if args.smoke:
        train, test = train.take(slice(SMOKE_IMAGES)), test.take(slice(SMOKE_IMAGES))
    if args.epochs is None:
        args.epochs = 1 if args.smoke else EPOCHS if len(train.digits) <= LARGE else EPOCHS_LARGE
    mean, std = float(train.images.mean()), float(train.images.std())
    training = Training(make_dataset(train, mean, std), make_dataset(test, mean, std), args)
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint, picture = args.out / "digits.pt", args.out / "learning_curve.png"
    if args.resume:
        try:
            training.load_state_dict(clnet.load(checkpoint))
        except RuntimeError as error:  # damaged, or of another network
            raise ValueError(f"{checkpoint} can't be resumed: {error}") from None
    done = len(training.history)
    steps = len(training.loader)
    with tqdm(total=args.epochs * steps, initial=done * steps, unit="batch", mininterval=0.5) as bar:
        for epoch in range(done, args.epochs):
            bar.set_description(f"epoch {epoch + 1}/{args.epochs}", refresh=False)
            training.run_epoch(bar)
            clnet.save(training.state_dict(), checkpoint)
    draw_curves(training.history, picture)
    _, correct = evaluate(training.model, training.test)
    device = clnet.current_device()
    print(f"test accuracy {correct / len(test.digits):.2%} ({correct} of {len(test.digits)} images) after "
          f"{args.epochs} epochs on {device} ({device.caps.platform})")
    print(f"total time: {time.perf_counter() - began:.1f} s")
    print(f"checkpoint: {checkpoint}\nlearning curves: {picture}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"digits.py: {error}")
