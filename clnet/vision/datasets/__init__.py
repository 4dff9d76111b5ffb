"""Image datasets on disk. Nothing is downloaded."""
from .cifar import CIFAR10, CIFAR100
from .fake import FakeData
from .folder import (
    IMG_EXTENSIONS,
    DatasetFolder,
    ImageFolder,
    default_loader,
    has_file_allowed_extension,
    make_dataset,
    pil_loader,
)
from .mnist import KMNIST, MNIST, FashionMNIST
from .vision import VisionDataset

__all__ = ["CIFAR10", "CIFAR100", "IMG_EXTENSIONS", "KMNIST", "MNIST", "DatasetFolder", "FakeData",
           "FashionMNIST", "ImageFolder", "VisionDataset", "default_loader", "has_file_allowed_extension",
           "make_dataset", "pil_loader"]
