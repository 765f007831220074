/**
 * Areas form a tree, and each household collects at the nearest pay point that has room.
 */

import type { Parameters } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { area, extension, household, inArea, payPoint, provider } from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

describe('areas', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage([households, payPoints]);
  });
  after(() => stage.close());

  const paths = async () =>
    (
      await stage.rows<{ path: string }>(
        `select (select string_agg(up.fhir_id, '/' order by n)
                 from unnest(a.path) with ordinality as p(id, n)
                 join area up on up.area_id = p.id) as path
         from area a order by 1`,
      )
    ).map((row) => row.path);

  it('knows its path, also when a whole tree arrives upside down', async () => {
    await stage.put(
      area('village', {}, 'ward'),
      area('ward', {}, 'district'),
      area('district', { identifier: [] }, 'country'),
      area('country'),
    );
    expect(await paths()).to.eql([
      'country',
      'country/district',
      'country/district/ward',
      'country/district/ward/village',
    ]);
  });

  it('moves all below with an area that moves', async () => {
    await stage.put(area('other', {}, 'country'));
    await stage.put(area('ward', {}, 'other'));
    expect(await paths()).to.include('country/other/ward/village');
  });

  it('refuses to be part of itself', async () => {
    expect(await refusal(stage.put(area('country', {}, 'village')))).to.equal(
      'area-loop Location.partOf',
    );
    expect(
      await refusal(stage.put(area('ward', {}, 'village'), area('village', {}, 'ward'))),
    ).to.equal('area-loop Location.partOf');
  });

  it('refuses a DHIS2 uid that is none', async () => {
    const identifier = [{ system: 'https://amana.example/id/dhis2-uid', value: '123' }];
    expect(await refusal(stage.put(area('odd', { identifier })))).to.match(/^dhis2-uid-malformed/);
  });
});

