"""Mixed precision in both spellings, a compiled model, typed tensors, copies and pickles."""
import copy
import io
import pickle

import torch
from torch import nn
from torch.cuda.amp import GradScaler, autocast

torch.backends.cuda.matmul.allow_tf32 = True
torch.set_float32_matmul_precision("high")
torch.use_deterministic_algorithms(True)
assert torch.are_deterministic_algorithms_enabled()
device = "cuda" if torch.cuda.is_available() else "cpu"
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)).to(device)
model = torch.compile(model, mode="reduce-overhead")
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scaler = GradScaler()
x, y = torch.FloatTensor([[0.5] * 8] * 4).to(device), torch.zeros(4, 1, device=device)
assert x.type().endswith("FloatTensor") and isinstance(y.cpu(), torch.FloatTensor)
assert isinstance(torch.LongTensor(2, 3).size(), torch.Size) and torch.LongTensor([1]).dtype == torch.int64
first = None
for step in range(4):
    optimizer.zero_grad(set_to_none=True)
    with autocast(), torch.autocast(device_type=device, dtype=torch.bfloat16):
        loss = nn.functional.mse_loss(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    first = loss.item() if first is None else first
assert loss.item() < first


@torch.compile(dynamic=True)
def double(x):
    return 2 * x


twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
assert torch.equal(double(twin(x)), 2 * model(x))
buffer = io.BytesIO()
torch.save({"model": model.state_dict(), "step": 4}, buffer)
buffer.seek(0)
assert torch.load(buffer)["step"] == 4
print("done", torch.get_default_device())
