/** Candidates, scores, clusters and links: what must hold for any registry. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { evaluate } from '../../../modules/duplicates/evaluate/evaluate.ts';
import { loaded } from '../../../modules/duplicates/evaluate/read.ts';
import { pairFigures } from '../../../modules/duplicates/evaluate/report.ts';
import { syntheticRegistry } from '../../../modules/duplicates/evaluate/synthetic/registry.ts';
import { assign } from '../../../modules/duplicates/matching/assign.ts';
import { BLOCK_MAX, blocksOf, eachMeeting } from '../../../modules/duplicates/matching/blocks.ts';
import { clustersOf } from '../../../modules/duplicates/matching/clusters.ts';
import { comparerOf } from '../../../modules/duplicates/matching/compare.ts';
import { digitEdits, edits, jaroWinkler } from '../../../modules/duplicates/matching/distance.ts';
import { exclusive } from '../../../modules/duplicates/matching/exclusive.ts';
import { gradeReader } from '../../../modules/duplicates/matching/grades.ts';
import {
  KEYS_MAX,
  partsReader,
  RULES,
  sourcesOf,
  writeKeys,
} from '../../../modules/duplicates/matching/keys.ts';
import { weightsOf } from '../../../modules/duplicates/matching/model.ts';
import { type Person, registryOf } from '../../../modules/duplicates/matching/registry.ts';
import { runMatching } from '../../../modules/duplicates/matching/run.ts';
import { ALIKE, MOVED } from '../../../modules/duplicates/matching/schema.ts';
import { namePartsOf } from '../../../modules/duplicates/normalize/names.ts';

const person = (
  given: string,
  family: string,
  birthDay: number,
  more: Partial<Person> = {},
): Person => ({
  name: namePartsOf({ given: [given], family: [family] }),
  birthDay,
  sex: 0,
  phones: [],
  emails: [],
  identifiers: [],
  texts: {},
  source: 0,
  ...more,
});

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 6 });

/** Optimal string alignment, as the textbook has it. */
function slowEdits(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) d[0]![j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      d[i]![j] = Math.min(d[i - 1]![j]! + 1, d[i]![j - 1]! + 1, d[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d[i]![j] = Math.min(d[i]![j]!, d[i - 2]![j - 2]! + 1);
      }
    }
  }
  return d[a.length]![b.length]!;
}

describe('distances between words', () => {
  it('counts edits as the textbook does, up to its bound', () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 3 }), (a, b, max) => {
        expect(edits(a, b, max)).to.equal(Math.min(slowEdits(a, b), max + 1));
      }),
    );
  });

  it('are counted by the digits of dates as by their letters', () => {
    const digits = fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 8, maxLength: 8 })
      .map((all) => all.join(''));
    const place = fc.nat(7);
    const slips = fc.array(fc.tuple(place, place, fc.nat(9), fc.nat(2)), { maxLength: 3 });
    fc.assert(
      fc.property(digits, slips, fc.boolean(), digits, (date, made, unlike, another) => {
        const slipped = [...date];
        for (const [from, to, digit, kind] of made) {
          if (kind === 0) slipped[from] = String(digit);
          else slipped.splice(kind === 1 ? from ^ 1 : to, 0, ...slipped.splice(from, 1));
        }
        const other = unlike ? another : slipped.join('');
        const numbers = [date, other].map((text) => Number.parseInt(text, 16)) as [number, number];
        expect(digitEdits(...numbers)).to.equal(edits(date, other, 2));
      }),
    );
  });

  it('gives the published likenesses, the same either way', () => {
    expect(jaroWinkler('martha', 'marhta')).to.be.closeTo(0.9611, 1e-4);
    expect(jaroWinkler('dixon', 'dicksonx')).to.be.closeTo(0.8133, 1e-4);
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(jaroWinkler(a, b)).to.be.within(0, 1).and.closeTo(jaroWinkler(b, a), 1e-12);
      }),
    );
  });
});

describe('names in two scripts', () => {
  it('are alike where they are read as the same letters, and weigh as spellings of one sound do', () => {
    const registry = registryOf([
      person('Айгуль', 'Асанова', 19800504),
      person('Aigul', 'Asanova', 19800504),
      person('Aygul', 'Asanova', 19800504),
    ]);
    const family = registry.columns.findIndex(({ field }) => field.name === 'family');
    const comparer = comparerOf(registry);
    expect(comparer.level(family, 0, 1)).to.equal(ALIKE);
    expect(comparer.level(family, 1, 2)).to.equal(5);
  });
});

