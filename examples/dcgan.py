"""Draw handwritten digits with two convolutional networks that compete (Radford et al. 2015).

It learns scikit-learn's digits (1,797 images of 8 x 8 pixels) and writes pictures of what the generator
draws and of both networks' losses. In 40 epochs (a minute on two CPU cores) most of what it draws can be
read as a digit; the losses stay near 1.6 for the generator and 1.4 for the critic, where neither wins.

    python examples/dcgan.py --epochs 40 --out runs/dcgan
"""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
from tqdm import tqdm

import clnet
from clnet import nn
from clnet.nn import functional as F
from clnet.optim import Adam
from clnet.utils.data import DataLoader, TensorDataset

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

LATENT, SHOWN = 32, 64
COUNTED = 10  # steps between two moves of the progress bar


def build_generator(width: int) -> nn.Sequential:
    """Noise (N, 32, 1, 1) to images (N, 1, 8, 8) in [-1, 1]."""
    return nn.Sequential(
        nn.ConvTranspose2d(LATENT, 4 * width, 2, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(2 * width),
        nn.ReLU(), nn.ConvTranspose2d(2 * width, 1, 4, stride=2, padding=1), nn.Tanh())


def build_critic(width: int) -> nn.Sequential:
    """Images (N, 1, 8, 8) to scores of being real (N, 1)."""
    return nn.Sequential(
        nn.Conv2d(1, 2 * width, 4, stride=2, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(4 * width),
        nn.LeakyReLU(0.2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(16 * width, 1))


def prepare(model: nn.Module) -> nn.Module:
    """The paper's initial weights."""
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(m.weight, std=0.05)
    return model


def load_images() -> Any:
    from sklearn.datasets import load_digits
    return clnet.tensor((load_digits().images[:, None] / 8 - 1).astype("float32"))


class Contest:
    """Both networks and what trains them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.generator, self.critic = prepare(build_generator(args.width)), prepare(build_critic(args.width))
        self.drawing = Adam(self.generator.parameters(), lr=args.lr, betas=(0.5, 0.999))
        self.judging = Adam(self.critic.parameters(), lr=args.lr, betas=(0.5, 0.999))
        self.shown = clnet.randn(SHOWN, LATENT, 1, 1)

    def step(self, real: Any) -> tuple[Any, Any]:
        """One step of each; returns the losses of the generator and of the critic."""
        drawn = self.generator(clnet.randn(len(real), LATENT, 1, 1))
        scores, drawn_scores = self.critic(real), self.critic(drawn.detach())
        # Real images count as 0.9 real, so that the critic does not grow certain.
        judged = (F.binary_cross_entropy_with_logits(scores, clnet.full_like(scores, 0.9))
                  + F.binary_cross_entropy_with_logits(drawn_scores, clnet.zeros_like(drawn_scores)))
        self.judging.zero_grad()
        judged.backward()
        self.judging.step()
        scores = self.critic(drawn)
        deceived = F.binary_cross_entropy_with_logits(scores, clnet.ones_like(scores))
        self.drawing.zero_grad()
        deceived.backward()
        self.drawing.step()
        return deceived.detach(), judged.detach()

    def draw(self) -> Any:
        """Images of the same noise each time, (64, 8, 8) in [0, 1]."""
        self.generator.eval()
        with clnet.no_grad():
            images = (self.generator(self.shown)[:, 0] + 1) / 2
        self.generator.train()
        return images.numpy().copy()


def save_pictures(images: Any, history: list[list[float]], out: Path) -> None:
    side = int(len(images) ** 0.5)
    grid = images.reshape(side, side, 8, 8).transpose(0, 2, 1, 3).reshape(side * 8, side * 8)
    pyplot.imsave(out / "drawn.png", grid.repeat(4, 0).repeat(4, 1), cmap="gray_r", vmin=0, vmax=1)
    figure, ax = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    ax.plot(history, label=("generator", "critic"))
    ax.set(xlabel="step", ylabel="loss")
    ax.legend()
    figure.savefig(out / "losses.png", dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--width", type=int, default=32, help="channels of the widest images, halved")
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/dcgan"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two batches, to see that it works")
    args = parser.parse_args(argv)
    if args.smoke:
        args.epochs, args.width = 1, 8
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    images = load_images()[:128 if args.smoke else None]
    loader = DataLoader(TensorDataset(images), batch_size=args.batch_size, shuffle=True, drop_last=True)
    contest = Contest(args)
    history = []
    with tqdm(total=args.epochs * len(loader), unit="batch", mininterval=0.5) as bar:
        for _ in range(args.epochs):
            for (real,) in loader:
                history.append(clnet.stack(contest.step(real)))
                if len(history) % COUNTED == 0:  # a step that returned is enqueued, not done
                    clnet.current_device().synchronize()
                    bar.update(len(history) - bar.n)
            generator, critic = history[-1].tolist()
            bar.update(len(history) - bar.n)
            bar.set_postfix(generator=f"{generator:.2f}", critic=f"{critic:.2f}")
    args.out.mkdir(parents=True, exist_ok=True)
    losses = clnet.stack(history).tolist()
    save_pictures(contest.draw(), losses, args.out)
    clnet.save(contest.generator.state_dict(), args.out / "generator.pt")
    print(f"losses {losses[-1][0]:.2f} (generator) and {losses[-1][1]:.2f} (critic) after {args.epochs} epochs on "
          f"{clnet.current_device()}")
    print(f"total time: {time.perf_counter() - began:.1f} s\npicture: {args.out / 'drawn.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"dcgan.py: {error}")
