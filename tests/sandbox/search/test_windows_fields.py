"""Fields of Windows events, by the add-ons' names, in a search that names them."""

import pytest

from sandbox.search.instance import Instance

XML = (
    "<Event xmlns='x'><System><EventID Qualifiers='0'>4624</EventID><EventRecordID>7</EventRecordID>"
    "<Channel>Security</Channel><Computer>ws1</Computer></System><EventData><Data Name='TargetUserName'>a&amp;b</Data>"
    "<Data Name='LogonType'>3</Data><Data Name='IpAddress'></Data><Data Name='Image'>C:\\x &lt;EventID&gt;.exe</Data>"
    "</EventData></Event>"
)
CLASSIC = (
    "03/02/2026 06:54:42 PM\r\nLogName=Security\r\nEventCode=4688\r\nComputerName=ws2\r\nRecordNumber=8\r\n"
    "Message=A new process has been created.\r\n\r\nCreator Subject:\r\n\tAccount Name:\t\tjo\r\n"
    "\r\nTarget Subject:\r\n\tAccount Name:\t\t-\r\n\r\nProcess Information:\r\n\tNew Process Name:\tC:\\a b.exe\r\n"
    "\tProcess Command Line:\tx EventCode=1\r\n"
)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("home"), indexers=2)
    (instance.apps / "search").mkdir()
    instance.add_events(
        [
            {"_time": 3, "_raw": XML, "index": "main", "sourcetype": "XmlWinEventLog", "process": "kept"},
            {"_time": 2, "_raw": CLASSIC, "index": "main", "sourcetype": "WinEventLog"},
            {"_time": 1, "_raw": "EventCode=9", "index": "main", "sourcetype": "other"},
        ]
    )
    return instance


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("EventCode=* | table EventCode", [{"EventCode": "4624"}, {"EventCode": "4688"}]),
        ("EventCode=4688 | table Account_Name", [{"Account_Name": ["jo", "-"]}]),
        (
            "* | stats count by Account_Name",
            [{"Account_Name": "-", "count": "1"}, {"Account_Name": "jo", "count": "1"}],
        ),
        (
            "* | eval cmd=Process_Command_Line | table New_Process_Name cmd | head 2",
            [{}, {"New_Process_Name": "C:\\a b.exe", "cmd": "x EventCode=1"}],
        ),
        ("TargetUserName=a* LogonType=3 | table Image IpAddress", [{"Image": "C:\\x <EventID>.exe"}]),
        (
            "EventID=* OR LogName=* | table EventID RecordNumber ComputerName Channel LogName",
            [
                {"EventID": "4624", "RecordNumber": "7", "ComputerName": "ws1", "Channel": "Security"},
                {"RecordNumber": "8", "ComputerName": "ws2", "LogName": "Security"},
            ],
        ),
        ('process="EventCode" | table *', []),
    ],
)
def test_a_field_that_a_search_names_is_found_in_the_raw_event(instance, search, rows):
    found = instance.search(search).rows
    assert [{name: value for name, value in row.items() if value is not None} for row in found] == rows


def test_events_have_no_such_field_in_a_search_that_does_not_name_it(instance):
    assert instance.search('* | eval x="EventCode"').columns == [
        *("_time", "_raw", "index", "sourcetype", "process", "splunk_server", "x")
    ]
