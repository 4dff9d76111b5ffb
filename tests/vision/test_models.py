"""Model definitions: torchvision's numbers of parameters and names."""
from __future__ import annotations

import pytest

import clnet
from clnet.vision import models

# torchvision's documentation.
PARAMETERS = {
    "resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032, "resnet101": 44_549_160,
    "resnet152": 60_192_808, "vgg11": 132_863_336, "vgg13": 133_047_848, "vgg16": 138_357_544,
    "vgg19": 143_667_240, "vgg11_bn": 132_868_840, "vgg13_bn": 133_053_736, "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248, "mobilenet_v2": 3_504_872, "densenet121": 7_978_856, "densenet161": 28_681_000,
    "densenet169": 14_149_480, "densenet201": 20_013_928, "vit_b_16": 86_567_656, "vit_b_32": 88_224_232,
    "vit_l_16": 304_326_632, "resnext50_32x4d": 25_028_904, "wide_resnet50_2": 68_883_240}
KEYS = {
    "resnet18": {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
                 "layer2.0.downsample.1.num_batches_tracked", "layer4.1.bn2.bias", "fc.bias"},
    "resnet50": {"layer1.0.downsample.0.weight", "layer3.5.conv3.weight"},
    "vgg16": {"features.0.weight", "features.28.bias", "classifier.0.weight", "classifier.6.bias"},
    "vgg11_bn": {"features.1.running_var", "features.26.weight"},
    "mobilenet_v2": {"features.0.0.weight", "features.0.1.weight", "features.1.conv.0.0.weight",
                     "features.1.conv.1.weight", "features.1.conv.2.running_mean", "features.17.conv.3.bias",
                     "features.18.1.bias", "classifier.1.weight"},
    "densenet121": {"features.conv0.weight", "features.norm0.weight", "features.norm5.bias", "classifier.bias",
                    "features.denseblock1.denselayer1.norm1.weight", "features.transition3.conv.weight",
                    "features.denseblock4.denselayer16.conv2.weight"},
    "vit_b_16": {"class_token", "conv_proj.weight", "encoder.pos_embedding", "encoder.ln.weight",
                 "encoder.layers.encoder_layer_0.ln_1.weight", "heads.head.weight",
                 "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
                 "encoder.layers.encoder_layer_11.self_attention.out_proj.bias",
                 "encoder.layers.encoder_layer_11.mlp.0.weight", "encoder.layers.encoder_layer_11.mlp.3.bias"}}
LENGTHS = {"resnet18": 122, "resnet50": 320, "vgg16": 32, "mobilenet_v2": 314, "densenet121": 727, "vit_b_16": 152}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_and_names(name):
    with clnet.device("null:rtx3060"):
        model = getattr(models, name)()
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]
    found = model.state_dict()
    assert KEYS.get(name, set()) <= set(found)
    assert len(found) == LENGTHS.get(name, len(found))


@pytest.mark.parametrize("model, size", [
    (lambda: models.ResNet(models.resnet.BasicBlock, (1, 1, 1, 1), num_classes=5), 32),
    (lambda: models.ResNet(models.resnet.Bottleneck, (1, 1, 1, 1), num_classes=5), 32),
    (lambda: models.MobileNetV2(num_classes=5, width_mult=0.25), 32),
    (lambda: models.DenseNet(4, (2, 2), 8, num_classes=5, drop_rate=0.1, memory_efficient=True), 32),
    (lambda: models.VisionTransformer(8, 4, 2, 2, 8, 16, num_classes=5, representation_size=6), 8)])
def test_they_train(model, size):
    clnet.manual_seed(0)
    net = model()
    scores = net(clnet.randn(2, 3, size, size))
    assert scores.shape == (2, 5)
    scores.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_weights_are_not_downloaded():
    with pytest.raises(ValueError, match="load_state_dict"):
        models.resnet18(weights="DEFAULT")
    with pytest.raises(ValueError, match="resnet18"):
        models.resnet18(pretrained=True)