describe('family names among further names', () => {
  const named = (full: string): Person => ({
    ...person('', '', 19800504),
    name: namePartsOf({ full }),
  });
  const family = ([a, b]: readonly [string, string]): number => {
    const registry = registryOf([named(a), named(b), named('Omar Farah Nur')]);
    const column = registry.columns.findIndex(({ field }) => field.name === 'family');
    return comparerOf(registry).level(column, 0, 1);
  };

  it('are found where the father’s name was left out, and are no certain agreement', () => {
    expect(family(['Fatima Ali Mohamed Shami', 'Fatima Shami'])).to.equal(MOVED);
    expect(family(['فاطمة المصري', 'Fatima Ali Masri'])).to.equal(MOVED);
    expect(family(['Fatima Ali Shami', 'Fatima Ali Hijazi'])).to.equal(5);
    expect(family(['Fatima Ali Shami', 'Fatima Hamza Hijazi'])).to.be.below(3);
    const registry = registryOf([named('Fatima Ali Shami'), named('Fatima Shami')]);
    expect(gradeReader(registry, comparerOf(registry))(0, 1).family).to.equal(0);
  });
});

describe('two registries', () => {
  it('number their households each by itself, and one family linked brings its members along', () => {
    const { records, truth } = syntheticRegistry(1_200, 11);
    const taken = new Set<number>();
    const people = records.people.map((each, at): Person => {
      const source = taken.has(truth[at]!) ? 1 : 0;
      taken.add(truth[at]!);
      return { ...each, identifiers: [], phones: [], source };
    });
    const across = { across: true };
    const known = runMatching(registryOf(people), across);
    const unknown = runMatching(
      registryOf(people.map((each) => ({ ...each, household: '' }))),
      across,
    );
    const found = ({ pairs: { a, b }, logOdds }: typeof known): number =>
      a.filter((row, at) => logOdds[at]! > 0 && truth[row] === truth[b[at]!]).length;
    expect(found(known)).to.be.above(found(unknown));
    const two = registryOf(
      [0, 1].map((source) => person('Asha', 'Ali', 0, { household: '7', source: source as 0 | 1 })),
    );
    expect(two.household[0]).to.not.equal(two.household[1]);
  });
});

describe('candidates', () => {
  it('are every pair with a key in common, each once', () => {
    const names = fc.constantFrom('ali', 'aly', 'omar', 'umar', 'maxamed', 'mohamed', '');
    const someone = fc
      .tuple(names, names, fc.constantFrom(0, 1980_0000, 1980_0203, 1980_0302), names)
      .map(([given, family, day, city]) => person(given, family, day, { texts: { city } }));
    fc.assert(
      fc.property(fc.array(someone, { maxLength: 25 }), (people) => {
        const registry = registryOf(people);
        const parts = partsReader(registry, sourcesOf(registry));
        const keys = people.map((_, row) => {
          const of = parts(row);
          const into = new Int32Array(KEYS_MAX);
          return RULES.map((_, rule) => [...into.subarray(0, writeKeys(rule, of, into, 0))]);
        });
        const expected = new Set<string>();
        for (let a = 0; a < people.length; a++) {
          for (let b = a + 1; b < people.length; b++) {
            const meet = keys[a]!.some((list, rule) =>
              list.some((key) => key !== 0 && keys[b]![rule]!.includes(key)),
            );
            if (meet) expected.add(`${a} ${b}`);
          }
        }
        const found: string[] = [];
        eachMeeting(registry, blocksOf(registry), { across: false }, (a, others, count) => {
          for (const b of others.subarray(0, count)) found.push(a < b ? `${a} ${b}` : `${b} ${a}`);
        });
        expect(found.length, 'each once').to.equal(new Set(found).size);
        expect(new Set(found)).to.deep.equal(expected);
      }),
    );
  });

  it('stay few when ten thousand people have one name, were born on 1 January and share a telephone', () => {
    const people = Array.from({ length: 10_000 }, () =>
      person('Mohamed', 'Ali', 1990_0000, { phones: ['+252612345678'] }),
    );
    const registry = registryOf(people);
    const blocks = blocksOf(registry);
    let pairs = 0;
    eachMeeting(registry, blocks, { across: false }, (_a, _others, count) => {
      pairs += count;
    });
    expect(pairs).to.be.at.most(people.length * BLOCK_MAX);
    expect(blocks.skipped.some(({ people: left }) => left === people.length)).to.equal(true);
    expect(blocks.unseen).to.eql({ unknown: 0, crowded: people.length });
  });
});

describe('weights', () => {
  it('rise with the level of agreement', () => {
    const share = fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), {
      minLength: 6,
      maxLength: 6,
    });
    fc.assert(
      fc.property(share, share, (m, u) => {
        const weights = weightsOf(m, u, 6);
        for (let level = 1; level < 6; level++) {
          expect(weights[level]).to.be.at.least(weights[level - 1]! - 1e-9);
        }
      }),
    );
  });

  it('are learnt as well where a quarter of the people were given one birth day', () => {
    const { records, truth } = syntheticRegistry(3_000, 8);
    const people = records.people.map((each, at) =>
      at < 750 ? { ...each, birthDay: 1980_07_01 } : each,
    );
    const evaluated = evaluate('one day', loaded({ ...records, people }), () => truth);
    const { recall, precision } = pairFigures(evaluated, 0.5);
    expect(recall).to.be.above(0.85);
    expect(precision).to.be.above(0.85);
  });
});

