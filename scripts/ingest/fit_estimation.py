#!/usr/bin/env python3
"""Fits the weights of the token estimate and writes `src/ingest/estimate/weights.rs`.

    pip install bpe-openai numpy scipy
    python3 scripts/ingest/estimation_corpus.py --out CORPUS --handbooks HANDBOOKS
    python3 scripts/ingest/fit_estimation.py CORPUS/fit > src/ingest/estimate/weights.rs

The scan below is the same as `src/ingest/estimate/scan.rs`; the two are compared by
`examples/estimate_accuracy.rs`, whose table is scored on other texts than these.
"""

import collections
import itertools
import pathlib
import sys

import bpe_openai
import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import lsqr

ENCODING = bpe_openai.get_encoding("o200k_base")
# A character must be seen so often to have a cost of its own.
OWN_MIN = 15
# It stays within so many tenths of a token, so that no row of them costs nothing.
OWN_STEPS = 9
# How much each class of the corpus weighs; what is not named weighs 0.5.
SHARES = {
    "english": 3,
    "german": 3.5,
    "markdown": 2,
    "python": 2,
    "json": 2,
    "japanese": 3,
    "chinese": 4,
    "rust": 1,
    "javascript": 1,
    "polish": 0.3,
    "turkish": 0.3,
    "vietnamese": 0.3,
}
PUNCT = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
UMLAUTS = {"ä": 27, "ö": 28, "ü": 29, "ß": 30}
SCRIPTS = [
    "Marks",
    "Cyrillic",
    "Greek",
    "Semitic",
    "Alphabet",
    "Symbols",
    "WideMarks",
    "Kana",
    "Katakana",
    "Kanji",
    "Hangul",
    "Astral",
    "FullWidth",
]
LEADS = ["Blank", "None", "Punct", "Apostrophe"]
LENGTH_MAX = 16
# Long rows of one character are cheap; these are facts of the encoding and not fitted.
REPEAT_AFTER, REPEAT_MARK, REPEAT_WIDE = 4, 0.04, 0.063
BREAKS_MAX, BLANKS_MAX = 16, 128


def count(text, known=None):
    """The exact o200k count of a text."""
    if known is None:
        known = {}
    if text not in known:
        known[text] = len(ENCODING.encode_ordinary(text))
    return known[text]


def letter(char):
    """1–26 for a–z of either case, 27–31 for other Latin letters, else 0."""
    if char.isascii():
        return ord(char.lower()) - 96 if char.isalpha() else 0
    code = ord(char)
    if (0xC0 <= code < 0x250 and code not in (0xD7, 0xF7)) or 0x1E00 <= code < 0x1F00:
        return UMLAUTS.get(char.lower()[0], 31)
    return 0


def script(code):
    """The class of a character that is neither ASCII nor Latin."""
    if 0xFF10 <= code < 0xFF1A or 0xFF21 <= code < 0xFF3B or 0xFF41 <= code < 0xFF5B:
        return "FullWidth"
    for limit, name in (
        (0xC0, "Marks"),
        (0x370, "Alphabet"),
        (0x400, "Greek"),
        (0x530, "Cyrillic"),
        (0x590, "Alphabet"),
        (0x780, "Semitic"),
        (0x2000, "Alphabet"),
        (0x2070, "Marks"),
        (0x2E80, "Symbols"),
        (0x3040, "WideMarks"),
        (0x30A0, "Kana"),
        (0x3100, "Katakana"),
        (0x3130, "Kanji"),
        (0x3190, "Hangul"),
        (0xA000, "Kanji"),
        (0xAC00, "Alphabet"),
        (0xD7B0, "Hangul"),
        (0xF900, "Symbols"),
        (0xFB00, "Kanji"),
        (0xFE00, "Semitic"),
        (0x10000, "WideMarks"),
    ):
        if code < limit:
            return name
    return "Astral"


