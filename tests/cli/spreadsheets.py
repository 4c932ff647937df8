"""Makes spreadsheets (.xlsx, .ods) from cells, as small as the formats allow."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Cell = str | float | bool | None
    Sheets = Mapping[str, Sequence[Sequence[Cell]]]

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def write_xlsx(path: Path, sheets: Sheets) -> Path:
    names = list(enumerate(sheets, 1))
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in names)
    links = "".join(
        f'<Relationship Id="r{n}" Type="{_DOC}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in names
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="xml" '
        'ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_RELS}"><Relationship Id="r" Type="{_DOC}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELS}">{links}</Relationships>',
    }
    for (n, _), rows in zip(names, sheets.values(), strict=True):
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{_xlsx_rows(rows)}</sheetData></worksheet>'
        )
    return _zipped(path, parts)


def _xlsx_rows(rows: Sequence[Sequence[Cell]]) -> str:
    found = ""
    for number, cells in enumerate(rows, 1):
        inside = ""
        for at, cell in enumerate(cells):
            place = f'r="{chr(65 + at)}{number}"'
            if isinstance(cell, str):
                inside += f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
            elif isinstance(cell, bool):
                inside += f'<c {place} t="b"><v>{int(cell)}</v></c>'
            elif cell is not None:
                inside += f"<c {place}><v>{cell!r}</v></c>"
        found += f'<row r="{number}">{inside}</row>'
    return found


def write_ods(path: Path, sheets: Sheets) -> Path:
    tables = ""
    for name, rows in sheets.items():
        inside = ""
        for cells in rows:
            inside += "<table:table-row>"
            for cell in cells:
                if isinstance(cell, str):
                    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in cell.split("\n"))
                    inside += f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'
                elif isinstance(cell, bool):
                    value = "true" if cell else "false"
                    inside += f'<table:table-cell office:value-type="boolean" office:boolean-value="{value}"/>'
                elif cell is not None:
                    inside += f'<table:table-cell office:value-type="float" office:value="{cell!r}"/>'
                else:
                    inside += "<table:table-cell/>"
            inside += "</table:table-row>"
        tables += f"<table:table table:name={quoteattr(name)}>{inside}</table:table>"
    spaces = " ".join(f'xmlns:{one}="{_ODF}:{one}:1.0"' for one in ("office", "table", "text"))
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    content = f"<office:document-content {spaces}>{body}</office:document-content>"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<manifest:manifest xmlns:manifest="{_ODF}:manifest:1.0"/>'
    return _zipped(path, {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def _zipped(path: Path, parts: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path
