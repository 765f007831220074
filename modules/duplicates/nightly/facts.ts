/**
 * Reads compared facts, as `factsOf` writes them, from bytes straight into a registry: a nation of
 * them as objects and texts takes three times as long.
 */

import type { Filling, RegistryBuilder } from '../matching/registry.ts';
import {
  AREA,
  BIRTH,
  EMAIL,
  FAMILY,
  GIVEN,
  IDENTIFIER,
  OTHER,
  PHONE,
  POSTAL,
  SEX,
} from '../matching/schema.ts';
import { SYSTEM_END } from '../matching/values.ts';
import { ByteTexts, jsonText, plainText } from './byte-texts.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CLOSE_OBJECT = 0x7d;
const ZERO = 0x30;
const NINE = 0x39;

/** Further names that are read of one person: more than normalising leaves. */
const NAMES_MAX = 8;

/** Where a person lives and with whom, beside the facts. */
export interface Place {
  /** Internal id of the household; 0 for none. */
  readonly household: number;
  /** Where the bytes of the area begin and end; equal where only the own address is known. */
  readonly area: number;
  readonly areaEnd: number;
}

export class FactsReader {
  readonly #builder: RegistryBuilder;
  readonly #fields: Readonly<Record<string, Filling>>;
  /** Names as they are written in Latin, and natively. */
  readonly #names: readonly [ByteTexts, ByteTexts];
  readonly #postal: ByteTexts;
  readonly #district: ByteTexts;
  /** Areas as the household has them, and as the person's address says. */
  readonly #area: ByteTexts;
  readonly #town: ByteTexts;
  readonly #texts = new Map<string, { readonly field: Filling; readonly texts: ByteTexts }>();
  readonly #days = new Map<number, number>();
  readonly #households = new Map<number, number>();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where the names of a person begin and end. */
  readonly #places = new Int32Array(2 * (NAMES_MAX + 2));
  /** Where the text that was read last begins and ends. */
  #from = 0;
  #to = 0;

