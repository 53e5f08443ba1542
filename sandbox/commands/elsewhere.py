"""The commands of Splunk's Search Reference: a search that uses one which is not here is not misspelt.

Source: Search Reference, Command quick reference (9.4), and the internal commands that searchbnf.conf names.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_NAMES = """
abstract accum addcoltotals addinfo addtotals analyzefields anomalies anomalousvalue anomalydetection append
appendcols appendpipe arules associate autoregress awssnsalert bin bucket bucketdir chart cluster cofilter collect
concurrency contingency convert correlate ctable datamodel datamodelsimple dbinspect dedup delete delta diff dump
entitymerge erex eval eventcount eventstats extract fieldformat fields fieldsummary filldown fillnull findtypes
folderize foreach format from fromjson gauge gentimes geom geomfilter geostats head highlight history iconify
inputcsv inputintelligence inputlookup iplocation join kmeans kv kvform loadjob localize localop lookup
makecontinuous makemv makeresults map mcollect metadata metasearch meventcollect mpreview msearch mstats multikv
multisearch mvcombine mvexpand nomv outlier outputcsv outputlookup outputtext overlap pivot predict preview rangemap
rare rawstats redistribute regex relevancy reltime rename replace require rest return reverse rex rtorder run
runshellscript savedsearch script scrub search searchtxn selfjoin sendalert sendemail set setfields sichart sirare
sistats sitimechart sitop snowincident snowincidentstream sort spath stats strcat streamstats table tags tail
timechart timewrap tojson top transaction transpose trendline tscollect tstats typeahead typelearner typer union
uniq untable walklex where x11 xmlkv xmlunescape xpath xsDisplayConcept xsDisplayContext xyseries
"""
SPLUNK = frozenset(_NAMES.split())


def unknown(name: str, known: Iterable[str]) -> str:
    """Return what to say of a command that is not here, without the place."""
    if name in SPLUNK:
        return f"'{name}' is a command of Splunk that the sandbox does not have (docs/sandbox.md lists what it has)"
    near = difflib.get_close_matches(name, [*known, *sorted(SPLUNK)], n=1, cutoff=0.65)
    return f"Unknown search command '{name}'" + (f", did you mean '{near[0]}'?" if near else "")
