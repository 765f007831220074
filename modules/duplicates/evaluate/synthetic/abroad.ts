/**
 * Registries unlike the one of `registry.ts`, each with its own columns and habits, read through a
 * map as a stranger's file would be: what matching breaks on is seldom what it was made for. Families
 * are written once, and some of their members again, by a worse hand. All people are invented.
 */

import type { ColumnMap, Row } from '../map.ts';
import { personReader } from '../person.ts';
import type { Records } from '../read.ts';
import { Chance } from './chance.ts';
import { respelled } from './people.ts';

/** One person, as they are. */
interface Human {
  readonly person: number;
  readonly sex: 'male' | 'female';
  readonly given: string;
  readonly father: string;
  readonly grandfather: string;
  readonly mother: string;
  readonly birth: readonly [number, number, number];
  readonly phone: string;
}

/** How one country writes people down. */
export interface Habit {
  readonly name: string;
  readonly map: ColumnMap;
  readonly male: readonly string[];
  readonly female: readonly string[];
  /** The row of a person; `again` where a worse hand writes it a second time. */
  readonly write: (human: Human, hand: Hand) => Row;
}

/** The pen of a clerk. */
interface Hand {
  readonly chance: Chance;
  readonly again: boolean;
  /** A name as the clerk hears it. */
  readonly word: (name: string) => string;
  readonly day: (
    birth: Human['birth'],
    form: (y: string, m: string, d: string) => string,
  ) => string;
}

const list = (text: string): string[] => text.split(' ');
const native = (pairs: string): ReadonlyMap<string, string> =>
  new Map(list(pairs).map((pair) => pair.split('/') as [string, string]));

const ETHIOPIC = native(
  'Abebe/አበበ Kebede/ከበደ Tadesse/ታደሰ Bekele/በቀለ Girma/ግርማ Tesfaye/ተስፋዬ Haile/ኃይሌ Yohannes/ዮሐንስ ' +
    'Solomon/ሰለሞን Berhanu/ብርሃኑ Demissie/ደምሴ Hailu/ኃይሉ Mekonnen/መኮንን Sisay/ሲሳይ Worku/ወርቁ Ayele/አየለ ' +
    'Almaz/አልማዝ Aster/አስቴር Genet/ገነት Hana/ሐና Meseret/መሠረት Alemitu/ዓለሚቱ Kidist/ቅድስት Rahel/ራሔል Tigist/ትዕግስት ' +
    'Worknesh/ወርቅነሽ Fantu/ፋንቱ Lemlem/ለምለም Senait/ሰናይት Tirunesh/ጥሩነሽ Emebet/እመቤት Hirut/ሂሩት',
);
const BENGALI = native(
  'Rafiqul/রফিকুল Shafiqul/শফিকুল Jahangir/জাহাঙ্গীর Mizanur/মিজানুর Saiful/সাইফুল Kamrul/কামরুল Nurul/নুরুল Anisur/আনিসুর ' +
    'Faruk/ফারুক Habibur/হাবিবুর Jasim/জসিম Liton/লিটন Mostafa/মোস্তফা Selim/সেলিম Tofazzal/তোফাজ্জল Ratan/রতন ' +
    'Fatema/ফাতেমা Ayesha/আয়েশা Rahima/রহিমা Halima/হালিমা Rokeya/রোকেয়া Jahanara/জাহানারা Shahida/শাহিদা Nasima/নাসিমা ' +
    'Kohinur/কোহিনুর Shirin/শিরিন Sabina/সাবিনা Taslima/তাসলিমা Morsheda/মোর্শেদা Hasina/হাসিনা Anowara/আনোয়ারা Lipi/লিপি',
);
const DIGITS = '০১২৩৪৫৬৭৮৯';
const bengali = (text: string): string => text.replaceAll(/\d/g, (digit) => DIGITS[Number(digit)]!);

const halves = (names: ReadonlyMap<string, string>): [string[], string[]] => {
  const all = [...names.keys()];
  return [all.slice(0, all.length / 2), all.slice(all.length / 2)];
};
const [ethiopianMen, ethiopianWomen] = halves(ETHIOPIC);
const [bengaliMen, bengaliWomen] = halves(BENGALI);

