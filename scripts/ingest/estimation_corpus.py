#!/usr/bin/env python3
"""Collects plain texts from this machine to fit and to score the token estimate.

    python3 scripts/ingest/estimation_corpus.py --out /tmp/corpus [--handbooks DIR] [--more DIR]

Writes OUT/fit/<class>/*.txt and OUT/score/<class>/*.txt. Nothing is downloaded and nothing of it
is kept in the repository. The two sides never hold the same file, and for the languages not even
the same kind of source: the fit reads handbooks, the score reads manual pages and tutorials.

--handbooks is a folder into which the Debian packages `debian-handbook` and `debian-reference-*`
were unpacked (`apt-get download …; dpkg-deb -x …`). Without it only the score side is written.
--more is a folder of plain texts, one folder per class, that only the fit reads: prose that is
not about computers, such as the Debian package `fortunes-de`.
"""

import argparse
import gzip
import html
import json
import pathlib
import re
import sysconfig

FILE_MAX = 60_000
CLASS_MAX = 1_500_000
HANDBOOK = {
    "english": "en-US",
    "german": "de-DE",
    "japanese": "ja-JP",
    "chinese": "zh-CN",
    "french": "fr-FR",
    "spanish": "es-ES",
    "russian": "ru-RU",
    "korean": "ko-KR",
    "arabic": "ar-MA",
    "polish": "pl-PL",
    "turkish": "tr-TR",
    "greek": "el-GR",
    "portuguese": "pt-BR",
    "persian": "fa-IR",
    "vietnamese": "vi-VN",
}
REFERENCE = {"english": "en", "german": "de", "japanese": "ja", "chinese": "zh-cn"}
MANUAL = {"english": "", "german": "de", "japanese": "ja", "chinese": "zh_CN"}
TUTOR = {
    "english": "tutor.utf-8",
    "german": "tutor.de.utf-8",
    "japanese": "tutor.ja.utf-8",
    "chinese": "tutor.zh_cn.utf-8",
}

MANUAL_LETTERS = {
    ":a": "ä",
    ":o": "ö",
    ":u": "ü",
    ":A": "Ä",
    ":O": "Ö",
    ":U": "Ü",
    "ss": "ß",
    "aq": "'",
    "cq": "’",
    "oq": "‘",
    "lq": "“",
    "rq": "”",
    "Bq": "„",
    "Fo": "«",
    "Fc": "»",
    "en": "–",
    "em": "—",
    "bu": "•",
    "co": "©",
    "dq": '"',
    "ha": "^",
    "ti": "~",
    "'e": "é",
}


def text_of_html(page):
    """The visible prose of an HTML page: paragraphs and list items only."""
    page = re.sub(r"(?s)<(script|style|pre)\b.*?</\1>", " ", page)
    blocks = re.findall(r"(?s)<(?:p|dd|li|h[1-6])\b[^>]*>(.*?)</(?:p|dd|li|h[1-6])>", page)
    texts = [html.unescape(re.sub(r"<[^>]+>", "", block)) for block in blocks]
    texts = [re.sub(r"[ \t\n\xa0]+", " ", text).strip() for text in texts]
    return "\n\n".join(text for text in texts if len(text) > 40)


def text_of_manual(source):
    """The prose of a manual page: no macros, no escapes, lines joined into paragraphs."""
    paragraphs, lines = [], []
    for line in source.splitlines():
        if line.startswith((".", "'")):
            if re.match(r"\.(SH|SS|PP|TP|IP|P|LP|HP|Pp|Sh|br|sp)\b", line) and lines:
                paragraphs.append(" ".join(lines))
                lines = []
            continue
        for escape, letter in MANUAL_LETTERS.items():
            line = line.replace(f"\\({escape}", letter).replace(f"\\[{escape}]", letter)
        line = re.sub(r"\\\[u([0-9A-F]{4})\]", lambda code: chr(int(code[1], 16)), line)
        line = re.sub(r"\\f(\[\w*\]|\(..|.)", "", line)
        line = re.sub(r"\\\*(\(Aq|\[Aq\])", "'", line)
        line = re.sub(r"\\\*(\(..|\[\w+\]|.)|\\\[\w+\]|\\\(..", " ", line)
        line = re.sub(r"\\[&/,|^:c%]", "", line).replace("\\-", "-").replace("\\e", "\\")
        line = line.replace("\\ ", " ").strip()
        if line:
            lines.append(line)
    paragraphs.append(" ".join(lines))
    return "\n\n".join(p for p in paragraphs if len(p) > 60)


