"""What a review keeps on disk: images, scores, labels, masks, bundle versions. SQLite and small files."""

from defectory.projects.answers import (
    Answer,
    ChangedMeanwhileError,
    append_answer,
    last_answer,
    last_answers,
)
from defectory.projects.bundle_versions import VersionRow
from defectory.projects.images import ImageRow, MissingImageError, NewImage
from defectory.projects.store import DATABASE, ProjectStore, is_project

__all__ = [
    "DATABASE",
    "Answer",
    "ChangedMeanwhileError",
    "ImageRow",
    "MissingImageError",
    "NewImage",
    "ProjectStore",
    "VersionRow",
    "append_answer",
    "is_project",
    "last_answer",
    "last_answers",
]