/** Three names, no family's; a year of birth, guessed; no numbers, no households. */
const ethiopia: Habit = {
  name: 'Ethiopic',
  male: ethiopianMen,
  female: ethiopianWomen,
  map: {
    ...{ id: 'id', given: 'name', family: ['father', 'grandfather'], other: ['mother'] },
    ...{ birthDate: { columns: 'born', format: 'yyyy' }, sex: { column: 'sex' }, phones: 'phone' },
    address: { city: 'kebele' },
  },
  write: ({ given, father, grandfather, mother, birth, phone }, { chance, again, word }) => {
    const script = chance.happens(again ? 0.4 : 0.2);
    const of = (name: string): string => (script && ETHIOPIC.get(name)) || word(name);
    return {
      ...{ name: of(given), father: of(father), grandfather: of(grandfather), mother: of(mother) },
      born: String(birth[0] + (chance.happens(0.3) ? chance.pick([-1, 1]) : 0)),
      phone,
    };
  },
};

/** Titles before full names, both parents, digits and words in two scripts. */
const bangladesh: Habit = {
  name: 'Bengali',
  male: bengaliMen,
  female: bengaliWomen,
  map: {
    ...{ id: 'id', fullName: 'name', other: ['father', 'mother'], household: 'household' },
    ...{ birthDate: { columns: 'born', format: 'dd/MM/yyyy' }, sex: { column: 'sex' } },
    ...{ phones: 'phone', country: 'BD', address: { city: 'village' } },
  },
  write: ({ sex, given, father, mother, birth, phone }, { chance, again, word, day }) => {
    const script = chance.happens(again ? 0.3 : 0.2);
    const of = (name: string): string => (script && BENGALI.get(name)) || word(name);
    const titles = sex === 'male' ? ['Md. ', 'Md ', ''] : ['Mst. ', 'Mosammat ', 'Mrs ', ''];
    const scripted = sex === 'male' ? ['মোঃ ', ''] : ['মোছাঃ ', ''];
    const last = sex === 'male' ? 'Islam' : chance.pick(['Begum', 'Khatun', 'Akter']);
    const born = day(birth, (y, m, d) => `${d}/${m}/${y}`);
    return {
      name: `${chance.pick(script ? scripted : titles)}${of(given)} ${last}`,
      ...{ father: of(father), mother: of(mother), born: script ? bengali(born) : born, phone },
    };
  },
};

/** Two family names, the father's and the mother's, and nothing that says who lives together. */
const peru: Habit = {
  name: 'Spanish',
  male: list(
    'José Juan Luis Carlos Pedro Jorge Manuel Mario Víctor Julio Hugo Rubén Santos Ramón Héctor Raúl',
  ),
  female: list(
    'María Ana Rosa Juana Carmen Marta Blanca Gloria Dora Irma Norma Yolanda Elena Lucía Sofía Paola',
  ),
  map: {
    ...{ id: 'id', given: 'nombres', family: ['paterno', 'materno'], phones: 'telefono' },
    ...{ birthDate: { columns: 'nacido', format: 'dd/MM/yyyy' }, sex: { column: 'sex' } },
    address: { city: 'village' },
  },
  write: ({ given, father, mother, birth, phone }, { chance, again, word, day }) => ({
    nombres: chance.happens(0.5) ? word(given).toUpperCase() : word(given),
    paterno: word(`${father}ez`),
    materno: again && chance.happens(0.15) ? '' : word(`${mother}illo`),
    nacido: day(birth, (y, m, d) => `${d}/${m}/${y}`),
    telefono: phone,
  }),
};

/** Large households, few names, days of birth mostly guessed, names often in the other order. */
const nigeria: Habit = {
  name: 'Hausa',
  male: list(
    'Musa Ibrahim Abubakar Usman Sani Aliyu Umar Yakubu Haruna Garba Bello Shehu Lawal Danjuma Tanko Salisu Idris Kabiru',
  ),
  female: list(
    'Aisha Fatima Hauwa Zainab Maryam Hadiza Amina Binta Safiya Jamila Halima Ladi Talatu Asabe Hajara Bilkisu Zulai Murja',
  ),
  map: {
    ...{ id: 'id', given: 'first', family: 'last', phones: 'phone', household: 'household' },
    ...{ birthDate: { columns: 'born' }, sex: { column: 'sex' }, country: 'NG' },
    address: { city: 'ward' },
  },
  write: ({ given, father, birth, phone }, { chance, again, word, day }) => {
    const names = [word(given), word(father)];
    if (again && chance.happens(0.06)) names.reverse();
    const guessed = chance.happens(0.4) ? ([birth[0], 1, 1] as const) : birth;
    const born = day(guessed, (y, m, d) => `${y}-${m}-${d}`);
    return { first: names[0]!, last: names[1]!, born, phone };
  },
};

export const HABITS: readonly Habit[] = [ethiopia, bangladesh, peru, nigeria];

