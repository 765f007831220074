/** Accuracy without labels: on public sets, on invented households, and by the command of README. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import {
  getCountries,
  getCountryCallingCode,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/min';
import { after, before, describe, it } from 'mocha';
import { InputFault } from '../../../modules/duplicates/evaluate/bytes.ts';
import { evaluate } from '../../../modules/duplicates/evaluate/evaluate.ts';
import { idsOf } from '../../../modules/duplicates/evaluate/ids.ts';
import {
  bCubed,
  clusterFigures,
  recallByGroup,
  truePairs,
} from '../../../modules/duplicates/evaluate/measures.ts';
import { nameReader } from '../../../modules/duplicates/evaluate/names.ts';
import { loaded, readMap, readRecords } from '../../../modules/duplicates/evaluate/read.ts';
import { gradesOf, pairFigures } from '../../../modules/duplicates/evaluate/report.ts';
import { HABITS, registryAbroad } from '../../../modules/duplicates/evaluate/synthetic/abroad.ts';
import { syntheticRegistry } from '../../../modules/duplicates/evaluate/synthetic/registry.ts';
import { readTable } from '../../../modules/duplicates/evaluate/table.ts';
import { readTruth } from '../../../modules/duplicates/evaluate/truth.ts';
import { writeClusters, writePairs } from '../../../modules/duplicates/evaluate/write.ts';
import type { ScoredPairs } from '../../../modules/duplicates/matching/pairs.ts';
import { ADJACENT } from '../../../modules/duplicates/matching/schema.ts';
import { Texts } from '../../../modules/duplicates/matching/texts.ts';
import { phoneOf } from '../../../modules/duplicates/normalize/contact.ts';
import { namePartsOf } from '../../../modules/duplicates/normalize/names.ts';
import { sharedPath } from '../../support/shared.ts';

const program = join(import.meta.dirname, '../../../modules/duplicates/evaluate/evaluate.ts');

describe('duplicates in public sets, found without labels', () => {
  const least: Readonly<Record<string, readonly [string, number]>> = {
    febrl1: ['febrl/dataset1.csv', 0.998],
    febrl3: ['febrl/dataset3.csv', 0.998],
    'febrl3-no-ssn': ['febrl/dataset3.csv', 0.994],
    RLdata500: ['rldata/RLdata500.csv', 0.97],
  };
  for (const [name, [file, f1]] of Object.entries(least)) {
    it(`${name}: F1 of pairs at least ${f1}`, function () {
      const folder = sharedPath(this, 'data/duplicates');
      const map = readMap(join(folder, `maps/${name}.json`));
      const records = readRecords([join(folder, file)], map);
      const truth = join(folder, `truth/${name.replace('-no-ssn', '')}.csv`);
      const evaluated = evaluate(name, records, () => readTruth(truth, records.ids, []));
      expect(pairFigures(evaluated, 0.5).f1).to.be.at.least(f1);
    });
  }

  it('fake_1000: F1 of clusters at least 0.94', function () {
    const folder = sharedPath(this, 'data/duplicates');
    const map = readMap(join(folder, 'maps/fake_1000.json'));
    const records = readRecords([join(folder, 'splink/fake_1000.csv')], map);
    const { run, truth, sides } = evaluate('fake', records, () =>
      readTruth(join(folder, 'truth/fake_1000.csv'), records.ids, []),
    );
    expect(clusterFigures(run.clusters, truth, sides).f1).to.be.at.least(0.94);
  });
});

describe('duplicates among invented households', () => {
  it('are found in a registry of twins, borrowed telephones, guessed dates, scripts and moves', () => {
    const { records, truth } = syntheticRegistry(8_000, 77);
    const evaluated = evaluate('synthetic', loaded(records), () => truth);
    expect(pairFigures(evaluated, 0.9).f1).to.be.at.least(0.93);
    const grades = gradesOf(evaluated);
    const { a, b } = evaluated.run.pairs;
    const certain = grades.flatMap((grade, at) => (grade === 'certain' ? [at] : []));
    const wrong = certain.filter((at) => truth[a[at]!] !== truth[b[at]!]);
    expect(certain.length).to.be.above(100);
    expect(wrong.length / certain.length).to.be.at.most(0.005);
    // Consecutive cards go to twins and spouses: they must not speak for one person by default.
    expect(evaluated.run.model.fields.identifier!.h[ADJACENT]).to.be.at.least(0.0099);
  });

  it('come out the same from the same seed', () => {
    const [one, two] = [1, 1].map((seed) => syntheticRegistry(300, seed));
    expect(one!.records.people).to.deep.equal(two!.records.people);
    expect(syntheticRegistry(300, 2).records.people).to.not.deep.equal(one!.records.people);
  });
});

describe('duplicates in registries of other columns and habits', () => {
  // Least precision and recall of pairs at p ≥ .9; nothing was fitted to them.
  const least: Readonly<Record<string, readonly [number, number]>> = {
    Ethiopic: [0.9, 0.9],
    Bengali: [0.94, 0.93],
    Spanish: [0.95, 0.95],
    Hausa: [0.93, 0.8],
  };
  for (const habit of HABITS) {
    const [precision, recall] = least[habit.name]!;
    it(`${habit.name}: right in ${precision} and found in ${recall} of cases at least`, () => {
      const { records, truth } = registryAbroad(habit, 2_000, 3);
      const evaluated = evaluate(habit.name, loaded(records), () => truth);
      const figures = pairFigures(evaluated, 0.9);
      expect(figures.precision).to.be.at.least(precision);
      expect(figures.recall).to.be.at.least(recall);
      // Twins are as many as duplicates here: they must not teach that given names of one person differ.
      expect(evaluated.run.model.fields.given!.m[0]).to.be.below(0.1);
    });
  }
});

describe('measures', () => {
  const sides = { across: false, source: new Uint8Array(4) };

  it('are those of a partition worked by hand', () => {
    const clusters = Int32Array.of(1, 1, 2, 2);
    const truth = Int32Array.of(7, 7, 7, 8);
    const pairs = clusterFigures(clusters, truth, sides);
    expect([pairs.precision, pairs.recall]).to.deep.equal([1 / 2, 1 / 3]);
    const across = { across: true, source: Uint8Array.of(0, 1, 0, 1) };
    const linked = clusterFigures(clusters, truth, across);
    expect([linked.precision, linked.recall]).to.deep.equal([1 / 2, 1 / 2]);
    const cubed = bCubed(clusters, truth);
    expect(cubed.precision).to.be.closeTo((1 + 1 + 0.5 + 0.5) / 4, 1e-12);
    expect(cubed.recall).to.be.closeTo((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, 1e-12);
  });
});

describe('measures of large groups', () => {
  it('count the true pairs of each group as counting them one by one does', () => {
    const number = fc.integer({ min: 0, max: 3 });
    const person = fc.record({
      truth: number,
      group: number,
      source: fc.integer({ min: 0, max: 1 }),
    });
    fc.assert(
      fc.property(fc.array(person, { maxLength: 25 }), fc.boolean(), (people, across) => {
        const source = Uint8Array.from(people, (each) => each.source);
        const truth = Int32Array.from(people, (each) => each.truth);
        const of = Uint16Array.from(people, (each) => each.group);
        const dimension = { name: 'd', groups: ['0', '1', '2', '3'], of };
        const pairs = { size: 0, a: new Int32Array(0), b: new Int32Array(0) } as ScoredPairs;
        const run = { pairs, logOdds: new Float64Array(0) };
        const known = recallByGroup(run, truth, { across, source }, [dimension]);
        for (let group = 0; group < 4; group++) {
          let count = 0;
          people.forEach((a, at) => {
            for (const b of people.slice(at + 1)) {
              const isTrue = a.truth === b.truth && !(across && a.source === b.source);
              if (isTrue && (a.group === group || b.group === group)) count++;
            }
          });
          expect(known.get(`d ${group}`)!.pairs).to.equal(count);
        }
      }),
    );
  });

  it('take no longer where the truth says that all are one person', () => {
    const everybody = new Int32Array(200_000);
    const sides = { across: false, source: new Uint8Array(everybody.length) };
    const { recall } = clusterFigures(everybody, everybody, sides);
    expect([recall, truePairs(everybody, sides)]).to.deep.equal([1, 19_999_900_000]);
  });
});

describe('what is written of a run', () => {
  it('names records by their ids in the order of the files, whatever order they were compared in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'amana-written-'));
    const [pairs, clusters] = [join(folder, 'p.csv'), join(folder, 'c.csv')];
    const ids = idsOf(['x', 'y,1', 'z"']);
    const written = {
      places: Float64Array.of(2, 1, 0),
      run: {
        pairs: { size: 2, a: Int32Array.of(0, 1), b: Int32Array.of(1, 2) },
        logOdds: Float64Array.of(10, -9),
        clusters: Int32Array.of(0, 0, 2),
      },
    };
    writePairs(pairs, ids, written, ['probable', 'certainly-not']);
    writeClusters(clusters, ids, written);
    const read = (file: string): string => readFileSync(file, 'utf8');
    expect(read(pairs)).to.equal('id_a,id_b,p,grade\n"y,1","z""",0.999024,probable\n');
    expect(read(clusters)).to.equal('id,cluster\nx,0\n"y,1",2\n"z""",2\n');
    expect(() => writePairs(folder, ids, written, [])).to.throw(InputFault, 'it is a folder');
    rmSync(folder, { recursive: true });
  });
});

describe('texts by number', () => {
  it('are numbered as they come, each once, and two marks of one writing apart', () => {
    const text = fc.oneof(fc.constantFrom('a', 'b', 'ab', 'محمد'), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 300 }), (given) => {
        const texts = new Texts();
        const known = new Map<string, number>();
        for (const [word, mark] of given) {
          const key = `${mark} ${word}`;
          expect(texts.numberOf(word, mark)).to.equal(known.get(key) ?? 0);
          known.set(key, known.get(key) ?? known.size + 1);
          expect(texts.add(word, mark)).to.equal(known.get(key));
          expect(texts.textOf(known.get(key)!)).to.equal(word);
        }
        expect(texts.size).to.equal(known.size + 1);
        expect(String.fromCharCode(...texts.letters)).to.equal(
          [...known.keys()].map((key) => key.slice(key.indexOf(' ') + 1)).join(''),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('rows of a registry', () => {
  const cell = fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      'Asha',
      'de la Cruz',
      '5" x',
      'a,b',
      'a;b',
      'x\r\ny',
      "O'Connor",
      'محمد',
      '\t',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const rowsOf = (text: string): string[][] => {
    const file = join(mkdtempSync(join(tmpdir(), 'amana-rows-')), 'x.csv');
    writeFileSync(file, text);
    const rows: string[][] = [];
    try {
      readTable(file, undefined, (header) => {
        rows.push([...header]);
        return (values) => rows.push(values.map((value) => value.trim()));
      });
    } finally {
      rmSync(dirname(file), { recursive: true });
    }
    return rows;
  };

  it('are what was written, whatever stands in quotes, between and behind them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }),
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        (cells, delimiter, end, everywhere) => {
          const rows = cells.map((row) =>
            row.map((text) => text.toWellFormed().replaceAll('\0', '')),
          );
          const options = { delimiter, record_delimiter: end, quoted: everywhere, quote: '"' };
          const text = stringify([['a', 'b', 'c'], ...rows], {
            ...options,
            quoted_match: /[\r\n"]/,
          });
          const full = rows.filter((row) => row.some((value) => value.trim() !== ''));
          expect(rowsOf(text)).to.deep.equal([
            ['a', 'b', 'c'],
            ...full.map((row) => row.map((value) => value.trim())),
          ]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('may end in two ways in one file, and have lines within quotes', () => {
    const text = 'a,b\r\n1,"x\r\ny"\n2, "z" \r\n,\n\n3,5" w';
    expect(rowsOf(text)).to.deep.equal([
      ['a', 'b'],
      ['1', 'x\r\ny'],
      ['2', 'z'],
      ['3', '5" w'],
    ]);
    expect(rowsOf('a,b\r1,2\r3,4')).to.deep.equal([
      ['a', 'b'],
      ['1', '2'],
      ['3', '4'],
    ]);
  });

  it('are refused by their line where a quote is left open or in the way, however large the file', () => {
    const many = '1,Asha\n'.repeat(30_000);
    const faults: ReadonlyArray<readonly [text: string, fault: string]> = [
      [`a,b\n${many}2,"open\n${many}`, 'begins in line 30002 opens a quote that is never closed'],
      [`a,b\n${many}2,"x"y\n${many}`, 'begins in line 30002 has a quote in a place where none may'],
      [`a,b\n2,${'x'.repeat(17_000_000)}`, 'begins in line 2 does not end'],
      ['', 'it has no line with names of columns'],
      ['a,b,a\n', 'two columns are called "a"'],
    ];
    for (const [text, fault] of faults) expect(() => rowsOf(text)).to.throw(InputFault, fault);
  });

  it('are read as people in the same way whether they come again or not', () => {
    const word = fc.constantFrom(
      'Abd',
      'al',
      'Rahman',
      'Md',
      'Asha',
      'Van',
      'محمد',
      'O',
      'Connor',
      'ሰላም',
      '',
    );
    const name = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '));
    const read = nameReader('given-first');
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 2 }),
        fc.array(name, { maxLength: 2 }),
        (given, family) => {
          const expected = namePartsOf({ given, family }, 'given-first');
          for (let times = 0; times < 2; times++)
            expect(read(given, family)).to.deep.equal(expected);
        },
      ),
    );
  });

  it('have the telephones that the plans of all countries make of them', () => {
    const code = fc.constantFrom(
      ...getCountries().map((country) => getCountryCallingCode(country)),
    );
    const rest = fc.stringMatching(/^0?[0-9]{3,14}$/);
    fc.assert(
      fc.property(code, rest, (calling, digits) => {
        const text = `+${calling}${digits}`;
        const parsed = parsePhoneNumberFromString(text);
        const known = parsed?.isPossible() ? parsed.number : text.slice(0, 20);
        // Digits that merely count up are no telephone.
        fc.pre(phoneOf(text) !== undefined);
        expect(phoneOf(text)).to.equal(known);
      }),
      { numRuns: 500 },
    );
  });
});

describe('npm run evaluate:duplicates', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'amana-evaluate-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return name;
  };
  const map = { id: 'nr', fullName: 'name', birthDate: { columns: 'born', format: 'd.M.yyyy' } };

  it('learns how often names stand in the other order, and that sons bear their grandfathers’ names', () => {
    const { records, truth } = syntheticRegistry(4_000, 5);
    const turned = records.people.map((person, at) => {
      const { given, family } = person.name;
      // Every fifth person, once: pairs of one person have the two orders, strangers do not.
      return truth[at]! % 5 === 0 && truth.indexOf(truth[at]!) === at
        ? { ...person, name: { ...person.name, given: family, family: given } }
        : person;
    });
    const usual = evaluate('usual', loaded(records), () => truth).run.model;
    const often = evaluate('turned', loaded({ ...records, people: turned }), () => truth).run.model;
    expect(usual.crossed).to.be.within(0.01, 0.05);
    expect(often.crossed).to.equal(0.1);
    expect(usual.crossedWithin).to.be.within(0.0005, 0.005);
  });

  it('links two registries one to one and writes pairs and clusters', () => {
    const names = [
      'Asha Farah',
      'Omar Ali',
      'Grace Otieno',
      'John Kamau',
      'Hawa Diallo',
      'Ruth Mushi',
    ];
    const rows = (prefix: string) =>
      names.map((name, at) => `${prefix}${at},${name},${at + 2}.${at + 3}.19${70 + at}`).join('\n');
    put('one.csv', `nr,name,born\n${rows('a')}\n`);
    put('two.csv', `nr,name,born\n${rows('b')}\n`);
    put('map.json', JSON.stringify(map));
    put('truth.csv', `id_a,id_b\n${names.map((_, at) => `a${at},b${at}`).join('\n')}\n`);
    const args = ['--map', 'map.json', '--truth', 'truth.csv'];
    const done = run('one.csv', 'two.csv', ...args, '--pairs', 'p.csv', '--clusters', 'c.csv');
    expect(done.stderr).to.equal('');
    expect(done.status).to.equal(0);
    const pairs = readFileSync(join(folder, 'p.csv'), 'utf8').trim().split('\n');
    expect(pairs[0]).to.equal('id_a,id_b,p,grade');
    for (const at of names.keys()) {
      expect(
        pairs.some((line) => line.startsWith(`a${at},b${at},`)),
        `a${at}`,
      ).to.equal(true);
    }
    const clusters = readFileSync(join(folder, 'c.csv'), 'utf8').trim().split('\n').slice(1);
    const numberOf = new Map(clusters.map((line) => line.split(',') as [string, string]));
    for (const at of names.keys()) expect(numberOf.get(`a${at}`)).to.equal(numberOf.get(`b${at}`));
  });

  it('prints dashes where the truth has no pair', () => {
    put('alone.csv', 'nr,name,born\n1,Asha Farah,2.3.1980\n2,Omar Ali,4.5.1970\n');
    put('none.csv', 'id_a,id_b\n');
    put('map.json', JSON.stringify(map));
    const done = run('alone.csv', '--map', 'map.json', '--truth', 'none.csv');
    expect(done.stdout).to.contain('–');
    expect(done.status).to.equal(0);
  });

  it('names the column that a map has and the file has not', () => {
    put('alone.csv', 'nr,name\n1,Asha\n');
    put('none.csv', 'id_a,id_b\n');
    put('map.json', JSON.stringify(map));
    const done = run('alone.csv', '--map', 'map.json', '--truth', 'none.csv');
    expect(done.status).to.equal(2);
    expect(done.stderr).to.contain('names the column "born"; the file has: nr, name');
  });

  it('reads what people send: another encoding, semicolons, short lines, dates written otherwise', () => {
    const lines = 'nr;name;born\r\n1;José Peña;7.4.1999\r\n2;Ana\r\n3;Eva Ruiz;never\r\n';
    writeFileSync(join(folder, 'latin.csv'), Buffer.from(lines, 'latin1'));
    put('map.json', JSON.stringify({ ...map, typo: 1 }));
    put('stray.csv', 'id_a,id_b\n1,99\n');
    const done = run('latin.csv', '--map', 'map.json', '--truth', 'stray.csv');
    expect([done.status, done.stderr]).to.deep.equal([0, '']);
    for (const note of [
      'latin.csv is no UTF-8; it was read as windows-1252',
      'latin.csv: 1 lines have more or fewer values',
      '1 of 2 values are no birth dates of the form d.M.yyyy, the first in line 4 ("never")',
      '"typo" is no key of a map',
      '1 rows, the first 1,99, name records that the files do not have',
    ]) {
      expect(done.stdout).to.contain(note);
    }
  });

  it('says where a file, a map or an output is at fault, before any work', () => {
    put('map.json', JSON.stringify(map));
    put('twice.csv', 'nr,name,born\n1,Asha,\n1,Omar,\n');
    put('bad.json', JSON.stringify({ given: 5, birthDate: { columns: 'born', format: 'x' } }));
    const faults: ReadonlyArray<readonly [args: string[], fault: string]> = [
      [['twice.csv', '--map', 'map.json'], 'lines 2 and 3 have one id, "1"'],
      [['twice.csv', '--map', 'bad.json'], 'The map needs "id"'],
      [['gone.csv', '--map', 'map.json'], 'gone.csv: there is no such file'],
      [['twice.csv', '--map', 'map.json', '--pairs', 'no/p.csv'], 'no/p.csv: there is no such'],
    ];
    for (const [args, fault] of faults) {
      const done = run(...args);
      expect([done.status, done.stderr.includes(fault)], done.stderr).to.deep.equal([2, true]);
    }
  });
});
