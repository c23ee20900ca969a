"""What one review server holds: the project, its pictures, its jobs, and who it was started for."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from defectory.domain import DefectoryError
from defectory.review.ahead import MOST_AHEAD, MakerAhead
from defectory.review.heatmaps import Heatmaps
from defectory.review.jobs import Jobs
from defectory.review.page_files import PageFiles
from defectory.review.previews import Previews
from defectory.workflows.reviewing.project import ReviewProject

PREVIEW_FOLDER = "previews"


@dataclass(frozen=True)
class Site:
    """Shared by all requests; every part may be used by several threads at once.

    Attributes
    ----------
    who : signs labels where the page does not say who is at it
    page : files of the page itself
    """

    project: ReviewProject
    who: str
    previews: Previews
    heatmaps: Heatmaps
    ahead: MakerAhead
    jobs: Jobs
    page: PageFiles

    @classmethod
    def of(cls, project: ReviewProject, who: str, page: Path | None = None) -> "Site":
        """Return the site of a project.

        Parameters
        ----------
        page : folder with the page's files; None for the one of this package
        """
        previews = Previews(project, project.folder / PREVIEW_FOLDER)
        heatmaps = Heatmaps(project)
        return cls(
            project=project,
            who=who,
            previews=previews,
            heatmaps=heatmaps,
            ahead=MakerAhead(previews, heatmaps),
            jobs=Jobs(),
            page=PageFiles.in_package() if page is None else PageFiles(page),
        )

    def prepare(self) -> None:
        """Load the bundle and make the first pictures, before the page asks for them."""
        with suppress(DefectoryError):  # whoever asks is told
            self.ahead.want([image.id for image in self.project.queue(MOST_AHEAD)])

    def close(self) -> None:
        """End what runs in the background, and close the project."""
        self.ahead.stop()
        self.jobs.stop()
        self.project.close()
