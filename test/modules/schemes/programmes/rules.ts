/**
 * Published programmes as data: the parts of `scheme-rules` and nothing else. Sources are named in
 * the README of the room.
 */

import type { Extension } from '@medplum/fhirtypes';
import { component, criterion, expression, table } from '../../support/people.ts';

const frequency = (code: string): Extension => ({ url: 'frequency', valueCode: code });
const currency = (code: string): Extension => ({ url: 'currency', valueCode: code });

/** Bolsa Família, Brazil 2023. */
export const BOLSA_FAMILIA = [
  frequency('monthly'),
  currency('BRL'),
  expression('variable', "characteristic('per-capita-income')", 'perCapita'),
  expression('member-variable', "ifMissing(characteristic('pregnant'), false)", 'pregnant'),
  expression('member-variable', 'age >= 7 and age < 18', 'schoolAge'),
  criterion('%perCapita <= 218 or (enrolment.startedOn.exists() and %perCapita <= 660)', 'income'),
  component('BRC', 142, { for: 'true', currency: 'BRL' }),
  component('BCO', 'greatest(0, 600 - %BRC)'),
  component('BPI', 150, { for: 'age < 7', currency: 'BRL' }),
  component('BVF', 'iif(schoolAge, 50, 0) + iif(pregnant, 50, 0)', {
    for: 'schoolAge or pregnant',
  }),
  component('BVN', 50, { for: 'ageInMonths < 7', currency: 'BRL' }),
  expression('adjustment', 'iif(%perCapita > 218, %total * 0.5, %total)', 'protection'),
];

/** ESSN, Türkiye 2023; `perPerson` is 450 in C-ESSN. */
export const essn = (perPerson = 500, paidFor = 'true'): Extension[] => [
  frequency('monthly'),
  currency('TRY'),
  expression('member-variable', "sex = 'male' and age >= 18 and age < 65", 'man'),
  expression('member-variable', "sex = 'female' and age >= 18 and age < 65", 'woman'),
  expression('variable', 'members.where(man).count()', 'men'),
  expression('variable', 'members.where(age < 18 or age >= 65).count()', 'dependants'),
  criterion(
    'iif(%men > 0, %dependants / %men >= 1.5, members.where(woman).count() <= 2 and size <= 6)',
    'dependency',
  ),
  table('household-top-up', 'size -> amount\n1..4 -> 600\n5..8 -> 300\n9.. -> 100'),
  component('per person', perPerson, { for: paidFor, currency: 'TRY' }),
  component('top-up', "lookup('household-top-up', size)", {
    times: '%period.monthNumbers.where($this in (3 | 6 | 9 | 12)).count()',
  }),
];

/** HSNP, Kenya: a flat rate by cycle, and a drought scale-up by area and time. */
export const HSNP = [
  frequency('monthly'),
  currency('KES'),
  { url: 'first-cycle', valueDate: '2025-01-01' },
  criterion('true', 'listed'),
  table('rate', 'cycle -> amount\n..0 -> 2500\n1.. -> 2700'),
  component('cash transfer', "lookup('rate', %period.number)"),
];

/** Inua Jamii, Kenya: 2,000 a month for each person of 70 and more, paid every two months. */
export const INUA_JAMII = [
  frequency('two-monthly'),
  currency('KES'),
  criterion('members.exists(age >= 70)', 'older-person'),
  component('older person', 2000, {
    for: 'age >= 70',
    times: '%period.monthNumbers.count()',
  }),
];

/** SCTP, Malawi 2015. */
export const SCTP = [
  frequency('two-monthly'),
  currency('MWK'),
  expression(
    'member-variable',
    "age < 18 or age > 64 or ifMissing(disability, false) or ifMissing(characteristic('chronically-ill'), false)" +
      " or (age >= 19 and age <= 25 and ifMissing(characteristic('in-school'), false))",
    'unfit',
  ),
  expression('member-variable', "ifMissing(characteristic('school'), 'none')", 'school'),
  expression('variable', 'members.where(unfit.not()).count()', 'fit'),
  criterion('iif(%fit = 0, true, members.where(unfit).count() / %fit >= 3)', 'labour-constrained'),
  table('by-size', 'size -> monthly\n1 -> 1700\n2 -> 2200\n3 -> 2900\n4.. -> 3700'),
  component('household', "lookup('by-size', size)", { times: '%period.monthNumbers.count()' }),
  component('primary pupils', 500, {
    for: "school = 'primary'",
    times: '%period.monthNumbers.count()',
    currency: 'MWK',
  }),
  component('secondary pupils', 1000, {
    for: "school = 'secondary'",
    times: '%period.monthNumbers.count()',
    currency: 'MWK',
  }),
];

/** CGP, Lesotho. */
export const CGP = [
  frequency('quarterly'),
  currency('LSL'),
  criterion('true', 'listed'),
  table('by-children', 'children -> quarterly\n0 -> 0\n1..2 -> 360\n3..4 -> 600\n5.. -> 750'),
  component('children', "lookup('by-children', members.where(age < 18).count())"),
];

/** Child Support Grant, South Africa: the income limit is a multiple of the grant. */
export const childSupport = (rate: number): Extension[] => [
  frequency('monthly'),
  currency('ZAR'),
  expression('variable', String(rate), 'rate'),
  expression('member-variable', "ifMissing(characteristic('biological'), true)", 'biological'),
  criterion(
    "characteristic('income') <= %rate * iif(characteristic('married'), 20, 10)",
    'means-test',
  ),
  component('own children', '%rate', { for: 'age < 18 and biological' }),
  component('other children', '%rate', {
    for: 'age < 18 and biological.not()',
    maximum: 6,
  }),
];

