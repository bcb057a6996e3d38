"""Run a recipe over any number of records, in parts that fit into memory, on one host or many.

The input lies in files of a spool folder. Each stage of the recipe is a dataframe of its parts
on Daft: its native runner here, a Ray cluster where JINBIAO_RAY_ADDRESS names one
(then the spool folder must be one that all its hosts share). Every part is written under
another name and then renamed, so that a killed run goes on with the parts it has.
"""

from .ended import Ended
from .parts import MOST_BYTES, MOST_RECORDS, of_asset
from .running import Plan, Run

__all__ = ["Ended", "MOST_BYTES", "MOST_RECORDS", "Plan", "Run", "of_asset"]
