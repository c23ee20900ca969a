"""Results -> plain data -> one standalone HTML file."""

from defectory.reports.content import (
    Confusion,
    Facts,
    Gallery,
    GalleryItem,
    HeatScale,
    Metric,
    Promise,
    ReportContent,
    ScoredImages,
    TypeRow,
)
from defectory.reports.galleries import (
    false_alarms_gallery,
    highest_gallery,
    misses_gallery,
    pick_false_alarms,
    pick_highest,
    pick_misses,
)
from defectory.reports.html import render_report
from defectory.reports.pictures import fit_heat_scale, overlay_heat
from defectory.reports.suspect_content import SuspectContent, SuspectItem

__all__ = [
    "Confusion",
    "Facts",
    "Gallery",
    "GalleryItem",
    "HeatScale",
    "Metric",
    "Promise",
    "ReportContent",
    "ScoredImages",
    "SuspectContent",
    "SuspectItem",
    "TypeRow",
    "false_alarms_gallery",
    "fit_heat_scale",
    "highest_gallery",
    "misses_gallery",
    "overlay_heat",
    "pick_false_alarms",
    "pick_highest",
    "pick_misses",
    "render_report",
]
