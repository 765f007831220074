/**
 * The payment list as PDF: a section for each place of payment, on pages of its own, with control
 * totals; each line with its transaction number as text and QR, and room to sign.
 */

import PdfDocument from 'pdfkit';
import QrCode from 'qrcode';
import { FACES, type Face, isRightToLeft, type Run, runsOf } from './fonts.ts';

/** A line of the list. */
export interface ListLine {
  readonly number: number;
  readonly transactionNumber: string;
  readonly name: string;
  readonly household: string;
  readonly amount: string;
  readonly account: string;
}

/** What is paid at one place. */
export interface ListSection {
  /** The pay point, or the provider into whose accounts is paid. */
  readonly place: string;
  readonly lines: readonly ListLine[];
  readonly total: string;
}

/** A payment list. */
export interface PaymentList {
  readonly title: string;
  readonly period: string;
  readonly currency: string;
  readonly payrollId: string;
  readonly printedAt: string;
  readonly sections: readonly ListSection[];
}

type Pdf = InstanceType<typeof PdfDocument>;

const MARGIN = 36;
const ROW = 54;
const QR = 46;
/** Left edges and widths of the columns, in points, on A4 (595 × 842). */
const COLUMN = {
  number: [MARGIN, 28],
  code: [MARGIN + 30, QR],
  transaction: [MARGIN + 82, 96],
  name: [MARGIN + 182, 170],
  amount: [MARGIN + 354, 74],
  sign: [MARGIN + 434, 89],
} as const;
const BOTTOM = 842 - MARGIN - 24;

/** Draws a text in one line from left, shortened where it is wider; answers its width. */
function draw(
  pdf: Pdf,
  text: string,
  [left, width]: readonly [number, number],
  y: number,
  size: number,
  align: 'start' | 'end' = 'start',
): void {
  let shown = text;
  let runs = runsOf(shown);
  let wide = widthOf(pdf, runs, size);
  while (wide > width && shown.length > 1) {
    shown = [...shown].slice(0, -2).join('');
    runs = runsOf(`${shown}…`);
    wide = widthOf(pdf, runs, size);
  }
  const atRight = align === 'end' || (width < 500 && isRightToLeft(text));
  let x = atRight ? left + width - wide : left;
  for (const run of runs) {
    const how = howOf(run);
    // By its baseline, for fonts of different scripts have different heights.
    pdf
      .font(run.font)
      .fontSize(size)
      .text(run.text, x, y + size, { lineBreak: false, baseline: 'alphabetic', ...how });
    x += pdf.widthOfString(run.text, how);
  }
}

/** With features a run is laid out as a whole, which words from right to left need; else by cached words. */
function howOf({ isTurned }: Run): { features?: [] } {
  return isTurned ? { features: [] } : {};
}

function widthOf(pdf: Pdf, runs: readonly Run[], size: number): number {
  return runs.reduce(
    (sum, run) => sum + pdf.font(run.font).fontSize(size).widthOfString(run.text, howOf(run)),
    0,
  );
}

/** A QR code as filled squares, so that it is sharp at any size. */
function drawCode(pdf: Pdf, text: string, left: number, top: number, size: number): void {
  const { modules } = QrCode.create(text, { errorCorrectionLevel: 'M' });
  const unit = size / modules.size;
  for (let row = 0; row < modules.size; row += 1) {
    for (let from = 0; from < modules.size; from += 1) {
      if (!modules.get(row, from)) continue;
      let to = from;
      while (to + 1 < modules.size && modules.get(row, to + 1)) to += 1;
      pdf.rect(left + from * unit, top + row * unit, (to - from + 1) * unit, unit);
      from = to;
    }
  }
  pdf.fill('black');
}

function rule(pdf: Pdf, y: number): void {
  pdf
    .moveTo(MARGIN, y)
    .lineTo(595 - MARGIN, y)
    .lineWidth(0.4)
    .stroke('#999999');
}

/** Draws the head of a page; answers where its lines begin. */
function head(pdf: Pdf, list: PaymentList, section: ListSection): number {
  pdf.fillColor('black');
  const whole: readonly [number, number] = [MARGIN, 595 - 2 * MARGIN];
  draw(pdf, list.title, whole, MARGIN, 14);
  draw(pdf, section.place, whole, MARGIN + 22, 12);
  const totals = `${list.period} · ${section.lines.length} lines · ${section.total} ${list.currency}`;
  draw(pdf, totals, whole, MARGIN + 42, 10);
  const y = MARGIN + 64;
  draw(pdf, 'No.', COLUMN.number, y, 8);
  draw(pdf, 'Transaction', COLUMN.transaction, y, 8);
  draw(pdf, 'Name, household, account', COLUMN.name, y, 8);
  draw(pdf, `Amount ${list.currency}`, COLUMN.amount, y, 8, 'end');
  draw(pdf, 'Received', COLUMN.sign, y, 8);
  rule(pdf, y + 14);
  return y + 16;
}

function drawLine(pdf: Pdf, line: ListLine, y: number): void {
  draw(pdf, String(line.number), COLUMN.number, y + 18, 9);
  drawCode(pdf, line.transactionNumber, COLUMN.code[0], y + 3, QR);
  draw(pdf, line.transactionNumber, COLUMN.transaction, y + 18, 9);
  draw(pdf, line.name, COLUMN.name, y + 8, 11);
  draw(pdf, line.household, COLUMN.name, y + 25, 7);
  draw(pdf, line.account, COLUMN.name, y + 36, 7);
  draw(pdf, line.amount, COLUMN.amount, y + 18, 11, 'end');
  rule(pdf, y + ROW);
}

/** Lets others work between two pages. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The list as PDF. */
export async function* paymentListPdf(list: PaymentList): AsyncIterable<Uint8Array> {
  const pdf = new PdfDocument({
    size: 'A4',
    margin: MARGIN,
    autoFirstPage: false,
    bufferPages: true,
    info: { Title: list.title, CreationDate: new Date(list.printedAt) },
  });
  for (const { name, path } of FACES as readonly Face[]) pdf.registerFont(name, path);
  for (const section of list.sections) {
    let y = Number.POSITIVE_INFINITY;
    for (const line of section.lines) {
      if (y + ROW > BOTTOM) {
        await breathe();
        pdf.addPage();
        y = head(pdf, list, section);
      }
      drawLine(pdf, line, y);
      y += ROW;
    }
  }
  const { count } = pdf.bufferedPageRange();
  for (let page = 0; page < count; page += 1) {
    pdf.switchToPage(page);
    const foot = `${list.payrollId} · ${list.printedAt} · ${page + 1}/${count}`;
    pdf.page.margins.bottom = 0;
    draw(pdf, foot, [MARGIN, 595 - 2 * MARGIN], 842 - MARGIN, 7);
  }
  pdf.end();
  yield* pdf as unknown as AsyncIterable<Uint8Array>;
}
