/** Names, dates and numbers as they are compared, whatever script and hand wrote them. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { identifierOf, phoneOf } from '../../../modules/duplicates/normalize/contact.ts';
import { birthDayOf, readBirthDay } from '../../../modules/duplicates/normalize/dates.ts';
import { fold, isNative } from '../../../modules/duplicates/normalize/fold.ts';
import { namePartsOf } from '../../../modules/duplicates/normalize/names.ts';
import { skeletonsOf } from '../../../modules/duplicates/normalize/skeleton.ts';

const alike = (a: string, b: string): boolean => {
  const [x, y] = [a, b].map((name) => skeletonsOf(fold(name), isNative(name)));
  return x!.some((skeleton) => y!.includes(skeleton));
};

describe('names are read in every script', () => {
  const spellings = [
    ['Mohamed', 'Muhammad', 'Mohammed', 'Mamadou', 'Maxamed', 'محمد', 'مُحَمَّد', 'মোহাম্মদ'],
    ['Fatima', 'Fatma', 'فاطمة', 'ফাতেমা'],
    ['Yusuf', 'Youssef', 'Yuusuf', 'يوسف'],
    ['Hassan', 'Xasan', 'حسن', 'Hasan'],
    ['Gebre Mariam', 'ገብረ ማርያም', 'G/Mariam'.replace('G/', 'Gebre ')],
    ['Müller', 'Mueller', 'Muller'],
    ['Singh', 'सिंह', 'Sing'],
    ['Sanjay', 'संजय', 'Sanjai'],
    ['Rajendra', 'राजेंद्र', 'राजेन्द्र'],
    ['Mandal', 'मंडल', 'মন্ডল'],
    ['Chaudhary', 'चौधरी', 'Choudhury', 'চৌধুরী'],
    ['Saraswati', 'सरस्वती'],
    ['Biswas', 'বিশ্বাস'],
    ['Raman', 'ராமன்'],
    ['Lakshmi', 'लक्ष्मी', 'Laxmi', 'లక్ష్మి'],
    ['Nazrul', 'নজরুল', 'Nozrul'],
    ['Mizanur', 'Mijanur', 'মিজানুর'],
    ['Eshetu', 'እሸቱ'],
    ['Zhenish', 'Jenish', 'Жениш'],
    ['Aleksandr', 'Alexander', 'Александр'],
    ['Cheikh', 'Sheikh'],
    ['Amadou', 'Hamadou'],
  ];
  for (const [usual, ...others] of spellings) {
    it(`${usual} sounds like ${others.join(', ')}`, () => {
      for (const other of others) expect(alike(usual!, other), other).to.equal(true);
    });
  }

  it('different names keep different skeletons', () => {
    for (const [a, b] of [
      ['Mohamed', 'Ahmed'],
      ['Amina', 'Halima'],
      ['John', 'James'],
    ]) {
      expect(alike(a!, b!), `${a} ${b}`).to.equal(false);
    }
  });

  it('joins what never stands alone, drops titles, and takes the father’s name for the family’s', () => {
    const parts = namePartsOf({ full: 'Haji Abdul Rahman bin Omar Farah' });
    expect([parts.given, parts.family, parts.other]).to.deep.equal([
      'abdrahman',
      'omar',
      ['farah'],
    ]);
    expect(namePartsOf({ full: 'Nguyen Van Anh' }, 'family-first')).to.include({
      given: 'anh',
      family: 'nguyen',
    });
  });

  it('takes the first character of a Chinese or Korean name for the family’s, and two of four', () => {
    const parts = (full: string): string[] => {
      const { family, given } = namePartsOf({ full });
      return [family, given];
    };
    expect(parts('王芳丽')).to.deep.equal(['wang', 'fangli']);
    expect(parts('李伟')).to.deep.equal(['li', 'wei']);
    expect(parts('欧阳娜')).to.deep.equal(['ouyang', 'na']);
    expect(parts('김민준')).to.deep.equal([fold('김'), fold('민준')]);
    const whole = namePartsOf({ full: 'Wang Fangli' }, 'family-first');
    expect(parts('王芳丽')).to.deep.equal([whole.family, whole.given]);
  });

  it('reads the vowel that an Indic consonant carries unless it is joined or comes last', () => {
    expect(fold('ममता')).to.equal('mamata');
    expect(fold('মোহাম্মদ')).to.equal('mohammad');
    expect(fold('ਸਿੰਘ')).to.equal('singh');
    expect(fold('१२ रोड')).to.equal('12 rod');
  });

  it('leaves out titles of many languages, and hears one servant of God behind all articles', () => {
    const given = (full: string): string => namePartsOf({ full }).given;
    for (const full of [
      'Md. Faruk Khan',
      'Alhaji Faruk Khan',
      'Faruk S/o Khan',
      'Shri Faruk Khan',
    ]) {
      const { given: first, family } = namePartsOf({ full });
      expect([first, family], full).to.deep.equal(['faruk', 'khan']);
    }
    expect(given('মোঃ ফারুক খান')).to.equal(given('ফারুক খান'));
    expect(given('W/ro Almaz Bekele')).to.equal('almaz');
    expect(given('Daw Mya Thida')).to.equal('mya');
    expect(given('Ma Lin')).to.equal('ma');
    expect(given('Mohd')).to.equal('mohd');
    const servants = [
      'Abdul Rahman',
      'Abd el-Rahman',
      'Abdurrahman',
      'Abdelrahman',
      'Abdur Rahman',
    ];
    for (const full of servants) expect(given(full), full).to.equal('abdrahman');
    expect(given('عبد الرحمن علي')).to.equal(given('عبدالرحمن علي'));
    expect(given('Abdullah')).to.equal('abdullah');
    expect(alike('AlMasri'.replace('Al', ''), namePartsOf({ full: 'المصري' }).given)).to.equal(
      true,
    );
    expect(alike('Alhashimi', 'Hashemi')).to.equal(true);
  });

  it('reads emoji, control characters, half pairs and a thousand letters without a fault', () => {
    expect(fold('🎉Ana\u0000Maria\u202e')).to.equal('ana maria');
    expect(fold('\ud800x')).to.equal('x');
    expect(fold('a'.repeat(1000)).length).to.be.at.most(256);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const once = fold(text);
        expect(once).to.match(/^([a-z0-9]+( [a-z0-9]+)*)?$/);
        expect(fold(once)).to.equal(once);
        namePartsOf({ full: text });
        identifierOf(text);
        phoneOf(text, 'KE');
      }),
      { numRuns: 500 },
    );
  });
});

describe('birth dates say what is known', () => {
  it('takes 1 January, a month and an impossible day for the year alone', () => {
    for (const text of ['1980', '1980-01-01', '1980-14-31']) {
      expect(readBirthDay(text), text).to.equal(1980_0000);
    }
  });

  it('swaps day and month where only that makes a date', () => {
    expect(birthDayOf(1990, 25, 3)).to.equal(1990_0325);
  });

  it('reads the format that a registry writes, and digits of other scripts', () => {
    expect(readBirthDay('7/4/1999', 'd/M/yyyy')).to.equal(1999_0407);
    expect(readBirthDay('١٩٨٥-٠٧-٠٤')).to.equal(1985_0704);
    for (const text of [
      '০৭/০৪/১৯৯৯',
      '7.4.1999',
      '07/04/1999 00:00:00',
      '7 avril 1999',
      '7/4/99',
    ]) {
      const format = text.endsWith('/99') ? 'd/M/yy' : 'dd/MM/yyyy';
      expect(readBirthDay(text, format), text).to.equal(1999_0407);
    }
    expect(readBirthDay('1999', 'dd/MM/yyyy')).to.equal(1999_0000);
    expect(readBirthDay('19850704', 'yyyyMMdd')).to.equal(1985_0704);
    expect(readBirthDay('unknown')).to.equal(0);
  });
});

describe('numbers that say nothing are missing', () => {
  it('reads telephones of one country as one number', () => {
    expect(phoneOf('0712 345 678', 'KE')).to.equal(phoneOf('+254-712-345678', 'KE'));
  });

  it('knows placeholders', () => {
    for (const text of ['000000', '12345', '', 'xx', '99999999']) {
      expect(identifierOf(text), text).to.equal(undefined);
    }
    expect(phoneOf('0000000')).to.equal(undefined);
  });
});