describe('clusters', () => {
  it('do not chain people together through one bad pair', () => {
    const like = new Map([
      ['0 1', 9],
      ['1 2', 8],
      ['2 3', 9],
    ]);
    const logOdds = (a: number, b: number): number => like.get(`${a} ${b}`) ?? -30;
    const edges = [...like].map(([pair, bits]) => {
      const [a, b] = pair.split(' ').map(Number) as [number, number];
      return { a, b, logOdds: bits };
    });
    const [a, b, c, d] = clustersOf(4, edges, logOdds);
    expect([a, c]).to.deep.equal([b, d]);
    expect(a).to.not.equal(c);
  });

  it('obey what reviewers have decided, whatever the scores', () => {
    const edges = [{ a: 0, b: 1, logOdds: 20 }];
    const verdicts = { different: [[0, 1]], duplicate: [[2, 3]] } as const;
    const clusters = clustersOf(4, edges, () => 20, verdicts);
    expect(clusters[0]).to.not.equal(clusters[1]);
    expect(clusters[2]).to.equal(clusters[3]);
  });
});

describe('links between two registries', () => {
  /** The best sum over all ways to pair up, by trying them all. */
  function bestSum(edges: ReadonlyArray<{ a: number; b: number; logOdds: number }>): number {
    const [first, ...rest] = edges;
    if (first === undefined) return 0;
    const left = rest.filter(({ a, b }) => a !== first.a && b !== first.b);
    return Math.max(bestSum(rest), first.logOdds + bestSum(left));
  }

  it('are one to one and weigh as much as any one-to-one choice', () => {
    const edge = fc.record({
      a: fc.integer({ min: 0, max: 4 }),
      b: fc.integer({ min: 10, max: 14 }),
      logOdds: fc.integer({ min: 1, max: 30 }),
    });
    const edges = fc.uniqueArray(edge, { maxLength: 12, selector: ({ a, b }) => `${a} ${b}` });
    fc.assert(
      fc.property(edges, (all) => {
        const chosen = assign(all);
        expect(new Set(chosen.map(({ a }) => a)).size).to.equal(chosen.length);
        expect(new Set(chosen.map(({ b }) => b)).size).to.equal(chosen.length);
        const sum = chosen.reduce((so, { logOdds }) => so + logOdds, 0);
        expect(sum).to.equal(bestSum(all));
      }),
    );
  });
});

describe('a run over odd registries', () => {
  it('takes nobody, one person, and people of whom nothing but a name is known', () => {
    for (const people of [
      [],
      [person('Asha', '', 0)],
      [person('Asha', '', 0), person('', '', 0)],
    ]) {
      const run = runMatching(registryOf(people), { across: false });
      expect(run.clusters.length).to.equal(people.length);
    }
  });

  it('shows what each field said, and the bits add up', () => {
    const people = ['Amina', 'Aminah', 'John', 'Grace'].map((given, at) =>
      person(given, at < 2 ? 'Farah' : `Family${at}`, at < 2 ? 1985_0704 : 1970_0203 + at, {
        sex: 2,
      }),
    );
    const { scorer, model } = runMatching(registryOf(people), { across: false });
    scorer.logOdds(0, 1, model);
    const fields = scorer.explain(0, 1);
    const sum = fields.reduce((so, { bitsM }) => so + bitsM, 0);
    expect(sum).to.be.closeTo(scorer.w, 1e-6);
    expect(fields.map(({ field }) => field)).to.include.members(['given', 'family', 'birthDate']);
  });
});

describe('members of one household', () => {
  it('rival each other for a record of another household, unless they are one person themselves', () => {
    const home = (household: string): Partial<Person> => ({ household });
    const registry = registryOf([
      person('Daudi', 'Temba', 20070117, home('one')),
      person('Daniel', 'Temba', 20070117, home('one')),
      person('Daudi', 'Temba', 20070117, home('two')),
    ]);
    const pairs = { a: Int32Array.of(0, 1), b: Int32Array.of(2, 2), size: 2 };
    const [son, twin] = exclusive(registry, pairs, Float64Array.of(8, 2));
    expect(son).to.be.closeTo(8 - Math.log2(1 + 4), 1e-9);
    expect(twin).to.be.closeTo(2 - Math.log2(1 + 256), 1e-9);
    const known = { a: Int32Array.of(0, 1, 0), b: Int32Array.of(2, 2, 1), size: 3 };
    const [first, second] = exclusive(registry, known, Float64Array.of(8, 2, 40));
    expect(first).to.be.closeTo(8, 1e-6);
    expect(second).to.be.closeTo(2, 1e-6);
  });
});
