"""Learn to draw handwritten digits with a variational autoencoder (Kingma and Welling 2013).

It learns scikit-learn's digits (1,797 images of 8 x 8 pixels) and writes a picture of test images with
their reconstructions, of the plane of latent variables, and of the learning curve.
By default the test bound ends at 24.75 nats per image.

    python examples/vae.py --epochs 60 --out runs/vae
"""
from __future__ import annotations

import argparse
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
from clnet.optim import Adam
from clnet.utils.data import DataLoader, TensorDataset

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

SIDE, HELD_OUT, SPLIT_SEED = 8, 297, 0
COUNTED = 10  # steps between two moves of the progress bar
GRID = 12  # images along each side of the picture of the latent plane


class VAE(nn.Module):
    """Images (N, 64) to scores of their pixels (N, 64), by way of a few normal variables."""

    def __init__(self, hidden: int, latent: int) -> None:
        super().__init__()
        pixels = SIDE * SIDE
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
                                     nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
                                     nn.Linear(hidden, pixels))

    def encode(self, images: Any) -> tuple[Any, Any]:
        """Mean and logarithm of the variance of the latent variables, each (N, latent)."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Any) -> tuple[Any, Any, Any]:
        mean, log_variance = self.encode(images)
        z = mean + clnet.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(z), mean, log_variance


def bound(model: VAE, images: Any) -> Any:
    """The negative evidence lower bound, in nats per image."""
    scores, mean, log_variance = model(images)
    reconstruction = F.binary_cross_entropy_with_logits(scores, images, reduction="sum")
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    return (reconstruction + divergence) / len(images)


def load_images() -> tuple[Any, Any, np.ndarray]:
    """(training images, test images, the latter's digits)."""
    from sklearn.datasets import load_digits
    digits = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.data))
    images = clnet.tensor((digits.data / 16).astype("float32")[order])
    return images[HELD_OUT:], images[:HELD_OUT], digits.target[order][:HELD_OUT]


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, 64) side by side, with a gap."""
    rows = len(images) // columns
    grid = np.pad(images[:rows * columns].reshape(rows, columns, SIDE, SIDE), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return grid.transpose(0, 2, 1, 3).reshape(rows * (SIDE + 2), columns * (SIDE + 2))


def draw(model: VAE, test: Any, digits: np.ndarray, history: list[tuple[float, float]], latent: int,
         path: Path) -> None:
    model.eval()
    with clnet.no_grad():
        mean, _ = model.encode(test)
        rebuilt = model.decoder(mean[:24]).sigmoid().numpy()
        spread = clnet.special.ndtri(clnet.linspace(0.03, 0.97, GRID))
        z = clnet.zeros(GRID * GRID, latent)
        z[:, 0], z[:, 1] = spread.repeat(GRID), spread.repeat_interleave(GRID)
        drawn = model.decoder(z).sigmoid().numpy()
    pairs = np.concatenate([np.concatenate([test[k:k + 8].numpy(), rebuilt[k:k + 8]]) for k in (0, 8, 16)])
    figure, axes = pyplot.subplots(1, 4, figsize=(15, 3.8), layout="constrained")
    for ax, image, title in ((axes[0], tiled(pairs, 8), "test images, and below them rebuilt"),
                             (axes[1], tiled(drawn, GRID), "drawn over two latent variables")):
        ax.imshow(image, cmap="gray_r")
        ax.set_title(title)
        ax.axis("off")
    points = mean.numpy()
    dots = axes[2].scatter(points[:, 0], points[:, 1], c=digits, cmap="tab10", s=8)
    figure.colorbar(dots, ax=axes[2])
    axes[2].set_title("test images in the latent plane")
    axes[3].plot(history, label=("training", "test"))
    axes[3].set(title="negative evidence lower bound", xlabel="epoch")
    axes[3].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--latent", type=int, default=2, help="latent variables, two at least")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/vae"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="one epoch over few images")
    args = parser.parse_args(argv)
    if args.latent < 2:
        parser.error("--latent must be at least 2")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    train, test, digits = load_images()
    if args.smoke:
        args.epochs, args.hidden, train = 1, 32, train[:256]
    loader = DataLoader(TensorDataset(train), batch_size=args.batch_size, shuffle=True)
    model = VAE(args.hidden, args.latent)
    optimizer = Adam(model.parameters(), lr=args.lr)
    history = []
    with tqdm(total=args.epochs * len(loader), unit="batch", mininterval=0.5) as bar:
        for _ in range(args.epochs):
            model.train()
            total = clnet.zeros(())
            for i, (images,) in enumerate(loader, 1):
                loss = bound(model, images)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total = total + loss.detach() * len(images)
                if i % COUNTED == 0 or i == len(loader):  # a step that returned is enqueued, not done
                    clnet.current_device().synchronize()
                    bar.update((i - 1) % COUNTED + 1)
            model.eval()
            with clnet.no_grad():
                history.append((total.item() / len(train), bound(model, test).item()))
            bar.set_postfix(bound=f"{history[-1][0]:.2f}", test=f"{history[-1][1]:.2f}")
    args.out.mkdir(parents=True, exist_ok=True)
    draw(model, test, digits, history, args.latent, args.out / "digits.png")
    clnet.save(model.state_dict(), args.out / "vae.pt")
    print(f"test bound {history[-1][1]:.2f} nats per image after {args.epochs} epochs on "
          f"{clnet.current_device()}")
    print(f"total time: {time.perf_counter() - began:.1f} s\npicture: {args.out / 'digits.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"vae.py: {error}")
