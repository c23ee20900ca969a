"""What this process may use of the machine: cores, memory, threads of matrix products.

Imports nothing that is slow to import.
"""

from typing import TYPE_CHECKING

from defectory.lazy_names import lazy_names
from defectory.machine.cores import (
    at_most_cores,
    at_most_readers,
    count_cores,
    count_readers,
    map_ordered,
)
from defectory.machine.shared_settings import one_thread_a_product

if TYPE_CHECKING:
    from defectory.machine.memory import resident_bytes

__all__ = [
    "at_most_cores",
    "at_most_readers",
    "count_cores",
    "count_readers",
    "map_ordered",
    "one_thread_a_product",
    "resident_bytes",
]

# asked for only where memory is limited
__getattr__ = lazy_names(__name__, {"defectory.machine.memory": ("resident_bytes",)})
