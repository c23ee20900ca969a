"""Makes the pictures of the images that are asked about next, before they are asked for."""

import sys
import threading
import time
import traceback
from collections.abc import Sequence

from defectory.domain import DefectoryError
from defectory.review.heatmaps import Heatmaps
from defectory.review.previews import SIDES_PX, Previews
from defectory.review.threads import background_thread

MOST_AHEAD = 50
"""Images: as many as the page asks the queue for."""

_JOIN_S = 30.0
_GIVE_WAY_S = 0.01


class MakerAhead:
    """A thread that makes previews and heatmaps in the order in which they will be looked at.

    Parameters
    ----------
    previews, heatmaps : keep what is made
    """

    def __init__(self, previews: Previews, heatmaps: Heatmaps) -> None:
        self._previews, self._heatmaps = previews, heatmaps
        self._wanted: list[int] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._thread = background_thread(self._work, "previews ahead")
        self._thread.start()

    def want(self, image_ids: Sequence[int]) -> None:
        """Make the pictures of these images next, the first first; what was wanted before is forgotten."""
        with self._changed:
            self._wanted = list(image_ids[:MOST_AHEAD])
            self._changed.notify()

    def stop(self) -> None:
        """End the thread after the picture it is at."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join(_JOIN_S)

    def _work(self) -> None:
        while (image_id := self._next()) is not None:
            try:
                self._make(image_id)
            except DefectoryError:
                pass  # whoever asks for the picture is told
            except Exception:
                traceback.print_exc(file=sys.stderr)

    def _next(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._is_over)
            return None if self._is_over else self._wanted.pop(0)

    def _make(self, image_id: int) -> None:
        for side_px in sorted(side for side in SIDES_PX if side):
            self._give_way()
            self._previews.get(image_id, side_px)
        self._give_way()
        self._heatmaps.get(image_id)

    def _give_way(self) -> None:
        """Wait while a person waits for a picture."""
        while self._previews.is_busy and not self._is_over:
            time.sleep(_GIVE_WAY_S)
