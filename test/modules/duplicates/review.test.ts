/**
 * Reviewing suspicions: the queue, verdicts of one and of two people, what they measure, and all records
 * of one person.
 */

import type { Task } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { mergeAllCertain, mergeCertain } from '../../../modules/duplicates/merge/auto.ts';
import { refusalOf } from '../../../modules/duplicates/nightly/drift.ts';
import { fitted, SHIPPED } from '../../../modules/duplicates/registry/weights.ts';
import { watchQuality } from '../../../modules/duplicates/review/alarm.ts';
import {
  hasDrifted,
  kappa,
  thresholdFor,
  wilson,
} from '../../../modules/duplicates/review/statistics.ts';
import {
  nextSuspicion,
  rankNewSuspicions,
  suspicionOf,
  waiting,
} from '../../../modules/duplicates/store/review.ts';
import { raiseHold } from '../../../modules/households/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { codeSystem } from '../../../src/sdk/index.ts';
import type { Answer, Json } from '../../support/server.ts';
import { Scene, text } from '../payroll/scene.ts';
import { household, inArea, patient } from '../support/people.ts';

describe('reviewing suspicions', () => {
  let scene: Scene;
  let one: string;
  let other: string;
  before(async () => {
    scene = await Scene.open();
    one = await scene.house.tokenFor('duplicates-officer');
    other = await scene.house.tokenFor('duplicates-officer');
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await scene.put(patient(id));
    await scene.put(household('hab', ['head:a', 'b'], { extension: [inArea('south')] }));
    await scene.pay();
    // What the matching makes of these people is not what is tested here.
    await scene.rows('delete from match_suspicion');
    await scene.rows('delete from match_edge');
  });
  after(() => scene?.house.stop());

  const raised = new Set<string>();

  /** A suspicion as the matching raises it; answers the id of its Task. */
  const suspect = (a: string, b: string, p: number, grade: string): Promise<string> =>
    scene.inside(async (ctx) => {
      const rids = await ctx.fhir.rids('Patient', [a, b]);
      const [first, second] = [a, b].sort((x, y) => Number(rids.get(x)! - rids.get(y)!)) as [
        string,
        string,
      ];
      const flag = await raiseHold(ctx, {
        subject: { type: 'Patient', id: first },
        code: 'duplicate-suspected',
        policy: 'soft',
      });
      raised.add(flag.id!);
      const task = await ctx.fhir.create<Task>({
        resourceType: 'Task',
        status: 'requested',
        intent: 'order',
        code: { coding: [{ system: codeSystem('task-code'), code: 'duplicate-review' }] },
        focus: { reference: `Patient/${first}` },
        input: [{ type: { text: 'record' }, valueReference: { reference: `Patient/${second}` } }],
      });
      await ctx.db.run(
        `insert into match_suspicion (a, b, task_id, flag_ids, p, grade, facts, opened_at)
         values ($1, $2, $3, $4, $5, $6, '', $7)`,
        [rids.get(first), rids.get(second), task.id, [flag.id], p, grade, ctx.now],
      );
      return task.id!;
    });
  const next = async (token: string): Promise<Json> => {
    const made = await scene.done('Task/$next-suspicion', [], token);
    return made.suspicion?.resource.id;
  };
  const decide = (
    task: string,
    verdict: string,
    token = one,
    more: object[] = [],
  ): Promise<Answer> =>
    scene.call(
      `Task/${task}/$decide-duplicate`,
      [{ name: 'verdict', valueCode: verdict }, text('reason', 'seen'), ...more],
      token,
    );
  const isDecided = async (answer: Promise<Answer>): Promise<boolean> => {
    const { status, text: said, json } = await answer;
    expect(status, said).to.equal(200);
    return json.parameter.find((each: Json) => each.name === 'decided').valueBoolean;
  };
  const code = (answer: Answer): string => answer.json.issue[0].details.coding[0].code;
  const read = async (path: string): Promise<Json> => (await scene.house.fetch(path)).json;

  /** Holds that stand of those that the suspicions here raised on somebody. */
  const holds = async (...people: string[]): Promise<number> => {
    const flags = (await read(`Flag?patient=${people.join(',')}`)).entry ?? [];
    return flags.filter(
      ({ resource }: Json) => resource.status === 'active' && raised.has(resource.id),
    ).length;
  };

  let paid: string;
  let poor: string;
  let pair: string;

  it('gives first what would do most harm, and to one person at a time', async () => {
    poor = await suspect('c', 'd', 0.5, 'possible');
    paid = await suspect('p-1', 'p-2', 0.7, 'possible');
    const sure = await suspect('e', 'f', 0.99, 'probable');
    expect([await next(one), await next(other)]).to.deep.equal([paid, poor]);
    expect(await next(other)).to.equal(poor);
    expect(code(await decide(poor, 'duplicate'))).to.equal('suspicion-in-hands');
    await scene.house.advance(31 * 60);
    expect(code(await decide(sure, 'perhaps'))).to.equal('verdict-unknown');
    expect((await decide(sure, 'duplicate', scene.maker)).status).to.equal(403);
  });

  it('takes two people where payments are at stake, and lifts the hold of who is not', async () => {
    expect(await holds('p-1', 'p-2')).to.equal(1);
    expect(await isDecided(decide(paid, 'not-duplicate'))).to.equal(false);
    expect(await isDecided(decide(paid, 'not-duplicate'))).to.equal(false);
    expect(JSON.stringify(await read(`Task/${paid}`))).not.to.contain('not-duplicate');
    expect(await next(one)).not.to.equal(paid);
    expect(await isDecided(decide(paid, 'not-duplicate', other))).to.equal(true);
    const task = await read(`Task/${paid}`);
    expect([task.status, task.output[0].valueCode]).to.deep.equal(['completed', 'not-duplicate']);
    expect(await holds('p-1', 'p-2')).to.equal(0);
    expect(code(await decide(paid, 'duplicate'))).to.equal('suspicion-closed');
  });

  it('sends somebody to ask, and keeps a confirmed pair apart by a Linkage', async () => {
    expect(await isDecided(decide(poor, 'field-check'))).to.equal(false);
    expect((await read(`Task/${poor}`)).status).to.equal('on-hold');
    expect(await next(other)).not.to.equal(poor);
    const apart = { name: 'keep-apart', valueBoolean: true };
    expect(await isDecided(decide(poor, 'duplicate', other, [apart]))).to.equal(true);
    const linkage = (await read('Linkage?source=Patient/c')).entry[0].resource;
    expect(linkage.item.map((each: Json) => each.type)).to.deep.equal(['source', 'alternate']);
    expect(await holds('c', 'd')).to.equal(1);
  });

  it('gives whoever is limited to areas only pairs of whom both live there', async () => {
    const task = await suspect('a', 'b', 0.97, 'probable');
    pair = task;
    const areas = await scene.inside((ctx) => ctx.fhir.rids('Location', ['north', 'south']));
    await scene.inside((ctx) => rankNewSuspicions(ctx, '2025-01-01', 10));
    const seenFrom = (area: string) => {
      const reach = { areas: [areas.get(area)!], schemes: 'all' as const };
      return runUnitOfWork(scene.house.app, { ...SYSTEM, id: area, reach }, {}, async (ctx) => [
        (await nextSuspicion(ctx))?.task_id,
        (await suspicionOf(ctx, task))?.task_id,
        await waiting(ctx, 10),
      ]);
    };
    expect(await seenFrom('south')).to.deep.equal([task, task, 1]);
    expect(await seenFrom('north')).to.deep.equal([undefined, undefined, 0]);
  });

  it('is for those who see of people what they judge', async () => {
    await scene.rows(`insert into access_role values ('blind-officer', 'reviews without names')`);
    await scene.rows(
      `insert into access_role_permission select 'blind-officer', unnest(array['Patient.read',
         'Group.read', 'Task.read', 'Task.write', 'duplicates.review', 'duplicates.merge'])`,
    );
    await scene.rows(`insert into access_mask values ('blind-officer', 'Patient.name')`);
    const blind = await scene.house.tokenFor('blind-officer');
    const side = (name: string, to: string) => ({ name, valueReference: { reference: to } });
    const people = [side('source-patient', 'Patient/b'), side('target-patient', 'Patient/a')];
    const homes = [side('source-group', 'Group/hab'), side('target-group', 'Group/h-1')];
    const answers = [
      await scene.call('Task/$next-suspicion', [], blind),
      await decide(pair, 'duplicate', blind),
      await scene.house.fetch('Patient/a/$cluster', { token: blind }),
      await scene.call('Patient/$merge', people, blind),
      await scene.call('Group/$merge', homes, blind),
    ];
    expect(answers.map(code)).to.deep.equal(answers.map(() => 'match-masked'));
    expect((await read(`Task/${pair}`)).status).to.equal('requested');
  });

  it('is settled by a merge, and the merge shows among all records of the person', async () => {
    const task = pair;
    const side = (name: string, id: string) => ({
      name,
      valueReference: { reference: `Patient/${id}` },
    });
    await scene.done(
      'Patient/$merge',
      [side('source-patient', 'b'), side('target-patient', 'a')],
      one,
    );
    expect((await read(`Task/${task}`)).output[0].valueCode).to.equal('duplicate');
    expect(await holds('a', 'b')).to.equal(0);
    const seen = await scene.house.fetch('Patient/b/$cluster', { token: one });
    expect(seen.status, seen.text).to.equal(200);
    const named = (name: string) => seen.json.parameter.filter((each: Json) => each.name === name);
    expect(named('record').map((each: Json) => each.resource.id)).to.deep.equal(['a', 'b']);
    const kinds = named('tie').map(
      (each: Json) => `${each.part[0].valueCode} ${each.part[3].valueCode}`,
    );
    expect(kinds).to.include.members(['merged merged', 'verdict duplicate']);
  });

  it('measures how right each grade is and how far reviewers agree', async () => {
    const report = await scene.house.fetch('Task/$review-quality', { token: one });
    expect(report.status, report.text).to.equal(200);
    const { group } = report.json;
    const shares = group.map((each: Json) => [each.code.text, each.measureScore?.value]);
    expect(shares.slice(0, 3)).to.deep.equal([
      ['possible', 0.5],
      ['probable', 1],
      ['agreement of two reviewers (kappa)', 1],
    ]);
    // Three verdicts show no share of any use.
    expect(shares.slice(3).map(([, p]: Json) => p)).to.deep.equal(Array(5).fill(undefined));
    const asked = await scene.house.fetch('Task/$review-quality?precision=0.1', { token: one });
    expect(asked.json.group.at(-1).measureScore.value).to.be.closeTo(0.5, 1e-3);
    expect((await scene.house.fetch('Task/$review-quality?precision=1')).status).to.equal(422);
    const { pool } = scene.house.database;
    const wrong = await pool
      .query(`update match_verdict set verdict = 'duplicate'`)
      .catch((error) => error);
    expect(String(wrong)).to.contain('append only');
  });

  it('gives what was decided as labelled data', async () => {
    const asked = async (query = '') => {
      const { text: said } = await scene.house.fetch(`Task/$reviewed-pairs${query}`, {
        token: one,
      });
      return said.trim().split('\n');
    };
    const [head, ...lines] = await asked();
    expect(head).to.equal('id_a,id_b,type,verdict,p,grade,model,decided_at');
    const short = lines.map((line) => line.split(',').slice(0, 5).join(','));
    expect(short).to.have.members([
      'p-1,p-2,Patient,not-duplicate,0.7',
      'c,d,Patient,duplicate,0.5',
      'a,b,Patient,duplicate,0.97',
    ]);
    expect(await asked('?verdict=duplicate')).to.have.length(3);
    expect((await scene.house.fetch('Task/$reviewed-pairs?verdict=x')).status).to.equal(422);
    const blind = { token: scene.maker };
    expect((await scene.house.fetch('Task/$reviewed-pairs', blind)).status).to.equal(403);
  });

  it('tells once when reviewers find the matching less right than it says', async () => {
    const alarms = async (): Promise<Json[]> => {
      await scene.inside(async (ctx) => ctx.enqueue(watchQuality, {}));
      await scene.house.settle();
      return (await read('Task?code=review-quality')).entry ?? [];
    };
    expect(await alarms()).to.have.length(0);
    await scene.rows(
      `insert into match_verdict (a, b, verdict, final, reason, p, grade, a_version, b_version,
         decided_by, decided_at)
       select n, n + 1000, 'not-duplicate', true, 'seen', .9995, 'certain', 1, 1, 'x', $1
       from generate_series(1, 20) n`,
      [scene.house.clock.now()],
    );
    const [alarm] = await alarms();
    expect(alarm.resource.description).to.contain('graded certain at most');
    expect((await read(alarm.resource.focus.reference)).resourceType).to.equal('MeasureReport');
    expect(await alarms()).to.have.length(1);
  });

  it('gives both records and their households, and passes by what is given back', async () => {
    await scene.house.advance(3600);
    await scene.put(household('hc', ['head:c']));
    const [first, second] = [
      await suspect('c', 'e', 0.5, 'possible'),
      await suspect('c', 'f', 0.5, 'possible'),
    ];
    await scene.rows('update match_suspicion set harm = 1e9 where task_id = $1', [first]);
    await scene.rows('update match_suspicion set harm = 1e8 where task_id = $1', [second]);
    const ask = async (...except: string[]): Promise<Json> => {
      const given = except.map((id) => ({
        name: 'except',
        valueReference: { reference: `Task/${id}` },
      }));
      const { status, text: said, json } = await scene.call('Task/$next-suspicion', given, one);
      expect(status, said).to.equal(200);
      return Map.groupBy(json.parameter as Json[], ({ name }) => name);
    };
    const given = await ask();
    expect(given.get('suspicion')[0].resource.id).to.equal(first);
    expect(given.get('record').map(({ resource }: Json) => resource.id)).to.have.members([
      'c',
      'e',
    ]);
    expect(given.get('household').map(({ resource }: Json) => resource.id)).to.deep.equal(['hc']);
    expect((await ask(first)).get('suspicion')[0].resource.id).to.equal(second);
    expect(await next(other)).to.equal(first);
    // A suspicion whose Task is gone keeps nobody from the next one.
    await scene.rows(`update match_suspicion set task_id = 'gone' where task_id = $1`, [second]);
    expect((await ask(first)).get('suspicion')?.[0].resource.id).not.to.equal(second);
  });

  it('merges nobody by itself, and where it is told to, only where nothing speaks against it', async () => {
    for (const n of [1, 2, 3, 4])
      await scene.put(patient(`y-${n}`, n === 4 ? { gender: 'male' } : {}));
    const sure = await suspect('y-1', 'y-2', 0.9999, 'certain');
    await scene.inside(async (ctx) => ctx.enqueue(mergeAllCertain, {}));
    await scene.house.settle();
    expect((await read('Patient/y-2')).active).to.equal(undefined);
    const tried = (task: string) => scene.inside((ctx) => mergeCertain(ctx, task));
    const doubtful = await suspect('y-1', 'y-3', 0.99, 'probable');
    const unlike = await suspect('y-3', 'y-4', 0.9999, 'certain');
    const paidFor = await suspect('p-2', 'p-3', 0.9999, 'certain');
    expect(await Promise.all([doubtful, unlike, paidFor].map(tried))).to.deep.equal([
      'not certain',
      'the records differ',
      'an enrolment or a household would change',
    ]);
    await scene.rows(`insert into review_lease values ($1, 'x', $2)`, [
      sure,
      new Date(scene.house.clock.now().getTime() + 60_000),
    ]);
    expect(await tried(sure)).to.equal('somebody is looking at it');
    await scene.house.advance(120);
    expect(await tried(sure)).to.equal(undefined);
    expect((await read('Patient/y-2')).link[0].other.reference).to.equal('Patient/y-1');
    expect((await read(`Task/${sure}`)).status).to.equal('completed');
    expect(await tried(sure)).to.equal('no open suspicion about people');
    const verdicts = await scene.rows('select p from match_verdict where task_id = $1', [sure]);
    expect(verdicts).to.deep.equal([{ p: null }]);
    const back = { name: 'source-patient', valueReference: { reference: 'Patient/y-2' } };
    await scene.done('Patient/$unmerge', [back], one);
    expect((await read('Patient/y-2')).active).to.equal(undefined);
  });

  it('gives one suspicion to one of many who ask at once', async () => {
    await scene.house.advance(3600);
    const ids = new Set<string>();
    for (let n = 0; n < 4; n += 1) {
      await scene.put(patient(`x-${n}`));
      ids.add(await suspect(`x-${n}`, 'e', 0.5, 'possible'));
    }
    const tokens = await Promise.all(
      [1, 2, 3, 4].map(() => scene.house.tokenFor('duplicates-officer')),
    );
    const given = await Promise.all(tokens.map(next));
    expect(new Set(given).size).to.equal(4);
  });
});

