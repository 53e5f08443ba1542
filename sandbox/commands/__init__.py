"""SPL commands as DuckDB queries, one function each. The meaning is that of the Search Reference."""

from sandbox.commands import data, frequencies, regexes, rest, rows, statistics, summaries, timechart
from sandbox.search.command import Spec

COMMANDS = {
    "lookup": Spec(data.build_lookup),
    "inputlookup": Spec(data.build_inputlookup, generating=True),
    "outputlookup": Spec(data.build_outputlookup, effect=data.write_table),
    "sendalert": Spec(data.build_sendalert, effect=data.send_alert),
    "collect": Spec(data.build_collect, effect=data.index_rows),
    "savedsearch": Spec(rows.build_savedsearch, generating=True),
    "rest": Spec(rest.build_rest, generating=True),
    "search": Spec(rows.build_search, distributable=True, generating=True),
    "where": Spec(rows.build_where, distributable=True),
    "eval": Spec(rows.build_eval, distributable=True),
    "regex": Spec(regexes.build_regex, distributable=True),
    "rex": Spec(regexes.build_rex, distributable=True),
    "fields": Spec(rows.build_fields, distributable=True),
    "table": Spec(rows.build_table),
    "rename": Spec(rows.build_rename, distributable=True),
    "mvexpand": Spec(rows.build_mvexpand, distributable=True),
    "head": Spec(rows.build_head),
    "sort": Spec(rows.build_sort),
    "reverse": Spec(rows.build_reverse),
    "addinfo": Spec(rows.build_addinfo, distributable=True),
    "append": Spec(rows.build_append),
    "appendpipe": Spec(rows.build_appendpipe),
    "makeresults": Spec(rows.build_makeresults, generating=True),
    "stats": Spec(statistics.build_stats),
    "eventstats": Spec(statistics.build_eventstats),
    "streamstats": Spec(statistics.build_streamstats),
    "top": Spec(frequencies.build_top),
    "rare": Spec(frequencies.build_rare),
    "dedup": Spec(statistics.build_dedup),
    "fillnull": Spec(statistics.build_fillnull),
    "filldown": Spec(statistics.build_filldown),
    "tstats": Spec(summaries.build_tstats, generating=True),
    "bin": Spec(timechart.build_bin, distributable=True),
    "chart": Spec(timechart.build_chart),
    "timechart": Spec(timechart.build_timechart),
}
"""The table of the commands that the sandbox has."""
