/**
 * Mocha's spec reporter, which also writes the counts to the file that TEST_RESULTS names, so that
 * the test command can say them in its last line.
 */

const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      if (process.env.TEST_RESULTS) {
        writeFileSync(process.env.TEST_RESULTS, JSON.stringify({ stats: this.stats }));
      }
    });
  }
}

module.exports = CountingReporter;
