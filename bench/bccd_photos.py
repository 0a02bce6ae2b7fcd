"""BCCD for torchvision_bccd.py: photos and boxes, what changes them in training, COCO's figures."""
import contextlib
import io
import xml.etree.ElementTree as ElementTree

import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as pixels

SIZE = (240, 320)  # of what a model sees
CLASSES = ["RBC", "WBC", "Platelets"]
MEAN, STD = [0.737, 0.696, 0.715], [0.061, 0.102, 0.076]


def read_split(root, split):
    """Photos as uint8 [3, H, W] with boxes f32 [N, 4] in their own pixels, labels and difficult ones."""
    with open(f"{root}/ImageSets/Main/{split}.txt", encoding="utf-8") as file:
        names = file.read().split()
    samples = []
    for name in names:
        image = decode_image(f"{root}/JPEGImages/{name}.jpg", ImageReadMode.RGB)
        height, width = image.shape[1:]
        boxes, labels, difficult = [], [], []
        for item in ElementTree.parse(f"{root}/Annotations/{name}.xml").getroot().iter("object"):
            x0, y0, x1, y1 = (float(item.find(f"bndbox/{key}").text)
                              for key in ("xmin", "ymin", "xmax", "ymax"))
            if x0 == x1 or y0 == y1:
                continue
            boxes.append([max(x0 - 1, 0), max(y0 - 1, 0), min(x1, width), min(y1, height)])
            labels.append(CLASSES.index(item.find("name").text))
            difficult.append(item.findtext("difficult") == "1")
        samples.append({"name": name, "image": image,
                        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                        "labels": torch.tensor(labels, dtype=torch.int64),
                        "difficult": torch.tensor(difficult, dtype=torch.bool)})
    return samples


def coco_truth(samples):
    annotations = []
    for number, sample in enumerate(samples, 1):
        for box, label, crowd in zip(sample["boxes"].tolist(), sample["labels"].tolist(),
                                     sample["difficult"].tolist()):
            width, height = box[2] - box[0], box[3] - box[1]
            annotations.append({"id": len(annotations) + 1, "image_id": number,
                                "category_id": label + 1, "bbox": [box[0], box[1], width, height],
                                "area": width * height, "iscrowd": int(crowd)})
    return {"info": {},
            "images": [{"id": number, "file_name": f"{sample['name']}.jpg",
                        "height": sample["image"].shape[1], "width": sample["image"].shape[2]}
                       for number, sample in enumerate(samples, 1)],
            "annotations": annotations,
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]}


def uniform(low, high):
    return low + (high - low) * torch.rand(()).item()


def heads_up():
    return torch.rand(()).item() < 0.5


def distort_colours(image):
    """What SSD's distortion does, in floats of 0..1."""
    image = pixels.to_dtype(image, torch.float32, scale=True)
    contrast_first = heads_up()

    def contrast(image):
        # A factor of all values, which torchvision calls brightness.
        return pixels.adjust_brightness(image, uniform(0.5, 1.5)) if heads_up() else image

    if heads_up():
        image = (image + uniform(-32 / 255, 32 / 255)).clamp(0, 1)
    if contrast_first:
        image = contrast(image)
    if heads_up():
        image = pixels.adjust_saturation(image, uniform(0.5, 1.5))
    if heads_up():
        image = pixels.adjust_hue(image, uniform(-0.1, 0.1))
    return image if contrast_first else contrast(image)


def resized(image, size):
    return pixels.resize(image, list(size), InterpolationMode.BILINEAR, antialias=True)


def padded(image):
    """Normalised and with zeros, the mean colour, up to the size of the model."""
    image = pixels.normalize(image, MEAN, STD)
    height, width = SIZE
    return torch.nn.functional.pad(image, (0, width - image.shape[2], 0, height - image.shape[1]))


def augmented(sample):
    """A photo at half size times 0.8 to 1.25, cut to the model's size, as the model reads it; its target."""
    height, width = SIZE
    factor = uniform(0.8, 1.25)
    size = [round(height * factor), round(width * factor)]
    image = resized(sample["image"], size)
    keep = ~sample["difficult"]
    scale = torch.tensor([size[1] / sample["image"].shape[2],
                          size[0] / sample["image"].shape[1]]).repeat(2)
    boxes, labels = sample["boxes"][keep] * scale, sample["labels"][keep]
    seen = [min(size[0], height), min(size[1], width)]
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for _ in range(10):  # until a box is seen
        top = int(torch.randint(size[0] - seen[0] + 1, ()))
        left = int(torch.randint(size[1] - seen[1] + 1, ()))
        at = middles - torch.tensor([left, top])
        inside = ((at >= 0) & (at < torch.tensor([seen[1], seen[0]]))).all(1)
        if inside.any() or len(boxes) == 0:
            break
    image = image[:, top:top + seen[0], left:left + seen[1]]
    boxes = boxes[inside] - torch.tensor([left, top, left, top])
    boxes[:, 0::2] = boxes[:, 0::2].clamp(0, seen[1])
    boxes[:, 1::2] = boxes[:, 1::2].clamp(0, seen[0])
    if heads_up():
        image = pixels.horizontal_flip(image)
        boxes = torch.stack([seen[1] - boxes[:, 2], boxes[:, 1], seen[1] - boxes[:, 0],
                             boxes[:, 3]], 1)
    return padded(distort_colours(image)), {"boxes": boxes, "labels": labels[inside]}


def plain(sample):
    """The whole photo as the model reads it."""
    return padded(pixels.to_dtype(resized(sample["image"], SIZE), torch.float32, scale=True))


def figures(truth, found):
    """pycocotools' AP, AP50, AP75, AR100, and AP50 and AP of each class."""
    if not found:
        return {"ap50": 0.0, "ap": 0.0, "ap75": 0.0, "ar100": 0.0, "classes": {}}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]  # [overlaps, recalls, classes]
    classes = {name: {"ap50": float(precision[0, :, k].mean()), "ap": float(precision[:, :, k].mean())}
               for k, name in enumerate(CLASSES)}
    stats = [float(value) for value in evaluation.stats]
    return {"ap50": stats[1], "ap": stats[0], "ap75": stats[2], "ar100": stats[8],
            "classes": classes}