def scan(text):
    """The runs of a text: (kind, facts …)."""
    runs, at = [], 0
    blanks, before = 0, "none"
    while at < len(text):
        char, start = text[at], at
        if char in "\r\n":
            while at < len(text) and text[at] in "\r\n":
                at += 1
            if before == "punct" and blanks == 0:
                runs.append(("punct_newline",))
                before = "newline"
            elif before != "newline":
                runs.append(("newline", at - start))
                before = "newline"
            else:
                runs.append(("newline_more",))
            blanks = 0
        elif char in " \t\x0b\x0c\xa0\u3000":
            blanks += 1
            at += 1
        elif letter(char):
            at = word_end(text, at)
            lead, mark = "None", ""
            if blanks:
                lead = "Blank"
                if blanks > 1:
                    runs.append(("blanks", blanks))
            elif (
                before == "punct"
                and runs[-1][0] == "punct"
                and len(runs[-1][1]) == 1
                and not runs[-1][2]
            ):
                mark = runs.pop()[1]
                after_word = runs and runs[-1][0] == "word"
                lead = "Apostrophe" if mark == "'" and after_word and at - start <= 2 else "Punct"
            runs.append(("word", lead, mark, text[start:at]))
            before, blanks = "word", 0
        elif char.isascii() and char.isdigit():
            while at < len(text) and text[at].isascii() and text[at].isdigit():
                at += 1
            if blanks:
                runs.append(("blank_digit",))
            if blanks > 1:
                runs.append(("blanks", blanks))
            runs.append(("digits", at - start))
            before, blanks = "digits", 0
        elif char in PUNCT:
            while at < len(text) and text[at] in PUNCT:
                at += 1
            if blanks > 1:
                runs.append(("blanks", blanks))
            runs.append(("punct", text[start:at], blanks > 0))
            before, blanks = "punct", 0
        elif char.isascii():
            runs.append(("control",))
            at += 1
            before, blanks = "control", 0
        else:
            kind = script(ord(char))
            while (
                at < len(text)
                and not text[at].isascii()
                and text[at] not in "\xa0\u3000"
                and not letter(text[at])
                and script(ord(text[at])) == kind
            ):
                at += 1
            if blanks > 1:
                runs.append(("blanks", blanks))
            runs.append(("script", kind, text[start:at]))
            before, blanks = "script", 0
    if blanks:
        runs.append(("blanks", blanks))
    return runs


def word_end(text, at):
    """Where the word that starts at `at` ends: also between a small and a capital letter."""
    at += 1
    while at < len(text) and letter(text[at]):
        if text[at].isupper() and not text[at - 1].isupper():
            break
        at += 1
    return at


def word_features(lead, letters):
    """What a word's cost is the sum of."""
    symbols = [letter(char) for char in letters]
    found = collections.Counter({("lead", lead): 1, ("length", min(len(symbols), LENGTH_MAX)): 1})
    if len(symbols) > LENGTH_MAX:
        found["long"] += len(symbols) - LENGTH_MAX
    if letters[0].isupper():
        found["capital"] += 1
    found["capitals"] += sum(1 for char in letters[1:] if char.isupper())
    for pair in zip([0, *symbols], [*symbols, 0], strict=False):
        found[("pair", *pair)] += 1
    return found


def matrix(rows, index):
    """A sparse matrix of feature counts; new features get the next columns."""
    columns, places, values = [], [], []
    for row, found in enumerate(rows):
        for name, value in found.items():
            places.append(row)
            columns.append(index.setdefault(name, len(index)))
            values.append(value)
    return csr_matrix((values, (places, columns)), shape=(len(rows), len(index)))


def fit_words(words):
    """Weights of words, fitted with the floor of one token that the scan applies too."""
    index = {}
    keys = [key for key in words if key[0] != "Apostrophe"]
    design = matrix([word_features(lead, letters) for lead, _, letters in keys], index)
    exact = np.array(
        [count((" " if lead == "Blank" else mark) + letters) for lead, mark, letters in keys],
        dtype=float,
    )
    weight = np.array([words[key] for key in keys])
    weight = weight / weight.sum() * len(keys)
    penalty = np.array([0.3 if name[0] == "pair" else 0.003 for name in index])
    first = lsqr(diags(np.sqrt(weight)) @ design, np.sqrt(weight) * exact, damp=1.0, iter_lim=300)[
        0
    ]

    def loss(x):
        value = design @ x
        error = np.maximum(value, 1.0) - exact
        slope = np.where(value > 1.0, error, np.where(exact > 1.0, -(exact - 1.0), 0.0))
        grade = design.T @ (2 * weight * slope) + 2 * penalty * x
        return float((weight * error**2).sum() + (penalty * x**2).sum()), grade

    best = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 400})
    return {name: best.x[column] for name, column in index.items()}


def word_cost(weights, lead, letters):
    """The cost of a word, at least one token."""
    found = word_features(lead, letters)
    return max(1.0, sum(weights.get(name, 0.0) * value for name, value in found.items()))


def chunks(text, size=90):
    """Short pieces that begin at a blank or a line break, so that the scan's state is fresh."""
    start = 0
    while start < len(text):
        end = start + size
        while end < len(text) and not (text[end] in " \n" and text[end - 1] not in " \n"):
            end += 1
            if end > start + 3 * size:
                break
        yield text[start:end]
        start = end


def repeats_of(run):
    """How many times each character already stood in a row before."""
    repeats = [0]
    for last, char in itertools.pairwise(run):
        repeats.append(repeats[-1] + 1 if char == last else 0)
    return repeats


