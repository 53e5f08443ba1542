"""Events of processes, as an export of Sysmon's log has them."""

from xml.sax.saxutils import escape


def sysmon(image, command_line, at="2026-03-02T09:00:00.000000Z"):
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>1</EventID>"
        f"<TimeCreated SystemTime='{at}'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        f"<Computer>ws-1</Computer></System><EventData><Data Name='Image'>{escape(image)}</Data>"
        f"<Data Name='CommandLine'>{escape(command_line)}</Data><Data Name='User'>CORP\\jdoe</Data>"
        "<Data Name='ParentImage'>C:\\Windows\\explorer.exe</Data></EventData></Event>\n"
    )
