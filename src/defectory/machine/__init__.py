"""What this process may use of the machine: cores, memory, threads of matrix products.

Imports nothing that is slow to import.
"""

from defectory.machine.cores import at_most_cores, count_cores
from defectory.machine.memory import resident_bytes
from defectory.machine.parallel import at_most_readers, count_readers, map_ordered
from defectory.machine.products import one_thread_a_product

__all__ = [
    "at_most_cores",
    "at_most_readers",
    "count_cores",
    "count_readers",
    "map_ordered",
    "one_thread_a_product",
    "resident_bytes",
]