def fixed_cost(runs):
    """What is not fitted: digits by threes, and what long rows of one character cost."""
    cost = 0.0
    for run in runs:
        if run[0] == "digits":
            cost += (run[1] + 2) // 3
        elif run[0] == "punct":
            cost += REPEAT_MARK * sum(1 for n in repeats_of(run[1]) if n >= REPEAT_AFTER)
        elif run[0] == "script" and run[1] in ("Marks", "Symbols"):
            cost += REPEAT_WIDE * sum(1 for n in repeats_of(run[2]) if n >= REPEAT_AFTER)
        elif run[0] == "newline":
            cost += REPEAT_WIDE * max(0, run[1] - BREAKS_MAX)
        elif run[0] == "blanks":
            cost += run[1] // BLANKS_MAX
    return cost


def rest_features(runs):
    """What is left after words and digits."""
    found = collections.Counter()
    for run in runs:
        kind = run[0]
        if kind == "punct":
            symbols = [PUNCT.index(char) for char in run[1]]
            found["punct_start"] += 1
            found["punct_blank"] += run[2]
            found[("first", symbols[0])] += 1
            for pair, repeats in zip(
                itertools.pairwise(symbols), repeats_of(run[1])[1:], strict=False
            ):
                if repeats < REPEAT_AFTER:
                    found[("mark", *pair)] += 1
        elif kind == "script":
            found[("run", run[1])] += 1
            is_drawing = run[1] in ("Marks", "Symbols")
            found[("char", run[1])] += sum(
                1 for repeats in repeats_of(run[2]) if repeats < REPEAT_AFTER or not is_drawing
            )
            for char in run[2] if run[1] in ("Kana", "Kanji") else "":
                found[("own", char)] += 1
        elif kind == "word" and run[1] == "Apostrophe":
            found["contraction"] += 1
        elif kind == "newline":
            found["newline"] += 1
        elif kind not in ("word", "digits"):
            found[kind] += 1
    return found


def fit_rest(samples, weights):
    """Weights of everything but words, on what the words and digits leave over."""
    index, rows, left, weight = {}, [], [], []
    seen = collections.Counter(char for text, _ in samples for char in text if char > "\u303f")
    for text, share in samples:
        runs = scan(text)
        known = sum(
            word_cost(weights, run[1], run[3])
            for run in runs
            if run[0] == "word" and run[1] != "Apostrophe"
        )
        known += fixed_cost(runs)
        found = rest_features(runs)
        rows.append(
            {
                name: value
                for name, value in found.items()
                if name[0] != "own" or seen[name[1]] >= OWN_MIN
            }
        )
        left.append(count(text) - known)
        weight.append(share)
    design = matrix(rows, index)
    scale = np.sqrt(np.array(weight) / np.mean(weight))
    # Ridge towards a prior: a run is one token, a further mark is free.
    prior = {"punct_start": 1, "newline": 1, "blanks": 1, "blank_digit": 1, "control": 1}
    prior |= {("run", name): 0.2 for name in SCRIPTS} | {("char", name): 0.5 for name in SCRIPTS}
    prior |= {("char", "Marks"): 0.8, ("char", "Symbols"): 0.9, ("char", "Astral"): 1.5}
    start = np.array([prior.get(name, 0.0) for name in index])
    strength = {"mark": 8.0, "first": 8.0, "run": 60.0, "char": 60.0, "own": 45.0}
    damp = np.sqrt([strength.get(name[0], 2.0) for name in index])
    target = np.concatenate([scale * (np.array(left) - design @ start), np.zeros(len(index))])
    from scipy.sparse import vstack

    solved = lsqr(vstack([diags(scale) @ design, diags(damp)]), target, iter_lim=500)[0]
    return {name: start[column] + solved[column] for name, column in index.items()}


