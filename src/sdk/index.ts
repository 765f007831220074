/**
 * The public face of the house: all that a module may import from `src`.
 */

export * from './alias.ts';
export * from './canonical.ts';
export * from './clock.ts';
export * from './context.ts';
export * from './events.ts';
export * from './extension.ts';
export * from './housekeeping.ts';
export * from './lifecycle.ts';
export * from './module.ts';
export * from './money.ts';
export * from './operation.ts';
export * from './period.ts';
export * from './problem.ts';
export * from './reach.ts';
export * from './reference.ts';
export * from './sql.ts';
export * from './tokens.ts';
export * from './topic.ts';
export * from './trail.ts';
