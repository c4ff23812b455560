"""Image sets of TensorFlow Datasets as papers use them: splits, crops and filters, as a table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """One data set.

    Args:
        builder: Its name in TensorFlow Datasets.
        train: The split of TensorFlow Datasets to train on.
        held_out: The one to score against.
        crop: (left, top, right, bottom) to cut out before anything else.
        frame: Zeros to put around images, where that makes them as large as they should be.
        kind: The filter of the resize, of `decoding.FILTERS`.
        labelled: Whether the labels are those of the images.
    """

    builder: str
    train: str = "train"
    held_out: str = "test"
    crop: tuple[int, int, int, int] | None = None
    frame: int = 0
    kind: str = "bicubic"
    labelled: bool = True


# Aligned CelebA: 128 x 128 around (89, 121), as in the code of Karras et al., 2018.
CELEBA_FACE = (25, 57, 153, 185)

TABLE = {
    "mnist": Entry("mnist", frame=2),
    "fashion_mnist": Entry("fashion_mnist", frame=2),
    "cifar10": Entry("cifar10"),
    "cifar100": Entry("cifar100"),
    "svhn_cropped": Entry("svhn_cropped"),
    "svhn_cropped_extra": Entry("svhn_cropped", "train+extra"),
    # Its 5,000 labelled images; and, as SNGAN's protocol has it, the 100,000 others.
    "stl10": Entry("stl10", kind="box"),
    "stl10_unlabelled": Entry("stl10", "unlabelled", kind="box", labelled=False),
    # Official splits. Feng et al., 2020 cut by the numbers of the files, which are not told here.
    "celeb_a": Entry("celeb_a", crop=CELEBA_FACE, kind="box", labelled=False),
    # All 126,227 images of churches are for training. "Outdoor" is LSUN's own name.
    "lsun/church_outside": Entry("lsun/church_outdoor", held_out="validation", kind="box"),
    "lsun/church_outdoor": Entry("lsun/church_outdoor", held_out="validation", kind="box"),
    "lsun/bedroom": Entry("lsun/bedroom", held_out="validation", kind="box"),
    "imagenet2012": Entry("imagenet2012", held_out="validation", kind="box"),
}
