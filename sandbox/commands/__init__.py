"""SPL commands as DuckDB queries, one function each. The meaning is that of the Search Reference."""

from sandbox.commands import data as data
from sandbox.commands import rest as rest
from sandbox.commands import rows as rows
from sandbox.commands import statistics as statistics
from sandbox.commands import summaries as summaries
from sandbox.commands import timechart as timechart
from sandbox.search.command import COMMANDS as COMMANDS
