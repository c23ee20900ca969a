"""`inspect`: pictures, files and names that are odd."""

import numpy as np
from PIL import Image

from tests.e2e.user_table.disk import (
    bad,
    data,
    folder,
    good,
    image,
    link,
    mvtec,
    picture,
    pixels,
    several,
    text,
)
from tests.e2e.user_table.expected import counts
from tests.e2e.user_table.row import Build, Row, refused


def _sixteen_bit(path: str, scale: int, seed: int) -> Build:
    gray = pixels(seed)[:, :, 0].astype(np.uint16) * scale
    return image(path, lambda: Image.fromarray(gray))


ROWS = [
    Row(
        "an image that cannot be read",
        "inspect parts",
        [good("parts/good", 6), data("parts/good/broken.png")],
        status=1,
        says=["broken.png", "cannot be read", "--skip-unreadable"],
    ),
    Row(
        "a broken test image does not stop fit",
        "inspect parts",
        [mvtec(), data("parts/test/good/broken.png")],
        says=["broken.png", "WARNING"],
        never=["would refuse"],
    ),
    Row(
        "a file of 0 bytes",
        "inspect parts",
        [good("parts/good", 6), data("parts/good/a.png", b"")],
        status=1,
        says=["a.png", "empty"],
    ),
    Row(
        "a PDF renamed to .jpg",
        "inspect parts",
        [good("parts/good", 6), data("parts/good/scan.jpg", b"%PDF-1.7\n" + bytes(100))],
        status=1,
        says=["scan.jpg", "not an image"],
    ),
    Row(
        "a JPEG named .png is read",
        "inspect parts",
        [good("parts/good", 6), image("parts/good/x.png", lambda: picture(9), "jpeg")],
        says=[counts(7, 0, 0)],
    ),
    Row(
        "photos of an iPhone are skipped, and that is said",
        "inspect parts",
        [good("parts/good", 6), data("parts/good/IMG_1.HEIC"), data("parts/good/IMG_2.heic")],
        says=[counts(6, 0, 0), r"skipped.*\.heic", "PNG"],
    ),
    Row(
        "pictures inside a .zip are not looked at, and that is said",
        "inspect parts",
        [good("parts/good", 6), data("parts/more.zip", b"PK\x03\x04")],
        says=[r"skipped.*\.zip"],
    ),
    Row(
        "gray, color, palette, transparent, CMYK, 1-bit and 16-bit pictures",
        "inspect parts",
        [
            good("parts/good", 4),
            image("parts/good/l.png", lambda: picture(20).convert("L")),
            image("parts/good/p.png", lambda: picture(21).convert("P")),
            image("parts/good/a.png", lambda: picture(22).convert("RGBA")),
            image("parts/good/c.jpg", lambda: picture(23).convert("CMYK")),
            image("parts/good/1.png", lambda: picture(24).convert("1")),
            _sixteen_bit("parts/good/16.png", 257, 25),
        ],
        says=[counts(10, 0, 0), "different channels|channels or depth"],
    ),
    Row(
        "12-bit pictures in 16 bits are nearly black",
        "inspect parts",
        [several(*(_sixteen_bit(f"parts/{i}.png", 10, i) for i in range(6)))],
        says=["16-bit", "nearly black"],
    ),
    Row(
        "an animated GIF and a TIFF of several pages",
        "inspect parts",
        [
            good("parts/good", 5),
            image(
                "parts/good/a.gif",
                lambda: picture(30).convert("P"),
                save_all=True,
                append_images=[picture(31).convert("P")],
            ),
            image(
                "parts/good/b.tif", lambda: picture(32), save_all=True, append_images=[picture(33)]
            ),
        ],
        says=[counts(7, 0, 0), "2 files of several", "first"],
    ),
    Row(
        "a mask of the wrong size on a training defect",
        "inspect parts",
        [
            good("parts/good", 6),
            bad("parts/defect", 2),
            image("parts/masks/defect/000.png", lambda: Image.new("L", (32, 32), 255)),
        ],
        status=1,
        says=["mask", "32"],
    ),
    Row(
        "a mask that belongs to nothing",
        "inspect parts",
        [
            mvtec(),
            image("parts/ground_truth/scratch/777_mask.png", lambda: Image.new("L", (64, 64))),
        ],
        says=["777_mask", "no image belongs"],
    ),
    Row(
        "an empty mask on a defect",
        "inspect parts",
        [
            good("parts/good", 6),
            bad("parts/defect", 2),
            image("parts/masks/defect/000.png", lambda: Image.new("L", (64, 64), 0)),
        ],
        says=["empty mask"],
    ),
    Row(
        "copies of a training image in test",
        "inspect parts",
        [mvtec(), image("parts/test/good/copy.png", lambda: picture(0))],
        says=["in train and (one )?in test"],
    ),
    Row(
        "the same picture good and bad",
        "inspect parts",
        [good("parts/good", 6), bad("parts/bad", 2), image("parts/bad/x.png", lambda: picture(0))],
        says=["one normal and one anomalous|both normal and anomalous", "x.png"],
    ),
    Row(
        "black pictures: a closed shutter",
        "inspect parts",
        [good("parts/good", 6), image("parts/good/x.png", lambda: Image.new("RGB", (64, 64)))],
        says=["plain shade", "x.png"],
    ),
    Row(
        "thumbnails of 16 px",
        "inspect parts",
        [
            several(
                *(
                    image(f"parts/{i}.png", lambda i=i: picture(i).resize((16, 16)))
                    for i in range(4)
                )
            )
        ],
        says=["less than 32 px"],
    ),
    refused(
        "a folder that is not there",
        "inspect prats",
        [good("parts", 3)],
        "no such file or folder",
        "prats",
    ),
    refused("an empty folder", "inspect parts", [folder("parts")], "parts", "empty"),
    refused("a folder of empty folders", "inspect parts", [folder("parts/a/b")], "no images"),
    refused(
        "a folder of documents",
        "inspect parts",
        [data("parts/a.docx"), data("parts/b.pdf"), text("parts/c.txt", "x")],
        "no images",
        "docx|pdf",
    ),
    refused(
        "a .zip in place of the folder",
        "inspect parts.zip",
        [data("parts.zip", b"PK\x03\x04")],
        "parts.zip",
        "neither an image nor|unpack",
    ),
    refused(
        "a Word file in place of the folder",
        "inspect parts.docx",
        [data("parts.docx", b"PK\x03\x04")],
        "parts.docx",
        "neither an image nor",
    ),
    Row(
        "one image in place of a folder",
        "inspect a.png",
        [image("a.png", picture)],
        status=1,
        says=["at least 2"],
    ),
    Row(
        "a link to the folder",
        "inspect here",
        [good("parts", 6), link("here", "parts")],
        says=[counts(0, 0, 6)],
    ),
    Row(
        "a link that leads back up",
        "inspect parts",
        [good("parts/good", 6), link("parts/good/loop", "..")],
        says=[counts(6, 0, 0)],
    ),
    Row(
        "a link to nothing among the images",
        "inspect parts",
        [good("parts/good", 6), link("parts/good/x.png", "gone.png")],
        status=1,
        says=["x.png"],
    ),
    Row("a slash at the end", "inspect parts/", [good("parts", 6)], says=[counts(0, 0, 6)]),
    Row("the folder here: a dot", "inspect .", [good("a", 6)], says=[counts(0, 0, 6)]),
    Row("an absolute path", "inspect {place}/parts", [good("parts", 6)], says=[counts(0, 0, 6)]),
    Row(
        "a home folder by ~ in the shell",
        "defectory inspect ~/parts",
        [good("parts", 6)],
        shell=True,
        env={"HOME": "{place}"},
        says=[counts(0, 0, 6)],
    ),
    Row(
        "file names with spaces, umlauts, an emoji, quotes and a new line",
        "inspect parts",
        [
            image(f"parts/{name}.png", lambda i=i: picture(i))
            for i, name in enumerate(
                ["a b", "Prüfling ß", "🔩", 'it\'s "x"', "two\nlines", "-rf", "100%", "a;b,c"]
            )
        ],
        says=[counts(0, 0, 8)],
    ),
    Row(
        "file names that are not UTF-8",
        "inspect parts",
        [image(f"parts/teil_\udcfc{i}.png", lambda i=i: picture(i)) for i in range(6)],
        says=[counts(0, 0, 6)],
    ),
    Row(
        "a broken file whose name is not UTF-8",
        "defectory inspect parts",
        [good("parts", 6), data("parts/teil_\udcfc.png")],
        status=1,
        shell=True,
        says=["teil_"],
    ),
]
