"""Models whose ``state_dict`` has torchvision's names, so that its files load."""
from . import densenet, mobilenetv2, resnet, vgg, vision_transformer
from .densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from .mobilenetv2 import MobileNetV2, mobilenet_v2
from .resnet import (
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    wide_resnet50_2,
)
from .vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from .vision_transformer import VisionTransformer, vit_b_16, vit_b_32, vit_l_16

__all__ = ["DenseNet", "MobileNetV2", "ResNet", "VGG", "VisionTransformer", "densenet121", "densenet161",
           "densenet169", "densenet201", "mobilenet_v2", "resnet18", "resnet34", "resnet50", "resnet101",
           "resnet152", "resnext50_32x4d", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19",
           "vgg19_bn", "vit_b_16", "vit_b_32", "vit_l_16", "wide_resnet50_2"]
