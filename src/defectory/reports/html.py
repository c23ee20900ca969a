"""The standalone page: one file, no script, nothing fetched."""

import re
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from defectory.domain import Label, ParameterError
from defectory.reports import formats
from defectory.reports.content import GalleryItem, HeatScale, Metric, ReportContent
from defectory.reports.pictures import (
    jpeg_uri,
    outline_path,
    overlay_heat,
    picture_size,
    png_uri,
    region_box,
    scale_strip,
    shrink_image,
)
from defectory.reports.plots import histogram_svg, roc_svg
from defectory.reports.suspect_content import SuspectContent, SuspectItem

_LABEL_WORDS = {
    Label.NORMAL: "labeled good",
    Label.ANOMALOUS: "labeled defective",
    Label.UNLABELED: "unlabeled",
}
# What HTML forbids even as a reference, and half of a surrogate pair, which UTF-8 cannot carry.
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class _Card:
    """A gallery item ready for the template."""

    item: GalleryItem
    label: str
    width: int
    height: int
    photo_uri: str
    heat_uri: str
    outline: str
    boxes: tuple[tuple[float, float, float, float], ...]


def render_report(content: ReportContent) -> str:
    """Return a whole HTML page, ready to be written as UTF-8.

    The same content gives the same page. Every string of the content is escaped; characters that no
    HTML file can hold (control characters, broken file name bytes) become U+FFFD.

    Parameters
    ----------
    content : what the report says

    Raises
    ------
    ParameterError : two metrics or two galleries share a key, or a key is no plain identifier.
    """
    _check_keys("metric", [metric.key for metric in content.metrics])
    _check_keys("gallery", [gallery.key for gallery in content.galleries])
    template = make_environment().get_template("report.html.j2")
    page = template.render(
        content=content,
        histogram=histogram_svg(content.scored) if content.scored.scores.size else "",
        roc=roc_svg(content.scored, content.confusion) or "",
        galleries=[
            (gallery, [_card(item, content.heat_scale) for item in gallery.items])
            for gallery in content.galleries
        ],
        scale_uri=png_uri(scale_strip()) if _has_heat(content) else "",
        suspects=content.suspects,
        suspect_cards=_suspect_cards(content.suspects),
        suspect_rows=[item for item in _suspect_items(content.suspects) if item.image is None],
    )
    return UNPRINTABLE.sub("\ufffd", page)


def make_environment() -> Environment:
    """Return what templates are rendered in: everything escaped, the project's formats as filters."""
    environment = Environment(
        loader=PackageLoader("defectory.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=formats.as_percent,
        ratio=formats.as_ratio,
        level=formats.as_level,
        bound=formats.as_bound,
        score=formats.as_score,
        weight=formats.as_weight,
        figure=_figure,
        interval=_interval,
    )
    return environment


def _figure(metric: Metric) -> str:
    """Return the value of a metric as text."""
    show = formats.as_percent if metric.is_percent else formats.as_ratio
    return show(metric.value)


def _interval(metric: Metric) -> str:
    """Return the interval of a metric as text; "" where there is none."""
    show = formats.as_percent if metric.is_percent else formats.as_ratio
    ends = [end if end is None else show(end) for end in (metric.low, metric.high)]
    if None in ends or formats.NOT_AVAILABLE in [*ends, show(metric.value)]:
        return ""
    return f"{ends[0]} – {ends[1]}"


def _card(item: GalleryItem, scale: HeatScale | None) -> _Card:
    picture = shrink_image(item.image)
    height, width = picture_size(*item.image.shape[:2])
    heat_uri = ""
    if item.anomaly_map is not None and scale is not None:
        heat_uri = jpeg_uri(overlay_heat(picture, item.anomaly_map, scale))
    return _Card(
        item=item,
        label=item.defect_type or _LABEL_WORDS[item.label],
        width=width,
        height=height,
        photo_uri=jpeg_uri(picture),
        heat_uri=heat_uri,
        outline="" if item.mask is None else outline_path(item.mask),
        boxes=tuple(region_box(region, item.image.shape) for region in item.decision.regions),
    )


def _suspect_items(suspects: SuspectContent | None) -> tuple[SuspectItem, ...]:
    return () if suspects is None else suspects.items


def _suspect_cards(suspects: SuspectContent | None) -> list[tuple[SuspectItem, str]]:
    """Return the items that can be shown, with their pictures."""
    return [
        (item, jpeg_uri(shrink_image(item.image)))
        for item in _suspect_items(suspects)
        if item.image is not None
    ]


def _has_heat(content: ReportContent) -> bool:
    items = [item for gallery in content.galleries for item in gallery.items]
    return content.heat_scale is not None and any(item.anomaly_map is not None for item in items)


def _check_keys(what: str, keys: list[str]) -> None:
    """Raise unless the keys can serve as element ids."""
    for key in keys:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", key.replace("_", "-")):
            raise ParameterError(
                f"report {what} key {key!r} is no plain identifier; use a-z, 0-9, -"
            )
        if keys.count(key) > 1:
            raise ParameterError(f"report has two {what} entries with key {key!r}; keys are unique")
