"""A small training run that tests kill and start again: interrupted_run.py FOLDER.

Dropout, shuffling, augmentation by three generators, a schedule and a scaler: whatever is not restored
exactly changes the numbers. It writes the losses and the final parameters to FOLDER/result.pt.
"""
from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np

import clnet
from clnet import nn
from clnet.amp import GradScaler
from clnet.io import Checkpoint
from clnet.optim import AdamW
from clnet.optim.lr_scheduler import OneCycleLR
from clnet.utils.data import DataLoader, TensorDataset

EPOCHS, SIZE, BATCH = 3, 60, 6


def main(folder: Path) -> None:
    clnet.manual_seed(1)
    random.seed(2)
    np.random.seed(3)
    data = TensorDataset(clnet.randn(SIZE, 8), clnet.randn(SIZE, 1))
    shuffle = clnet.Generator().manual_seed(4)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, generator=shuffle)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.GELU(), nn.Linear(16, 1))
    optimizer = AdamW(model.parameters(), lr=1e-2)
    scheduler = OneCycleLR(optimizer, 1e-2, total_steps=EPOCHS * SIZE // BATCH)
    scaler = GradScaler("cpu", growth_interval=4)
    checkpoint = Checkpoint(folder / "run.pt", model=model, optimizer=optimizer, scheduler=scheduler,
                            scaler=scaler, loader=loader)
    progress = checkpoint.load() or {"epoch": 0, "losses": []}
    losses = progress["losses"]
    for epoch in range(progress["epoch"], EPOCHS):
        for x, y in loader:
            x = x + 0.1 * random.random() + clnet.tensor(np.random.randn(8).astype("float32"))
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            scheduler.step()
            losses.append(loss.item())
            checkpoint.save(epoch=epoch, losses=losses)
            print(len(losses), flush=True)
        checkpoint.save(epoch=epoch + 1, losses=losses)
    clnet.save({"losses": losses, "model": model.state_dict(), "draw": clnet.rand(3)}, folder / "result.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