describe('pay points', () => {
  let stage: Stage;
  const near = { position: { latitude: -1.3, longitude: 36.8 } };
  const far = { position: { latitude: -1.6, longitude: 36.8 } };
  const remote = { position: { latitude: 3, longitude: 40 } };

  beforeEach(async () => {
    stage = await openStage([households, payPoints]);
    await stage.put(provider('psp'), area('country'));
    await stage.put(
      area('a', { position: { latitude: -1.29, longitude: 36.8 } }, 'country'),
      area('b', { position: { latitude: -1.59, longitude: 36.8 } }, 'country'),
    );
  });
  afterEach(() => stage.close());

  const register = async (count: number, areaId: string, prefix = 'h') => {
    const groups = Array.from({ length: count }, (_, n) =>
      household(`${prefix}-${n}`, [], { extension: [inArea(areaId)] }),
    );
    await stage.put(...groups);
    await stage.settle();
  };
  const links = () =>
    stage.rows<{ point: string; basis: string; households: bigint }>(
      `select p.fhir_id as point, l.basis, count(*) as households
       from pay_point_link l join pay_point p using (pay_point_id) group by 1, 2 order by 1, 2`,
    );
  const counts = async () => {
    const rows = await stage.rows<{ wrong: bigint }>(
      `select count(*) as wrong from pay_point p
       where households_count <> (select count(*) from pay_point_link l
                                  where l.pay_point_id = p.pay_point_id)`,
    );
    expect(rows[0]?.wrong, 'counts equal links').to.equal(0n);
  };

  it('takes the area first, then the nearest with room, and leaves the rest waiting', async () => {
    await stage.put(
      payPoint('p-near', 'country', 'psp', 3, near),
      payPoint('p-own', 'a', 'psp', 2, far),
      payPoint('p-far', 'country', 'psp', 1, far),
      payPoint('p-remote', 'country', 'psp', 100, remote),
    );
    await register(8, 'a');
    expect(await links()).to.eql([
      { point: 'p-far', basis: 'nearest', households: 1n },
      { point: 'p-near', basis: 'nearest', households: 3n },
      { point: 'p-own', basis: 'same-area', households: 2n },
    ]);
    await counts();
    const answer = await stage.run<Parameters>('link-pay-points', { type: 'Location' });
    expect(answer.parameter?.map((each) => each.valueInteger)).to.eql([0, 2]);
  });

  it('goes by the tree of areas where positions are not known', async () => {
    await stage.put(area('elsewhere'), area('a-1', {}, 'a'));
    await stage.put(
      payPoint('p-else', 'elsewhere', 'psp', 10),
      payPoint('p-country', 'country', 'psp', 10),
      payPoint('p-parent', 'a', 'psp', 10, { position: undefined }),
    );
    await register(1, 'a-1');
    expect(await links()).to.eql([{ point: 'p-parent', basis: 'nearest', households: 1n }]);
    const lost = area('island');
    await stage.put(lost, household('h-lost', [], { extension: [inArea('island')] }));
    await stage.settle();
    expect(await links(), 'no common area, no known distance').to.have.length(1);
  });

  it('gives a household the pay point it prefers, and relinks one that moves', async () => {
    await stage.put(payPoint('p-a', 'a', 'psp', 10, near), payPoint('p-b', 'b', 'psp', 10, far));
    const wish = extension('preferred-pay-point', {
      valueReference: { reference: 'Location/p-b' },
    });
    await stage.put(household('h-1', [], { extension: [inArea('a'), wish] }));
    await stage.settle();
    expect((await links())[0]).to.include({ point: 'p-b', basis: 'preferred' });
    await stage.put(household('h-1', [], { extension: [inArea('a')] }));
    await stage.settle();
    expect((await links())[0], 'the wish is gone, the link still serves').to.include({
      point: 'p-b',
    });
    await stage.put(household('h-2', [], { extension: [inArea('a')] }));
    await stage.settle();
    await stage.put(household('h-2', [], { extension: [inArea('b')] }));
    await stage.settle();
    expect(await links()).to.deep.include({ point: 'p-b', basis: 'same-area', households: 1n });
    await counts();
  });

  it('moves households away from a pay point that closes', async () => {
    await stage.put(payPoint('p-a', 'a', 'psp', 10, near), payPoint('p-b', 'b', 'psp', 10, far));
    await register(3, 'a');
    await stage.put(payPoint('p-a', 'a', 'psp', 10, { ...near, status: 'inactive' }));
    await stage.settle();
    expect(await links()).to.eql([{ point: 'p-b', basis: 'nearest', households: 3n }]);
    await counts();
  });

  it('links where an officer says, while there is room', async () => {
    await stage.put(payPoint('p-a', 'a', 'psp', 10, near), payPoint('p-b', 'b', 'psp', 1, far));
    await register(2, 'a');
    const choose = (id: string) =>
      stage.run<Parameters>('link-pay-point', {
        type: 'Group',
        id,
        parameters: {
          resourceType: 'Parameters',
          parameter: [{ name: 'pay-point', valueReference: { reference: 'Location/p-b' } }],
        },
      });
    const answer = await choose('h-0');
    expect(answer.parameter?.[0]?.valueReference?.reference).to.equal('Location/p-b');
    expect(await refusal(choose('h-1'))).to.equal('pay-point-full pay-point');
    await counts();
    expect(await refusal(stage.put(payPoint('p-a', 'a', 'psp', 0)))).to.match(
      /^pay-point-overfull/,
    );
  });

  it('never links one too many, with 8 linkers at once', async () => {
    await stage.put(payPoint('p-a', 'a', 'psp', 50, near));
    const groups = Array.from({ length: 80 }, (_, n) =>
      household(`h-${n}`, [], { extension: [inArea('a')] }),
    );
    await stage.put(...groups);
    await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        Promise.all(
          groups
            .slice(n * 10, n * 10 + 10)
            .map((group) =>
              stage.run('link-pay-point', { type: 'Group', id: group.id }).catch(() => undefined),
            ),
        ),
      ),
    );
    expect((await links())[0]).to.include({ households: 50n });
    await counts();
  });
});