  constructor(builder: RegistryBuilder) {
    this.#builder = builder;
    const names = [GIVEN, FAMILY, OTHER, BIRTH, SEX, IDENTIFIER, PHONE, EMAIL, POSTAL, AREA];
    this.#fields = Object.fromEntries(names.map((name) => [name, builder.field(name)]));
    const { values } = builder.field(GIVEN);
    this.#names = [
      new ByteTexts((text) => values.id(text)),
      new ByteTexts((text) => values.id(text, true)),
    ];
    this.#postal = textsOf(builder.field(POSTAL));
    const areas = builder.field(AREA).values;
    this.#area = new ByteTexts((text) => areas.id(text), plainText);
    this.#town = textsOf(builder.field(AREA));
    this.#district = new ByteTexts((text) => builder.district(text));
  }

  /** Reads the facts that begin at a place. @throws Error when they have another form */
  read(bytes: Buffer, from: number, place: Place): void {
    this.#bytes = bytes;
    this.#at = from;
    const fields = this.#fields;
    this.#expect(OPEN);
    const native = this.#readNames();
    this.#expect(COMMA);
    fields[BIRTH]!.one(this.#day(this.#number()));
    this.#expect(COMMA);
    const sex = this.#number();
    fields[SEX]!.one(sex === 0 ? 0 : fields[SEX]!.values.id(String(sex)));
    this.#expect(COMMA);
    this.#several(fields[PHONE]!, () => this.#text());
    this.#expect(COMMA);
    this.#several(fields[EMAIL]!, () => this.#text());
    this.#expect(COMMA);
    this.#several(fields[IDENTIFIER]!, () => this.#identifier());
    this.#expect(COMMA);
    fields[POSTAL]!.one(this.#known(this.#postal));
    this.#expect(COMMA);
    const district = this.#known(this.#district);
    this.#expect(COMMA);
    this.#string();
    const lives = this.#area.of(bytes, place.area, place.areaEnd);
    fields[AREA]!.one(lives || this.#town.of(bytes, this.#from, this.#to));
    this.#expect(COMMA);
    this.#readTexts();
    const household = this.#household(place.household);
    this.#builder.end({ household, district, native, source: 0 });
  }

  /** Reads given, family and further names; answers whether they were written in another script. */
  #readNames(): boolean {
    const places = this.#places;
    let count = 0;
    const note = (): void => {
      this.#string();
      if (count === NAMES_MAX + 2) return;
      places[2 * count] = this.#from;
      places[2 * count++ + 1] = this.#to;
    };
    note();
    this.#expect(COMMA);
    note();
    this.#expect(COMMA);
    this.#list(note);
    this.#expect(COMMA);
    const native = this.#number() === 1;
    const names = this.#names[native ? 1 : 0];
    const name = (at: number): number =>
      names.of(this.#bytes, places[2 * at]!, places[2 * at + 1]!);
    this.#fields[GIVEN]!.one(name(0));
    this.#fields[FAMILY]!.one(name(1));
    const others: number[] = [];
    for (let at = 2; at < count; at++) others.push(name(at));
    this.#fields[OTHER]!.several(others);
    return native;
  }

  #readTexts(): void {
    this.#at++;
    while (this.#bytes[this.#at] !== CLOSE_OBJECT) {
      if (this.#bytes[this.#at] === COMMA) this.#at++;
      const key = this.#text();
      this.#at++;
      this.#string();
      if (this.#from === this.#to) continue;
      const known = this.#texts.get(key) ?? this.#newText(key);
      known.field.upTo(this.#builder.size);
      known.field.one(known.texts.of(this.#bytes, this.#from, this.#to));
    }
    this.#at++;
  }

  #newText(key: string): { readonly field: Filling; readonly texts: ByteTexts } {
    const field = this.#builder.text(key);
    const made = { field, texts: textsOf(field) };
    this.#texts.set(key, made);
    return made;
  }

  /** The number of a birth day. */
  #day(day: number): number {
    if (day === 0) return 0;
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const id = this.#fields[BIRTH]!.values.id(String(day).padStart(8, '0'));
    this.#days.set(day, id);
    return id;
  }

  #household(household: number): number {
    if (household === 0) return 0;
    const known = this.#households.get(household);
    if (known !== undefined) return known;
    const id = this.#builder.household(String(household));
    this.#households.set(household, id);
    return id;
  }

  #several(field: Filling, read: () => string): void {
    const ids: number[] = [];
    this.#list(() => {
      ids.push(field.values.id(read()));
    });
    field.several(ids);
  }

  #identifier(): string {
    this.#expect(OPEN);
    const system = this.#text();
    this.#expect(COMMA);
    const value = this.#text();
    this.#expect(CLOSE);
    return `${system}${SYSTEM_END}${value}`;
  }

  /** Reads what stands in a list, one after the other. */
  #list(read: () => void): void {
    this.#expect(OPEN);
    while (this.#bytes[this.#at] !== CLOSE) {
      if (this.#bytes[this.#at] === COMMA) this.#at++;
      read();
    }
    this.#at++;
  }

  #known(texts: ByteTexts): number {
    this.#string();
    return texts.of(this.#bytes, this.#from, this.#to);
  }

  #text(): string {
    this.#string();
    return jsonText(this.#bytes, this.#from, this.#to);
  }

  /** Notes where the next text begins and ends, between its quotes. */
  #string(): void {
    this.#expect(QUOTE);
    const bytes = this.#bytes;
    let at = this.#at;
    while (bytes[at] !== QUOTE) {
      if (bytes[at] === undefined) throw new Error('facts ended too early');
      at += bytes[at] === BACKSLASH ? 2 : 1;
    }
    this.#from = this.#at;
    this.#to = at;
    this.#at = at + 1;
  }

  #number(): number {
    let number = 0;
    for (let digit = this.#bytes[this.#at]!; digit >= ZERO && digit <= NINE; ) {
      number = number * 10 + digit - ZERO;
      digit = this.#bytes[++this.#at]!;
    }
    return number;
  }

  #expect(byte: number): void {
    if (this.#bytes[this.#at++] !== byte) throw new Error('facts have another form');
  }
}

const textsOf = ({ values }: Filling): ByteTexts => new ByteTexts((text) => values.id(text));