def read_corpus(folder):
    """Short texts with their share, and the words with theirs."""
    samples, words = [], collections.Counter()
    for path in sorted(pathlib.Path(folder).iterdir()):
        texts = [name.read_text(encoding="utf-8") for name in sorted(path.glob("*.txt"))]
        parts = [part for text in texts for part in list(chunks(text[:20_000]))]
        parts = parts[:: max(1, len(parts) // 4000)]
        share = SHARES.get(path.name, 0.5) * 1e5 / sum(len(part) for part in parts)
        samples += [(part, share) for part in parts]
        for part in parts:
            for run in scan(part):
                if run[0] == "word":
                    words[run[1:]] += share
    return samples, words


def table(name, doc, rows):
    """One constant of Rust, 16 numbers a line."""
    size = f"[[i16; {len(rows[0])}]; {len(rows)}]"
    print(f"\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: {size} = [")
    for row in rows:
        for at in range(0, len(row), 16):
            line = ", ".join(str(value) for value in row[at : at + 16])
            opening = "    [" if at == 0 else "     "
            print(f"{opening}{line}{'],' if at + 16 >= len(row) else ','}")
    print("];")


def own_costs(rest):
    """What single characters cost beside their script, in steps of a tenth of a token."""
    steps = collections.defaultdict(list)
    for name, weight in rest.items():
        step = max(-OWN_STEPS, min(OWN_STEPS, round(10 * weight)))
        if name[0] == "own" and step:
            steps[step].append(name[1])
    rows = []
    for step in sorted(steps):
        chars = "".join(sorted(steps[step]))
        rows += [(step, chars[at : at + 40]) for at in range(0, len(chars), 40)]
    print("\n/// What a Han or Hiragana character costs beside its script, in tenths of a token.")
    print("#[rustfmt::skip]")
    print(f"pub(super) const OWN: [(i8, &str); {len(rows)}] = [")
    for step, chars in rows:
        print(f'    ({step}, "{chars}"),')
    print("];")


def main():
    """Fits and prints."""
    samples, words = read_corpus(sys.argv[1])
    fitted = fit_words(words)
    rest = fit_rest(samples, fitted)

    def milli(weights, name, default=0.0):
        return round(1000 * weights.get(name, default))

    print("//! The weights of the scan, in thousandths of a token.\n//!")
    print(
        "//! Generated by `scripts/ingest/fit_estimation.py` from texts that the accuracy is not "
        "scored"
    )
    print("//! on; read `docs/estimation.md` for what they mean and how good they are.")
    single = [
        ("CAPITAL", "A word's first letter is a capital.", fitted, "capital"),
        ("CAPITALS", "Each further capital letter of a word.", fitted, "capitals"),
        ("LONG", "Each letter of a word beyond the length table.", fitted, "long"),
        ("CONTRACTION", "A contraction such as `'s` after a word.", rest, "contraction"),
        ("PUNCT_START", "A run of ASCII punctuation.", rest, "punct_start"),
        ("PUNCT_BLANK", "That run has a blank before it.", rest, "punct_blank"),
        ("PUNCT_NEWLINE", "Line breaks right after it.", rest, "punct_newline"),
        ("NEWLINE", "A run of line breaks.", rest, "newline"),
        ("NEWLINE_MORE", "A further run, only blanks between.", rest, "newline_more"),
        ("BLANKS", "Blanks beyond the one that joins the next run.", rest, "blanks"),
        ("BLANK_DIGIT", "A blank before digits, which joins nothing.", rest, "blank_digit"),
        ("CONTROL", "A control character.", rest, "control"),
    ]
    for name, doc, weights, key in single:
        print(f"\n/// {doc}\npub(super) const {name}: i64 = {milli(weights, key)};")
    leads = [milli(fitted, ("lead", name)) for name in LEADS[:3]]
    print("\n/// A word after a blank, after nothing, after one punctuation mark.")
    print(f"pub(super) const LEAD: [i64; 3] = {leads};")
    lengths = [0] + [milli(fitted, ("length", n)) for n in range(1, LENGTH_MAX + 1)]
    print("\n/// A word of so many letters.\n#[rustfmt::skip]")
    print(f"pub(super) const LENGTH: [i64; {LENGTH_MAX + 1}] = [")
    for at in range(0, len(lengths), 9):
        print(f"    {', '.join(str(length) for length in lengths[at : at + 9])},")
    print("];")
    print("\n/// A run of a script, and each character of it: in the order of `Script`.")
    print("#[rustfmt::skip]")
    print(f"pub(super) const SCRIPT: [(i64, i64); {len(SCRIPTS)}] = [")
    for name in SCRIPTS:
        print(
            f"    ({milli(rest, ('run', name), 0.2)}, {milli(rest, ('char', name), 0.5)}),"
            f" // {name}"
        )
    print("];")
    own_costs(rest)
    table(
        "LETTER_PAIRS",
        "Neighbouring letters of a word; 0 stands for its edge.",
        [[milli(fitted, ("pair", a, b)) for b in range(32)] for a in range(32)],
    )
    table(
        "FIRST_MARK",
        "The first mark of a run, in ASCII order.",
        [[milli(rest, ("first", a)) for a in range(32)]],
    )
    table(
        "MARK_PAIRS",
        "Neighbouring punctuation marks, in ASCII order.",
        [[milli(rest, ("mark", a, b)) for b in range(32)] for a in range(32)],
    )


if __name__ == "__main__":
    main()
