"""The shape of PyTorch's MNIST example: arguments, a network, a loader, a scheduler, a checkpoint."""
from __future__ import print_function

import argparse

import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, 2)
        self.conv2 = nn.Conv2d(4, 8, 3, 2)
        self.dropout = nn.Dropout(0.25)
        self.fc = nn.Linear(8 * 6 * 6, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = torch.flatten(x, 1)
        return F.log_softmax(self.fc(self.dropout(x)), dim=1)


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = Variable(data).to(device, non_blocking=True), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print('Train Epoch: {} [{}/{} ({:.0f}%)]\tLoss: {:.6f}'.format(
                epoch, batch_idx * len(data), len(train_loader.dataset),
                100. * batch_idx / len(train_loader), loss.item()))


@torch.no_grad()
def test(model, device, loader):
    model.eval()
    correct = 0
    for data, target in loader:
        pred = model(data.to(device)).argmax(dim=1, keepdim=True)
        correct += pred.eq(target.to(device).view_as(pred)).sum().item()
    print('Accuracy: {}/{}'.format(correct, len(loader.dataset)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--data', required=True)
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--no-cuda', action='store_true')
    parser.add_argument('--log-interval', type=int, default=1)
    args = parser.parse_args()
    use_cuda = not args.no_cuda and torch.cuda.is_available()
    torch.manual_seed(1)
    cudnn.benchmark = True
    torch.set_num_threads(1)
    assert torch.__version__ >= '1.10'
    device = torch.device("cuda" if use_cuda else "cpu")
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    dataset = datasets.MNIST(args.data, train=False, transform=transform)
    loader = DataLoader(dataset, batch_size=args.batch_size, shuffle=True, pin_memory=use_cuda)
    model = Net().to(device)
    optimizer = optim.Adadelta(model.parameters(), lr=1.0)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    train(args, model, device, loader, optimizer, 1)
    scheduler.step()
    test(model, device, loader)
    torch.save(model.state_dict(), args.data + "/mnist_cnn.pt")
    model.load_state_dict(torch.load(args.data + "/mnist_cnn.pt", map_location=device))


if __name__ == '__main__':
    main()
