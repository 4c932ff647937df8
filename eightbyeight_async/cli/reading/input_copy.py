"""Makes copies of input that must be converted first: compressed files, spreadsheets, other encodings than UTF-8.

The copy is a temporary file without a name; it disappears when the process ends, even after a kill. A command then
reads the copy twice. So it sends exactly what it checked, even if the file changes meanwhile.
"""

from __future__ import annotations

import codecs
import gzip
import shutil
import tempfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

__all__ = ["encoding_named", "plain_copy", "temporary", "unpacked", "utf8_copy"]

_BLOCK = 256 * 1024
# Encodings, besides UTF-8, of exported files in the regions that 8x8 serves. Some of Python's codecs (punycode,
# unicode_escape, ...) are not encodings of files and are left out: they would change plain text into another text.
_ENCODINGS = frozenset({
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp874", "cp932", "cp949", "cp1250", "cp1251", "cp1252",
    "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9",
    "iso8859-15", "shift_jis", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_kr", "tis-620",
    "koi8-r", "mac-roman",
})  # fmt: skip
# The usual meaning of these names: Windows writes its own quotes and dashes under the ISO name.
_MEANT = {"iso8859-1": "cp1252", "iso8859-11": "cp874", "utf-8-sig": "utf-8"}


def encoding_named(name: str, option: str = "--file-encoding") -> str:
    """Returns Python's name of an encoding. `option`: the option that gives the encoding.

    Raises:
        UsageError: there is no encoding of files with this name.
    """
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    found = _MEANT.get(found, found)
    if found not in _ENCODINGS:
        raise UsageError(f"{option}: is not known; use utf-16, windows-1252 or another name of an encoding of files")
    return found


def plain_copy(file: BinaryIO, resources: ExitStack) -> BinaryIO:
    """Returns a copy that can be read twice."""
    copy = temporary(resources)
    shutil.copyfileobj(file, copy, _BLOCK)
    copy.seek(0)
    return copy


def unpacked(file: BinaryIO, name: str, resources: ExitStack) -> BinaryIO:
    """Returns a copy of the content of a gzip file.

    Raises:
        UsageError: the file is not gzip, is damaged, or is incomplete.
    """
    copy = temporary(resources)
    try:
        with gzip.open(file) as content:
            shutil.copyfileobj(content, copy, _BLOCK)
    except (gzip.BadGzipFile, zlib.error) as wrong:
        raise UsageError(f"{name}: is not a gzip file, or is damaged; nothing was sent") from wrong
    except EOFError as wrong:
        raise UsageError(f"{name}: is cut off: its compressed data has no end; nothing was sent") from wrong
    copy.seek(0)
    return copy


def utf8_copy(file: BinaryIO, name: str, encoding: str, resources: ExitStack) -> BinaryIO:
    """A copy in UTF-8.

    Raises:
        UsageError: the file has another encoding. This includes UTF-8 with non-ASCII characters: if a single-byte
            encoding decoded it, people would get wrong characters (`GrÃ¼ÃŸe`).
    """
    copy = temporary(resources)
    decoder = codecs.getincrementaldecoder(encoding)()
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    ascii_only, read = True, 0
    while True:
        block = file.read(_BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as wrong:
            raise UsageError(
                f"{name}: is not {encoding}: bytes near {read + wrong.start:,} have no meaning in it; nothing was sent"
            ) from wrong
        if utf8 is not None:
            try:
                utf8.decode(block, final=not block)
            except UnicodeDecodeError:
                utf8 = None
        ascii_only = ascii_only and block.isascii()
        read += len(block)
        copy.write(text.encode(errors="surrogatepass"))
        if not block:
            break
    if utf8 is not None and not ascii_only and not encoding.startswith("utf-16"):
        raise UsageError(f"{name}: is UTF-8: leave out --file-encoding; nothing was sent")
    copy.seek(0)
    return copy


def temporary(resources: ExitStack) -> BinaryIO:
    """A new temporary file, closed with `resources`."""
    return cast("BinaryIO", resources.enter_context(tempfile.TemporaryFile()))
