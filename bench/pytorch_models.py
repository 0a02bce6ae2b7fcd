"""The models of compare_pytorch.py in PyTorch: torchvision's Swin, and heads as their papers' code has them."""
import torch
from torch import nn
from torch.nn import functional
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.models.swin_transformer import PatchMerging, SwinTransformer
from torchvision.ops import FeaturePyramidNetwork, Permute


class ConvStem(nn.Module):
    """Patches of 4 x 4: two convolutions of stride 2, each with a layer norm and ReLU, then a linear one."""

    def __init__(self, dim):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride=2, padding=1)
                                   for i, o in ((3, dim // 2), (dim // 2, dim)))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in (dim // 2, dim))
        self.proj, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim)

    def forward(self, images):
        x = images
        for conv, norm in zip(self.convs, self.norms):
            x = functional.relu(norm(conv(x).permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        return self.norm(self.proj(x.permute(0, 2, 3, 1)))  # [B, H/4, W/4, D]


class ConvMerging(nn.Sequential):
    """In place of torchvision's PatchMerging: a layer norm and a 3 x 3 convolution of stride 2."""

    def __init__(self, dim, norm_layer):
        super().__init__(norm_layer(dim), Permute([0, 3, 1, 2]),
                         nn.Conv2d(dim, 2 * dim, 3, stride=2, padding=1), Permute([0, 2, 3, 1]))


def swin(case):
    convs = case.get("convolutional", False)  # stem and merging
    model = SwinTransformer(patch_size=[case["patch"]] * 2, embed_dim=case["dim"],
                            depths=case["depths"], num_heads=case["heads"],
                            window_size=[case["window"]] * 2, num_classes=case["classes"],
                            mlp_ratio=case.get("mlp_ratio", 4.0),
                            stochastic_depth_prob=case.get("drop_path", 0.1),
                            downsample_layer=ConvMerging if convs else PatchMerging)
    if convs:
        model.features[0] = ConvStem(case["dim"])
    return model


def conv_norm(channels, out, kernel):
    return nn.Sequential(nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Classifier(nn.Module):
    """Whole maps dropped out, then a 1 x 1 convolution."""

    def __init__(self, channels, classes):
        super().__init__()
        self.dropout = nn.Dropout2d(0.1)
        self.conv = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        return self.conv(self.dropout(x))


def enlarge(x, size):
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)


class UperNet(nn.Module):
    """arXiv:1807.10221 on the normed maps of a Swin's stages, with an FCN beside it in training."""

    def __init__(self, case):
        super().__init__()
        self.backbone = swin(case)
        del self.backbone.head, self.backbone.norm
        widths = [case["dim"] << i for i in range(len(case["depths"]))]
        channels, classes = case["channels"], case["classes"]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.pools = nn.ModuleList(conv_norm(widths[-1], channels, 1) for _ in case["scales"])
        self.scales = case["scales"]
        self.bottleneck = conv_norm(widths[-1] + len(case["scales"]) * channels, channels, 3)
        self.laterals = nn.ModuleList(conv_norm(width, channels, 1) for width in widths[:-1])
        self.smooths = nn.ModuleList(conv_norm(channels, channels, 3) for _ in widths[:-1])
        self.fuse = conv_norm(len(widths) * channels, channels, 3)
        self.classifier = Classifier(channels, classes)
        self.auxiliary = nn.Sequential(conv_norm(widths[2], 64, 3), Classifier(64, classes))

    def forward(self, images):
        x, maps = self.backbone.features[0](images), []
        for index, layer in enumerate(self.backbone.features[1:], 1):
            x = layer(x)
            if index % 2 == 1:
                maps.append(self.norms[index // 2](x).permute(0, 3, 1, 2).contiguous())
        last = maps[-1]
        pooled = [enlarge(pool(functional.adaptive_avg_pool2d(last, scale)), last.shape[2:])
                  for scale, pool in zip(self.scales, self.pools)]
        rising = [lateral(m) for lateral, m in zip(self.laterals, maps)]
        rising.append(self.bottleneck(torch.cat([last, *pooled], 1)))
        for i in range(len(rising) - 1, 0, -1):
            rising[i - 1] = rising[i - 1] + enlarge(rising[i], rising[i - 1].shape[2:])
        fine = [smooth(m) for smooth, m in zip(self.smooths, rising)] + [rising[-1]]
        size = fine[0].shape[2:]
        logits = self.classifier(self.fuse(torch.cat([enlarge(m, size) for m in fine], 1)))
        return (logits, self.auxiliary(maps[2])) if self.training else logits

    @staticmethod
    def loss(outputs, masks):
        main, auxiliary = (functional.cross_entropy(enlarge(o, masks.shape[1:]), masks)
                           for o in outputs)
        return main + 0.4 * auxiliary


class PyramidBackbone(nn.Module):
    """The normed maps of all stages of a Swin but the first, behind a feature pyramid."""

    def __init__(self, case):
        super().__init__()
        self.body = swin(case)
        del self.body.head, self.body.norm
        widths = [case["dim"] << i for i in range(1, len(case["depths"]))]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.pyramid = FeaturePyramidNetwork(widths, case["channels"])
        self.coarse = nn.ModuleList(
            nn.Conv2d(case["channels"], case["channels"], 3, stride=2, padding=1)
            for _ in case["levels"][len(widths):])
        self.out_channels = case["channels"]

    def forward(self, images):
        x, maps = self.body.features[0](images), {}
        for index, layer in enumerate(self.body.features[1:], 1):
            x = layer(x)
            if index % 2 == 1 and index > 1:  # behind a stage
                normed = self.norms[index // 2 - 1](x)
                maps[str(index // 2)] = normed.permute(0, 3, 1, 2).contiguous()
        levels = list(self.pyramid(maps).values())
        for conv in self.coarse:
            levels.append(conv(levels[-1]))
        return {str(i): level for i, level in enumerate(levels)}


def fcos(case):
    """arXiv:1904.01355 as torchvision has it, for images that already have their size."""
    anchors = AnchorGenerator(tuple((level,) for level in case["levels"]),
                              ((1.0,),) * len(case["levels"]))
    head = FCOSHead(case["channels"], 1, case["classes"], case["convs"])
    for module in (head.classification_head, head.regression_head):
        for i, layer in enumerate(module.conv):
            if isinstance(layer, nn.GroupNorm):
                module.conv[i] = nn.GroupNorm(case["groups"], case["channels"])
    height, width = case["size"]
    return FCOS(PyramidBackbone(case), case["classes"], min_size=min(height, width),
                max_size=max(height, width), image_mean=[0.0] * 3, image_std=[1.0] * 3,
                anchor_generator=anchors, head=head, score_thresh=0.05, size_divisible=1)


def random_boxes(case):
    """A dozen in each image."""
    height, width = case["size"]
    targets = []
    for _ in range(case["batch"]):
        size = torch.rand(12, 2) * 0.4 + 0.05
        corner = torch.rand(12, 2) * (1 - size)
        unit = torch.tensor([width, height, width, height])
        targets.append({"boxes": torch.cat([corner, corner + size], 1) * unit,
                        "labels": torch.randint(0, case["classes"], (12,))})
    return targets