def read(path):
    """The text of a file, unpacked if need be; empty when it is no UTF-8."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError, EOFError, gzip.BadGzipFile):
        return ""


def translated(text, language):
    """Without the paragraphs that the translators left in English."""
    if language not in ("japanese", "chinese"):
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(p for p in paragraphs if sum(c > "\u2e7f" for c in p) * 3 > len(p))


def handbooks(root):
    """(class, name, text) of every chapter under the unpacked packages."""
    for language, folder in HANDBOOK.items():
        pages = root / "usr/share/doc/debian-handbook/html" / folder
        for page in sorted(pages.glob("*.html")):
            yield language, f"handbook-{page.stem}", text_of_html(read(page))
    for language, code in REFERENCE.items():
        for page in sorted((root / "usr/share/debian-reference").glob(f"ch*.{code}.html")):
            yield language, f"reference-{page.stem}", text_of_html(read(page))


def manuals():
    """(class, name, text) of manual pages and tutorials."""
    for language, folder in MANUAL.items():
        base = pathlib.Path("/usr/share/man") / folder
        for section in ("man1", "man5", "man7", "man8"):
            for page in sorted((base / section).glob("*.gz")):
                text = text_of_manual(read(page))
                yield language, f"{section}-{page.stem}", translated(text, language)
    for language, name in TUTOR.items():
        for path in pathlib.Path("/usr/share/vim").glob(f"vim*/tutor/{name}"):
            yield language, name, read(path)


def of_kind(kind):
    """(class, name, text, number) of files of one kind; the number decides the side."""
    stdlib = pathlib.Path(sysconfig.get_paths()["stdlib"])
    home = pathlib.Path.home()
    roots = {
        "python": [(stdlib, "**/*.py")],
        "json": [
            (stdlib, "**/*.json"),
            (pathlib.Path("/usr/lib/node_modules"), "**/*.json"),
            (pathlib.Path("/usr/share/iso-codes/json"), "*.json"),
            (home / ".cargo/registry/src", "**/tests/**/*.json"),
        ],
        "markdown": [
            (home / ".cargo/registry/src", "*/*/*.md"),
            (pathlib.Path("/usr/lib/node_modules"), "**/*.md"),
        ],
        "rust": [(home / ".cargo/registry/src", "*/*/src/lib.rs")],
        "javascript": [(pathlib.Path("/usr/lib/node_modules"), "**/*.js")],
    }[kind]
    paths = [(root, path) for root, pattern in roots for path in sorted(root.glob(pattern))]
    for number, (root, path) in enumerate(paths):
        text = read(path)
        if "zh" in path.name or ".ja" in path.name or len(text) < 400:
            continue
        name = re.sub(r"\W+", "-", str(path.relative_to(root)))[-80:]
        yield kind, name, text, number
        if kind == "json":
            yield kind, f"compact-{name}", compact(text), number


def compact(text):
    """The same JSON without blanks; empty when it is none."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return ""


def write(out, side, texts):
    """Writes the texts of one side, bounded by file and by class."""
    written = {}
    for kind, name, text in texts:
        if len(text) < 200 or written.get(kind, 0) > CLASS_MAX:
            continue
        folder = out / side / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text[:FILE_MAX], encoding="utf-8")
        written[kind] = written.get(kind, 0) + min(len(text), FILE_MAX)
    print(side, written)


def main():
    """Reads the arguments and writes both sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--handbooks", type=pathlib.Path)
    parser.add_argument("--more", type=pathlib.Path)
    args = parser.parse_args()
    kinds = ("python", "json", "markdown", "rust", "javascript")
    files = [file for kind in kinds for file in of_kind(kind)]
    fit = [file[:3] for file in files if file[3] % 2 == 0]
    score = [file[:3] for file in files if file[3] % 2 == 1 and file[0] in kinds[:3]]
    if args.handbooks:
        more = sorted(args.more.glob("*/*.txt")) if args.more else []
        prose = [(path.parent.name, path.stem, read(path)) for path in more]
        write(args.out, "fit", prose + list(handbooks(args.handbooks)) + fit)
    write(args.out, "score", list(manuals()) + score)


if __name__ == "__main__":
    main()
