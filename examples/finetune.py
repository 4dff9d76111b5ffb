"""Fine-tune a network from a .pt file: one that reads digits learns another task from few images.

The other task is to tell five pairs apart: 0 and 1, 2 and 3, and so on to 8 and 9.

The file may come from PyTorch or from clnet: a state_dict of the network that ``build_network`` makes
(convolutions "features.0" and "features.3", a hidden layer "hidden", a "head" of any number of classes).
Without --weights one is trained first on 1,000 of scikit-learn's digits, and written to --out. Parameters
whose shapes fit are taken over; the rest, such as the head, starts anew. For the first half of the epochs
only the new ones learn. Beside it a network without the file learns from the same images; the picture
compares both. By default: 90.5% of the test images fine-tuned, 78.5% from nothing (two CPU cores).

    python examples/finetune.py --weights base.pt --images 40
"""
from __future__ import annotations

import argparse
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from tqdm import tqdm

import clnet
from clnet import nn
from clnet.nn import functional as F
from clnet.optim import AdamW
from clnet.utils.data import DataLoader, TensorDataset

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

DIGITS, PAIRS, SPLIT_SEED = 10, 5, 0
BASE_IMAGES = 1000  # the others are for the new task


def build_network(width: int, classes: int) -> nn.Sequential:
    """Images (N, 1, 8, 8) to scores of the classes."""
    return nn.Sequential(OrderedDict([
        ("features", nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())),
        ("hidden", nn.Linear(8 * width, 4 * width)), ("relu", nn.ReLU()),
        ("head", nn.Linear(4 * width, classes))]))


def load_images() -> list[tuple[Any, Any]]:
    """(images, digits) for the base, and (images, pairs) for the new task, in a fixed random order."""
    from sklearn.datasets import load_digits
    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.target))
    images, target = (digits.images[order, None] / 8 - 1).astype("float32"), digits.target[order]
    first, rest = slice(BASE_IMAGES), slice(BASE_IMAGES, None)
    return [(clnet.tensor(images[first]), clnet.tensor(target[first])),
            (clnet.tensor(images[rest]), clnet.tensor(target[rest] // (DIGITS // PAIRS)))]


def take_over(model: nn.Module, state: Any) -> list[str]:
    """Give a model the parameters of a file that fit, except the head's; returns the names of the others.

    Raises:
        ValueError: the file is no state_dict, or nothing in it fits.
    """
    if not isinstance(state, dict):
        raise ValueError("it holds no state_dict")
    own = model.state_dict()
    fitting = {name: x for name, x in state.items() if name in own and not name.startswith("head.")
               and isinstance(x, clnet.Tensor) and x.shape == own[name].shape}
    if not fitting:
        raise ValueError(f"nothing in it fits the network, whose parameters are {', '.join(own)}")
    return list(model.load_state_dict(fitting, strict=False).missing_keys)


def accuracy(model: nn.Module, images: Any, digits: Any) -> float:
    model.eval()
    with clnet.no_grad():
        share = (model(images).argmax(1) == digits).float().mean().item()
    model.train()
    return float(share)


def train(model: nn.Module, data: tuple[Any, Any], test: tuple[Any, Any], args: argparse.Namespace, bar: Any,
          new: list[str] | None = None) -> list[float]:
    """Train, the parameters named ``new`` alone for the first half; the test accuracy after each epoch."""
    loader = DataLoader(TensorDataset(*data), batch_size=args.batch_size, shuffle=True)
    named = dict(model.named_parameters())
    known = [p for name, p in named.items() if new is not None and name not in new]
    optimizer = AdamW([{"params": [p for name, p in named.items() if new is None or name in new], "lr": args.lr},
                       {"params": known, "lr": args.lr / 4}])
    history = []
    for epoch in range(args.epochs):
        for p in known:
            p.requires_grad_(2 * epoch >= args.epochs)
        for images, digits in loader:
            loss = F.cross_entropy(model(images), digits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(accuracy(model, *test))
        bar.update()
        bar.set_postfix(loss=f"{loss.item():.3f}", accuracy=f"{history[-1]:.1%}", refresh=False)
    return history


def draw(histories: dict[str, list[float]], path: Path) -> None:
    figure, ax = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for label, values in histories.items():
        ax.plot(range(1, len(values) + 1), values, marker=".", label=label)
    ax.set(xlabel="epoch", ylabel="test accuracy")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a .pt or .safetensors file to start from")
    parser.add_argument("--images", type=int, default=40, help="images to learn the pairs from")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=20)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/finetune"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two epochs of a small network")
    args = parser.parse_args(argv)
    if args.smoke:
        args.epochs, args.width = 2, 4
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    old, new = load_images()
    few, test = (tuple(x[:args.images] for x in new), tuple(x[args.images:] for x in new))
    if not 1 <= args.images < len(new[1]):
        raise ValueError(f"--images must be from 1 to {len(new[1]) - 1}")
    with tqdm(total=args.epochs * (2 if args.weights else 3), unit="epoch") as bar:
        path = args.weights
        if path is None:
            path = args.out / "base.pt"
            base = build_network(args.width, DIGITS)
            limit = 100 if args.smoke else 800
            bar.set_description("digits")
            train(base, tuple(x[:limit] for x in old), tuple(x[limit:] for x in old), args, bar)  # type: ignore
            clnet.save(base.state_dict(), path)
        tuned, fresh = build_network(args.width, PAIRS), build_network(args.width, PAIRS)
        try:
            missing = take_over(tuned, clnet.load(path))
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{path} can't be used: {error}") from None
        bar.set_description("pairs, fine-tuned")
        histories = {"fine-tuned": train(tuned, few, test, args, bar, missing)}
        bar.set_description("pairs, from nothing")
        histories["from nothing"] = train(fresh, few, test, args, bar)
    draw(histories, args.out / "accuracy.png")
    clnet.save(tuned.state_dict(), args.out / "finetuned.pt")
    print(f"test accuracy {histories['fine-tuned'][-1]:.1%} fine-tuned, {histories['from nothing'][-1]:.1%} from "
          f"nothing, from {args.images} images on {clnet.current_device()}; new: {', '.join(missing)}")
    print(f"total time: {time.perf_counter() - began:.1f} s\npicture: {args.out / 'accuracy.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"finetune.py: {error}")