describe('a model learnt anew', () => {
  const now = fitted(SHIPPED, 10_000);
  const [name] = Object.keys(now.fields) as [string];

  it('is taken where little has changed', () => {
    expect(refusalOf({ ...now, lambdaM: now.lambdaM * 2 }, now)).to.equal(undefined);
  });

  it('is refused where the share of duplicates leaps, or is no number', () => {
    for (const lambdaM of [now.lambdaM * 4, now.lambdaM / 4, 0, Number.NaN]) {
      expect(refusalOf({ ...now, lambdaM }, now)).to.contain('share of duplicates');
    }
  });

  it('is refused where agreement means something else than yesterday', () => {
    const field = now.fields[name]!;
    const turned = { ...field, m: [...field.m].reverse(), u: [...field.u].reverse() };
    const fresh = { ...now, fields: { ...now.fields, [name]: turned } };
    expect(refusalOf(fresh, now)).to.contain(`the weight of ${name}`);
  });
});

describe('what verdicts tell', () => {
  it('has intervals that hold for few cases', () => {
    expect(wilson(0, 0)).to.include({ low: 0, high: 1 });
    const { low, high } = wilson(9, 10);
    expect([low, high].map((each) => each.toFixed(4))).to.deep.equal(['0.5958', '0.9821']);
    expect(wilson(10, 10).high).to.be.closeTo(1, 1e-9);
  });

  it('tells the lowest probability from which on the wanted share is shown', () => {
    const reviewed = [
      { p: 0.99, decided: 400, duplicate: 400 },
      { p: 0.9, decided: 100, duplicate: 95 },
      { p: 0.6, decided: 100, duplicate: 60 },
    ];
    // 400 of 400: at least .9905; 495 of 500: at least .9768; 555 of 600: at least .9011.
    const from = (wanted: number) => thresholdFor(wanted, reviewed)?.p;
    expect([0.999, 0.99, 0.97, 0.9, 0.5].map(from)).to.deep.equal([undefined, 0.99, 0.9, 0.6, 0.6]);
    expect(thresholdFor(0.97, reviewed)?.decided).to.equal(500);
    expect(thresholdFor(0.5, [])).to.equal(undefined);
  });

  it('counts agreement beyond chance', () => {
    const answers = (yy: number, yn: number, ny: number, nn: number) => [
      { one: 'y', other: 'y', n: yy },
      { one: 'y', other: 'n', n: yn },
      { one: 'n', other: 'y', n: ny },
      { one: 'n', other: 'n', n: nn },
    ];
    expect(kappa(answers(20, 5, 10, 15))).to.be.closeTo(0.4, 1e-9);
    expect(kappa(answers(25, 25, 25, 25))).to.be.closeTo(0, 1e-9);
    expect(kappa([])).to.equal(undefined);
  });

  it('calls drift only what lies outside of chance', () => {
    expect(hasDrifted(wilson(95, 100), wilson(50, 100))).to.equal(true);
    expect(hasDrifted(wilson(95, 100), wilson(4, 5))).to.equal(false);
    expect(hasDrifted(wilson(95, 100), wilson(0, 0))).to.equal(false);
  });
});
