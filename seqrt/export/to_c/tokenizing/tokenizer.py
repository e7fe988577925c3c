"""The C that turns the bytes of a text into ids, those that seqrt.text gives in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seqrt.contract.text import Text
from seqrt.export.to_c.tokenizing.known_words import SEARCH, known_words

_ABOUT_WORDS: Final = """
Text: a word is a run of letters A-Z and a-z, digits, underscores and bytes from 0x80 on; every
other byte that is not white space is a word of its own.{lower}
A word of the vocabulary has an id from 1 to {words}, every other word id 0.
A word is answered by the byte after it, so one byte may complete two.
The vocabulary takes {flash:,} bytes of the constants, and a {name}_text {memory} bytes."""
_LOWER: Final = " A-Z are read as a-z."
_ABOUT_BYTES: Final = """
Text: a byte is a token; the id of byte b is b + 1."""
_ABOUT_CALLS: Final = """
{name}_text_push takes the next byte of a text, writes the ids of the tokens that it completes, and
returns their number, at most 2. {name}_text_end does the same where the text ends, and begins a
new one. For each byte, starting with zeros in text and state:
    n = {name}_text_push(&text, byte, ids);
    for (i = 0; i < n; i++) {{ {name}_step(&state, &ids[i], y); }}"""

_DECLARED: Final = """
#define {name}_TEXT {longest} /* bytes of the longest word */

typedef struct {{
{fields}
}} {name}_text;

int {name}_text_push({name}_text *text, unsigned char byte, int32_t ids[2]);
int {name}_text_end({name}_text *text, int32_t ids[2]);
"""
_WORD_FIELDS: Final = """
    unsigned char word[{name}_TEXT]; /* the word that has begun */
    unsigned char size; /* of its bytes, at most {beyond}; zero before the first byte */"""
_BYTE_FIELDS: Final = """
    unsigned char unused; /* a byte needs no other to have its id */"""

_BYTES: Final = """
int {name}_text_push({name}_text *text, unsigned char byte, int32_t ids[2]) {{
    (void)text;
    ids[0] = byte + 1;
    return 1;
}}

int {name}_text_end({name}_text *text, int32_t ids[2]) {{
    (void)text;
    (void)ids;
    return 0;
}}"""
_WORDS: Final = """
static int is_of_word(unsigned char byte) {{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_'
           || (byte >= '0' && byte <= '9') || byte >= 0x80;
}}

int {name}_text_end({name}_text *text, int32_t ids[2]) {{
    int size = text->size;
    text->size = 0;
    if (!size) {{ return 0; }}
    ids[0] = id_of(text->word, size);
    return 1;
}}

int {name}_text_push({name}_text *text, unsigned char byte, int32_t ids[2]) {{
    int found;{lowered}
    if (is_of_word(byte)) {{
        if (text->size < {name}_TEXT) {{ text->word[text->size] = byte; }}
        if (text->size <= {name}_TEXT) {{ text->size++; }}
        return 0;
    }}
    found = {name}_text_end(text, ids);
    if (byte == ' ' || (byte >= '\\t' && byte <= '\\r')) {{ return found; }}
    ids[found] = id_of(&byte, 1);
    return found + 1;
}}"""
_LOWERED: Final = """
    if (byte >= 'A' && byte <= 'Z') { byte = (unsigned char)(byte + ('a' - 'A')); }"""


@dataclass(frozen=True)
class TextCode:
    """The C of a tokenizer.

    `about` is for the comment of the header; `declared` and `defined` are for header and source.
    `flash` is the size of the vocabulary, `memory` that of one NAME_text, in bytes.
    """

    about: str = ""
    declared: str = ""
    defined: str = ""
    flash: int = 0
    memory: int = 0


def text_code(text: Text | None, name: str) -> TextCode:
    """Return the tokenizer of a model called `name` in C; it is empty for one without text."""
    if text is None:
        return TextCode()
    calls = _ABOUT_CALLS.format(name=name)
    if text.kind == "bytes":
        declared = _DECLARED.format(name=name, longest=1, fields=_BYTE_FIELDS.strip("\n"))
        return TextCode(_ABOUT_BYTES + calls, declared, _BYTES.format(name=name).strip("\n"), 0, 1)
    known = known_words(text.vocabulary)
    lower = text.lower == "ascii"
    memory = known.longest + 1
    about = _ABOUT_WORDS.format(
        lower=_LOWER * lower,
        words=len(text.vocabulary),
        flash=known.bytes,
        name=name,
        memory=memory,
    )
    fields = _WORD_FIELDS.format(name=name, beyond=memory)
    push = _WORDS.format(name=name, lowered=_LOWERED * lower)
    search = SEARCH.replace("LONGEST", f"{name}_TEXT")
    return TextCode(
        about + calls,
        _DECLARED.format(name=name, longest=known.longest, fields=fields.strip("\n")),
        "\n".join([known.arrays, search, push]),
        known.bytes,
        memory,
    )