const AGAIN = 0.08;
const VILLAGE_PEOPLE = 250;
const SYLLABLES = list('ba ke li mo nu ra sa te wi zo ga du fe ji ka ro');

function place(number: number): string {
  const chance = new Chance(number * 7919 + 5);
  return Array.from({ length: 3 }, () => chance.pick(SYLLABLES)).join('');
}

const two = (value: number): string => String(value).padStart(2, '0');

function handOf(chance: Chance, again: boolean): Hand {
  const word = (name: string): string => {
    if (chance.happens(again ? 0.3 : 0.1)) return respelled(chance, name);
    if (!chance.happens(again ? 0.06 : 0.01)) return name;
    const at = 1 + chance.below(name.length - 1);
    return name.slice(0, at) + name.slice(at + 1);
  };
  const day: Hand['day'] = ([year, month, date], form) => {
    if (chance.happens(again ? 0.05 : 0.02)) return '';
    if (again && chance.happens(0.1)) return form(String(year), '01', '01');
    if (again && chance.happens(0.05)) return form(String(year), two(date), two(month));
    const slip = again && chance.happens(0.08) ? 1 + chance.below(28) : date;
    return form(String(year), two(month), two(slip));
  };
  return { chance, again, word, day };
}

/** A name that is none of the common ones, in a third of cases. */
function nameOf(chance: Chance, names: readonly string[]): string {
  if (!chance.happens(0.33)) return chance.common(names);
  const word = Array.from({ length: 3 }, () => chance.pick(SYLLABLES)).join('');
  return word[0]!.toUpperCase() + word.slice(1);
}

/** The members of one family; now and then twins, and a son who bears his father's name. */
function familyOf({ male, female }: Habit, chance: Chance, next: () => number): Human[] {
  const phoneOf = (): string => `07${String(chance.below(100_000_000)).padStart(8, '0')}`;
  const phone = chance.happens(0.6) ? phoneOf() : '';
  const human = (sex: Human['sex'], more: Partial<Human>, from: number, years: number): Human => ({
    ...{ person: next(), sex, given: nameOf(chance, sex === 'male' ? male : female) },
    ...{ father: nameOf(chance, male), grandfather: nameOf(chance, male) },
    mother: nameOf(chance, female),
    birth: [from + chance.below(years), 1 + chance.below(12), 1 + chance.below(28)],
    phone: chance.happens(0.15) ? phoneOf() : phone,
    ...more,
  });
  const man = human('male', {}, 1950, 45);
  const wife = human('female', {}, 1952, 45);
  const of = { father: man.given, grandfather: man.father, mother: wife.given };
  const members = [man, wife];
  const children = chance.below(7);
  for (let at = 0; at < children; at++) {
    const sex = chance.happens(0.5) ? 'male' : 'female';
    const named = sex === 'male' && chance.happens(0.05) ? { given: man.given } : {};
    const child = human(sex, { ...of, ...named }, 2000, 24);
    if (members.some(({ given }) => given === child.given) && !named.given) continue;
    members.push(child);
    if (chance.happens(0.02)) members.push(human(sex, { ...of, birth: child.birth }, 2000, 24));
  }
  return members;
}

/** A registry of about `size` records of one country's habit with its truth, from a seed. */
export function registryAbroad(
  habit: Habit,
  size: number,
  seed: number,
): { records: Records; truth: Int32Array } {
  const chance = new Chance(seed);
  const read = personReader(habit.map, 0);
  const villages = Math.max(4, Math.round(size / VILLAGE_PEOPLE));
  const rows: Row[] = [];
  const truth: number[] = [];
  let people = 0;
  let households = 0;
  const keep = (human: Human, village: number, household: number, again: boolean): void => {
    const where = { village: place(village), ward: place(village), kebele: place(village) };
    const row = habit.write(human, handOf(chance, again));
    const id = String(rows.length + 1);
    rows.push({ id, sex: human.sex, household: `h${household}`, ...where, ...row });
    truth.push(human.person);
  };
  while (rows.length < size) {
    const village = chance.below(villages);
    const members = familyOf(habit, chance, () => people++);
    for (const human of members) keep(human, village, households, false);
    for (const human of members) {
      if (!chance.happens(AGAIN)) continue;
      const moved = chance.happens(0.35);
      keep(
        human,
        moved ? chance.below(villages) : village,
        moved ? ++households : households,
        true,
      );
    }
    households++;
  }
  const records = { people: rows.map(read), ids: rows.map(({ id }) => id!) };
  return { records, truth: Int32Array.from(truth) };
}
