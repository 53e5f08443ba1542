"""The words of a rendered (classic) Security 4688 message, in the languages of Windows.

Windows renders a message in the language of its edition, from a template: a first line, two or three sections with a
heading each, and rows of label and value. This module is the words only. A heading stands at the start of a row and
ends with a colon, a label follows a tab and ends with a colon; neither colon is part of a word here, nor is the blank
that French has before it. Editions differ in capitals and in the form of the apostrophe: `key` folds both.

Each language names the kind of its sources. "[unsure]" marks the words that no text of a 4688 event was found for:
they are the ones of another event in that language, or of a document. A word without any source is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """The words of one language; each is a tuple of all known spellings, the newest Windows first."""

    first_lines: tuple[str, ...]
    creator: tuple[str, ...]  # headings: "Creator Subject", in Windows before 10 and Server 2016 "Subject"
    target: tuple[str, ...]  # heading: "Target Subject", since Windows 10 and Server 2016
    process: tuple[str, ...]  # heading: "Process Information"
    account: Mapping[str, tuple[str, ...]]  # labels under creator and target, by XML name without Subject or Target
    labels: Mapping[str, tuple[str, ...]]  # labels under process, by XML name


LANGUAGES: Mapping[str, Language] = {
    # The template and events of all versions.
    "English": Language(
        first_lines=("A new process has been created.",),
        creator=("Creator Subject", "Subject"),
        target=("Target Subject",),
        process=("Process Information",),
        account={
            "UserSid": ("Security ID",),
            "UserName": ("Account Name",),
            "DomainName": ("Account Domain",),
            "LogonId": ("Logon ID",),
        },
        labels={
            "NewProcessId": ("New Process ID",),
            "NewProcessName": ("New Process Name",),
            "TokenElevationType": ("Token Elevation Type",),
            "MandatoryLabel": ("Mandatory Label",),
            "ProcessId": ("Creator Process ID",),
            "ParentProcessName": ("Creator Process Name",),
            "CommandLine": ("Process Command Line",),
        },
    ),
    # The template of Windows 10 (version 2 of the event), and scripts that read such events.
    "German": Language(
        first_lines=("Ein neuer Prozess wurde erstellt.",),
        creator=(
            "Antragsteller",
            "Antragstellerbetreff",  # [unsure] a sample without a known origin
        ),
        target=(
            "Zielantragsteller",
            "Zielbetreff",  # [unsure] the same sample
        ),
        process=("Prozessinformationen",),
        account={
            "UserSid": ("Sicherheits-ID",),
            "UserName": ("Kontoname",),
            "DomainName": ("Kontodomäne",),
            "LogonId": ("Anmelde-ID",),
        },
        labels={
            "NewProcessId": ("ID des neuen Prozesses",),
            "NewProcessName": ("Neuer Prozessname",),
            "TokenElevationType": ("Tokenerhöhungstyp",),
            "MandatoryLabel": ("Verbindliche Beschriftung",),
            "ProcessId": ("Erstellerprozess-ID",),
            "ParentProcessName": ("Erstellerprozessname",),
            "CommandLine": ("Prozessbefehlszeile",),
        },
    ),
    # An event of Windows 10 (version 2).
    "French": Language(
        first_lines=("Un nouveau processus a été créé.",),
        creator=(
            "Objet créateur",
            "Sujet",  # [unsure] 4689 and 4738 of Windows 7 and Server 2008
        ),
        target=("Objet cible",),
        process=("Informations sur le processus",),
        account={
            "UserSid": ("ID de sécurité",),
            "UserName": ("Nom du compte",),
            "DomainName": ("Domaine du compte",),
            "LogonId": (
                "ID de connexion",
                "ID d'ouverture de session",  # [unsure] 4672, 4689 and 4738 of older Windows
            ),
        },
        labels={
            "NewProcessId": ("ID du nouveau processus",),
            "NewProcessName": ("Nom du nouveau processus",),
            "TokenElevationType": ("Type d'élévation du jeton",),
            "MandatoryLabel": ("Étiquette obligatoire",),
            "ProcessId": ("ID du processus créateur",),
            "ParentProcessName": ("Nom du processus créateur",),
            "CommandLine": ("Ligne de commande du processus",),
        },
    ),
    # A parser of 4688 as classic WinEventLog text; 4624 as template and event, 4689, scripts.
    "Spanish": Language(
        first_lines=(
            "Se creó un nuevo proceso.",
            "Se ha creado un nuevo proceso.",  # [unsure] a translated document
        ),
        creator=(
            "Firmante creador",
            "Firmante",  # [unsure] 4624
            "Sujeto",  # [unsure] 4625 and 4634 of older Windows
        ),
        target=(),
        process=("Información de proceso",),  # [unsure] 4624 and 4689
        account={
            "UserSid": (
                "Identificador de seguridad",
                "Id. de seguridad",  # [unsure] 4624 and 4689
            ),
            "UserName": ("Nombre de cuenta",),
            "DomainName": ("Dominio de cuenta",),
            "LogonId": (
                "Identificador de inicio de sesión",
                "Id. de inicio de sesión",  # [unsure] 4624 and 4689
            ),
        },
        labels={
            "NewProcessName": ("Nombre del nuevo proceso",),
            "TokenElevationType": ("Tipo de elevación de token",),
            "CommandLine": ("Línea de comandos de proceso",),  # [unsure] a script that reads 4688
        },
    ),
    # A search over 4688 and the end of a 4688 message; the template of 4626; translated documents.
    "Italian": Language(
        first_lines=("È stato creato un nuovo processo.",),  # [unsure] a translated document
        creator=(),
        target=(),
        process=(),
        account={
            "UserSid": ("ID sicurezza",),  # [unsure] 4626
            "UserName": ("Nome account",),  # [unsure] 4626
            "DomainName": ("Dominio account",),  # [unsure] 4626
            "LogonId": ("ID accesso",),  # [unsure] 4626
        },
        labels={
            "NewProcessName": ("Nome nuovo processo",),
            "TokenElevationType": ("Tipo elevazione token",),
            "CommandLine": ("Riga di comando processo",),  # [unsure] a translated document
        },
    ),
    # The template of Windows 10 (version 2), and scripts that read 4688 of another version; 5140.
    "Portuguese": Language(
        first_lines=("Um novo processo foi criado.",),
        creator=(
            "Entidade do Criador",
            "Assunto",  # [unsure] 5140
        ),
        target=("Entidade de Destino",),
        process=("v",),  # so in the template: a slip of the translators
        account={
            "UserSid": (
                "ID de Segurança",
                "Identificação de segurança",  # [unsure] 5140
            ),
            "UserName": ("Nome da Conta",),
            "DomainName": ("Domínio da Conta",),
            "LogonId": (
                "ID de Logon",
                "Identificação de logon",  # [unsure] 5140
            ),
        },
        labels={
            "NewProcessId": ("ID do Novo Processo",),
            "NewProcessName": ("Nome do Novo Processo", "Novo Nome do Processo"),
            "TokenElevationType": ("Tipo de Elevação do Token",),
            "MandatoryLabel": ("Rótulo Obrigatório",),
            "ProcessId": ("ID de Processo do Criador",),
            "ParentProcessName": ("Nome do Processo do Criador", "Nome do Processo Criador"),
            "CommandLine": ("Linha de Comando do Processo",),
        },
    ),
    # A script that reads 4688 of Windows 10 or later; events 4624 and 4648; lists of event codes.
    "Russian": Language(
        first_lines=(
            "Создан процесс.",  # [unsure] lists of event codes
            "Создан новый процесс.",  # [unsure] the same
        ),
        creator=("Субъект",),  # [unsure] 4624 and 4648
        target=(),
        process=("Сведения о процессе",),  # [unsure] 4624 and 4648
        account={
            "UserSid": ("ИД безопасности",),  # [unsure] 4624 and 4648
            "UserName": ("Имя учетной записи",),
            "DomainName": ("Домен учетной записи",),
            "LogonId": ("Код входа",),  # [unsure] 4624 and 4648
        },
        labels={
            "NewProcessId": ("ИД нового процесса",),
            "NewProcessName": ("Имя нового процесса",),
            "ProcessId": ("ИД процесса-создателя",),
            "ParentProcessName": ("Имя процесса-создателя",),
            "CommandLine": ("Командная строка процесса",),
        },
    ),
    # Parsers of 4688 as classic WinEventLog text and as Event Viewer's CSV, of all versions.
    "Japanese": Language(
        first_lines=("新しいプロセスが作成されました。",),
        creator=("作成元サブジェクト", "サブジェクト"),
        target=("ターゲット サブジェクト",),
        process=("プロセス情報",),
        account={
            "UserSid": ("セキュリティ ID",),
            "UserName": ("アカウント名",),
            "DomainName": ("アカウント ドメイン",),
            "LogonId": ("ログオン ID",),
        },
        labels={
            "NewProcessId": ("新しいプロセス ID",),
            "NewProcessName": ("新しいプロセス名",),
            "TokenElevationType": ("トークン昇格の種類",),
            "ProcessId": ("作成元プロセス ID", "クリエーター プロセス ID", "クリエータ プロセス ID"),
            "ParentProcessName": ("作成元プロセス名",),
            "CommandLine": ("プロセスのコマンド ライン",),
        },
    ),
    # Events of Windows 7, and of Windows 10 and Server 2016 (version 2).
    "Chinese": Language(
        first_lines=("已创建新进程。",),
        creator=("创建者主题", "使用者"),
        target=("目标主题",),
        process=("进程信息",),
        account={
            "UserSid": ("安全 ID",),
            "UserName": ("帐户名", "帐户名称"),
            "DomainName": ("帐户域",),
            "LogonId": ("登录 ID",),
        },
        labels={
            "NewProcessId": ("新进程 ID",),
            "NewProcessName": ("新进程名称",),
            "TokenElevationType": ("令牌提升类型",),
            "MandatoryLabel": ("强制性标签",),
            "ProcessId": ("创建者进程 ID",),
            "ParentProcessName": ("创建者进程名称",),
            "CommandLine": ("进程命令行",),
        },
    ),
    # Events 4624, 4648, 4663 and others in a parser's tests; a list of event codes.
    "Chinese (traditional)": Language(
        first_lines=("已建立新的處理程序。",),  # [unsure] a list of event codes
        creator=("主旨", "主體"),  # [unsure] 4624; 4907
        target=(),
        process=("處理程序資訊",),  # [unsure] 4624
        account={
            "UserSid": ("安全性識別碼",),  # [unsure] 4624
            "UserName": ("帳戶名稱",),  # [unsure] 4624
            "DomainName": ("帳戶網域",),  # [unsure] 4624
            "LogonId": ("登入識別碼",),  # [unsure] 4624
        },
        labels={},
    ),
    # Scripts that read 4688 of Windows 10 or later; an event 4624.
    "Korean": Language(
        first_lines=("새 프로세스가 만들어졌습니다.",),  # [unsure] what such a script writes, not what it reads
        creator=("주체",),  # [unsure] 4624
        target=(),
        process=(),
        account={
            "UserSid": ("보안 ID",),  # [unsure] 4624
            "UserName": ("계정 이름",),  # [unsure] 4624
            "DomainName": ("계정 도메인",),  # [unsure] 4624
            "LogonId": ("로그온 ID",),  # [unsure] 4624
        },
        labels={
            "NewProcessId": ("새 프로세스 ID",),
            "NewProcessName": ("새 프로세스 이름",),
            "TokenElevationType": ("토큰 상승 유형",),
            "ProcessId": ("생성자 프로세스 ID",),
            "ParentProcessName": ("생성자 프로세스 이름",),
            "CommandLine": ("프로세스 명령줄",),
        },
    ),
    # What a log viewer and notes on 4688 call its fields; events 1102 and 4625.
    "Polish": Language(
        first_lines=("Utworzono nowy proces.",),  # [unsure] the viewer
        creator=("Podmiot",),  # [unsure] 1102 and 4625
        target=(),
        process=(),
        account={
            "UserSid": ("Identyfikator zabezpieczeń",),  # [unsure] 1102 and 4625
            "UserName": ("Nazwa konta",),  # [unsure] 1102 and 4625
            "LogonId": ("Identyfikator logowania",),  # [unsure] 1102
        },
        labels={
            "NewProcessId": ("Identyfikator nowego procesu",),  # [unsure] the viewer
            "NewProcessName": ("Nazwa nowego procesu",),  # [unsure] the viewer and the notes
            "ProcessId": ("Identyfikator procesu twórcy",),  # [unsure] the viewer
            "ParentProcessName": ("Nazwa procesu twórcy",),  # [unsure] the viewer and the notes
            "CommandLine": ("Wiersz polecenia procesu",),  # [unsure] the viewer
        },
    ),
}


def key(word: str) -> str:
    """Return a heading or a label as it is compared: without capitals, colon and outer blanks, ASCII apostrophes."""
    return word.strip().removesuffix(":").removesuffix("\N{FULLWIDTH COLON}").strip().replace("’", "'").casefold()


def _names() -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    for language in LANGUAGES.values():
        sections = (
            ("Subject", language.creator, language.account),
            ("Target", language.target, language.account),
            ("", (*language.process, ""), language.labels),
        )
        for prefix, headings, labels in sections:
            for name, words in labels.items():
                names |= {(key(heading), key(word)): prefix + name for heading in headings for word in words}
    return names


# The XML name of each row, by `key` of its heading and of its label, over all languages. The labels of the process are
# there without a heading, too: not all headings are known, and no two languages mean different rows with one label.
NAMES: Mapping[tuple[str, str], str] = _names()

ENGLISH = "English"
_FIRST_LINES = {key(line): name for name, language in LANGUAGES.items() for line in language.first_lines}


def language(first_line: str) -> str:
    """Return the English name of the language in which a 4688 message begins; "" where it is not known."""
    return _FIRST_LINES.get(key(first_line), "")