/** Proxy means test of Merankabandi, Burundi; coefficients as published. */
export const MERANKABANDI = [
  frequency('two-monthly'),
  currency('BIF'),
  table(
    'weights',
    `zone, term -> weight
     urban, base -> 9.397
     urban, male -> 0.132
     urban, age -> -0.005
     urban, dependency -> 0.048
     urban, rooms -> 0.261
     urban, off-grid -> -0.064
     urban, fuel -> 0.191
     urban, no-flush -> -0.236
     urban, no-toilet -> -0.178
     urban, radio -> 0.119
     urban, smartphone -> 0.187
     urban, mattress -> 0.239
     urban, bicycle -> 0.122
     urban, * -> 0
     rural, base -> 9.835
     rural, male -> 0.117
     rural, age -> -0.002
     rural, dependency -> 0.036
     rural, rooms -> 0.231
     rural, off-grid -> -0.054
     rural, fuel -> 0.346
     rural, no-flush -> -0.248
     rural, no-toilet -> -0.115
     rural, radio -> 0.086
     rural, smartphone -> 0.136
     rural, mattress -> 0.226
     rural, bicycle -> 0.091
     rural, roof -> -0.105
     rural, stone -> -0.122
     rural, cement -> 0.059
     rural, hoe -> 0.112
     rural, machete -> 0.067`,
  ),
  table(
    'by-size',
    `size -> urban, rural
     1 -> 0, 0
     2 -> -0.068, -0.346
     3 -> -0.165, -0.533
     4 -> -0.268, -0.696
     5 -> -0.321, -0.807
     6 -> -0.415, -0.941
     7 -> -0.465, -1.030
     8.. -> -0.540, -1.181`,
  ),
  table(
    'education',
    `level -> urban, rural
     primary-incomplete -> 0.058, 0.074
     primary -> 0.082, 0.036
     lower-secondary -> 0.128, 0.109
     upper-secondary -> 0.252, 0.292
     university -> 0.345, 0.322
     * -> 0, 0`,
  ),
  table(
    'provinces',
    `province -> urban, rural
     04 -> -0.097, 0
     06 -> -0.097, 0
     15 -> -0.097, 0
     16 -> -0.097, 0
     07 -> 0.014, 0.048
     08 -> 0.014, 0.048
     09 -> 0.014, 0.048
     12 -> 0.014, 0.048
     14 -> 0.014, 0.048
     03 -> -0.187, 0.078
     10 -> -0.187, 0.078
     18 -> -0.187, 0.078
     01 -> -0.103, 0.012
     02 -> -0.103, 0.012
     05 -> -0.103, 0.012
     11 -> -0.103, 0.012
     13 -> -0.103, 0.012
     * -> 0, 0`,
  ),
  expression('variable', "characteristic('zone') = 'urban'", 'urban'),
  expression('variable', "iif(%urban, 'urban', 'rural')", 'zone'),
  expression(
    'variable',
    'members.where(age < 15 or age >= 65).count() / greatest(members.where(age >= 15 and age < 65).count(), 1)',
    'dependency',
  ),
  expression('variable', "members.where(role = 'head').sex = 'male'", 'maleHead'),
  expression('variable', "members.where(role = 'head').age", 'headAge'),
  expression(
    'variable',
    "members.where(role = 'head').select(ifMissing(characteristic('education'), 'none')).single()",
    'education',
  ),
  expression(
    'variable',
    "iif(%urban, lookup('by-size.urban', size) + lookup('education.urban', %education) + lookup('provinces.urban', characteristic('province')), " +
      "lookup('by-size.rural', size) + lookup('education.rural', %education) + lookup('provinces.rural', characteristic('province')))",
    'bands',
  ),
  expression(
    'variable',
    "lookup('weights', %zone, 'base') + iif(%maleHead, lookup('weights', %zone, 'male'), 0)" +
      " + lookup('weights', %zone, 'age') * %headAge + lookup('weights', %zone, 'dependency') * %dependency" +
      " + lookup('weights', %zone, 'rooms') * (characteristic('rooms') / greatest(size, 1))",
    'continuous',
  ),
  expression(
    'variable',
    "iif(characteristic('light') in ('paraffin' | 'torch' | 'wood' | 'solar-lantern'), lookup('weights', %zone, 'off-grid'), 0)" +
      " + iif(characteristic('cooking') in ('charcoal' | 'gas'), lookup('weights', %zone, 'fuel'), 0)" +
      " + iif(characteristic('toilet') = 'flush', 0, iif(characteristic('toilet') = 'none', lookup('weights', %zone, 'no-toilet'), lookup('weights', %zone, 'no-flush')))" +
      " + iif(characteristic('poor-roof'), lookup('weights', 'rural', 'roof') * iif(%urban, 0, 1), 0)" +
      " + iif(%urban, 0, iif(characteristic('floor') = 'stone', lookup('weights', 'rural', 'stone'), iif(characteristic('floor') = 'cement', lookup('weights', 'rural', 'cement'), 0)))",
    'dwelling',
  ),
  expression(
    'variable',
    ['radio', 'smartphone', 'mattress', 'bicycle', 'hoe', 'machete']
      .map((asset) => `iif(characteristic('${asset}'), lookup('weights', %zone, '${asset}'), 0)`)
      .join(' + '),
    'assets',
  ),
  expression(
    'variable',
    '((%bands + %continuous + %dwelling + %assets) * 1000).truncate()',
    'score',
  ),
  criterion('%score.exists()', 'scored'),
  component('transfer', 72000, { currency: 'BIF' }),
];
